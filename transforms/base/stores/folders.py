"""Folders of a store, which are no more than the beginnings of its objects' names."""

import contextlib
from collections.abc import Iterator

import pyarrow.fs as pafs


def names_in(filesystem: pafs.FileSystem, path: str) -> list[str]:
    """Names of what stands directly in a folder, sorted; empty if there is none."""
    # Arrow lists folders of Google's store only where an object marks them.
    unmarked = isinstance(filesystem, pafs.GcsFileSystem)
    infos = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True, recursive=unmarked))
    below = len(path.rstrip("/")) + 1
    return sorted({info.path[below:].partition("/")[0] for info in infos} - {""})


def files_below(filesystem: pafs.FileSystem, path: str) -> Iterator[pafs.FileInfo]:
    """The objects in a folder and below; what marks a folder is none of them."""
    for info in filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True, recursive=True)):
        if info.type == pafs.FileType.File:
            yield info


def remove_tree(filesystem: pafs.FileSystem, path: str) -> None:
    """Remove all objects below a path, if there are any.

    Arrow's `delete_dir` wants an object that marks the folder on one store, and `delete_dir_contents` makes one on the
    other.
    """
    with contextlib.suppress(FileNotFoundError):
        if isinstance(filesystem, pafs.S3FileSystem):
            filesystem.delete_dir(path)
        else:
            filesystem.delete_dir_contents(path, missing_dir_ok=True)
