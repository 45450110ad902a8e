"""Secrets in a bucket of their own, and a bucket in which a command meets its workers."""

import errno
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.stores.emulators import Emulator
from pipelines.cli import main
from tests.pipelines.planting.planted import prepare, probe_rows, seal_and_draw, write_corpus
from transforms.base.folders import Folder
from transforms.planting import mirror
from transforms.planting.work import VARIABLE


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return seal_and_draw(tmp_path / "secrets", probe_rows(8))


@pytest.fixture
def in_bucket(secrets: Path, emulator: Emulator) -> str:
    """The same secrets in a bucket."""
    uri = emulator.uri(f"{emulator.bucket()}/vault")
    for name in Folder(str(secrets)).all_files():
        Folder.of(uri).write(name, Folder(str(secrets)).read(name))
    return uri


def texts(data: bytes) -> set[str]:
    return set(pq.read_table(pa.BufferReader(data))["text"].to_pylist())


def test_workers_get_the_texts_to_look_for_and_the_edits_of_their_shard_and_no_key(
    secrets: Path, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = emulator.bucket()
    monkeypatch.setenv(VARIABLE, emulator.uri(f"{bucket}/meeting"))
    corpus = write_corpus(tmp_path / "in", 90)
    assert prepare(corpus, tmp_path / "out", secrets, "--until", "plan") == 0
    met = emulator.files(f"{bucket}/meeting/work")
    run = next(iter(met)).partition("/")[0]
    plantings = {name: data for name, data in met.items() if "/plantings/" in name}
    assert set(met) == {f"{run}/begun", f"{run}/watch.parquet", *plantings}
    key = (secrets / "key").read_bytes()
    assert not [name for name, data in met.items() if key in data or key.hex().encode() in data]
    probes = pq.read_table(secrets / "probes/probes.parquet").to_pylist()
    arms = {row["unit"]: row["arm"] for row in pq.read_table(secrets / "draw.parquet").to_pylist()}
    named = {name: texts(data) for name, data in plantings.items()}
    assert set().union(*named.values()) == {row["text"] for row in probes if row["candidate"] == arms[row["unit"]]}
    assert texts(met[f"{run}/watch.parquet"]) == {row["text"] for row in probes}


def test_a_bucket_of_another_account_holds_the_secrets(
    emulators: dict[str, Emulator],
    secrets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VAULT_AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("VAULT_AWS_SECRET_ACCESS_KEY", "tests")
    s3 = emulators["s3"]
    uri = f"s3://{s3.bucket()}/vault?endpoint_override={s3.endpoint}&account=VAULT"
    probes = tmp_path / "probes.parquet"
    shutil.copy(secrets / "probes/probes.parquet", probes)
    rows = pq.read_table(probes).to_pylist()
    pq.write_table(pa.Table.from_pylist(rows), probes)
    assert main(["seal", "--probes", str(probes), "--secrets", uri, "--nonce-from", "them"]) == 0
    assert main(["check", "--secrets", uri]) == 0
    said = capsys.readouterr()
    assert uri.partition("?")[0] in said.out
    assert "/dev/shm" not in said.out + said.err
    assert main(["seal", "--probes", str(probes), "--secrets", uri, "--nonce-from", "them"]) == 1
    assert "holds something, and secrets are never replaced" in capsys.readouterr().err


def test_two_commands_do_not_write_the_same_secrets(in_bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = mirror.mirror(in_bucket)
    with mirror.held(path):
        assert main(["draw", "--secrets", in_bucket, "--nonce", "c0ffee" * 8]) == 1
    assert "another command is writing there" in capsys.readouterr().err
    assert main(["draw", "--secrets", in_bucket, "--nonce", "c0ffee" * 8]) == 0


def test_what_is_written_is_in_the_bucket_before_the_command_goes_on(in_bucket: str, emulator: Emulator) -> None:
    from transforms.planting import folder

    path = mirror.mirror(in_bucket)
    folder.write(path, "ledger/ledger.parquet", b"rows")
    place = in_bucket.partition("?")[0].partition("://")[2]
    assert emulator.files(place)["ledger/ledger.parquet"] == b"rows"
    folder.remove(path, "ledger/ledger.parquet")
    assert "ledger/ledger.parquet" not in emulator.files(place)


def test_the_copy_is_its_owners_alone_and_goes_with_the_process(in_bucket: str) -> None:
    path = mirror.mirror(in_bucket)
    entries = [path.parent, path, *path.rglob("*")]
    assert not [one for one in entries if one.stat().st_mode & 0o077]


def test_a_bucket_where_several_campaigns_meet_their_workers_keeps_what_is_not_this_runs(
    secrets: Path, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = f"{emulator.bucket()}/meeting"
    monkeypatch.setenv(VARIABLE, emulator.uri(meeting))
    Folder.of(emulator.uri(meeting)).write("work/another/begun", b"")
    assert prepare(write_corpus(tmp_path / "in", 90), tmp_path / "out", secrets) == 0
    assert list(emulator.files(f"{meeting}/work")) == ["another/begun"]


def test_a_full_memory_is_not_said_to_be_a_full_bucket(
    in_bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_filesystem: object, _path: str, target: Path) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(mirror, "download", full)
    assert main(["check", "--secrets", in_bucket]) == 1
    said = capsys.readouterr().err
    assert "is full, and the private copy of" in said
    assert in_bucket.partition("?")[0] in said
    assert "--shm-size" in said


def test_order_writes_nothing_public_among_secrets_in_a_bucket(
    in_bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "in", 9)
    address, _, options = in_bucket.partition("?")
    output = f"{address}/ordered?{options}"
    assert main(["order", "--input", str(corpus), "--secrets", in_bucket, "--output", output]) == 2
    assert "choose an output that is not in the secrets folder" in capsys.readouterr().err


def test_candidates_that_are_sealed_in_a_bucket_are_not_judged_again(
    in_bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "in", 9)
    address, _, options = in_bucket.partition("?")
    probes = f"{address}/probes/probes.parquet?{options}"
    given = ["--probes", probes, "--input", str(corpus), "--output", str(tmp_path / "certified")]
    assert main(["certify", *given]) == 2
    assert "a folder of secrets: these candidates are sealed" in capsys.readouterr().err
