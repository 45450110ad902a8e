"""`trapline puzzles --judge REPLIES`: what a model's replies to a data set of puzzles say of it."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.running import output as outputs
from pipelines.running.errors import UsageError
from pipelines.running.progress import Progress
from pipelines.running.versions import versions
from transforms.base.errors import CorpusError
from transforms.base.folders import Folder, sha256
from transforms.base.readable import count
from transforms.base.runs import pretty_json
from transforms.base.stores.copies import fetched
from transforms.base.toml import table as toml_table
from transforms.corpus.output.sink import write_table
from transforms.probes.puzzles.replies.judging import (
    ALL_SIZES,
    COLUMNS,
    ORIGINAL,
    Finding,
    Key,
    Question,
    Transfer,
    findings,
    judged,
    questions,
)
from transforms.probes.puzzles.replies.limem import Estimate
from transforms.probes.puzzles.replies.reply_table import read_replies

if TYPE_CHECKING:
    from pipelines.puzzles import PuzzlesConfig

JUDGEMENT, PAGE, TABLE = "judgement.json", "judgement.md", "judgements.parquet"


def judge_replies(config: "PuzzlesConfig", progress: Progress) -> int:
    """Judge the replies and write three files into a new folder; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    folder = Folder.of(config.output)
    if folder.names() if not folder.local or folder.local_path().is_dir() else folder.local_path().exists():
        raise UsageError(f"--output {config.output}: is there already; give a new folder for the judgement")
    asked, data_sha256 = _asked(config.dataset)
    path = fetched(config.judge)
    replies = read_replies(path)
    settings = config.what_the_output_depends_on()
    if config.dry_run:
        with contextlib.suppress(BrokenPipeError):
            print(toml_table("puzzles", {"output": config.output, **settings}))
            print(f"# {count(len(replies))} replies; nothing was written")
        return 0
    table = judged(replies, asked)
    found, transfers = findings(table, settings["level"])
    judgement = {
        "schema": "trapline.judgement",
        "version": 1,
        "level": settings["level"],
        "versions": versions(),
        "replies_sha256": sha256(path.read_bytes()),
        "dataset_manifest_sha256": data_sha256,
        "counts": _counts(table, asked),
        "findings": [dataclasses.asdict(one) for one in found],
        "transfer": [dataclasses.asdict(one) for one in transfers],
    }
    page = "\n".join(_page(found, transfers, judgement))
    with folder.create(TABLE) as sink:
        write_table(sink, table)
    folder.write(PAGE, page.encode())
    folder.write(JUDGEMENT, pretty_json(judgement))
    with contextlib.suppress(BrokenPipeError):
        print(page, end="")
    progress.say(f"done: {folder.uri}")
    return 0


def _asked(path: str) -> tuple[dict[Key, Question], str]:
    """What a finished data set asks, and the hash of its manifest."""
    folder = Folder.of(path)
    manifest = outputs.finished(folder)
    if manifest is None or manifest.get("command") != "puzzles":
        raise UsageError(f"--dataset {path}: is no finished output of trapline puzzles --as dataset")
    asked: dict[Key, Question] = {}
    for shard in manifest["content"]["shards"]:
        with folder.open(shard["path"]) as stream:
            shard_file = pq.ParquetFile(stream)
            missing = sorted(set(COLUMNS) - set(shard_file.schema_arrow.names))
            if missing:
                raise CorpusError(
                    f"--dataset {path}: {shard['path']} has no column {missing[0]!r}: "
                    "it is of another version of trapline, make it again"
                )
            rows = shard_file.read(columns=list(COLUMNS)).to_pylist()
        asked |= questions(rows, shard["path"].removeprefix("data/").partition("-")[0])
    return asked, outputs.sha256_of_manifest(folder)


def _counts(table: pa.Table, asked: Mapping[Key, Question]) -> dict[str, int]:
    """Of all replies; those to an edit count nowhere if the same model did not reply to the original."""
    rows = table.select(["id", "edit", "model", "trained_on"]).to_pylist()
    originals = {(row["id"], row["model"], row["trained_on"]) for row in rows if row["edit"] == ORIGINAL}
    alone = sum((row["id"], row["model"], row["trained_on"]) not in originals for row in rows)
    return {
        "replies": table.num_rows,
        "right": sum(table["right"].to_pylist()),
        "without_an_answer": table["read"].null_count,
        "edits_without_their_original": alone,
        "puzzles_without_a_reply": len({name for name, _, _ in asked} - {row["id"] for row in rows}),
    }


def _page(found: Sequence[Finding], transfers: Sequence[Transfer], judgement: dict[str, Any]) -> Iterator[str]:
    counts = judgement["counts"]
    yield "# Replies to puzzles"
    yield ""
    yield (
        f"{count(counts['replies'])} replies: {count(counts['right'])} are right, "
        f"{count(counts['without_an_answer'])} give no answer. "
        f"{count(counts['edits_without_their_original'])} are to an edit whose original the same model did not answer, "
        "and count nowhere. "
        f"{count(counts['puzzles_without_a_reply'])} puzzles of the data set have no reply. "
        f"Intervals are at level {judgement['level']}, over puzzles."
    )
    yield ""
    yield "LiMem by itself shows no memorisation: compare puzzles that were trained on with others."
    for model, split in dict.fromkeys((_who(one), one.split) for one in found):
        mine = [one for one in found if (_who(one), one.split) == (model, split)]
        yield ""
        yield f"## {model}, split {split}"
        yield ""
        yield "| people | edit | puzzles | accuracy | consistency | LiMem | original's answer |"
        yield "| --- | --- | ---: | --- | --- | --- | --- |"
        for one in mine:
            size = "all" if one.people == ALL_SIZES else str(one.people)
            cells = [_cell(one.values.get(name)) for name in ("accuracy", "consistency", "limem", "gave_original")]
            yield f"| {size} | {one.edit} | {count(one.puzzles)} | " + " | ".join(cells) + " |"
    for title, value in (("accuracy", _accuracy), ("accuracy gained by training", _gain)):
        for model, split in dict.fromkeys((one.model, one.split) for one in transfers if value(one)):
            yield from _matrix(title, [one for one in transfers if (one.model, one.split) == (model, split)], value)
    yield ""


def _accuracy(one: Transfer) -> Estimate | None:
    return one.accuracy


def _gain(one: Transfer) -> Estimate | None:
    return one.gain


def _matrix(title: str, transfers: Sequence[Transfer], value: Callable[[Transfer], Estimate | None]) -> Iterator[str]:
    """Sizes trained on by sizes asked."""
    sizes = sorted({one.people for one in transfers})
    first = transfers[0]
    yield ""
    yield f"## Transfer: {title}, {first.model or 'model'}, split {first.split}"
    yield ""
    yield "| trained on | " + " | ".join(f"{size} people" for size in sizes) + " |"
    yield "| --- |" + " --- |" * len(sizes)
    for trained_on in sorted({one.trained_on for one in transfers}):
        row = {one.people: value(one) for one in transfers if one.trained_on == trained_on}
        yield f"| {trained_on} people | " + " | ".join(_cell(row.get(size)) for size in sizes) + " |"


def _who(one: Finding) -> str:
    model = one.model or "model"
    return model if one.trained_on is None else f"{model} trained on {one.trained_on} people"


def _cell(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
