"""`trapline draw` as a user runs it, and what is public then."""

import base64
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.sealing.sealed import (
    BEACON,
    SECRET,
    STRATUM,
    Run,
    check,
    files,
    killed_at,
    rows,
)


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
    without_hashes = re.sub(rb"[0-9a-f]{32,}", b"", public[1])  # of which some hold any four digits
    assert not any(word in without_hashes for word in (b"dose", b'trap"', b"stratum", b"1000", b"candidate", b"text"))
    others = [row for row in rows() if row["unit"] != one]
    shown = (tmp_path / "one.json").read_bytes()
    assert one.encode() in shown
    assert STRATUM.encode() in shown
    assert key.hex().encode() not in shown
    for row in others:
        for name in ("id", "unit", "text"):
            assert f'"{row[name]}"'.encode() not in shown
    assert json.loads(shown)["plan"] == ""


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


def test_two_commands_do_not_write_into_the_same_secrets(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from transforms.planting.folder import locked

    with locked(drawn):
        assert main(["draw", "--secrets", str(drawn), "--beacon", BEACON]) == 1
        assert "another command is writing there" in capsys.readouterr().err
    assert main(["draw", "--secrets", str(drawn), "--beacon", BEACON]) == 0
