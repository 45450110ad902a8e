"""Input and output on an object store: everything that is not a local path takes this way."""

from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from benchmarks.stores.emulators import Emulator
from pipelines.cli import main
from transforms.base.folders import Folder


@pytest.fixture
def store(emulator: Emulator) -> pafs.FileSystem:
    return emulator.filesystem()


@pytest.fixture
def bucket(emulator: Emulator) -> str:
    return emulator.bucket()


@pytest.fixture
def corpus(emulator: Emulator, store: pafs.FileSystem, bucket: str) -> str:
    texts = [f"document {at} " + " ".join(f"w{at}x{word}" for word in range(40)) for at in range(50)]
    rows = [*texts, texts[3], texts[4] + " more"]
    pq.write_table(pa.table({"text": rows}), f"{bucket}/in dir/ü part.parquet", filesystem=store)
    with store.open_output_stream(f"{bucket}/in dir/lines.jsonl", compression=None) as stream:
        stream.write(b'{"id": "j", "text": "a line of its own"}\n{"broken\n')
    return emulator.uri(f"{bucket}/in dir")


def listed(store: pafs.FileSystem, folder: str) -> list[str]:
    infos = store.get_file_info(pafs.FileSelector(folder, recursive=True, allow_not_found=True))
    return sorted(info.path for info in infos if info.type == pafs.FileType.File)


def test_a_bucket_is_read_and_written(
    emulator: Emulator, store: pafs.FileSystem, corpus: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["dedup", "--input", corpus, "--output", emulator.uri(f"{bucket}/out"), "--shard-bytes", "5000"]
    assert main(command) == 0
    found = listed(store, f"{bucket}/out")
    shards = [path for path in found if "/data/" in path]
    assert len(shards) > 2
    assert sum(pq.read_metadata(path, filesystem=store).num_rows for path in shards) == 51
    assert f"{bucket}/out/_SUCCESS" in found
    assert not [path for path in found if "/.work/" in path]
    assert main(command) == 0
    assert "finished already" in capsys.readouterr().err


def test_globs_reach_into_a_bucket(emulator: Emulator, corpus: str, bucket: str, tmp_path: Path) -> None:
    assert main(["dedup", "--input", emulator.uri(f"{bucket}/*/ü*.parquet"), "--output", str(tmp_path / "out")]) == 0
    assert pq.read_table(tmp_path / "out/data").num_rows == 50


def test_the_lock_of_a_killed_run_says_how_to_remove_it(
    emulator: Emulator, store: pafs.FileSystem, corpus: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with store.open_output_stream(f"{bucket}/out/.work/lock") as stream:
        stream.write(b"{}")
    assert main(["dedup", "--input", corpus, "--output", emulator.uri(f"{bucket}/out")]) == 1
    assert f"remove {emulator.scheme}://{bucket}/out/.work/lock" in capsys.readouterr().err


def test_what_an_output_lists_outside_itself_is_not_touched(
    emulator: Emulator, store: pafs.FileSystem, corpus: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["dedup", "--input", corpus, "--output", emulator.uri(f"{bucket}/out")]
    names = [f"{bucket}/near", f"{bucket}/data/near"]
    for number, name in enumerate([*names, f"{bucket}/out/.work/{'0' * 32}/outputs.json"]):
        with store.open_output_stream(name) as stream:
            stream.write(b'["../near", "data/../../near", "/near"]' if number == len(names) else b"precious")
    before = listed(store, bucket)
    assert main(command) == 1
    assert "outputs.json: lists '../near', which is no file in data/" in capsys.readouterr().err
    assert listed(store, bucket) == before


def test_check_finds_what_a_bucket_has_beside_the_listed_files(
    emulator: Emulator, store: pafs.FileSystem, corpus: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dedup", "--input", corpus, "--output", emulator.uri(f"{bucket}/out")]) == 0
    assert main(["check", "--corpus", emulator.uri(f"{bucket}/out")]) == 0
    with store.open_output_stream(f"{bucket}/out/data/more.parquet") as stream:
        stream.write(b"x")
    capsys.readouterr()
    assert main(["check", "--corpus", emulator.uri(f"{bucket}/out")]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "data/more.parquet: is not listed in manifest.json"


def test_an_upload_that_fails_leaves_no_file(emulator: Emulator, store: pafs.FileSystem, bucket: str) -> None:
    folder = Folder.of(emulator.uri(f"{bucket}/new"))
    with folder.create("whole") as sink:
        sink.write(b"data")
    with pytest.raises(ZeroDivisionError), folder.create("half") as sink:
        sink.write(b"%d" % (1 // 0))
    assert (folder.read("whole"), folder.names()) == (b"data", ["whole"])
    assert listed(store, f"{bucket}/new") == [f"{bucket}/new/whole"]


def test_a_bucket_that_is_not_there_is_an_error_not_a_traceback(
    emulator: Emulator, store: pafs.FileSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dedup", "--input", emulator.uri("no-such-bucket/x"), "--output", str(tmp_path / "out")]) == 1
    assert "no-such-bucket" in capsys.readouterr().err
