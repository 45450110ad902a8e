"""The output folder of a corpus command: entered under a lock, finished last by `_SUCCESS`."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.running.errors import RunError, UsageError
from pipelines.running.listed import (
    CARD,
    FILES,
    FOLDERS,
    MANIFEST,
    METRICS,
    REPORT,
    SUCCESS,
    ListedName,
    listed_entries,
    listed_name,
    listed_names,
    parse_json,
    refuse_links,
)
from transforms.base.errors import cause_of
from transforms.base.folders import Folder, make_folder, resolve, sha256
from transforms.base.readable import size
from transforms.base.runs import FOLDER, Work, other_runs, pretty_json
from transforms.base.stores.claims import ClaimedError, claimed

__all__ = ["CARD", "MANIFEST", "METRICS", "REPORT", "SUCCESS"]

OUTPUTS = "outputs.json"
_LOCK = "lock"


@contextlib.contextmanager
def locked(output: Folder) -> Iterator[None]:
    """Hold the output folder: a second run on it is refused until this one ends, however it ends.

    Raises:
        RunError: if another run holds it, or the folder cannot be written.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(_local_lock(output) if output.local else _remote_lock(output))
        except OSError as error:
            cause = cause_of(error) + (f": {error.filename}" if error.filename else "")
            raise RunError(f"--output {output.uri}: cannot be written ({cause}); choose another folder") from error
        yield


@contextlib.contextmanager
def _local_lock(output: Folder) -> Iterator[None]:
    from filelock import FileLock, Timeout

    path = output.local_path(FOLDER) / _LOCK
    is_new = not path.parent.parent.exists()
    make_folder(path.parent)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"--output {output.uri}: another run is writing there; wait for it or choose another") from None
    try:
        yield
    finally:
        _remove_empty_runs(path.parent)
        if output.names(FOLDER) == [_LOCK]:
            path.unlink(missing_ok=True)
            output.remove_if_empty(FOLDER)
            if is_new:
                output.remove_if_empty("")
        lock.release()


def _remove_empty_runs(work: Path) -> None:
    """Remove the folders of runs that ended before they committed anything: a refused input leaves nothing."""
    for folder, inside, _ in os.walk(work, topdown=False):
        for name in inside:
            with contextlib.suppress(OSError):  # it holds something, or is a link
                Path(folder, name).rmdir()


@contextlib.contextmanager
def _remote_lock(output: Folder) -> Iterator[None]:
    """The claim of a run that was killed elsewhere stays: the message says how to remove it."""
    filesystem, path = resolve(output.at(FOLDER))
    try:
        with claimed(filesystem, path):
            yield
    except ClaimedError as error:
        raise RunError(
            f"--output {output.uri}: another run is writing there, or was killed ({error.holder}); "
            f"if it is gone, remove {output.at(f'{FOLDER}/{error.name}')} and run again"
        ) from error


def shards_of(pattern: str) -> str:
    """The folder of shards of a finished output; whatever else is named as an input, as it is."""
    folder = Folder.of(pattern)
    with contextlib.suppress(OSError):  # what cannot be looked at is told of where it is listed
        return folder.at("data") if folder.exists(SUCCESS) else pattern
    return pattern


def finished(output: Folder) -> dict[str, Any] | None:
    """The manifest of the finished run in `output`; None when there is none.

    Every path of its shards and files is a `ListedName`, and no link in the output leads elsewhere.

    Raises:
        RunError: if `_SUCCESS` and the manifest do not belong together, or the manifest is not made like one.
    """
    if not output.exists(SUCCESS):
        return None
    refuse_links(output)
    where = output.at(MANIFEST)
    try:
        data = output.read(MANIFEST)
    except OSError as error:
        raise RunError(f"{output.uri}: {SUCCESS} is there but {MANIFEST} cannot be read ({error})") from error
    recorded = parse_json(output.read(SUCCESS), output.at(SUCCESS))
    if not isinstance(recorded, dict) or sha256(data) != recorded.get("manifest_sha256"):
        raise RunError(f"{output.uri}: {MANIFEST} is not the one that {SUCCESS} was written for: it was changed since")
    manifest = parse_json(data, where)
    if not isinstance(manifest, dict):
        raise RunError(f"{where}: holds a {type(manifest).__name__}: it is no manifest of trapline")
    listed_entries(manifest, where)
    return manifest


def sha256_of_manifest(output: Folder) -> str:
    """Hex digest of the bytes of a finished output's manifest."""
    return sha256(output.read(MANIFEST))


def refuse_foreign(output: Folder) -> None:
    """Refuse a folder that holds something which no run of ours put there, or a link that leads out of it.

    Raises:
        UsageError, RunError: naming what was found.
    """
    ours = {*FOLDERS, *FILES, FOLDER}
    if output.local and output.local_path().is_file():
        raise UsageError(f"--output {output.uri} is a file; give a folder")
    found = output.names()
    foreign = [name for name in found if name not in ours]
    if foreign or (found and not {FOLDER, SUCCESS} & set(found)):
        raise UsageError(
            f"--output {output.uri} is not empty and not an output of trapline (it holds {(foreign or found)[0]!r}); "
            "choose a new folder"
        )
    refuse_links(output)


def discard_finished(output: Folder, manifest: Mapping[str, Any]) -> None:
    """Remove a finished output: `_SUCCESS` first, then what its manifest lists, nothing else.

    Raises:
        RunError: if it lists something that is no file of the output; nothing is removed then.
    """
    where = output.at(MANIFEST)
    names = [listed_name(entry["path"], where) for entry in listed_entries(manifest, where)]
    output.remove(SUCCESS)
    _remove_listed(output, names, where)
    for name in (METRICS, REPORT, CARD, MANIFEST):
        output.remove(name)
    _remove_empty(output)


def discard_unfinished(output: Folder, run: str) -> list[str]:
    """Remove what unfinished runs other than `run` left; returns their names.

    Raises:
        RunError: if one of them lists something that is no file of the output; nothing is removed then.
    """
    others = [(work, announced(work)) for work in other_runs(output, run)]
    for work, names in others:
        _remove_listed(output, names, work.folder.at(OUTPUTS))
        output.child(FOLDER).remove_folder(work.run)
    if others:
        _remove_empty(output)
    return [work.run for work, _ in others]


def discard_refused(work: Work) -> None:
    """Remove what a run has put into its output folder that cannot be continued: nothing of it is left."""
    _remove_listed(work.output, announced(work), work.folder.at(OUTPUTS))
    work.output.child(FOLDER).remove_folder(work.run)
    _remove_empty(work.output)


def announced(work: Work) -> list[ListedName]:
    """What a run has said that it puts into the output folder; empty if it has not come that far.

    Raises:
        RunError: if it names something that is no file of the output.
    """
    if not work.folder.exists(OUTPUTS):
        return []
    where = work.folder.at(OUTPUTS)
    try:
        data = work.folder.read(OUTPUTS)
    except OSError as error:
        raise RunError(f"{where}: cannot be read ({error})") from error
    return listed_names(parse_json(data, where), where)


def _remove_listed(output: Folder, names: list[ListedName], where: str) -> None:
    for name in names:
        try:
            output.remove(name)
        except OSError as error:
            raise RunError(
                f"{where}: lists {name}, which cannot be removed ({error}); choose another folder"
            ) from error


def enter(work: Work, *, overwrite: bool, say: Callable[[str], None], before: Callable[[], None] | None = None) -> bool:
    """Make the output folder ready for a run; true when this very run is finished already.

    Args:
        work: of the run.
        overwrite: replace a finished output.
        say: tells the person at the terminal.
        before: is called once it is clear that the run will go on, before anything is removed: it may refuse.

    Raises:
        UsageError: if the folder holds another finished output that is not to be replaced.
        RunError: if a file in it lists what is no file of an output, or a link in it leads elsewhere.
    """
    refuse_links(work.output)
    manifest = finished(work.output)
    if manifest is not None and not overwrite:
        if manifest.get("run") == work.run:
            work.output.child(FOLDER).remove_folder(work.run)
            say(f"{work.output.uri} is finished already, with the same input and settings")
            return True
        raise UsageError(
            f"--output {work.output.uri} holds a finished output; choose another folder, or replace it with --overwrite"
        )
    for other in other_runs(work.output, work.run):
        announced(other)  # A list that is refused is refused before anything is removed.
    if before is not None:
        before()
    if manifest is not None:
        discard_finished(work.output, manifest)
    if overwrite:
        work.output.child(FOLDER).remove_folder(work.run)
    if discard_unfinished(work.output, work.run):
        say("an unfinished run with other settings, input or versions was there: it is discarded")
    remove_temporaries(work)
    return False


def announce_outputs(work: Work, names: list[str]) -> None:
    """Write down which files a run will put into the output folder, before it does: a later run may discard them."""
    listed_names(names, work.folder.at(OUTPUTS))
    work.folder.write(OUTPUTS, pretty_json(names))


def remove_temporaries(work: Work) -> None:
    """Remove the half-written files of a killed run."""
    if not work.output.local:
        return
    for folder in ("", *FOLDERS):
        work.output.remove_temporaries(folder)
    stages = ("scan", "buckets", "partitioned", "edits", "rewrite", "restore", "placed", "spread", "gather")
    for folder in ("", *stages):
        work.folder.remove_temporaries(folder)


def check_space(output: Folder, need: int) -> None:
    """Refuse to begin when the disk cannot hold `need` bytes; what stands in `output` will be used or replaced.

    Raises:
        RunError: with what is needed and what is free, in bytes.
    """
    if not output.local:
        return
    folder = output.local_path()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    need -= sum(path.stat().st_size for path in output.local_path().rglob("*") if path.is_file())
    if free < need:
        raise RunError(
            f"--output {output.uri}: about {size(need)} are needed and {size(free)} are free there; "
            "free some space, choose another disk, or pass --no-space-check"
        )


def succeed(
    work: Work,
    manifest: Mapping[str, Any],
    others: Mapping[str, bytes],
    before: Callable[[bytes], None] | None = None,
) -> None:
    """Write what describes the output, then the manifest, then `_SUCCESS`; then the work folder goes.

    `before` is given the manifest's bytes before they are written.
    """
    for name, data in others.items():
        work.output.write(name, data)
    data = pretty_json(dict(manifest))
    _refuse_incomplete(work, json.loads(data))
    if before is not None:
        before(data)
    work.output.write(MANIFEST, data)
    work.output.write(SUCCESS, pretty_json({"manifest_sha256": sha256(data)}))
    work.output.child(FOLDER).remove_folder(work.run)


def _refuse_incomplete(work: Work, manifest: Mapping[str, Any]) -> None:
    """Look, before `_SUCCESS`, whether every file of the manifest is there with all its bytes.

    Raises:
        RunError: naming the first that is not; a rerun looks at every task again, and writes it.
    """
    output = work.output
    entries = listed_entries(manifest, output.at(MANIFEST))
    sizes = output.sizes(sorted({entry["path"].partition("/")[0] for entry in entries}))
    for entry in entries:
        found, wanted = sizes.get(entry["path"]), entry.get("bytes")
        if found is None or (wanted is not None and found != wanted):
            state = "is missing" if found is None else f"has {found:,} bytes and not {wanted:,}"
            for name in work.folder.names():
                if name.endswith(".json") and name != OUTPUTS:
                    work.folder.remove(name)
            where = output.at(entry["path"])
            raise RunError(f"{where}: {state}: something else changed it; run the same command again")


def _remove_empty(output: Folder) -> None:
    for folder in FOLDERS:
        output.remove_if_empty(folder)
