"""`trapline check` finds whatever was changed in a folder of secrets."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.sealing.sealed import BEACON, SECRET, STRATUM, Run, check, flipped, replaced, rows
from transforms.planting.ledger.check_secrets import check_secrets


def test_secrets_are_for_their_owner_alone(drawn: Path, tmp_path: Path) -> None:
    assert main(["reveal", "--secrets", str(drawn), "--tranche", "0", "--output", str(tmp_path / "r.json")]) == 0
    assert drawn.stat().st_mode & 0o777 == 0o700
    modes = {path.relative_to(drawn).as_posix(): path.stat().st_mode & 0o777 for path in drawn.rglob("*")}
    assert modes == {
        "key": 0o600, "plan.json": 0o600, "seal.json": 0o600, "units.parquet": 0o600, "probes": 0o700,
        "probes/probes.parquet": 0o600, "draw.json": 0o600, "draw.parquet": 0o600, "burned.json": 0o600,
        "commitment.json": 0o644, "drawn.json": 0o644,
    }  # fmt: skip
    assert (tmp_path / "r.json").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_modes_do_not_depend_on_the_umask(open_umask: None, drawn: Path) -> None:
    assert check("--secrets", drawn) == 0
    assert drawn.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "name",
    ["key", "commitment.json", "plan.json", "seal.json", "draw.json", "draw.parquet", "drawn.json", "units.parquet",
     "probes/probes.parquet"],
)  # fmt: skip
def test_any_changed_byte_is_found_and_its_file_is_named(
    name: str, seal: Run, secrets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every byte of the smallest files, some 120 of the others."""
    small = tmp_path / "small.parquet"
    pq.write_table(pa.Table.from_pylist(rows(3, 1)), small)
    assert seal(source=small) == 0
    assert main(["draw", "--secrets", str(secrets), "--beacon", BEACON]) == 0
    assert check_secrets(secrets).problems == []
    path = secrets / name
    data = path.read_bytes()
    for at in range(0, len(data), 1 if name in ("key", "commitment.json") else 1 + len(data) // 120):
        path.write_bytes(flipped(data, at, 1 << at % 8))
        problems = check_secrets(secrets).problems
        assert any(name in problem.split(":")[0] for problem in problems), (at, problems)
        assert not any(SECRET in problem or STRATUM in problem for problem in problems)
    capsys.readouterr()
    assert check("--secrets", secrets) == 1
    assert name in capsys.readouterr().out
    path.write_bytes(data)
    assert check("--secrets", secrets) == 0


@pytest.mark.parametrize(
    "name",
    ["key", "commitment.json", "plan.json", "seal.json", "draw.parquet", "units.parquet", "probes/probes.parquet"],
)
def test_a_missing_file_is_named(name: str, drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (drawn / name).unlink()
    assert check("--secrets", drawn) == 1
    assert f"{name}: " in capsys.readouterr().out


def test_a_changed_text_is_found_in_its_leaf_and_field(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = drawn / "probes/probes.parquet"
    table = pq.read_table(path)
    texts = table["text"].to_pylist()
    texts[3 * 4 + 2] += "!"
    pq.write_table(replaced(table, "text", texts), path)
    assert check("--secrets", drawn) == 1
    out = capsys.readouterr().out
    assert "probes/probes.parquet: leaf 4: text of candidate 2 differs" in out
    assert SECRET not in out


def test_a_changed_plan_is_found_in_its_field(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = drawn / "plan.json"
    path.write_bytes(path.read_bytes().replace(b'"alpha": 0.001', b'"alpha": 0.05'))
    assert check("--secrets", drawn) == 1
    out = capsys.readouterr().out
    assert "plan.json: field 'alpha' differs" in out
    assert "plan.json: is not what the commitment binds" in out


def test_a_changed_arm_is_found_in_its_leaf(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = drawn / "draw.parquet"
    table = pq.read_table(path)
    arms = table["arm"].to_pylist()
    arms[7] = (arms[7] + 1) % 3
    pq.write_table(replaced(table, "arm", arms), path)
    assert check("--secrets", drawn) == 1
    assert "draw.parquet: leaf 7: field 'arm' differs" in capsys.readouterr().out


def test_another_published_commitment_is_found_in_its_fields(
    drawn: Path, tmp_path: Path, seal: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seal(target=tmp_path / "other") == 0
    assert check("--secrets", drawn, "--commitment", tmp_path / "other/commitment.json") == 1
    out = capsys.readouterr().out
    assert "differ in field 'tree_root'" in out
    assert "differ in field 'campaign'" not in out
    data = (drawn / "commitment.json").read_bytes()
    (tmp_path / "published.json").write_bytes(data.replace(b'"round": 99', b'"round": 98'))
    assert check("--secrets", drawn, "--commitment", tmp_path / "published.json") == 1
    assert "its root is not that of its other fields" in capsys.readouterr().out


def test_secrets_that_others_may_read_are_found(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (drawn / "plan.json").chmod(0o644)
    assert check("--secrets", drawn) == 1
    assert "plan.json: others than its owner may use it" in capsys.readouterr().out
    assert main(["draw", "--secrets", str(drawn), "--beacon", BEACON]) == 1


def test_a_key_of_another_campaign_is_named(
    drawn: Path, tmp_path: Path, seal: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seal(target=tmp_path / "other") == 0
    shutil.copy(tmp_path / "other/key", drawn / "key")
    capsys.readouterr()
    assert check("--secrets", drawn) == 1
    assert capsys.readouterr().out.splitlines()[0] == "key: is not the key with which this was sealed"


def test_a_link_among_the_secrets_is_named_whatever_it_leads_to(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "open").write_bytes((drawn / "plan.json").read_bytes())
    (drawn / "plan.json").unlink()
    (drawn / "plan.json").symlink_to(tmp_path / "open")
    (drawn / "deep").mkdir(mode=0o700)
    (drawn / "deep/loop").symlink_to(drawn)
    assert check("--secrets", drawn) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said if "symbolic link" in line] == ["deep/loop", "plan.json"]
    # The folder itself may be reached through one.
    (drawn / "deep/loop").unlink()
    (drawn / "plan.json").unlink()
    (drawn / "plan.json").write_bytes((tmp_path / "open").read_bytes())
    (drawn / "plan.json").chmod(0o600)
    (tmp_path / "link").symlink_to(drawn)
    assert check("--secrets", tmp_path / "link") == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give --secrets, or --reveal"),
        (["--reveal", "r"], "--reveal needs --commitment"),
        (["--reveal", "r", "--commitment", "c"], "--reveal needs --beacon"),
        (["--reveal", "r", "--secrets", "s"], "give only one of them"),
    ],
)
def test_check_says_what_it_needs(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(*flags) == 2
    assert message in capsys.readouterr().err
