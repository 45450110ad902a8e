"""What describes a finished output: manifest, metrics, report and dataset card."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.pages.dedup_page import report_html
from pipelines.running.output import CARD, METRICS, REPORT, succeed
from pipelines.running.versions import versions
from transforms.base.runs import Work, pretty_json
from transforms.corpus.input.lookup import read_texts
from transforms.corpus.input.sources import Source, names
from transforms.corpus.output.card import dataset_card

if TYPE_CHECKING:
    from pipelines.dedup import DedupConfig

SNIPPET = 2000
COMMAND = "dedup"
"""What made an output, as it says itself: whether anything was planted is for the secrets to tell."""


def publish(
    config: "DedupConfig",
    work: Work,
    sources: Sequence[Source],
    schema: pa.Schema,
    scan: Mapping[str, Any],
    plan: Mapping[str, Any],
    rewrite: Mapping[str, Any],
    facts: Mapping[str, Any],
    before: Callable[[bytes], None] | None = None,
    changed: Collection[int] = (),
) -> None:
    """Write the manifest and all that goes with it; `_SUCCESS` comes last.

    The manifest's `content` depends on input, settings and versions only; runner, threads, paths and times stand in
    the metrics. All sums are those of the files that were written, and nothing else tells a planted output from one
    that is not.

    Args:
        config: the settings of the deduplication.
        work: of the run.
        sources: the input.
        schema: of the shards.
        scan: summary of the scan.
        plan: summary of the plan.
        rewrite: summary of the rewrite.
        facts: of the run: times, threads, memory.
        before: is given the manifest's bytes before they are written.
        changed: addresses of documents that do not stand in the output as in the input: they are not shown.
    """
    counts = _counts(scan, plan, rewrite)
    settings = config.what_the_output_depends_on()
    manifest = {
        "schema": "trapline.manifest",
        "version": 1,
        "command": COMMAND,
        "run": work.run,
        "content": {
            "config": {key: value for key, value in settings.items() if value is not None},
            "versions": versions(),
            "input": [
                {"path": name, "bytes": source.size} for name, source in zip(names(sources), sources, strict=True)
            ],
            **({"tokenizer_sha256": config.tokenizer_sha256()} if config.tokenizer else {}),
            "schema": [{"name": field.name, "type": str(field.type)} for field in schema],
            "counts": counts,
            "shards": [
                {key: shard[key] for key in ("path", "rows", "bytes", "text_bytes", "sha256")}
                for shard in rewrite["shards"]
            ],
            "files": plan["files"],
        },
    }
    metrics = {
        "command": COMMAND,
        "counts": counts,
        "clusters": plan["clusters"],
        "similarity": plan["similarity"],
        "comparisons": plan["comparisons"],
        **({} if facts["resumed"] else {"mb_per_second": counts["bytes_in"] / 1e6 / facts["seconds"]}),
        "input": [source.uri for source in sources],
        "output": work.output.uri,
        "config": settings,
        "versions": versions(),
        **facts,
        "stages": [{**stage, **_passed(stage["name"], counts)} for stage in facts["stages"]],
    }
    pairs = [pair for pair in plan["examples"] if pair["kept_address"] not in changed]
    examples = _examples(config.text_column, sources, pairs)
    succeed(
        work,
        manifest,
        {
            METRICS: pretty_json(metrics),
            REPORT: report_html({**metrics, "examples": examples}).encode(),
            CARD: dataset_card(manifest).encode(),
        },
        before,
    )


def _counts(scan: Mapping[str, Any], plan: Mapping[str, Any], rewrite: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the documents: what was written, and with what was taken out of it what was read."""
    written = {key: sum(shard[key] for shard in rewrite["shards"]) for key in ("rows", "text_bytes")}
    removed, removed_bytes = plan["counts"]["removed"], plan["counts"]["removed_bytes"]
    return {
        "documents_in": written["rows"] + sum(removed.values()) + sum(scan["quarantined"].values()),
        "bytes_in": written["text_bytes"] + sum(removed_bytes.values()),
        "kept": written["rows"],
        "bytes_kept": written["text_bytes"],
        "removed": removed,
        "removed_bytes": removed_bytes,
        "quarantined": scan["quarantined"],
    }


def _passed(stage: str, counts: Mapping[str, Any]) -> dict[str, int]:
    """How many documents and bytes passed through a stage, by the same sums."""
    if stage == "scan":
        return {"documents": counts["documents_in"], "bytes": counts["bytes_in"]}
    if stage == "rewrite":
        return {"documents": counts["kept"], "bytes": counts["bytes_kept"]}
    return {"documents": counts["kept"] + sum(counts["removed"].values())}


def _examples(text_column: str, sources: Sequence[Source], pairs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    wanted = sorted({int(pair[key]) for pair in pairs for key in ("removed_address", "kept_address")})
    texts = read_texts(sources, wanted, text_column)
    return [
        {
            "removed": texts[pair["removed_address"]][:SNIPPET],
            "kept": texts[pair["kept_address"]][:SNIPPET],
            "similarity": pair["similarity"],
            "removed_id": str(pair["removed_address"]),
            "kept_id": str(pair["kept_address"]),
        }
        for pair in pairs
        if {pair["removed_address"], pair["kept_address"]} <= set(texts)
    ]
