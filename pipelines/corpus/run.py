"""The course of a corpus command: look at the input, enter the output, scan, plan, rewrite, publish."""

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.corpus.publish import publish
from pipelines.dedup import DedupConfig, build_plan, build_rewrite, build_scan
from pipelines.pages.plots import preload
from pipelines.prepare import PrepareConfig
from pipelines.running import output as outputs
from pipelines.running.errors import RunError, UsageError
from pipelines.running.machine import cores, peak_rss_bytes
from pipelines.running.progress import Progress
from pipelines.running.versions import versions
from transforms.base.errors import CorpusError
from transforms.base.folders import Folder
from transforms.base.readable import count, counted, reason, size
from transforms.base.runs import FOLDER as WORK_FOLDER
from transforms.base.runs import Work, run_name
from transforms.base.toml import table as toml_table
from transforms.corpus.input.columns import check_number_column, check_text_column
from transforms.corpus.input.divide import divide
from transforms.corpus.input.formats import format_for, schemas_known
from transforms.corpus.input.merged_schema import merge_schemas, storable
from transforms.corpus.input.pieces import Piece
from transforms.corpus.input.sources import Source, list_sources, would_list
from transforms.corpus.output.names import QUARANTINE_FILE, shard_name
from transforms.corpus.output.rewrite import Expected, RewriteConfig
from transforms.corpus.output.shards import Shard
from transforms.corpus.scan_numbers import scan_name
from transforms.planting import folder as names

if TYPE_CHECKING:
    from pipelines.corpus.planting import Campaign

_WORK_BYTES_A_DOCUMENT = 700


@dataclass(frozen=True)
class Input:
    """What is known of the input before any text is read."""

    sources: tuple[Source, ...]
    pieces: tuple[Piece, ...]
    documents: int | None
    tokenizer_sha256: str | None

    @property
    def text_bytes(self) -> int:
        """An estimate of the text, in bytes."""
        return sum(piece.size for piece in self.pieces)


def look_at(config: DedupConfig) -> Input:
    """List the input and read its metadata; names and types of the columns are checked as far as they show there.

    Raises:
        CorpusError: for what cannot be read or used.
        UsageError: if there is no such tokenizer file.
    """
    tokenizer_sha256 = config.tokenizer_sha256()
    sources = list_sources(config.input)
    for source in sources:
        if not format_for(source).knows_schema:
            continue
        schema = format_for(source).schema(source)
        check_text_column(schema, config.text_column, source.uri)
        if config.keep.startswith("max:"):
            check_number_column(schema, config.keep.partition(":")[2], source.uri)
    named = schemas_known(sources)
    merged = merge_schemas(named) if named else None
    if config.id_column != "id" and merged is not None and config.id_column not in merged.names:
        raise CorpusError(
            f"no column {config.id_column!r} in the input; it has {', '.join(map(repr, merged.names))}: "
            "name one with --id-column, or leave the flag out"
        )
    rows = [format_for(source).rows(source) for source in sources]
    documents = None if None in rows else sum(one or 0 for one in rows)
    return Input(tuple(sources), tuple(divide(sources, config.text_column)), documents, tokenizer_sha256)


def run(config: DedupConfig, options: Callable[[], Any], progress: Progress) -> int:
    """Do what `config` says; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    output = Folder(config.output if "://" in config.output else str(os.path.abspath(config.output)))  # noqa: PTH100
    _refuse_output_as_input(config, output)
    with contextlib.ExitStack() as held:
        campaign = _open_campaign(config, output, held)
        found = look_at(config)
        _refuse_input_in_output(output, found.sources)
        if config.dry_run:
            _describe(config, found, [] if campaign is None else campaign.describe())
            return 0
        identity = {**config.what_the_output_depends_on(), "tokenizer_sha256": found.tokenizer_sha256}
        if campaign is not None:
            identity |= campaign.identity()
        work = Work(output, run_name(identity, versions(), found.sources))
        outputs.refuse_foreign(output)
        if campaign is not None:
            campaign.begin(work, found)
        with outputs.locked(output):
            with _closed_if_refused(campaign):
                if _enter(config, found, work, progress):
                    if campaign is not None:
                        campaign.close()
                    return 0
            return _work(config, options, found, work, progress, campaign)


def _open_campaign(config: DedupConfig, output: Folder, held: contextlib.ExitStack) -> "Campaign | None":
    """The campaign that is planted, its secrets locked while `held` is open; None for a command that plants nothing."""
    if not isinstance(config, PrepareConfig):
        return None
    from pipelines.corpus.planting import Campaign
    from transforms.planting.folder import locked, secrets_path

    held.enter_context(locked(secrets_path(config.secrets)))
    return Campaign.open(config, output)


def _enter(config: DedupConfig, found: Input, work: Work, progress: Progress) -> bool:
    """Make the output folder ready; true when this very run is finished already."""
    return outputs.enter(
        work, overwrite=config.overwrite, say=progress.say, before=lambda: _check_space(config, found, work)
    )


def _work(
    config: DedupConfig,
    options: Callable[[], Any],
    found: Input,
    work: Work,
    progress: Progress,
    campaign: "Campaign | None",
) -> int:
    began = time.perf_counter()
    resumed = bool(work.folder.names())
    threads = config.threads or cores()
    progress.say(
        f"{counted(len(found.sources), 'file')}, about {size(found.text_bytes)} of text, {counted(threads, 'thread')}"
    )
    sizes = {scan_name(task).rpartition("/")[2]: piece.size for task, piece in enumerate(found.pieces)}
    with progress.stage("scan", work.folder.child("scan"), sizes) as stage:
        stage.resumed = work.folder.exists("scan.json")
        watch = None if campaign is None else campaign.watch
        scan = work.once(
            "scan", lambda: build_and_launch(options, build_scan, config, found.pieces, work, threads, watch)
        )
        stage.documents, stage.bytes = scan["documents_in"], scan["bytes"]
    if campaign is not None:
        with _clean_after_refusal(work, campaign):
            campaign.refuse_planted_corpus(scan, found.sources)
    schema = output_schema(config.text_column, found.sources, scan)
    compressed = [source.ordinal for source in found.sources if source.compression]
    with progress.stage("plan", work.folder.child("buckets"), {}) as stage:
        stage.resumed = work.folder.exists("plan.json")
        plan = work.once("plan", lambda: build_and_launch(options, build_plan, config, scan, work, compressed, threads))
        stage.documents = scan["rows"]
    shards = [Shard(**shard) for shard in plan["shards"]]
    added = 0
    if campaign is not None:
        with _clean_after_refusal(work, campaign):
            added = campaign.plan(work, scan, shards)
    if config.until == "plan":
        _say_counts(progress, scan, plan)
        progress.say(
            f"stopped after the plan: {work.folder.at('plan.json')} and {work.output.at('duplicates')}; "
            "the same command without --until goes on from there"
        )
        return 0
    rewrite_config = _rewrite_config(config, found.sources, schema, len(shards))
    outputs.announce_outputs(work, [entry["path"] for entry in plan["files"]] + _shard_names(config, len(shards)))
    expected = Expected(documents_in=scan["documents_in"], kept=plan["counts"]["kept"], added=added)
    editor = None if campaign is None else campaign.editor()
    threading.Thread(target=preload, name="plots", daemon=True).start()
    receipts = {f"{shard.ordinal:06d}.json": shard.text_bytes for shard in shards}
    with progress.stage("rewrite", work.folder.child("rewrite"), receipts) as stage:
        stage.resumed = work.folder.exists("rewrite.json")
        rewrite = work.once(
            "rewrite",
            lambda: build_and_launch(options, build_rewrite, shards, rewrite_config, work, expected, threads, editor),
        )
        stage.documents, stage.bytes = plan["counts"]["kept"], plan["counts"]["bytes_kept"]
    _refuse_changed_input(config, found)
    _say_counts(progress, scan, plan)
    facts = {
        "seconds": time.perf_counter() - began,
        "resumed": resumed,
        "threads": threads,
        "stages": [vars(stage) for stage in progress.stages],
        "peak_rss_bytes": peak_rss_bytes(),
    }
    finish = None if campaign is None else functools.partial(campaign.finish, shards=len(shards))
    changed = () if campaign is None else campaign.planted_addresses()
    publish(config, work, found.sources, rewrite_config.arrow_schema(), scan, plan, rewrite, facts, finish, changed)
    if campaign is not None:
        campaign.close()
        progress.say(f"planted; ledger and {names.PLANTED} (to be published) are in {campaign.path}")
    progress.say(f"done: {work.output.at('report.html')}")
    return 0


@contextlib.contextmanager
def _closed_if_refused(campaign: "Campaign | None") -> Iterator[None]:
    """Begin the secret side of a run before its output is touched, and end it if that is refused."""
    if campaign is None:
        yield
        return
    campaign.enter()
    try:
        yield
    except (UsageError, RunError, CorpusError):
        campaign.close()
        raise


@contextlib.contextmanager
def _clean_after_refusal(work: Work, campaign: "Campaign") -> Iterator[None]:
    """Leave nothing behind of a run that is refused once the numbers are known."""
    try:
        yield
    except (RunError, CorpusError):
        campaign.close()
        work.output.remove_folder("duplicates")
        work.output.remove_folder("quarantine")
        work.output.child(WORK_FOLDER).remove_folder(work.run)
        raise


def build_and_launch(options: Callable[[], Any], build: Any, *arguments: Any) -> None:
    """Build a stage's pipeline and run it; Beam is imported here at the earliest."""
    from pipelines.running.launch import launch

    launch(lambda root: build(root, *arguments), options())


def _shard_names(config: DedupConfig, shards: int) -> list[str]:
    return [shard_name(config.split, shard, shards) for shard in range(shards)]


def _rewrite_config(config: DedupConfig, sources: Sequence[Source], schema: pa.Schema, shards: int) -> RewriteConfig:
    from transforms.corpus.output.features import huggingface_metadata

    kept = dict(schema.metadata or {})
    metadata = {**huggingface_metadata(schema, existing=kept), b"trapline.schema_version": b"1"}
    serialised = schema.with_metadata(metadata).serialize().to_pybytes()
    return RewriteConfig(tuple(sources), serialised, config.layout(), config.split, shards)


def output_schema(text_column: str, sources: Sequence[Source], scan: Mapping[str, Any]) -> pa.Schema:
    """The columns of all files together, in the order in which they are first met.

    Raises:
        CorpusError: if two files disagree on a column's type.
    """
    named = schemas_known(sources)
    by_file: dict[str, list[pa.Schema]] = {}
    for task in scan["tasks"]:
        if task["schema"]:
            schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(task["schema"])))
            by_file.setdefault(task["source"], []).append(schema)
    named += [(uri, schema) for uri, schemas in by_file.items() for schema in schemas]
    order = {source.uri: source.ordinal for source in sources}
    named.sort(key=lambda pair: order[pair[0]])
    merged = storable(merge_schemas(named))
    if text_column not in merged.names:
        merged = merged.append(pa.field(text_column, pa.string()))
    index = merged.get_field_index(text_column)
    if pa.types.is_null(merged.field(index).type):
        merged = merged.set(index, pa.field(text_column, pa.string()))
    first = next((schema.metadata for _, schema in named if schema.metadata), None)
    return merged.with_metadata(first)


def _refuse_output_as_input(config: DedupConfig, output: Folder) -> None:
    ours = (*_shard_names(config, 1), QUARANTINE_FILE)
    pattern = would_list(config.input, output.uri, ours)
    if pattern is not None:
        raise UsageError(
            f"--output {output.uri} lies inside --input {pattern}: what is written would become input; "
            "choose an output elsewhere"
        )


def _refuse_input_in_output(output: Folder, sources: Sequence[Source]) -> None:
    inside = [source.uri for source in sources if source.uri.startswith(output.uri.rstrip("/") + "/")]
    if inside:
        raise UsageError(f"--input {inside[0]} lies inside --output {output.uri}: choose an output elsewhere")
    if output.local:
        real = os.path.realpath(output.local_path())
        for source in sources:
            if os.path.realpath(source.uri).startswith(real + os.sep):
                raise UsageError(f"--input {source.uri} lies inside --output {output.uri}: choose an output elsewhere")


def _check_space(config: DedupConfig, found: Input, work: Work) -> None:
    if config.no_space_check:
        return
    packed = sum(
        source.size // (1 if format_for(source).is_packed or source.compression else 3) for source in found.sources
    )
    documents = found.documents if found.documents is not None else found.text_bytes // 2000
    outputs.check_space(work.output, packed + documents * _WORK_BYTES_A_DOCUMENT)


def _refuse_changed_input(config: DedupConfig, found: Input) -> None:
    now = list_sources(config.input), config.tokenizer_sha256()
    if now != (list(found.sources), found.tokenizer_sha256):
        raise RunError("the input's files changed during the run: run again, it starts afresh")


def _say_counts(progress: Progress, scan: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    counts = plan["counts"]
    quarantined = sum(scan["quarantined"].values())
    reasons = ", ".join(f"{reason(code)} {count(found)}" for code, found in scan["quarantined"].items())
    progress.say(
        f"{counted(scan['documents_in'], 'document')} in: {count(counts['kept'])} kept, "
        f"{count(counts['removed']['exact'])} exact and {count(counts['removed']['near'])} near duplicates removed, "
        f"{count(quarantined)} quarantined{f' ({reasons})' if reasons else ''}"
    )
    if plan["comparisons"]["capped_documents"]:
        progress.say(
            f"{count(plan['comparisons']['capped_documents'])} documents met a bucket with more kept documents than "
            "--bucket-cap: a few of their duplicates may remain"
        )


def _describe(config: DedupConfig, found: Input, more: Sequence[str]) -> None:
    """The resolved settings as TOML, then the size of the work, on standard output."""
    resolved = {**config.what_the_output_depends_on(), "tokenizer": config.tokenizer}
    settings = {"input": list(config.input), "output": config.output, **resolved}
    command = "dedup"
    if isinstance(config, PrepareConfig):
        command, settings = "prepare", {**settings, "secrets": config.secrets, **config.planting_settings()}
    with contextlib.suppress(BrokenPipeError):
        print(toml_table(command, settings))
        documents = "an unknown number of" if found.documents is None else count(found.documents)
        files, tasks = counted(len(found.sources), "file"), counted(len(found.pieces), "task")
        print(f"# {files}, {documents} documents, about {size(found.text_bytes)} of text")
        for line in more:
            print(f"# {line}")
        print(f"# {tasks}; nothing was written")
