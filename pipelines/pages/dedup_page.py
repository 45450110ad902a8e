"""The report of a deduplication: from its numbers to a page that a person reads."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.pages import page, plots
from pipelines.pages.differences import differences
from pipelines.pages.page import Block, Code, Page, Pairs, Part, Plot, Side, Table, Tile
from transforms.base import toml
from transforms.base.readable import count, counted, duration, reason, share, significant, size
from transforms.corpus.input.addresses import file_of, position_of
from transforms.corpus.output.manifest import Counts

if TYPE_CHECKING:
    from pipelines.corpus.facts import DedupFacts, Example, Timing
    from pipelines.corpus.summaries import Cluster, Clusters

MOST_EXAMPLES = 8
MOST_CLUSTERS = 10
MOST_LEFT_OUT = 50
LEAD = 0.1
"""How far below the threshold the histogram of similarities begins."""

_CLUSTER_SIZES = (2, 3, 5, 10, 20, 50, 100, 1_000, 10_000, 100_000)


def report_html(facts: "DedupFacts", examples: "Sequence[Example]") -> str:
    """The report as one HTML page that needs nothing else, ready to be encoded as UTF-8."""
    return page.render(report_page(facts, examples))


def report_page(facts: "DedupFacts", examples: "Sequence[Example]") -> Page:
    """What the report shows, ready for `pipelines.pages.page.render`; a part about nothing is left out."""
    command, counts = facts.command, facts.counts
    blocks = [
        _similarity(facts),
        _cluster_sizes(facts.clusters),
        *_stages(facts),
        _removed(counts),
        _quarantined(counts),
        _left_out(facts.left_out),
        _largest(facts.clusters.largest[:MOST_CLUSTERS]),
        _examples(examples[:MOST_EXAMPLES]),
        _config(command, facts.config),
        _versions(facts.versions),
    ]
    return Page(
        title=f"trapline {command}",
        kicker=f"trapline {command}",
        summary=_summary(counts),
        lead=_lead(facts),
        parts=_parts(counts),
        warnings=_warnings(facts),
        tiles=_tiles(facts),
        blocks=[block for block in blocks if block is not None],
        footer=f"Written by trapline {facts.versions['trapline']}. This page is complete in itself.",
    )


def _summary(counts: Counts) -> str:
    said = [
        f"{counted(counts.documents_in, 'document')} in",
        f"{count(counts.kept)} kept",
        f"{count(counts.all_removed)} removed as duplicates",
    ]
    if quarantined := sum(counts.quarantined.values()):
        said.append(f"{count(quarantined)} in quarantine")
    # A number is not parted from what it counts.
    return ", ".join(clause.replace(" ", "\u00a0", 1) for clause in said) + "."


_PLANNED = {"one": "", "partitioned": "Which documents stay was decided by many tasks (--plan partitioned)."}


def _lead(facts: "DedupFacts") -> str:
    counts, timing = facts.counts, facts.timing
    return (
        f"{size(counts.bytes_in)} of text came in and {size(counts.bytes_kept)} stayed. "
        f"Of the removed, {count(counts.removed['exact'])} had the same text as a kept document and "
        f"{count(counts.removed['near'])} were similar to one. "
        f"It took {duration(timing.seconds)} on {counted(timing.threads, 'thread')}{_compiling(timing)}. "
        f"{_PLANNED[facts.planned]}"
    ).rstrip()


def _compiling(timing: "Timing") -> str:
    if not timing.compile_seconds:
        return ""
    return f", {duration(timing.compile_seconds)} of that to compile, once on this machine, what it runs"


def _parts(counts: Counts) -> list[Part]:
    tones = {"near": "middle", "exact": "weak"}
    most_first = sorted(counts.removed, key=lambda code: -counts.removed[code])
    found = [
        ("kept", counts.kept, "strong"),
        *((reason(code), counts.removed[code], tones.get(code, "weak")) for code in most_first),
        ("in quarantine", sum(counts.quarantined.values()), "odd"),
    ]
    total = sum(value for _, value, _ in found)
    return [Part(label, share(value, total), value / total, tone) for label, value, tone in found if value > 0]


def _warnings(facts: "DedupFacts") -> list[str]:
    warnings = []
    buckets, documents = facts.comparisons.capped_buckets, facts.comparisons.capped_documents
    if buckets:
        whose = f" ({counted(documents, 'document')})" if documents else ""
        warnings.append(
            f"The cap on comparisons was reached in {counted(buckets, 'bucket')}{whose}: among these documents some "
            "near-duplicates may have been kept."
        )
    warnings += [
        f"Column {name} holds text that is not valid UTF-8 in {counted(found, 'document')}; it was kept as it is."
        for name, found in facts.not_utf8.items()
    ]
    return warnings


def _tiles(facts: "DedupFacts") -> list[Tile]:
    counts, timing, pairs = facts.counts, facts.timing, facts.comparisons.pairs
    documents, gone, sizes = counts.documents_in, counts.all_removed, facts.clusters.sizes
    tiles = [
        Tile(share(gone, documents), "Documents removed", f"{count(gone)} of {count(documents)}"),
        Tile(
            size(counts.bytes_kept),
            "Text kept",
            f"{share(counts.bytes_kept, counts.bytes_in)} of {size(counts.bytes_in)}",
        ),
    ]
    if sizes:
        tiles.append(Tile(count(sum(sizes.values())), "Clusters", f"the largest of {count(max(sizes))} documents"))
    if (speed := facts.mb_per_second) is not None:
        tiles.append(Tile(f"{significant(speed)} MB/s", "Speed", f"on {counted(timing.threads, 'thread')}"))
    each = f"{significant(pairs / documents, 2)} a document" if documents else ""
    return [
        *tiles,
        Tile(duration(timing.seconds), "Time", "start to finish"),
        Tile(size(timing.peak_rss_bytes), "Peak memory", "resident"),
        Tile(count(pairs), "Pairs compared", each),
    ]


def _similarity(facts: "DedupFacts") -> Block | None:
    edges, counts = list(facts.similarity.edges), list(facts.similarity.counts)
    if not sum(counts):
        return None
    threshold: float = facts.config["threshold"]
    # What lies well below the threshold is empty: it would squeeze the rest.
    first = next(at for at, found in enumerate(counts) if found)
    first = min(first, max(0, sum(edge < threshold - LEAD + 1e-9 for edge in edges) - 1))
    edges, counts = edges[first:], counts[first:]
    exact = facts.counts.removed["exact"]
    apart = f" The {counted(exact, 'exact duplicate')} are not in it." if exact else ""
    return Plot(
        "How similar the removed documents were",
        plots.histogram(
            edges,
            counts,
            label="Histogram of the similarity of removed documents to the kept ones",
            xlabel="estimated Jaccard similarity to the kept document",
            marker=(threshold, "threshold") if edges[0] <= threshold <= edges[-1] else None,
        ),
        f"Removed documents by their similarity to the kept document that covers them.{apart}",
    )


def _cluster_sizes(clusters: "Clusters") -> Block | None:
    sizes = clusters.sizes
    if not sizes:
        return None
    bounds = [*_CLUSTER_SIZES, None]
    labels, values = [], []
    for low, after in zip(_CLUSTER_SIZES, bounds[1:], strict=True):
        if low > max(sizes):
            break
        last = after is None or after > max(sizes)
        top = max(sizes) if last else (after or 0) - 1
        labels.append(count(low) if low == top else f"{count(low)} to {count(top)}")
        values.append(sum(value for key, value in sizes.items() if low <= key <= top))
    return Plot(
        "How large the clusters are",
        plots.bars(labels, values, [count(value) for value in values], label="Number of clusters by their size"),
        "Clusters by their number of documents. A cluster is a kept document with those that it covers.",
    )


def _stages(facts: "DedupFacts") -> list[Block]:
    stages, total = facts.timing.stages, duration(facts.timing.seconds)
    blocks: list[Block] = [
        Plot(
            "Where the time went",
            plots.bars(
                [stage.name for stage in stages],
                [stage.seconds for stage in stages],
                [duration(stage.seconds) for stage in stages],
                label="Seconds by stage",
            ),
            f"Seconds by stage, of {total} in all{_compiling(facts.timing)}.",
        )
    ]
    # A stage that an earlier, interrupted run had finished took no time in this one and has no speed.
    timed = [stage for stage in stages if stage.bytes and stage.seconds > 0 and not stage.resumed]
    if timed:
        rates = [stage.bytes / stage.seconds / 1e6 for stage in timed]
        notes = [f"{significant(speed)} MB/s" for speed in rates]
        blocks.append(
            Plot(
                "How fast each stage was",
                plots.bars([stage.name for stage in timed], rates, notes, label="MB/s by stage"),
                "Text of the input in 1,000,000 bytes a second, by stage.",
            )
        )
    return blocks


def _removed(counts: Counts) -> Block:
    def row(label: str, found: int, found_bytes: int) -> list[str]:
        text = [size(found_bytes), share(found_bytes, counts.bytes_in)]
        return [label, count(found), share(found, counts.documents_in), *text]

    rows = [row(reason(code), found, counts.removed_bytes[code]) for code, found in counts.removed.items()]
    rows.append(row("all", counts.all_removed, sum(counts.removed_bytes.values())))
    return Table(
        "Removed, by reason",
        ("Reason", "Documents", "Share", "Text", "Share"),
        rows,
        numeric=frozenset({1, 2, 3, 4}),
        note="Shares are of all documents and of all text that came in.",
        total=True,
    )


def _quarantined(counts: Counts) -> Block | None:
    if not counts.quarantined:
        return None
    return Table(
        "Quarantined, by reason",
        ("Reason", "Records"),
        [(reason(code), count(value)) for code, value in counts.quarantined.items()],
        numeric=frozenset({1}),
        note="quarantine/ has each record with its address and what was found.",
    )


def _left_out(paths: "Sequence[str]") -> Block | None:
    if not paths:
        return None
    return Table(
        "Files that were left out",
        ("File",),
        [[path] for path in paths[:MOST_LEFT_OUT]],
        note=(
            f"{counted(len(paths), 'file')} in the folders of the input: of a format that is not known, or hidden (a "
            "name that begins with . or _). metrics.json lists them all."
        ),
        wide=True,
    )


def _largest(clusters: "Sequence[Cluster]") -> Block | None:
    if not clusters:
        return None
    return Table(
        "The largest clusters",
        ("Kept document", "Cluster size", "Shard", "Row", "Address"),
        [
            [
                "—" if cluster.id is None else _short(cluster.id),
                count(cluster.size),
                count(file_of(cluster.kept_row)),
                count(position_of(cluster.kept_row)),
                str(cluster.kept_row),
            ]
            for cluster in clusters
        ],
        numeric=frozenset({1, 2, 3, 4}),
        note=(
            "The address of a kept document is shard << 40 | row: shards as manifest.json lists them, and rows in "
            "them, both from 0. duplicates/ has the documents that each kept one covers."
        ),
        wide=True,
    )


def _examples(examples: "Sequence[Example]") -> Block | None:
    pairs = []
    for example in examples:
        left, right = differences(example.kept, example.removed)
        pairs.append(
            (
                f"Similarity {example.similarity:.2f}",
                Side(f"Kept: {_short(example.kept_id)}", left),
                Side(f"Removed: {_short(example.removed_id)}", right),
            )
        )
    if not pairs:
        return None
    return Pairs("Examples", pairs, "Marked is what the other text does not have in that place.")


def _config(command: str, config: Mapping[str, object]) -> Block:
    return Code(
        "Configuration",
        toml.table(command, config),
        f"As resolved; saved as a file it is one for trapline {command} --config FILE.",
    )


def _versions(versions: Mapping[str, str]) -> Block:
    return Table("Versions", ("Package", "Version"), list(versions.items()))


def _short(identity: str, most: int = 120) -> str:
    return identity if len(identity) <= most else identity[: most - 1] + "…"
