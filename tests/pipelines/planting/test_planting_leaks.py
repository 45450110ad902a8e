"""Nothing that others may see holds the key, a held-out text, an id, or where the secrets are."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import pipelines.jobs.launch
from benchmarks.stores.emulators import Emulator
from pipelines.cli import main
from tests.pipelines.planting.planted import prepare, probe_rows, seal_and_draw, write_corpus
from transforms.planting.work import VARIABLE

SECRETS = "a-place-nobody-knows"


def needles(secrets: Path) -> dict[str, bytes]:
    """What must not be found, by what it is."""
    key = (secrets / "key").read_bytes()
    probes = pq.read_table(secrets / "probes" / "probes.parquet").to_pylist()
    return {
        "the key": key,
        "the key in hexadecimal": key.hex().encode(),
        "the path of the secrets": SECRETS.encode(),
        **{f"text of candidate {at}": row["text"].encode() for at, row in enumerate(probes)},
        **{f"id of candidate {at}": row["id"].encode() for at, row in enumerate(probes)},
        **{f"unit of candidate {at}": row["unit"].encode() for at, row in enumerate(probes)},
        "a stratum": b"plugh",
        "the condition on documents": b"lang <> 'xx'",
    }


def leaks(wanted: dict[str, bytes], haystacks: Iterable[tuple[str, bytes]]) -> list[str]:
    return [f"{what} in {where}" for where, data in haystacks for what, needle in wanted.items() if needle in data]


def readable(path: Path) -> bytes:
    """A file's bytes; of Parquet what it holds, unpacked, with its metadata."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    table = pq.read_table(path, partitioning=None)
    return path.read_bytes() + repr(table.to_pylist()).encode() + repr(table.schema.metadata).encode()


@pytest.fixture
def overheard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """Every pipeline that is launched, as it would travel to a runner, with its options, and what it left on disk."""
    heard: dict[str, bytes] = {}
    launch = pipelines.jobs.launch.launch

    def listen(build: Callable[[Any], Any], options: Any, work: Any = None) -> None:
        def build_and_keep(root: Any) -> Any:
            built = build(root)
            heard[f"pipeline {len(heard)}"] = root.to_runner_api().SerializeToString()
            heard[f"options {len(heard)}"] = repr(options.get_all_options()).encode()
            return built

        launch(build_and_keep, options)
        for path in (tmp_path / "out").rglob("*"):
            if path.is_file() and "data" not in path.relative_to(tmp_path / "out").parts:
                heard[f"{path} after {len(heard)}"] = readable(path)

    monkeypatch.setattr(pipelines.jobs.launch, "launch", listen)
    return heard


@pytest.mark.parametrize("meeting", ["in the secrets", "in a bucket"])
def test_prepare_and_restore_leak_nothing(
    meeting: str,
    emulators: dict[str, Emulator],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    overheard: dict[str, bytes],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    bucket = emulators["s3"].bucket()
    monkeypatch.delenv(VARIABLE, raising=False)
    if meeting == "in a bucket":
        monkeypatch.setenv(VARIABLE, emulators["s3"].uri(f"{bucket}/{SECRETS}"))
    corpus = write_corpus(tmp_path / "in", 90)
    secrets = seal_and_draw(tmp_path / SECRETS, probe_rows(10) + probe_rows(2, seed=3, planted_as="document"))
    wanted = needles(secrets)
    capfd.readouterr()
    caplog.set_level(logging.DEBUG)
    assert prepare(corpus, tmp_path / "out", secrets, "--where", "lang <> 'xx'") == 0
    flags = ["--input", tmp_path / "out", "--secrets", secrets, "--output", tmp_path / "back"]
    assert main(["restore", *map(str, flags)]) == 0
    said = capfd.readouterr()
    assert emulators["s3"].files(bucket) == {}
    assert len([name for name in overheard if name.startswith("pipeline")]) == 4
    assert leaks(wanted, overheard.items()) == []
    assert leaks(wanted, [("the log", caplog.text.encode())]) == []
    # The person who gave the path may be told it; nothing else.
    told = {what: needle for what, needle in wanted.items() if what != "the path of the secrets"}
    assert leaks(told, [("the terminal", (said.out + said.err).encode())]) == []
    public = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert leaks(wanted, ((str(path), readable(path)) for path in public if path.parent.name != "data")) == []
    commitments = [secrets / "commitment.json", secrets / "planted.json"]
    assert leaks(wanted, ((path.name, path.read_bytes()) for path in commitments)) == []
    assert (
        leaks(wanted, ((str(path), readable(path)) for path in (tmp_path / "back").rglob("*") if path.is_file())) == []
    )


def test_of_the_texts_only_the_drawn_ones_reach_the_data(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "in", 90)
    secrets = seal_and_draw(tmp_path / SECRETS, probe_rows(10))
    assert prepare(corpus, tmp_path / "out", secrets) == 0
    wanted = needles(secrets)
    drawn = set(pq.read_table(secrets / "ledger" / "ledger.parquet")["candidate"].to_pylist())
    probes = pq.read_table(secrets / "probes" / "probes.parquet").to_pylist()
    expected = {f"text of candidate {at}" for at, row in enumerate(probes) if row["id"] in drawn}
    data = b"".join(readable(path) for path in (tmp_path / "out" / "data").iterdir())
    assert {what.removesuffix(" in data") for what in leaks(wanted, [("data", data)])} == expected


def test_errors_tell_no_secret(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    corpus = write_corpus(tmp_path / "in", 30, parts=1)
    secrets = seal_and_draw(tmp_path / SECRETS, probe_rows(6))
    told = {what: needle for what, needle in needles(secrets).items() if what != "the path of the secrets"}
    assert prepare(corpus, tmp_path / "out", secrets) == 0
    capfd.readouterr()
    assert prepare(tmp_path / "out" / "data", tmp_path / "again", secrets) == 1
    (secrets / "probes" / "probes.parquet").write_bytes(b"broken")
    assert prepare(corpus, tmp_path / "third", secrets) == 1
    assert main(["check", "--secrets", str(secrets)]) == 1
    said = capfd.readouterr()
    assert leaks(told, [("the terminal", (said.out + said.err).encode())]) == []
