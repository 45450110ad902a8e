"""A flag that names a file to write, on this machine or in an object store: it must be new."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.running.errors import UsageError

if TYPE_CHECKING:
    from transforms.base.folders import Folder


def new_file(given: str, flag: str) -> "tuple[Folder, str]":
    """The folder and the name of the file that `flag` names.

    Raises:
        UsageError: if it is there already, or its folder is not.
    """
    from transforms.base.folders import Folder, canonical, is_local

    folder, _, name = canonical(given if not is_local(given) else str(Path(given).absolute())).rpartition("/")
    parent = Folder(folder or "/")
    if not name or parent.exists(name) or (parent.local and not _can_hold(parent.local_path(), name)):
        raise UsageError(f"{flag} {given}: give a new file in a folder that exists")
    return parent, name


def _can_hold(folder: Path, name: str) -> bool:
    return folder.is_dir() and not (folder / name).is_symlink()
