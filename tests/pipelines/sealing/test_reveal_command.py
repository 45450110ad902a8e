"""`trapline reveal`, and `trapline check` of what was revealed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.sealing.sealed import BEACON, SECRET, Run, check, flipped, killed_at, rows
from tests.planting.sealing import independent


def test_from_candidates_to_a_proof_that_anyone_can_check(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reveal", "--secrets", str(drawn), "--all", "--output", str(tmp_path / "all.json")]) == 0
    published = tmp_path / "published.json"
    shutil.copy(drawn / "commitment.json", published)
    assert check("--reveal", tmp_path / "all.json", "--commitment", published, "--beacon", BEACON) == 0
    assert check("--secrets", drawn, "--commitment", published, "--beacon", BEACON) == 0
    out = capsys.readouterr().out
    assert "all 12 units" in out
    found = independent.check_reveal(
        (tmp_path / "all.json").read_bytes(), published.read_bytes(), bytes.fromhex(BEACON)
    )
    assert sorted(found) == list(range(12))
    table = pq.read_table(drawn / "draw.parquet")
    texts = {(row["unit"], row["candidate"]): row["text"] for row in rows()}
    assert {(unit, text) for unit, text in found.values()} == {
        (row["unit"], texts[row["unit"], row["arm"]]) for row in table.to_pylist()
    }
    assert [found[at][0] for at in range(12)] == table["unit"].to_pylist()


def test_a_killed_reveal_burns_before_it_tells(drawn: Path, tmp_path: Path) -> None:
    flags = ["reveal", "--secrets", str(drawn), "--tranche", "1", "--output", str(tmp_path / "r.json")]
    assert killed_at(1, *flags) == -9
    assert len(json.loads((drawn / "burned.json").read_bytes())["units"]) == 4
    assert not (tmp_path / "r.json").exists()
    assert main(flags) == 0


@pytest.mark.parametrize("scope", [["--tranche", "1"], ["--all"], ["--unit", f"{SECRET}-unit-4"]])
def test_any_changed_field_of_a_reveal_is_found(
    scope: list[str], drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proofs, commitment = tmp_path / "r.json", drawn / "commitment.json"
    assert main(["reveal", "--secrets", str(drawn), *scope, "--output", str(proofs)]) == 0
    flags = ["--reveal", proofs, "--commitment", commitment]
    assert check(*flags, "--beacon", BEACON) == 0
    assert check(*flags, "--beacon", BEACON[::-1]) == 1
    assert check(*flags, "--nonce", BEACON) == 1
    data = proofs.read_bytes()
    independent.check_reveal(data, commitment.read_bytes(), bytes.fromhex(BEACON))
    changed = tmp_path / "changed.json"
    capsys.readouterr()
    for at in range(0, len(data), 1 + len(data) // 200):
        changed.write_bytes(flipped(data, at))
        assert check("--reveal", changed, *flags[2:], "--beacon", BEACON) == 1, at
        assert SECRET not in capsys.readouterr().out


def test_a_reveal_must_be_whole(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from schemas.documents import parse, to_bytes

    proofs = tmp_path / "r.json"
    assert main(["reveal", "--secrets", str(drawn), "--tranche", "1", "--output", str(proofs)]) == 0
    content = parse("reveal", 1, proofs.read_bytes())
    assert [one["leaf"] for one in content["units"]] == [4, 5, 6, 7]

    def differs(**change: Any) -> str:
        proofs.write_bytes(to_bytes("reveal", 1, {**content, **change}))
        flags = ["--reveal", proofs, "--commitment", drawn / "commitment.json", "--beacon", BEACON]
        assert check(*flags) == 1
        return capsys.readouterr().out

    assert "tranche 1 is leaves 4 to 7" in differs(units=content["units"][:-1])
    assert "there twice" in differs(units=[*content["units"], content["units"][0]])
    assert "all is leaves 0 to 11" in differs(scope={"kind": "all", "tranche": 0})
    assert "tranche 2 is leaves 8 to 11" in differs(scope={"kind": "tranche", "tranche": 2})
    assert "no such tranche" in differs(scope={"kind": "tranche", "tranche": 3})
    assert "not the plan that was committed" in differs(plan=content["plan"].replace("0.001", "0.01"))
    arm = content["units"][0]["arm"]
    assert "field 'arm'" in differs(units=[{**content["units"][0], "arm": (arm + 1) % 3}, *content["units"][1:]])
    moved = {**content["units"][0], "leaf": 3}
    assert "leaf 3" in differs(units=[moved, *content["units"][1:]])


def test_revealed_units_are_burned(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"{SECRET}-unit-{at}" for at in (3, 8)]
    flags = ["reveal", "--secrets", str(drawn), "--output"]
    assert main([*flags, str(tmp_path / "a.json"), "--unit", *names]) == 0
    assert main([*flags, str(tmp_path / "b.json"), "--unit", names[0], f"{SECRET}-unit-1"]) == 0
    assert json.loads((drawn / "burned.json").read_bytes())["units"] == sorted([*names, f"{SECRET}-unit-1"])
    assert "3 of 12 are now burned" in capsys.readouterr().out
    assert check("--secrets", drawn) == 0
    assert "revealed and burned: 3 units" in capsys.readouterr().out
    assert main([*flags, str(tmp_path / "a.json"), "--all"]) == 2
    assert main([*flags, str(tmp_path / "c.json"), "--tranche", "3"]) == 2
    assert main([*flags, str(tmp_path / "c.json"), "--tranche", "1", "--all"]) == 2
    assert main([*flags, str(tmp_path / "c.json"), "--all", "--dry-run"]) == 0
    assert not (tmp_path / "c.json").exists()


def test_nothing_is_revealed_before_the_draw(seal: Run, secrets: Path, tmp_path: Path) -> None:
    assert seal() == 0
    assert main(["reveal", "--secrets", str(secrets), "--all", "--output", str(tmp_path / "r.json")]) == 1
    assert not (tmp_path / "r.json").exists()
    assert not (secrets / "burned.json").exists()
