"""Input and output on an object store: everything that is not a local path takes this way."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from pipelines.cli import main
from transforms.base import folders as storage


@pytest.fixture(scope="module")
def store() -> Iterator[pafs.S3FileSystem]:
    """An S3 server on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("REGION", "us-east-1"),
                            ("DEFAULT_REGION", "us-east-1"), ("EC2_METADATA_DISABLED", "true")):  # fmt: skip
            patch.setenv(f"AWS_{name}", value)
        storage._root.cache_clear()
        yield pafs.S3FileSystem(allow_bucket_creation=True, endpoint_override=f"http://{host}:{port}")
        storage._root.cache_clear()
    server.stop()


@pytest.fixture
def bucket(store: pafs.S3FileSystem) -> str:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    store.create_dir(name)
    return name


@pytest.fixture
def corpus(store: pafs.S3FileSystem, bucket: str) -> str:
    texts = [f"document {at} " + " ".join(f"w{at}x{word}" for word in range(40)) for at in range(50)]
    rows = [*texts, texts[3], texts[4] + " more"]
    pq.write_table(pa.table({"text": rows}), f"{bucket}/in dir/ü part.parquet", filesystem=store)
    with store.open_output_stream(f"{bucket}/in dir/lines.jsonl", compression=None) as stream:
        stream.write(b'{"id": "j", "text": "a line of its own"}\n{"broken\n')
    return f"s3://{bucket}/in dir"


def listed(store: pafs.S3FileSystem, folder: str) -> list[str]:
    infos = store.get_file_info(pafs.FileSelector(folder, recursive=True, allow_not_found=True))
    return sorted(info.path for info in infos if info.type == pafs.FileType.File)


def test_a_bucket_is_read_and_written(
    store: pafs.S3FileSystem, corpus: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["dedup", "--input", corpus, "--output", f"s3://{bucket}/out", "--shard-bytes", "5000"]
    assert main(command) == 0
    found = listed(store, f"{bucket}/out")
    shards = [path for path in found if "/data/" in path]
    assert len(shards) > 2
    assert sum(pq.read_metadata(path, filesystem=store).num_rows for path in shards) == 51
    assert f"{bucket}/out/_SUCCESS" in found
    assert not [path for path in found if "/.work/" in path]
    assert main(command) == 0
    assert "finished already" in capsys.readouterr().err


def test_globs_reach_into_a_bucket(corpus: str, bucket: str, tmp_path: Path) -> None:
    assert main(["dedup", "--input", f"s3://{bucket}/*/ü*.parquet", "--output", str(tmp_path / "out")]) == 0
    assert pq.read_table(tmp_path / "out/data").num_rows == 50


def test_the_lock_of_a_killed_run_says_how_to_remove_it(
    store: pafs.S3FileSystem, corpus: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with store.open_output_stream(f"{bucket}/out/.work/lock") as stream:
        stream.write(b"{}")
    assert main(["dedup", "--input", corpus, "--output", f"s3://{bucket}/out"]) == 1
    assert f"remove s3://{bucket}/out/.work/lock" in capsys.readouterr().err


def test_what_an_output_lists_outside_itself_is_not_touched(
    store: pafs.S3FileSystem, corpus: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["dedup", "--input", corpus, "--output", f"s3://{bucket}/out"]
    names = [f"{bucket}/near", f"{bucket}/out/../near", f"{bucket}/data/near"]
    for number, name in enumerate([*names, f"{bucket}/out/.work/{'0' * 32}/outputs.json"]):
        with store.open_output_stream(name) as stream:
            stream.write(b'["../near", "data/../../near", "/near"]' if number == len(names) else b"precious")
    before = listed(store, bucket)
    assert main(command) == 1
    assert "outputs.json: lists '../near', which is no file in data/" in capsys.readouterr().err
    assert listed(store, bucket) == before


def test_check_finds_what_a_bucket_has_beside_the_listed_files(
    store: pafs.S3FileSystem, corpus: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dedup", "--input", corpus, "--output", f"s3://{bucket}/out"]) == 0
    assert main(["check", "--corpus", f"s3://{bucket}/out"]) == 0
    with store.open_output_stream(f"{bucket}/out/data/more.parquet") as stream:
        stream.write(b"x")
    capsys.readouterr()
    assert main(["check", "--corpus", f"s3://{bucket}/out"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "data/more.parquet: is not listed in manifest.json"


def test_an_upload_that_fails_leaves_no_file(store: pafs.S3FileSystem, bucket: str) -> None:
    folder = storage.Folder(f"s3://{bucket}/new")
    with folder.create("whole") as sink:
        sink.write(b"data")
    with pytest.raises(ZeroDivisionError), folder.create("half") as sink:
        sink.write(b"%d" % (1 // 0))
    assert (folder.read("whole"), folder.names()) == (b"data", ["whole"])
    assert listed(store, f"{bucket}/new") == [f"{bucket}/new/whole"]


def test_a_bucket_that_is_not_there_is_an_error_not_a_traceback(
    store: pafs.S3FileSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dedup", "--input", "s3://no-such-bucket/x", "--output", str(tmp_path / "out")]) == 1
    assert "no-such-bucket" in capsys.readouterr().err
