import hashlib
import os
from pathlib import Path

import pytest

from transforms.base.folders import Folder, is_local, resolve


def test_a_file_appears_whole_with_its_hash(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with folder.create("deep/er/file") as sink:
        sink.write(b"one ")
        sink.write(memoryview(b"two"))
        assert not folder.exists("deep/er/file")
    assert folder.read("deep/er/file") == b"one two"
    assert (sink.size, sink.sha256) == (7, hashlib.sha256(b"one two").hexdigest())
    assert folder.names("deep/er") == ["file"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write("file", b"old")
    with pytest.raises(ZeroDivisionError), folder.create("file") as sink:
        sink.write(b"new" * (1 // 0))
    assert folder.read("file") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_who_may_write_into_a_folder_may_write_into_those_made_in_it(tmp_path: Path) -> None:
    for mode, expected in ((0o777, 0o777), (0o775, 0o775), (0o755, 0o755), (0o1777, 0o755)):
        base = tmp_path / oct(mode)
        base.mkdir()
        base.chmod(mode)
        before = os.umask(0o022)
        try:
            Folder(str(base)).write("deep/er/file", b"data")
        finally:
            os.umask(before)
        assert [(base / name).stat().st_mode & 0o777 for name in ("deep", "deep/er")] == [expected, expected]


def test_temporary_files_are_not_listed_and_can_be_removed(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    left = tmp_path / f".file.{'0' * 32}.tmp"
    left.write_bytes(b"half")
    theirs = tmp_path / ".someone.tmp"
    theirs.write_bytes(b"not ours")
    assert folder.names() == [".someone.tmp"]
    folder.remove_temporaries("")
    assert not left.exists()
    assert theirs.exists()


def test_what_is_not_there_is_not_an_error_to_remove_or_list(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "missing"))
    folder.remove("file")
    folder.remove_folder("folder")
    folder.remove_if_empty("folder")
    assert folder.names() == []
    assert not folder.exists("file")
    with pytest.raises(FileNotFoundError):
        folder.read("file")


@pytest.mark.parametrize("name", ["a b", "ä#%20?", "日本語", "file://x"])
def test_local_names_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    target = tmp_path / name.replace("/", "_")
    filesystem, path = resolve(str(target))
    assert path == str(target)
    with filesystem.open_output_stream(path) as stream:
        stream.write(b"x")
    assert target.read_bytes() == b"x"


def test_schemes_tell_local_from_remote() -> None:
    assert is_local("relative/path")
    assert is_local("file:///absolute")
    assert not is_local("s3://bucket/key")
    assert not is_local("gs://bucket/key")
    assert resolve("file:///a/b c")[1] == "/a/b c"


def test_a_flag_names_a_folder_by_uri_or_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Folder.of("s3://bucket/a/../b").uri == "s3://bucket/a/../b"
    assert Folder.of("out/../in").uri == str(tmp_path / "in")
