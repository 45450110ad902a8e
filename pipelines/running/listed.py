"""Names that a file of an output gives (`manifest.json`, `outputs.json`), checked before anything is done to them.

An output may come from anyone. What one of its files says is therefore no path until it is a `ListedName`: a relative
name below one of the folders that outputs have. Nothing else is read, written or removed on the word of such a file.
"""

import json
import os
import stat
from collections.abc import Callable, Mapping
from typing import Any, NewType

from pipelines.running.errors import RunError
from transforms.base.folders import Folder
from transforms.base.runs import FOLDER

SUCCESS, MANIFEST, METRICS, REPORT, CARD = ("_SUCCESS", "manifest.json", "metrics.json", "report.html", "README.md")
FILES = (SUCCESS, MANIFEST, METRICS, REPORT, CARD)
"""What stands at the top of an output."""
FOLDERS = (
    "data",
    "documents",
    "tokens",
    "duplicates",
    "quarantine",
    "reference",
    "token_scores",
    "scores",
    "generations",
)
"""What an output holds its files in."""

ListedName = NewType("ListedName", str)
"""A relative name with `/` between its parts: a file below one of `FOLDERS`, whatever the file system."""


def listed_name(value: object, where: str) -> ListedName:
    """Check a name; `where` is the file that gives it, for the message.

    Raises:
        RunError: if it is not the name of a file below one of `FOLDERS`.
    """
    if not isinstance(value, str) or not _is_below_a_folder(value):
        raise RunError(
            f"{where}: lists {_short(value)}, which is no file in {', '.join(f'{name}/' for name in FOLDERS)} of this "
            "folder: it was changed, or trapline did not write it; nothing was touched; choose another folder"
        )
    return ListedName(value)


def _is_below_a_folder(name: str) -> bool:
    parts = name.split("/")
    return (
        len(parts) > 1
        and parts[0] in FOLDERS
        and not any(part in ("", ".", "..") for part in parts)
        # A backslash parts names on other systems; control characters and lone surrogates are no names anywhere.
        and not any(letter == "\\" or ord(letter) < 32 or "\ud800" <= letter <= "\udfff" for letter in name)
    )


def parse_json(data: bytes, where: str) -> object:
    """JSON that someone else may have written.

    Raises:
        RunError: if it is none, or is nested too deeply to be read.
    """
    try:
        return json.loads(data)
    except ValueError as error:
        raise RunError(f"{where}: cannot be read as JSON ({_line(error)})") from error
    except RecursionError as error:
        raise RunError(f"{where}: cannot be read as JSON (it is nested too deeply)") from error


def listed_names(value: object, where: str) -> list[ListedName]:
    """The names in a list, as `outputs.json` has them.

    Raises:
        RunError: if it is no list, or an entry is not such a name.
    """
    if not isinstance(value, list):
        raise RunError(f"{where}: holds {_short(value)} where a list of names is expected")
    return [listed_name(one, where) for one in value]


def listed_entries(manifest: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    """The shards, then the other files of a manifest: mappings whose `path` is a `ListedName`.

    Raises:
        RunError: if the manifest is not made like one, or a path is not such a name.
    """
    content = manifest.get("content")
    if not isinstance(content, Mapping):
        raise RunError(f"{where}: has {_short(content)} as its content: it is no manifest of trapline")
    found: list[Mapping[str, Any]] = []
    for part in ("shards", "files"):
        entries = content.get(part, [])
        if not isinstance(entries, list | tuple):
            raise RunError(f"{where}: has {_short(entries)} as its {part}: it is no manifest of trapline")
        for entry in entries:
            if not isinstance(entry, Mapping):
                raise RunError(f"{where}: lists {_short(entry)} among its {part}: it is no manifest of trapline")
            listed_name(entry.get("path"), where)
            found.append(entry)
    return found


def refuse_links(output: Folder) -> None:
    """Refuse an output in which a name leads elsewhere: a symbolic link in the place of a file or folder of ours.

    The output folder itself may be a link: the user has named it.

    Raises:
        RunError: naming what was found.
    """
    if not output.local:
        return
    root = output.local_path()
    for name in (FOLDER, *FOLDERS, *FILES):
        path = str(root / name)
        if os.path.lexists(path):
            _refuse(path, os.lstat(path).st_mode, stat.S_ISREG if name in FILES else stat.S_ISDIR)
            _refuse_below(path)


def _refuse_below(path: str) -> None:
    """Walk a folder by hand: `os.walk` takes a link for a file, and a file for an empty folder."""
    left = [path]
    while left:
        try:
            with os.scandir(left.pop()) as found:
                for entry in found:
                    mode = entry.stat(follow_symlinks=False).st_mode
                    _refuse(entry.path, mode, lambda mode: stat.S_ISREG(mode) or stat.S_ISDIR(mode))
                    if stat.S_ISDIR(mode):
                        left.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            pass  # One of our files, or what a run that is writing there has just removed.


def _refuse(path: str, mode: int, is_expected: Callable[[int], bool]) -> None:
    if stat.S_ISLNK(mode):
        raise RunError(f"{path} is a symbolic link: no output is read or written through one; remove the link")
    if not is_expected(mode):
        raise RunError(f"{path} is not what an output of trapline has in this place; choose another folder")


def _short(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else type(value).__name__
    return text if len(text) <= 100 else f"{text[:97]}..."


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
