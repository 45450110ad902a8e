"""What describes a finished output: manifest, metrics, report and dataset card."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.dedup import DedupConfig
from pipelines.output import CARD, METRICS, REPORT, succeed
from pipelines.report import report_html
from pipelines.versions import versions
from transforms.corpus.card import dataset_card
from transforms.corpus.lookup import read_texts
from transforms.corpus.sources import Source, names
from transforms.corpus.work import Work, pretty_json

SNIPPET = 2000


def publish(
    command: str,
    config: DedupConfig,
    work: Work,
    sources: Sequence[Source],
    schema: pa.Schema,
    scan: Mapping[str, Any],
    plan: Mapping[str, Any],
    rewrite: Mapping[str, Any],
    facts: Mapping[str, Any],
    before: Callable[[bytes], None] | None = None,
) -> None:
    """Write the manifest and all that goes with it; `_SUCCESS` comes last.

    The manifest's `content` depends on input, settings and versions only; runner, threads, paths and times stand in
    the metrics. `before` is given the manifest's bytes before they are written.
    """
    counts = _counts(command, scan, plan, rewrite)
    settings = config.what_the_output_depends_on()
    manifest = {
        "schema": "trapline.manifest",
        "version": 1,
        "command": command,
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
    read = counts.get("bytes_in", counts["bytes_kept"])
    metrics = {
        "command": command,
        "counts": counts,
        "clusters": plan["clusters"],
        "similarity": plan["similarity"],
        "comparisons": plan["comparisons"],
        **({} if facts["resumed"] else {"mb_per_second": read / 1e6 / facts["seconds"]}),
        "input": [source.uri for source in sources],
        "output": work.output.uri,
        "config": settings,
        "versions": versions(),
        **facts,
    }
    examples = _examples(config.text_column, sources, plan["examples"])
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


def _counts(
    command: str, scan: Mapping[str, Any], plan: Mapping[str, Any], rewrite: Mapping[str, Any]
) -> dict[str, Any]:
    """What is said of the documents.

    Of a corpus that may have been planted, only what its files show anyway: any other sum would betray the planting.
    """
    if command == "dedup":
        whole = {"documents_in": scan["documents_in"], "bytes_in": scan["bytes"]}
        return {**whole, **plan["counts"], "quarantined": scan["quarantined"]}
    written = {key: sum(shard[key] for shard in rewrite["shards"]) for key in ("rows", "text_bytes")}
    return {
        "kept": written["rows"],
        "bytes_kept": written["text_bytes"],
        "removed": plan["counts"]["removed"],
        "quarantined": scan["quarantined"],
    }


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
