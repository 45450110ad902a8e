"""Folders that Hugging Face `datasets` saves: which of their files hold the data, by the library's own lists."""

import json
from collections.abc import Collection, Sequence
from typing import Any

import pyarrow.fs as pafs

from transforms.base.errors import CorpusError

STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"


def not_of_the_data(filesystem: pafs.FileSystem, paths: Sequence[str]) -> Collection[str]:
    """Of the files found in some folders, those that `load_from_disk` would not read as data.

    In a folder with `state.json` these are the descriptions, and every `.arrow` file that is not listed there, such as
    the caches of later `map` calls. Folders without it may be a cache of `load_dataset`, where what is data and what
    was made of it cannot be told apart: a `cache-*.arrow` file there is refused.

    Raises:
        CorpusError: naming the file, if the data is not complete, or not to be told from caches.
    """
    folders: dict[str, set[str]] = {}
    found = set(paths)
    for path in paths:
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, set()).add(name)
    left_out: set[str] = set()
    for folder, names in folders.items():
        arrow = {name for name in names if name.lower().endswith(".arrow")}
        described: set[str] = set()
        if SPLITS in names and (splits := _splits(filesystem, f"{folder}/{SPLITS}")) is not None:
            missing = [split for split in splits if f"{folder}/{split}/{STATE}" not in found]
            if missing:
                raise CorpusError(
                    f"{folder}/{SPLITS}: lists the split {missing[0]!r}, which is not there: copy the data set again, "
                    "or give the folders of the splits"
                )
            described.add(SPLITS)
        if STATE in names and (listed := _listed(filesystem, f"{folder}/{STATE}")) is not None:
            missing = sorted(set(listed) - names)
            if missing:
                raise CorpusError(
                    f"{folder}/{STATE}: lists {missing[0]!r}, which is not there: copy the data set again"
                )
            described |= {STATE, INFO} | (arrow - set(listed))
        elif arrow:
            caches = sorted(name for name in arrow if name.startswith("cache-"))
            if caches:
                raise CorpusError(
                    f"{folder}/{caches[0]}: is a cache of the datasets library, which may repeat the documents "
                    "of other files: save the data set with save_to_disk(...), or name the files to read"
                )
            described.add(INFO)
        left_out |= {f"{folder}/{name}" for name in described & names}
    return left_out


def _splits(filesystem: pafs.FileSystem, path: str) -> list[str] | None:
    """The splits of a `DatasetDict`; None for a file that only has that name."""
    content = _object(filesystem, path)
    splits = content.get("splits")
    return splits if isinstance(splits, list) and all(isinstance(one, str) for one in splits) else None


def _listed(filesystem: pafs.FileSystem, path: str) -> list[str] | None:
    """The data files of a saved data set; None for a file that only has that name.

    Raises:
        CorpusError: if its rows are chosen by a file of indices.
    """
    content = _object(filesystem, path)
    files = content.get("_data_files")
    if not isinstance(files, list) or not all(isinstance(one, dict) and "filename" in one for one in files):
        return None
    if content.get("_indices_data_files") or content.get("_indices_files"):
        raise CorpusError(
            f"{path}: the rows of this data set are chosen by a file of indices, which is not supported: "
            "save it again with flatten_indices().save_to_disk(...)"
        )
    return [str(one["filename"]) for one in files]


def _object(filesystem: pafs.FileSystem, path: str) -> dict[str, Any]:
    try:
        with filesystem.open_input_stream(path) as stream:
            content = json.loads(stream.read())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
