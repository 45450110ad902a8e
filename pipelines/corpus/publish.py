"""What describes a finished output: manifest, metrics, report and dataset card."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.corpus.facts import DedupFacts, Example, Timing
from pipelines.corpus.hooks import Planting
from pipelines.corpus.input import Input
from pipelines.corpus.renumber import tables
from pipelines.corpus.summaries import ExamplePair, PlanSummary, RewriteSummary, ScanSummary
from pipelines.pages.dedup_page import report_html
from pipelines.running.output import CARD, METRICS, REPORT, succeed
from pipelines.running.progress import StageTime
from pipelines.running.versions import versions
from transforms.base.runs import Work, pretty_json
from transforms.base.stores.address import shown
from transforms.corpus.input.lookup import read_texts
from transforms.corpus.input.sources import Source, names
from transforms.corpus.output.card import dataset_card
from transforms.corpus.output.manifest import Column, Counts, InputFile, Manifest

if TYPE_CHECKING:
    from pipelines.dedup import DedupConfig

SNIPPET = 2000
"""Most characters of an example's text."""


@dataclass(frozen=True)
class Finished:
    """A run whose shards are written: what its output is described from."""

    config: "DedupConfig"
    work: Work
    found: Input
    schema: pa.Schema
    """The columns of the shards."""
    scan: ScanSummary
    plan: PlanSummary
    rewrite: RewriteSummary
    timing: Timing


def publish(done: Finished, planting: Planting) -> None:
    """Write the manifest and all that goes with it, record what was planted, and write `_SUCCESS` last.

    The manifest's `content` depends on input, settings and versions only; runner, threads, paths and times are in the
    metrics. All sums are those of the files that were written, and the command is always called "dedup": a planted
    output must look like any other. For the same reason nothing is planted into a document that is shown.
    """
    counts = _counts(done, planting)
    manifest, facts = _manifest(done, counts), _facts(done, counts)
    examples = _examples(done)
    succeed(
        done.work,
        manifest.to_json(),
        {
            METRICS: pretty_json(facts.to_json()),
            REPORT: report_html(facts, examples).encode(),
            CARD: dataset_card(manifest).encode(),
        },
        planting.finish,
    )


def _manifest(done: Finished, counts: Counts) -> Manifest:
    config, found = done.config, done.found
    settings = config.what_the_output_depends_on()
    return Manifest(
        run=done.work.run,
        config={key: value for key, value in settings.items() if value is not None},
        versions=versions(),
        input=tuple(InputFile(name) for name in names(found.sources)),
        schema=tuple(Column(field.name, str(field.type)) for field in done.schema),
        counts=counts,
        shards=done.rewrite.shards,
        files=done.plan.files,
        tokenizer_sha256=found.tokenizer_sha256,
    )


def _facts(done: Finished, counts: Counts) -> DedupFacts:
    stages = tuple(_with_counts(stage, counts) for stage in done.timing.stages)
    return DedupFacts(
        counts=counts,
        clusters=done.plan.clusters,
        similarity=done.plan.similarity,
        comparisons=done.plan.comparisons,
        timing=replace(done.timing, stages=stages),
        config=done.config.what_the_output_depends_on(),
        versions=versions(),
        input=tuple(shown(source.uri) for source in done.found.sources),
        output=shown(done.work.output.uri),
        left_out=done.found.left_out,
        planned=done.plan.planned,
        not_utf8={name: documents for name, (documents, _) in done.rewrite.not_utf8.items()},
    )


def _counts(done: Finished, planting: Planting) -> Counts:
    """Counts from the written files: what was read is what was written and what was taken out of it."""
    plan, quarantined, rewrite = done.plan, done.scan.quarantined, done.rewrite
    duplicates = [file.path for file in plan.files if file.path.startswith("duplicates/")]
    more = planting.covered_bytes(table for name in duplicates for table in tables(done.work.output, name))
    removed_bytes = {reason: size + more.get(reason, 0) for reason, size in plan.removed_bytes.items()}
    return Counts(
        documents_in=rewrite.rows + sum(plan.removed.values()) + sum(quarantined.values()),
        bytes_in=rewrite.text_bytes + sum(removed_bytes.values()),
        kept=rewrite.rows,
        bytes_kept=rewrite.text_bytes,
        removed=plan.removed,
        removed_bytes=removed_bytes,
        quarantined=quarantined,
    )


def _with_counts(stage: StageTime, counts: Counts) -> StageTime:
    """A stage with the documents and bytes that passed through it, by the same sums."""
    if stage.name == "scan":
        return replace(stage, documents=counts.documents_in, bytes=counts.bytes_in)
    if stage.name == "rewrite":
        return replace(stage, documents=counts.kept, bytes=counts.bytes_kept)
    return replace(stage, documents=counts.kept + counts.all_removed)


def _examples(done: Finished) -> list[Example]:
    pairs = done.plan.examples
    texts = _texts(done.config.text_column, done.found.sources, pairs)
    return [
        Example(
            removed=texts[pair.removed_address][:SNIPPET],
            kept=texts[pair.kept_address][:SNIPPET],
            similarity=pair.similarity,
            removed_id=str(pair.removed_row),
            kept_id=str(pair.kept_row),
        )
        for pair in pairs
        if {pair.removed_address, pair.kept_address} <= set(texts)
    ]


def _texts(text_column: str, sources: Sequence[Source], pairs: Sequence[ExamplePair]) -> dict[int, str]:
    wanted = {address for pair in pairs for address in (pair.removed_address, pair.kept_address)}
    return read_texts(sources, sorted(wanted), text_column)
