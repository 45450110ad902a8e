"""The files of an input: found by name, listed in byte order of their paths, with their size and format."""

import os
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

import pyarrow.fs as pafs

from transforms.base.errors import CorpusError
from transforms.base.folders import canonical, is_local, resolve
from transforms.base.stores.address import split
from transforms.corpus.input import formats
from transforms.corpus.input.format import Source
from transforms.corpus.input.formats import format_of, known_suffixes
from transforms.corpus.input.partitions import with_partitions

__all__ = ["Listing", "Source", "format_of", "list_input", "list_sources", "names", "would_list"]

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Listing:
    """What some patterns name.

    Attributes:
        sources: the files to read, by ordinal.
        left_out: paths, sorted, of files that stand in the folders and are not read: those of an unknown format, and
            those of a known one whose name or folder begins with `_` or `.`.
    """

    sources: list[Source]
    left_out: list[str]


def list_sources(patterns: Sequence[str]) -> list[Source]:
    """The files to read, see `list_input`."""
    return list_input(patterns).sources


def list_input(patterns: Sequence[str]) -> Listing:
    """The files that `patterns` name: files, folders (searched recursively) and globs (`*`, `?`, `[..]`, `**`).

    Hidden files and those whose name begins with `_` are passed over in folders and globs, as Spark and
    Hugging Face do. A file that is reached by two ways (named twice, or through symbolic links) counts once, under
    the shortest of its paths. What a library lists as the description of its data set, or as a cache beside it, is
    neither read nor counted as left out.

    Raises:
        CorpusError: a pattern that matches nothing, or a named file of an unknown format.
    """
    found: dict[str, pafs.FileInfo] = {}
    left_out: set[str] = set()
    for pattern in patterns:
        matches, others = _expand(canonical(pattern))
        if not matches:
            there = f" of a known format, but {others[0]}" if others else ""
            raise CorpusError(
                f"--input {pattern!r} matches no file{there}: give a file, a folder or a quoted glob; "
                f"known formats are {', '.join(known_suffixes())}"
            )
        found.update(matches)
        left_out.update(others)
    uris = sorted(_one_path_each(found), key=os.fsencode)
    sources = [
        Source(ordinal, uri, *_known_format(uri), size=found[uri].size or 0, modified=found[uri].mtime_ns or 0)
        for ordinal, uri in enumerate(uris)
    ]
    return Listing(
        with_partitions(sources, shared_folder(patterns, found)), sorted(left_out - set(found), key=os.fsencode)
    )


def shared_folder(patterns: Sequence[str], files: Container[str]) -> str:
    """The deepest folder that holds all that `patterns` name; of a pattern that is one of `files`, its folder."""
    addresses = [canonical(pattern) for pattern in patterns]
    given = [_prefix(address) + _fixed_part(resolve(address)[1]) for address in addresses]
    return _common_folder([one.rpartition("/")[0] if one in files else one.rstrip("/") for one in given])


def _one_path_each(uris: Iterable[str]) -> Iterable[str]:
    paths: dict[str, str] = {}
    for uri in sorted(uris, key=lambda uri: (len(uri), uri)):
        paths.setdefault(os.path.realpath(uri) if is_local(uri) else uri, uri)
    return paths.values()


def would_list(patterns: Sequence[str], folder: str, names: Iterable[str]) -> str | None:
    """The first of `patterns` by which `list_sources` would find a file `names` in `folder`; None if there is none.

    For an output folder: what is written there must not become input. How a bucket is reached does not matter.
    """
    inside = _real(folder)
    return next(
        (pattern for pattern in patterns if any(_reaches(_real(pattern), f"{inside}/{name}") for name in names)), None
    )


def _reaches(pattern: str, path: str) -> bool:
    if path.startswith(pattern + "/"):
        return not _is_hidden(path[len(pattern) :])
    return _matches(path.split("/"), pattern.split("/")) and not _is_hidden(path[len(_fixed_part(pattern)) :])


def _real(uri: str) -> str:
    if not is_local(uri):
        store, key = split(canonical(uri))
        return f"{store.scheme if store else ''}://{key}"
    path = resolve(uri)[1]
    fixed = _fixed_part(path)
    return os.path.realpath(fixed) + path[len(fixed) :]


def names(sources: Sequence[Source]) -> list[str]:
    """Paths relative to the deepest folder that holds all files: what a published listing may show."""
    if not sources:
        return []
    common = _common_folder([source.uri.rsplit("/", 1)[0] for source in sources])
    return [source.uri[len(common) + 1 :] for source in sources]


def _common_folder(folders: Sequence[str]) -> str:
    common = folders[0]
    while not all((folder + "/").startswith(common + "/") for folder in folders):
        common = common.rpartition("/")[0]
    return common


def _known_format(uri: str) -> tuple[str, str]:
    known = format_of(uri)
    if known is None:
        raise CorpusError(
            f"{uri}: unknown format; its name must end in one of {', '.join(known_suffixes())}: rename or convert it"
        )
    return known


def _expand(pattern: str) -> tuple[dict[str, pafs.FileInfo], list[str]]:
    try:
        return _find(pattern)
    except OSError as error:
        raise CorpusError(
            f"--input {pattern!r}: cannot be listed ({error}); check the path and its permissions"
        ) from error


def _find(pattern: str) -> tuple[dict[str, pafs.FileInfo], list[str]]:
    """The files that a pattern names, by path, and the paths of those that it leaves out."""
    filesystem, path = resolve(pattern)
    prefix = _prefix(pattern)
    info = filesystem.get_file_info(path)
    if info.type == pafs.FileType.File:
        return {prefix + path: info}, []
    is_folder = info.type == pafs.FileType.Directory
    if not is_folder and not _MAGIC.search(path):
        return {}, []
    top = path if is_folder else _fixed_part(path)
    everything = {entry.path: entry for entry in _walk(filesystem, top)}
    seen = dict.fromkeys(one for one in everything if not _is_hidden(one[len(top) :]))
    beside = {one for known in formats.FORMATS for one in known.beside(filesystem, list(seen))}
    named = [one for one in everything if is_folder or _matches(one.split("/"), path.split("/"))]
    read = [one for one in named if one in seen and one not in beside and (format_of(one) or not is_folder)]
    # Of hidden files only those are left out that would be read: the others are marks and checksums.
    left_out = set(named).difference(
        read, beside, (one for one in everything if one not in seen and not format_of(one))
    )
    return {prefix + one: everything[one] for one in read}, sorted(prefix + one for one in left_out)


def _prefix(pattern: str) -> str:
    """What stands before the path in the addresses of the files that a pattern names."""
    store, _ = split(pattern)
    return "" if store is None else store.root[: -len(store.bucket)]


def _fixed_part(path: str) -> str:
    """The deepest folder of a glob, or the whole of a path without `*`, `?` and `[`."""
    fixed = PurePosixPath(path)
    while _MAGIC.search(str(fixed)):
        fixed = fixed.parent
    return str(fixed)


def _walk(filesystem: pafs.FileSystem, folder: str) -> Iterable[pafs.FileInfo]:
    selector = pafs.FileSelector(folder, allow_not_found=True, recursive=True)
    for entry in filesystem.get_file_info(selector):
        try:
            entry.path.encode()
        except UnicodeDecodeError as error:
            raise CorpusError(f"{error.object!r}: the file's name is not UTF-8: rename it") from error
        if entry.type == pafs.FileType.File:
            yield entry


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in path.split("/"))


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """`*`, `?` and `[..]` stay within a path segment; a segment `**` stands for any number of them."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return len(pattern) == 1 or any(_matches(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
