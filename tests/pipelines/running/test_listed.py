"""Whatever a file in an output lists: nothing outside the output's own folders is read, written or removed."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cli import main
from pipelines.running import output as outputs
from pipelines.running.errors import RunError, UsageError
from pipelines.running.listed import FOLDERS, listed_name, refuse_links
from transforms.base.folders import Folder, sha256
from transforms.base.runs import FOLDER, Work

RUN, OTHER = "a" * 32, "b" * 32

_PARTS = st.sampled_from(
    ["..", ".", "", "data", "duplicates", "victim", "near.txt", "manifest.json", ".work", "link", "a\0b", "\\",
     "..\\..", "data\\..\\..", "é", "e\u0301", "\u2025", "\ud800", "\uff052e", "%2e%2e", "~", "C:", "x" * 300]
)  # fmt: skip
_NAMES = st.builds(
    lambda lead, parts, between: lead + between.join(parts),
    st.sampled_from(["", "/", "//", "data/", "file://", "s3://bucket/", "VICTIM/"]),
    st.lists(_PARTS, max_size=6),
    st.sampled_from(["/", "\\", "//"]),
)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "shards", "x"]), inner),
    max_leaves=6,
)
_ENTRIES = st.lists(st.fixed_dictionaries({"path": _NAMES | _ANYTHING}) | _ANYTHING, max_size=4) | _ANYTHING
_MANIFESTS = _ANYTHING | st.fixed_dictionaries(
    {"content": _ANYTHING | st.fixed_dictionaries({"shards": _ENTRIES, "files": _ENTRIES})}
)


def state(folder: Path, but: Path) -> dict[str, str]:
    """All that stands in `folder` outside `but`, with its content."""
    return {
        str(path): path.read_text() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
        if but != path and but not in path.parents
    }


def place(folder: Path) -> Path:
    """An output folder with victims beside it; returns the output."""
    output = folder / "deep" / "out"
    for path in (
        output / "data/mine",
        folder / "near.txt",
        folder / "deep/near.txt",
        folder / "deep/victim/data/near.txt",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious")
    return output


def write_json(path: Path, value: object, folder: Path) -> bytes:
    text = json.dumps(value).replace("VICTIM", str(folder / "deep/victim"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return text.encode()


@settings(max_examples=150, deadline=None)
@given(manifest=_MANIFESTS, announced=_ENTRIES, link=st.sampled_from(["", *FOLDERS, FOLDER, "data/link", "_SUCCESS"]))
def test_whatever_an_output_lists_nothing_outside_it_changes(manifest: Any, announced: Any, link: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output = place(folder)
        data = write_json(output / "manifest.json", manifest, folder)
        write_json(output / "_SUCCESS", {"manifest_sha256": sha256(data)}, folder)
        write_json(output / FOLDER / OTHER / outputs.OUTPUTS, announced, folder)
        if link:
            shutil.rmtree(output / link, ignore_errors=True)
            (output / link).unlink(missing_ok=True)
            (output / link).symlink_to(folder / "deep/victim", target_is_directory=True)
        before = state(folder, output)
        try:
            outputs.refuse_foreign(Folder(str(output)))
            outputs.enter(Work(Folder(str(output)), RUN), overwrite=True, say=lambda _: None)
            assert not link
            said = ""
        except (RunError, UsageError) as error:
            said = str(error)
        assert "\n" not in said
        assert state(folder, output) == before
        assert not link or (output / link).is_symlink()


@settings(max_examples=60, deadline=None)
@given(manifest=_MANIFESTS)
def test_check_refuses_any_other_manifest_in_one_line(manifest: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output = place(folder)
        data = write_json(output / "manifest.json", manifest, folder)
        write_json(output / "_SUCCESS", {"manifest_sha256": sha256(data)}, folder)
        before = state(folder, folder / "none")
        assert main(["check", "--corpus", str(output)]) == 1
        assert state(folder, folder / "none") == before


@pytest.mark.parametrize("data", [b"[" * 100_000, b"\xff", b"", b"[]", b'"x"', b'{"content": []}'])
def test_what_is_no_manifest_is_refused_by_name(data: bytes, tmp_path: Path) -> None:
    output = Folder(str(tmp_path))
    output.write("manifest.json", data)
    output.write("_SUCCESS", json.dumps({"manifest_sha256": sha256(data)}).encode())
    with pytest.raises(RunError, match=r"manifest\.json: "):
        outputs.finished(output)
    output.write("_SUCCESS", data)
    with pytest.raises(RunError, match="_SUCCESS"):
        outputs.finished(output)


@pytest.mark.parametrize("name", ["data/a.parquet", "reference/en/train/clean/x y.jsonl", "scores/..a", "data/é:%2e"])
def test_names_of_files_in_the_folders_of_an_output_are_taken(name: str) -> None:
    assert listed_name(name, "here") == name


@pytest.mark.parametrize(
    "name",
    ["", "data", "data/", "data//a", "/data/a", "data/../a", "data/./a", "../data/a", "README.md", ".work/x/scan.json",
     "Data/a", "data\\a", "data/a\\..\\b", "data/a\0", "data/a\n", "data/\udcff", "s3://b/data/a", None, 1, ["data/a"]],
)  # fmt: skip
def test_any_other_name_is_refused_with_the_file_that_gives_it(name: object) -> None:
    with pytest.raises(RunError, match=r"here: lists .*, which is no file in data/, "):
        listed_name(name, "here")


def test_a_refused_entry_keeps_all_others(tmp_path: Path) -> None:
    output = Folder(str(tmp_path / "out"))
    old = Work(output, OTHER)
    output.write("data/a", b"old")
    old.folder.write(outputs.OUTPUTS, b'["data/a", "../b"]')
    with pytest.raises(RunError, match=rf"{OTHER}/outputs.json: lists '\.\./b'"):
        outputs.enter(Work(output, RUN), overwrite=False, say=lambda _: None)
    assert output.exists("data/a")
    with pytest.raises(RunError, match="lists"):
        outputs.announce_outputs(old, ["../b"])


def test_a_link_is_found_wherever_it_stands_and_the_folder_itself_may_be_one(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "data/deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(real, target_is_directory=True)
    output = Folder(str(tmp_path / "link"))
    refuse_links(output)
    (real / "data/deep/x").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"data/deep/x is a symbolic link"):
        refuse_links(output)
