"""The course of `trapline puzzles`: refuse the impossible, choose, write, publish; or make probes."""

import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipelines.running import output as outputs
from pipelines.running.errors import RunError, UsageError
from pipelines.running.machine import cores, peak_rss_bytes
from pipelines.running.output import CARD, METRICS, succeed
from pipelines.running.progress import Progress
from pipelines.running.versions import versions
from transforms.base.folders import Folder
from transforms.base.readable import count, counted
from transforms.base.runs import Work, pretty_json, run_name
from transforms.base.toml import table as toml_table
from transforms.probes.puzzles.card import puzzles_card
from transforms.probes.puzzles.dataset import Request, shortfalls, splits_in, write_tasks
from transforms.probes.puzzles.logic.counting import can_be_counted, classes_with_one_solution
from transforms.probes.puzzles.splits import SPLITS, Splits

if TYPE_CHECKING:
    from pipelines.puzzles import PuzzlesConfig

_ROUNDS = 5


def run(config: "PuzzlesConfig", options: Callable[[], Any], progress: Progress) -> int:
    """Do what `config` says; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    if config.way == "probes":
        from pipelines.probes.puzzles_probes import PUZZLES_KIND
        from pipelines.probes.run_kind import run_kind

        return run_kind(PUZZLES_KIND, config)
    key = config.key()
    requests, splits = config.requests(key), config.splits(key)
    config.items(key)
    refuse_the_impossible(requests, splits)
    if config.dry_run:
        _describe(config, f"{counted(sum(sum(one.wanted) for one in requests), 'puzzle')}")
        return 0
    output = Folder.of(config.output)
    work = Work(output, run_name(config.what_the_output_depends_on(), versions(), ()))
    outputs.refuse_foreign(output)
    with outputs.locked(output):
        if outputs.enter(work, overwrite=config.overwrite, say=progress.say):
            return 0
        return _write(config, options, requests, splits, key, work, progress)


def refuse_the_impossible(requests: list[Request], splits: Splits) -> None:
    """Refuse a request for more distinct puzzles than exist, with the number that do.

    Raises:
        UsageError: naming the size.
    """
    for request in requests:
        stream, wanted = request.stream, sum(request.wanted)
        people = stream.people
        if stream.size is not None:
            there = splits_in(people, stream, splits)
            for split, want in zip(SPLITS, request.wanted, strict=False):
                if want > there[split]:
                    raise UsageError(
                        f"{people} people: {count(want)} puzzles are wanted for {split}, {count(there[split])} exist: "
                        f"of {count(stream.size)} classes of puzzles with one solution "
                        + ", ".join(f"{count(number)} belong to {name}" for name, number in there.items())
                        + "; ask for fewer, for more people, or for other --shares"
                    )
        elif can_be_counted(people, stream.grammar):
            exist = classes_with_one_solution(people, stream.grammar)
            if wanted > exist:
                raise UsageError(
                    f"{people} people: {count(wanted)} puzzles are wanted, {count(exist)} classes of puzzles with one "
                    "solution exist; ask for fewer or for more people"
                )


def _describe(config: "PuzzlesConfig", what: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(toml_table("puzzles", {"output": config.output, **config.what_the_output_depends_on()}))
        print(f"# {what}; nothing was written")


def _write(
    config: "PuzzlesConfig",
    options: Callable[[], Any],
    requests: list[Request],
    splits: Splits,
    key: bytes,
    work: Work,
    progress: Progress,
) -> int:
    from pipelines.jobs.launch import launch
    from transforms.corpus.output.features import huggingface_metadata
    from transforms.probes.puzzles.dataset import WritePuzzles

    began = time.perf_counter()
    threads = config.threads or cores()
    with progress.stage("choose", work.folder.child("candidates"), {}) as stage:
        chosen = _choose(work, options, requests, splits, threads)
        stage.documents = sum(row["candidates"] for row in chosen["requests"])
    tasks = write_tasks(requests)
    outputs.announce_outputs(work, [task.path for task in tasks])
    from schemas.public.puzzles import PUZZLES

    metadata = huggingface_metadata(PUZZLES).get(b"huggingface", b"")
    items, exports = config.items(key), config.exports
    receipts = {f"{task.number:06d}.json": 1 for task in tasks}
    with progress.stage("write", work.folder.child("write"), receipts) as stage:
        written = work.once(
            "write",
            lambda: launch(
                lambda root: (
                    root | WritePuzzles(requests, items, work, threads, config.codec, metadata, export=exports)
                ),
                options(),
                work,
            ),
        )
        stage.documents = written["rows"]
    _publish(config, work, chosen, written, {"seconds": time.perf_counter() - began, "threads": threads}, progress)
    return 0


def _choose(
    work: Work, options: Callable[[], Any], requests: list[Request], splits: Splits, threads: int
) -> dict[str, Any]:
    """Rounds of drawing, each twice as long, until there are enough puzzles of different classes."""
    from pipelines.jobs.launch import launch
    from transforms.probes.puzzles.dataset import ChoosePuzzles

    missing: list[str] = []
    for number in range(_ROUNDS):
        chosen = work.once(
            f"choose-{number}",
            lambda number=number: launch(  # type: ignore[misc]
                lambda root: root | ChoosePuzzles(requests, splits, work, threads, number), options(), work
            ),
        )
        missing = shortfalls(chosen)
        if not missing:
            return chosen
    raise RunError(f"{missing[0]}; ask for fewer, or for more people")


def _publish(
    config: "PuzzlesConfig",
    work: Work,
    chosen: dict[str, Any],
    written: dict[str, Any],
    facts: dict[str, Any],
    progress: Progress,
) -> None:
    from schemas.public.puzzles import PUZZLES

    counts = {"rows": written["rows"], "people": written["people"], "chosen": chosen["requests"]}
    manifest = {
        "schema": "trapline.manifest",
        "version": 1,
        "command": "puzzles",
        "run": work.run,
        "content": {
            "config": config.what_the_output_depends_on(),
            "versions": versions(),
            "input": [],
            "schema": [{"name": field.name, "type": str(field.type)} for field in PUZZLES],
            "counts": counts,
            "shards": written["shards"],
            "files": written["files"],
        },
    }
    metrics = {"command": "puzzles", "counts": counts, "peak_rss_bytes": peak_rss_bytes(), **facts}
    succeed(work, manifest, {METRICS: pretty_json(metrics), CARD: puzzles_card(manifest).encode()})
    for people, found in written["people"].items():
        none = ", ".join(f"{count(found[f'{kind}_none'])} {kind}" for kind in ("statement", "leaf", "control"))
        progress.say(f"{people} people: {counted(found['rows'], 'row')}; certainly without an edit: {none}")
    progress.say(f"done: {work.output.uri}")
