"""`trapline seal`, `draw`, `reveal` and `check` as a user runs them."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.planting.sealing import independent
from transforms.planting.ledger.check_secrets import check_secrets

SECRET = "xyzzy"
STRATUM = "plugh"
BEACON = "c0ffee" * 10
Run = Callable[..., int]


def rows(units: int = 12, m: int = 2, name: str = SECRET) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{name}-id-{unit}-{at}",
            "kind": "trap",
            "unit": f"{name}-unit-{unit}",
            "candidate": at,
            "stratum": f"{STRATUM}{unit % 2}",
            "dose": 10 if unit % 3 else 1000,
            "text": f"{name} text {unit} {at} \u00e9\u4e2d\U0001f600",
            "perplexity": 3.25 * at,
            "answer": "yes" if at % 2 else None,
        }
        for unit in range(units)
        for at in range(m + 1)
    ]


@pytest.fixture
def probes(tmp_path: Path) -> Path:
    path = tmp_path / "probes.parquet"
    pq.write_table(pa.Table.from_pylist(rows()), path)
    return path


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


@pytest.fixture
def seal(probes: Path, secrets: Path) -> Run:
    def run(*flags: str, source: Path = probes, target: Path = secrets) -> int:
        declared = [] if {"--nonce-from", "--own"} & set(flags) else ["--beacon-name", "drand", "--beacon-round", "99"]
        rest = [flag for flag in flags if flag != "--own"]
        return main(["seal", "--probes", str(source), "--secrets", str(target), *declared, *rest])

    return run


@pytest.fixture
def drawn(seal: Run, secrets: Path) -> Path:
    """Secrets of which the draw is made."""
    assert seal("--tranches", "3") == 0
    assert main(["draw", "--secrets", str(secrets), "--beacon", BEACON]) == 0
    return secrets


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(*flags: object) -> int:
    return main(["check", *map(str, flags)])


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


def test_nothing_public_tells_anything(
    probes: Path,
    secrets: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Commitment, standard output, standard error and logs of every command, and a proof of one unit."""

    def trapline(*arguments: str) -> str:
        main(arguments)
        done = capfd.readouterr()
        return done.out + done.err

    caplog.set_level(0)
    said = trapline(
        "seal", "--probes", str(probes), "--secrets", str(secrets), "--beacon-name", "d", "--beacon-round", "9"
    )
    said += trapline("draw", "--secrets", str(secrets), "--nonce", BEACON)
    said += trapline("draw", "--secrets", str(secrets), "--beacon", BEACON)
    said += trapline("draw", "--secrets", str(secrets), "--beacon", BEACON[::-1])
    said += trapline("check", "--secrets", str(secrets))
    one = pq.read_table(secrets / "draw.parquet")["unit"][5].as_py()
    said += trapline("reveal", "--secrets", str(secrets), "--unit", one, "--output", str(tmp_path / "one.json"))
    said += trapline("reveal", "--secrets", str(secrets), "--unit", one + "0", "--output", str(tmp_path / "no.json"))
    said += trapline("seal", "--probes", str(probes), "--secrets", str(secrets))
    said += trapline("seal", "--probes", str(probes), "--secrets", str(tmp_path / "s2"), "--previous",
                     str(secrets / "commitment.json"))  # fmt: skip
    broken = bytearray((secrets / "probes/probes.parquet").read_bytes())
    broken[200] ^= 1
    (secrets / "probes/probes.parquet").write_bytes(broken)
    said += trapline("check", "--secrets", str(secrets))
    said += trapline("draw", "--secrets", str(secrets), "--beacon", BEACON)
    said += caplog.text
    assert "Traceback" not in said
    assert "differs: " in said
    public = [said.encode(), (secrets / "commitment.json").read_bytes()]
    key = (secrets / "key").read_bytes()
    for needle in (SECRET, STRATUM, key.hex(), base64.b64encode(key).decode().rstrip("="), repr(key)[2:-1]):
        for place in public:
            assert needle.encode() not in place
    assert not any(key in place for place in public)
    assert not any(word in public[1] for word in (b"dose", b'trap"', b"stratum", b"1000", b"candidate", b"text"))
    others = [row for row in rows() if row["unit"] != one]
    shown = (tmp_path / "one.json").read_bytes()
    assert one.encode() in shown
    assert STRATUM.encode() in shown
    assert key.hex().encode() not in shown
    for row in others:
        for name in ("id", "unit", "text"):
            assert f'"{row[name]}"'.encode() not in shown
    assert json.loads(shown)["plan"] == ""


def test_existing_secrets_are_never_replaced(seal: Run, secrets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seal() == 0
    before = files(secrets)
    assert seal() == 1
    assert "never replaced" in capsys.readouterr().err
    assert files(secrets) == before


def test_a_folder_with_anything_in_it_is_refused_and_an_empty_one_is_taken(seal: Run, secrets: Path) -> None:
    secrets.mkdir(mode=0o755)
    (secrets / "thesis.tex").write_text("years of work")
    assert seal() == 1
    assert files(secrets) == {"thesis.tex": b"years of work"}
    (secrets / "thesis.tex").unlink()
    assert seal() == 0
    assert secrets.stat().st_mode & 0o777 == 0o700
    other = secrets.with_name("file")
    other.write_text("mine")
    assert seal(target=other) == 1
    assert other.read_text() == "mine"


def test_secrets_are_kept_here_or_in_a_bucket(seal: Run, probes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["seal", "--probes", str(probes), "--secrets", "hdfs://host/secrets"]) == 1
    assert "give a local folder, or one under gs:// or s3://" in capsys.readouterr().err


KILL_AT = """
import os, signal, sys
from transforms.base import folders as storage
left = int(sys.argv[1])
replace, rename = type(storage.Path()).replace, os.rename
def counted(real):
    def call(*arguments):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real(*arguments)
    return call
type(storage.Path()).replace = counted(replace)
type(storage.Path()).rename = counted(type(storage.Path()).rename)
from pipelines.cli import main
sys.exit(main(sys.argv[2:]))
"""


def killed_at(write: int, *arguments: str) -> int:
    """Run a command that is killed just before its file number `write` gets its final name."""
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", KILL_AT, str(write), *arguments]
    return subprocess.run(command, env=environment, cwd=Path(__file__).parents[3], check=False).returncode


def test_a_killed_seal_leaves_no_secrets_and_the_next_one_cleans_up(
    probes: Path, secrets: Path, tmp_path: Path
) -> None:
    flags = ["seal", "--probes", str(probes), "--secrets", str(secrets)]
    for write in (0, 4, 5):
        assert killed_at(write, *flags) == -9
        assert not secrets.exists()
        assert len(list(tmp_path.glob(".secrets.*.tmp"))) == 1
    assert main(flags) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["probes.parquet", "secrets"]
    assert check("--secrets", secrets) == 0


def test_a_killed_draw_can_only_be_finished_with_the_same_randomness(
    seal: Run, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seal() == 0
    flags = ["draw", "--secrets", str(secrets), "--beacon"]
    assert killed_at(0, *flags, BEACON) == -9
    assert not (secrets / "draw.json").exists()
    assert killed_at(1, *flags, BEACON) == -9
    assert (secrets / "draw.json").exists()
    assert not (secrets / "draw.parquet").exists()
    assert check("--secrets", secrets) == 1
    assert "not finished" in capsys.readouterr().out
    assert main([*flags, BEACON[::-1]]) == 1
    assert not (secrets / "draw.parquet").exists()
    assert main([*flags, BEACON]) == 0
    assert check("--secrets", secrets) == 0
    assert not list(secrets.glob(".*"))


def test_a_killed_reveal_burns_before_it_tells(drawn: Path, tmp_path: Path) -> None:
    flags = ["reveal", "--secrets", str(drawn), "--tranche", "1", "--output", str(tmp_path / "r.json")]
    assert killed_at(1, *flags) == -9
    assert len(json.loads((drawn / "burned.json").read_bytes())["units"]) == 4
    assert not (tmp_path / "r.json").exists()
    assert main(flags) == 0


def test_a_second_different_draw_is_refused(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(drawn)
    assert main(["draw", "--secrets", str(drawn), "--beacon", BEACON[::-1]]) == 1
    assert "made only once" in capsys.readouterr().err
    assert main(["draw", "--secrets", str(drawn), "--beacon", BEACON.upper()]) == 0
    assert files(drawn) == before
    (drawn / "draw.json").unlink()
    assert main(["draw", "--secrets", str(drawn), "--beacon", BEACON[::-1]]) == 1
    assert check("--secrets", drawn) == 1


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        (("--beacon-name", "d", "--beacon-round", "1"), ["--nonce", BEACON]),
        (("--beacon-name", "d", "--beacon-round", "1"), ["--self"]),
        (("--nonce-from", "ACME"), ["--beacon", BEACON]),
        (("--nonce-from", "ACME"), ["--self"]),
        ((), ["--beacon", BEACON]),
        ((), ["--nonce", BEACON]),
    ],
)
def test_only_the_declared_randomness_draws(
    declared: tuple[str, ...],
    given: list[str],
    probes: Path,
    secrets: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["seal", "--probes", str(probes), "--secrets", str(secrets), *declared]) == 0
    assert main(["draw", "--secrets", str(secrets), *given]) == 1
    assert "the seal declared" in capsys.readouterr().err
    assert not (secrets / "draw.json").exists()


def test_a_self_attested_draw_says_so(seal: Run, secrets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seal("--own") == 0
    assert main(["draw", "--secrets", str(secrets), "--self"]) == 0
    assert "self-attested: exact only if the holder did not choose the key" in capsys.readouterr().out
    assert json.loads((secrets / "draw.json").read_bytes())["kind"] == "self"
    assert check("--secrets", secrets) == 0
    assert "self-attested" in capsys.readouterr().out


def replaced(table: pa.Table, name: str, values: list[Any]) -> pa.Table:
    field = table.schema.field(name)
    return table.set_column(table.column_names.index(name), field, pa.array(values, field.type))


def flipped(data: bytes, at: int, by: int = 1) -> bytes:
    return bytes([*data[:at], data[at] ^ by, *data[at + 1 :]])


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


def test_campaigns_form_a_chain_and_candidates_are_not_used_twice(
    drawn: Path, tmp_path: Path, seal: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    first = drawn / "commitment.json"
    assert seal("--previous", str(first), target=tmp_path / "again") == 1
    assert "never enters another campaign" in capsys.readouterr().err
    commitments = [first]
    for number in (2, 3):
        fresh = tmp_path / f"fresh{number}.parquet"
        pq.write_table(pa.Table.from_pylist(rows(name=f"other{number}")), fresh)
        assert seal("--previous", str(commitments[-1]), source=fresh, target=tmp_path / f"s{number}") == 0
        commitments.append(tmp_path / f"s{number}/commitment.json")
        capsys.readouterr()
        assert seal("--previous", str(commitments[-1]), target=tmp_path / "again") == 1
        assert "sealed in campaign 1 of this chain" in capsys.readouterr().err
    second = json.loads(commitments[1].read_bytes())
    assert (second["campaign"], second["previous"]) == (2, hashlib.sha256(first.read_bytes()).hexdigest())
    assert check("--secrets", tmp_path / "s3", "--previous", *commitments[:2]) == 0
    assert check("--commitment", commitments[2], "--previous", commitments[1], commitments[0]) == 0
    assert "chain of 3 campaigns is unbroken" in capsys.readouterr().out
    assert check("--commitment", commitments[2], "--previous", commitments[1]) == 1
    assert check("--commitment", commitments[2], "--previous", first) == 1
    assert check("--commitment", commitments[2]) == 0
    assert "were not checked" in capsys.readouterr().out


def test_seal_says_which_campaigns_it_could_not_look_into(
    drawn: Path, tmp_path: Path, seal: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh, public = tmp_path / "fresh.parquet", tmp_path / "public.json"
    pq.write_table(pa.Table.from_pylist(rows(name="other")), fresh)
    public.write_bytes((drawn / "commitment.json").read_bytes())
    assert seal("--previous", str(public), source=fresh, target=tmp_path / "s2") == 0
    assert "not compared with the candidates of campaign 1" in capsys.readouterr().out
    second = tmp_path / "s2/commitment.json"
    # The second folder does not know the first campaign's candidates: the first one's own folder does.
    assert seal("--previous", str(second), target=tmp_path / "unseen") == 0
    assert "of campaign 1" in capsys.readouterr().out
    assert seal("--previous", str(second), str(drawn / "commitment.json"), target=tmp_path / "s3") == 1
    assert "sealed in campaign 1" in capsys.readouterr().err
    assert seal("--previous", str(tmp_path / "unseen/commitment.json"), str(public), target=tmp_path / "s4") == 1
    (tmp_path / "s2/earlier.parquet").write_bytes(b"x")
    assert seal("--previous", str(second), source=fresh, target=tmp_path / "s5") == 1
    assert "earlier.parquet" in capsys.readouterr().err
    assert seal(target=tmp_path / "alone") == 0
    other = tmp_path / "alone/commitment.json"
    assert seal("--previous", str(drawn / "commitment.json"), str(other), target=tmp_path / "s6") == 1
    assert "does not belong to the chain" in capsys.readouterr().err


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


def test_the_plan_holds_what_was_asked_for(
    seal: Run, secrets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights.safetensors").write_bytes(b"weights")
    flags = [
        "--metric", "ratio_nll", "--metric-version", "1", "--sign", "-1", "--statistic", "mean", "--weights",
        f"{STRATUM}1=0.5", "--sequence", "1000", "--alpha", "0.01", "--redraws", "9999", "--slots", "2", "--context",
        "64", "--bos", "always", "--dtype", "bfloat16", "--tokenizer", str(tmp_path / "tokenizer.json"), "--reference",
        str(tmp_path / "model"), "--checkpoints", "maximum", "--checkpoint-note", "every 1000 steps", "--tranches", "5",
    ]  # fmt: skip
    assert seal(*flags, "--dry-run") == 0
    assert not secrets.exists()
    printed = capsys.readouterr().out
    assert "12 units of 3 candidates; nothing was written" in printed
    (tmp_path / "settings.toml").write_text(printed)
    assert main(["seal", "--config", str(tmp_path / "settings.toml")]) == 0
    plan = json.loads((secrets / "plan.json").read_bytes())
    name = b"weights.safetensors"
    model = len(name).to_bytes(8, "big") + name + hashlib.sha256(b"weights").digest()
    assert plan == {
        "schema": "trapline.plan", "version": 2, "metric": "ratio_nll", "metric_version": 1, "sign": -1,
        "statistic": "mean", "weights": {f"{STRATUM}0": 1.0, f"{STRATUM}1": 0.5}, "sequence": [1000], "alpha": 0.01,
        "redraws": 9999, "redraws_many": 9999, "many_units": 10_000, "enumerate_up_to": 1_000_000,
        "monte_carlo_seed": "root-and-randomness", "missing": "drop-unit", "slots": 2, "context": 64, "bos": "always",
        "dtype": "bfloat16", "tokenizer": "sha256:" + hashlib.sha256(b"{}").hexdigest(),
        "references": [hashlib.sha256(model).hexdigest()], "checkpoints": "maximum",
        "checkpoint_note": "every 1000 steps", "series_lambda": 1.0, "tranche_sizes": [3, 3, 2, 2, 2], "controls": 2,
        "generation": {}, "checkpoint_names": [], "tranche_rule": "each", "scorer": "",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["nosuch = 3", "plan = 3", "plan.alpha = 0.01"])
def test_a_key_that_is_no_setting_of_the_seal_is_refused(
    text: str, probes: Path, secrets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.toml").write_text(f"[seal]\n{text}\n")
    given = ["--probes", str(probes), "--secrets", str(secrets), "--config", str(tmp_path / "settings.toml")]
    assert main(["seal", *given]) == 2
    assert text.partition(" ")[0].partition(".")[0] in capsys.readouterr().err
    assert not secrets.exists()


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--weights", "nosuch=2"], 2, "entry 1 is not STRATUM=WEIGHT"),
        (["--weights", f"{STRATUM}0=heavy"], 2, "the weight is not a number"),
        (["--sequence", "10", "1000"], 2, "highest dose first"),
        (["--sequence", "7"], 2, "no probe has dose 7"),
        (["--tranches", "13"], 2, "there are 12 units"),
        (["--alpha", "2"], 2, "alpha"),
        (["--tokenizer", "/nowhere/t.json"], 2, "cannot be read"),
        (["--reference", "/nowhere"], 2, "cannot be read"),
        (["--nonce-from", "A", "--beacon-name", "d", "--beacon-round", "1"], 2, "give only one of them"),
        (["--nonce-from", "A", "--beacon-round", "1"], 2, "go together"),
        (["--previous", "/nowhere/commitment.json"], 1, "cannot be read"),
        (["--attach", "x.tsr"], 2, "--attach"),
        (["--alhpa", "0.1"], 2, "did you mean --alpha"),
        (["--runner", "DirectRunner"], 2, "unknown flag --runner"),
    ],
)
def test_a_wrong_call_writes_nothing(
    flags: list[str], code: int, message: str, probes: Path, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["seal", "--probes", str(probes), "--secrets", str(secrets), *flags]) == code
    err = capsys.readouterr().err
    assert message in err
    assert "Beam's own flags" not in err
    assert not secrets.exists()


def test_probes_come_from_files_and_folders_and_mistakes_are_placed(
    tmp_path: Path, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for at in range(3):
        pq.write_table(pa.Table.from_pylist(rows(2, name=f"n{at}")), folder / f"{at}.parquet")
    (folder / "README.md").write_text("about")
    pq.write_table(pa.Table.from_pylist(rows(2, name="n1")), tmp_path / "again.parquet")
    flags = ["seal", "--secrets", str(secrets), "--probes", str(folder)]
    assert main([*flags, str(tmp_path / "again.parquet")]) == 1
    err = capsys.readouterr().err
    assert f"{tmp_path / 'again.parquet'}: row 0: the same id as in {folder / '1.parquet'}: row 0" in err
    (tmp_path / "bad.parquet").write_bytes(b"not Parquet")
    assert main([*flags, str(tmp_path / "bad.parquet")]) == 1
    assert "bad.parquet: cannot be read" in capsys.readouterr().err
    assert not secrets.exists()
    assert main(flags) == 0
    assert pq.read_table(secrets / "probes/probes.parquet").num_rows == 18


def ots(document: bytes) -> bytes:
    head = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08"
    return head + hashlib.sha256(document).digest() + b"\xf0\x01x"


def test_timestamps_are_kept_beside_the_commitment_and_checked(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, wrong = tmp_path / "c.ots", tmp_path / "w.ots"
    good.write_bytes(ots((drawn / "commitment.json").read_bytes()))
    wrong.write_bytes(ots(b"another"))
    flags = ["seal", "--secrets", str(drawn), "--attach"]
    assert main([*flags, str(wrong)]) == 1
    assert "another document" in capsys.readouterr().err
    assert main([*flags, str(tmp_path / "none.ots")]) == 2
    assert main([*flags, str(good)]) == 0
    assert check("--secrets", drawn) == 0
    assert "OpenTimestamps" in capsys.readouterr().out
    (drawn / "attached/c.ots").write_bytes(ots(b"another"))
    assert check("--secrets", drawn) == 1
    assert "attached/c.ots: does not stamp this commitment.json" in capsys.readouterr().out


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


def test_two_commands_do_not_write_into_the_same_secrets(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from transforms.planting.folder import locked

    with locked(drawn):
        assert main(["draw", "--secrets", str(drawn), "--beacon", BEACON]) == 1
        assert "another command is writing there" in capsys.readouterr().err
    assert main(["draw", "--secrets", str(drawn), "--beacon", BEACON]) == 0
