"""The output folder of a corpus command: entered under a lock, finished last by `_SUCCESS`."""

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipelines.running.errors import RunError, UsageError
from transforms.base.folders import Folder, sha256
from transforms.base.readable import size
from transforms.base.runs import FOLDER, Work, other_runs, pretty_json

SUCCESS, MANIFEST, METRICS, REPORT, CARD, OUTPUTS = (
    "_SUCCESS",
    "manifest.json",
    "metrics.json",
    "report.html",
    "README.md",
    "outputs.json",
)
_FOLDERS = ("data", "duplicates", "quarantine", "reference", "token_scores", "scores", "generations")
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
            raise RunError(
                f"--output {output.uri}: cannot be written ({error.strerror}: {error.filename}); choose another folder"
            ) from error
        yield


@contextlib.contextmanager
def _local_lock(output: Folder) -> Iterator[None]:
    from filelock import FileLock, Timeout

    path = output.local_path(FOLDER) / _LOCK
    is_new = not path.parent.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"--output {output.uri}: another run is writing there; wait for it or choose another") from None
    try:
        yield
    finally:
        if output.names(FOLDER) == [_LOCK]:
            path.unlink(missing_ok=True)
            output.remove_if_empty(FOLDER)
            if is_new:
                output.remove_if_empty("")
        lock.release()


@contextlib.contextmanager
def _remote_lock(output: Folder) -> Iterator[None]:
    """An object store keeps the lock of a killed run: the message says how to remove it."""
    name = f"{FOLDER}/{_LOCK}"
    if output.exists(name):
        raise RunError(
            f"--output {output.uri}: another run is writing there, or was killed ({output.read(name).decode()}); "
            f"if it is gone, remove {output.at(name)} and run again"
        )
    output.write(name, pretty_json({"host": socket.gethostname(), "pid": os.getpid(), "began": time.time()}))
    try:
        yield
    finally:
        output.remove(name)


def finished(output: Folder) -> dict[str, Any] | None:
    """The manifest of the finished run in `output`; None when there is none.

    Raises:
        RunError: if `_SUCCESS` and the manifest do not belong together.
    """
    if not output.exists(SUCCESS):
        return None
    try:
        data = output.read(MANIFEST)
        recorded = json.loads(output.read(SUCCESS))["manifest_sha256"]
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{output.uri}: {SUCCESS} is there but {MANIFEST} cannot be read ({error})") from error
    if sha256(data) != recorded:
        raise RunError(f"{output.uri}: {MANIFEST} is not the one that {SUCCESS} was written for: it was changed since")
    manifest: dict[str, Any] = json.loads(data)
    return manifest


def sha256_of_manifest(output: Folder) -> str:
    """Hex digest of the bytes of a finished output's manifest."""
    return sha256(output.read(MANIFEST))


def refuse_foreign(output: Folder) -> None:
    """Refuse a folder that holds something which no run of ours put there.

    Raises:
        UsageError: naming what was found.
    """
    ours = {*_FOLDERS, FOLDER, SUCCESS, MANIFEST, METRICS, REPORT, CARD}
    if output.local and output.local_path().is_file():
        raise UsageError(f"--output {output.uri} is a file; give a folder")
    found = output.names()
    foreign = [name for name in found if name not in ours]
    if foreign or (found and not {FOLDER, SUCCESS} & set(found)):
        raise UsageError(
            f"--output {output.uri} is not empty and not an output of trapline (it holds {(foreign or found)[0]!r}); "
            "choose a new folder"
        )


def discard_finished(output: Folder, manifest: Mapping[str, Any]) -> None:
    """Remove a finished output: `_SUCCESS` first, then what its manifest lists, nothing else."""
    output.remove(SUCCESS)
    content = manifest["content"]
    for entry in [*content.get("shards", ()), *content["files"]]:
        output.remove(entry["path"])
    for name in (METRICS, REPORT, CARD, MANIFEST):
        output.remove(name)
    _remove_empty(output)


def discard_unfinished(output: Folder, run: str) -> list[str]:
    """Remove what unfinished runs other than `run` left; returns their names."""
    others = other_runs(output, run)
    for work in others:
        for name in _outputs(work):
            output.remove(name)
        output.child(FOLDER).remove_folder(work.run)
    if others:
        _remove_empty(output)
    return [work.run for work in others]


def _outputs(work: Work) -> list[str]:
    if not work.folder.exists(OUTPUTS):
        return []
    names: list[str] = json.loads(work.folder.read(OUTPUTS))
    return names


def enter(work: Work, *, overwrite: bool, say: Callable[[str], None], before: Callable[[], None] | None = None) -> bool:
    """Make the output folder ready for a run; true when this very run is finished already.

    Args:
        work: of the run.
        overwrite: replace a finished output.
        say: tells the person at the terminal.
        before: is called once it is clear that the run will go on, before anything is removed: it may refuse.

    Raises:
        UsageError: if the folder holds another finished output that is not to be replaced.
    """
    manifest = finished(work.output)
    if manifest is not None and not overwrite:
        if manifest.get("run") == work.run:
            work.output.child(FOLDER).remove_folder(work.run)
            say(f"{work.output.uri} is finished already, with the same input and settings")
            return True
        raise UsageError(
            f"--output {work.output.uri} holds a finished output; choose another folder, or replace it with --overwrite"
        )
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
    work.folder.write(OUTPUTS, pretty_json(names))


def remove_temporaries(work: Work) -> None:
    """Remove the half-written files of a killed run."""
    if not work.output.local:
        return
    for folder in ("", *_FOLDERS):
        work.output.remove_temporaries(folder)
    for folder in ("", "scan", "buckets", "edits", "rewrite", "restore"):
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
    if before is not None:
        before(data)
    work.output.write(MANIFEST, data)
    work.output.write(SUCCESS, pretty_json({"manifest_sha256": sha256(data)}))
    work.output.child(FOLDER).remove_folder(work.run)


def _remove_empty(output: Folder) -> None:
    for folder in _FOLDERS:
        output.remove_if_empty(folder)
