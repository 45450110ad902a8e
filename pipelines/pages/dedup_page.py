"""The report of a deduplication: from the numbers in metrics.json to a page that a person reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.pages import page, plots
from pipelines.pages.differences import differences
from pipelines.pages.page import Block, Code, Page, Pairs, Part, Plot, Side, Table, Tile
from transforms.base import toml
from transforms.base.readable import (
    Tree,
    branch,
    branches,
    count,
    counted,
    duration,
    items,
    number,
    numbers,
    reason,
    share,
    significant,
    size,
    text,
    whole,
)
from transforms.corpus.input.addresses import file_of, position_of

MOST_EXAMPLES = 8
MOST_CLUSTERS = 10
LEAD = 0.1
"""How far below the threshold the histogram of similarities begins."""

_CLUSTER_SIZES = (2, 3, 5, 10, 20, 50, 100, 1_000, 10_000, 100_000)


def report_html(metrics: Mapping[str, object]) -> str:
    """The report as one HTML page that needs nothing else, ready to be encoded as UTF-8.

    Args:
        metrics: what metrics.json holds: `command`, `counts`, `clusters`, `similarity`, `comparisons`, `stages`,
            `seconds`, `mb_per_second`, `peak_rss_bytes`, `threads`, `config`, `versions`; and `examples`, pairs of
            texts. A part that is missing, or that is not what it should be, is left out of the report.
    """
    return page.render(report_page(metrics))


def write_report(metrics: Mapping[str, object], path: str | Path) -> None:
    """Write `report_html` to a local file."""
    Path(path).write_bytes(report_html(metrics).encode())


def report_page(metrics: Tree) -> Page:
    """What the report shows, ready for `pipelines.pages.page.render`."""
    command = text(metrics, "command") or "dedup"
    counts = branch(metrics, "counts")
    removed = numbers(branch(counts, "removed"))
    threads = whole(metrics, "threads")
    blocks = [
        _similarity(metrics),
        _cluster_sizes(branch(metrics, "clusters")),
        *_stages(metrics),
        _removed(counts, removed),
        _quarantined(counts),
        _largest(branch(metrics, "clusters")),
        _examples(metrics),
        _config(command, branch(metrics, "config")),
        _versions(branch(metrics, "versions")),
    ]
    summary, lead = _summary(counts, removed), _lead(metrics, counts, removed, threads)
    version = text(branch(metrics, "versions"), "trapline")
    return Page(
        title=f"trapline {command}",
        kicker=f"trapline {command}",
        summary=summary,
        lead=lead,
        parts=_parts(counts, removed),
        warnings=_warnings(branch(metrics, "comparisons")),
        tiles=_tiles(metrics, counts, removed, threads),
        blocks=[block for block in blocks if block is not None],
        footer=f"Written by trapline{f' {version}' if version else ''}. This page is complete in itself.",
    )


def _summary(counts: Tree, removed: Mapping[str, float]) -> str:
    said = []
    if (documents := whole(counts, "documents_in")) is not None:
        said.append(f"{counted(documents, 'document')} in")
    if (kept := whole(counts, "kept")) is not None:
        said.append(f"{count(kept)} kept")
    if removed:
        said.append(f"{count(sum(removed.values()))} removed as duplicates")
    if quarantined := sum(numbers(branch(counts, "quarantined")).values()):
        said.append(f"{count(quarantined)} in quarantine")
    # A number is not parted from what it counts.
    return ", ".join(clause.replace(" ", "\u00a0", 1) for clause in said) + "." if said else "The run is done."


def _lead(metrics: Tree, counts: Tree, removed: Mapping[str, float], threads: int | None) -> str:
    said = []
    volume, kept = number(counts, "bytes_in"), number(counts, "bytes_kept")
    if volume is not None and kept is not None:
        said.append(f"{size(volume)} of text came in and {size(kept)} stayed.")
    if {"exact", "near"} <= removed.keys():
        said.append(
            f"Of the removed, {count(removed['exact'])} had the same words as a kept document and "
            f"{count(removed['near'])} were similar to one."
        )
    if (seconds := number(metrics, "seconds")) is not None:
        on = f" on {counted(threads, 'thread')}" if threads else ""
        said.append(f"It took {duration(seconds)}{on}.")
    return " ".join(said)


def _parts(counts: Tree, removed: Mapping[str, float]) -> list[Part]:
    kept = number(counts, "kept")
    found = [] if kept is None else [("kept", kept, "strong")]
    tones = {"near": "middle", "exact": "weak"}
    found += [
        (reason(code), removed[code], tones.get(code, "weak"))
        for code in sorted(removed, key=lambda code: -removed[code])
    ]
    quarantined = sum(numbers(branch(counts, "quarantined")).values())
    found.append(("in quarantine", quarantined, "odd"))
    total = sum(value for _, value, _ in found)
    return [
        Part(label, share(value, total), value / total, tone)
        for label, value, tone in found
        if value > 0 and len(found) > 1
    ]


def _warnings(comparisons: Tree) -> list[str]:
    buckets, documents = whole(comparisons, "capped_buckets"), whole(comparisons, "capped_documents")
    if not buckets:
        return []
    whose = f" ({counted(documents, 'document')})" if documents else ""
    warning = (
        f"The cap on comparisons was reached in {counted(buckets, 'bucket')}{whose}: among these documents some "
        "near-duplicates may have been kept."
    )
    return [warning]


def _tiles(metrics: Tree, counts: Tree, removed: Mapping[str, float], threads: int | None) -> list[Tile]:
    tiles = []
    documents, volume, kept = (number(counts, key) for key in ("documents_in", "bytes_in", "bytes_kept"))
    if documents is not None and removed:
        gone = sum(removed.values())
        tiles.append(Tile(share(gone, documents), "Documents removed", f"{count(gone)} of {count(documents)}"))
    if volume is not None and kept is not None:
        tiles.append(Tile(size(kept), "Text kept", f"{share(kept, volume)} of {size(volume)}"))
    sizes = _sizes(branch(metrics, "clusters"))
    if sizes:
        tiles.append(Tile(count(sum(sizes.values())), "Clusters", f"the largest of {count(max(sizes))} documents"))
    if (speed := number(metrics, "mb_per_second")) is not None:
        on = f"on {counted(threads, 'thread')}" if threads else ""
        tiles.append(Tile(f"{significant(speed)} MB/s", "Speed", on))
    if (seconds := number(metrics, "seconds")) is not None:
        tiles.append(Tile(duration(seconds), "Time", "start to finish"))
    if (memory := number(metrics, "peak_rss_bytes")) is not None:
        tiles.append(Tile(size(memory), "Peak memory", "resident"))
    if (pairs := whole(branch(metrics, "comparisons"), "pairs")) is not None:
        each = f"{significant(pairs / documents, 2)} a document" if documents else ""
        tiles.append(Tile(count(pairs), "Pairs compared", each))
    return tiles


def _similarity(metrics: Tree) -> Block | None:
    found = branch(metrics, "similarity")
    edges, counts = (
        [value for value in items(found, key) if isinstance(value, int | float) and not isinstance(value, bool)]
        for key in ("edges", "counts")
    )
    if len(edges) != len(counts) + 1 or not sum(counts) or list(edges) != sorted(set(edges)):
        return None
    threshold = number(branch(metrics, "config"), "threshold")
    # What lies well below the threshold is empty: it would squeeze the rest.
    first = next(at for at, found in enumerate(counts) if found)
    if threshold is not None:
        first = min(first, max(0, sum(edge < threshold - LEAD + 1e-9 for edge in edges) - 1))
        edges, counts = edges[first:], counts[first:]
    inside = threshold is not None and edges[0] <= threshold <= edges[-1]
    exact = whole(branch(metrics, "counts", "removed"), "exact")
    apart = f" The {counted(exact, 'exact duplicate')} are not in it." if exact else ""
    return Plot(
        "How similar the removed documents were",
        plots.histogram(
            edges,
            counts,
            label="Histogram of the similarity of removed documents to the kept ones",
            xlabel="estimated Jaccard similarity to the kept document",
            marker=(threshold, "threshold") if inside and threshold is not None else None,
        ),
        f"Removed documents by their similarity to the kept document that covers them.{apart}",
    )


def _sizes(clusters: Tree) -> dict[int, int]:
    """Number of clusters by size, for sizes from 2 on."""
    found = numbers(branch(clusters, "sizes"))
    sizes = {int(key): int(value) for key, value in found.items() if key.isascii() and key.isdigit() and value > 0}
    return {key: sizes[key] for key in sorted(sizes) if key >= 2}


def _cluster_sizes(clusters: Tree) -> Block | None:
    sizes = _sizes(clusters)
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


def _stages(metrics: Tree) -> list[Block]:
    # A stage that an earlier, interrupted run had finished took no time in this one and has no speed.
    stages = [
        (text(stage, "name") or "", seconds, None if stage.get("resumed") else number(stage, "bytes"))
        for stage in branches(metrics, "stages")
        if (seconds := number(stage, "seconds")) is not None and seconds >= 0
    ]
    blocks: list[Block] = []
    if stages:
        names, times = [name for name, _, _ in stages], [seconds for _, seconds, _ in stages]
        total = number(metrics, "seconds")
        blocks.append(
            Plot(
                "Where the time went",
                plots.bars(names, times, [duration(value) for value in times], label="Seconds by stage"),
                f"Seconds by stage, of {duration(total)} in all." if total else "Seconds by stage.",
            )
        )
    speeds = [(name, volume / seconds / 1e6) for name, seconds, volume in stages if seconds > 0 and volume]
    if speeds:
        names, rates = [name for name, _ in speeds], [speed for _, speed in speeds]
        notes = [f"{significant(speed)} MB/s" for speed in rates]
        blocks.append(
            Plot(
                "How fast each stage was",
                plots.bars(names, rates, notes, label="MB/s by stage"),
                "Text of the input in 1,000,000 bytes a second, by stage.",
            )
        )
    return blocks


def _removed(counts: Tree, removed: Mapping[str, float]) -> Block | None:
    if not removed:
        return None
    documents, volume = number(counts, "documents_in"), number(counts, "bytes_in")
    removed_bytes = numbers(branch(counts, "removed_bytes"))

    def row(label: str, found: float, found_bytes: float | None) -> list[str]:
        return [
            label,
            count(found),
            share(found, documents or 0),
            "—" if found_bytes is None else size(found_bytes),
            "—" if found_bytes is None else share(found_bytes, volume or 0),
        ]

    rows = [row(reason(code), found, removed_bytes.get(code)) for code, found in removed.items()]
    rows.append(row("all", sum(removed.values()), sum(removed_bytes.values()) if removed_bytes else None))
    return Table(
        "Removed, by reason",
        ("Reason", "Documents", "Share", "Text", "Share"),
        rows,
        numeric=frozenset({1, 2, 3, 4}),
        note="Shares are of all documents and of all text that came in.",
        total=True,
    )


def _quarantined(counts: Tree) -> Block | None:
    found = numbers(branch(counts, "quarantined"))
    if not found:
        return None
    return Table(
        "Quarantined, by reason",
        ("Reason", "Records"),
        [(reason(code), count(value)) for code, value in found.items()],
        numeric=frozenset({1}),
        note="quarantine/ has each record with its address and what was found.",
    )


def _largest(clusters: Tree) -> Block | None:
    rows = []
    for cluster in branches(clusters, "largest")[:MOST_CLUSTERS]:
        address, documents = whole(cluster, "kept_address"), whole(cluster, "size")
        if address is not None and documents is not None:
            identity = cluster.get("id")
            rows.append(
                [
                    "—" if identity is None else _short(str(identity)),
                    count(documents),
                    count(file_of(address)),
                    count(position_of(address)),
                    str(address),
                ]
            )
    if not rows:
        return None
    return Table(
        "The largest clusters",
        ("Kept document", "Cluster size", "File", "Position", "Address"),
        rows,
        numeric=frozenset({1, 2, 3, 4}),
        note=(
            "An address is file ordinal << 40 | position: files as manifest.json lists them, from 0; the position is "
            "the row in Parquet, the byte offset in JSONL. duplicates/ has the documents that each kept one covers."
        ),
        wide=True,
    )


def _examples(metrics: Tree) -> Block | None:
    pairs = []
    for example in branches(metrics, "examples")[:MOST_EXAMPLES]:
        removed, kept = example.get("removed"), example.get("kept")
        if isinstance(removed, str) and isinstance(kept, str):
            left, right = differences(kept, removed)
            similarity = number(example, "similarity")
            heading = "Similar" if similarity is None else f"Similarity {similarity:.2f}"
            pairs.append(
                (
                    heading,
                    Side(_caption("Kept", example.get("kept_id")), left),
                    Side(_caption("Removed", example.get("removed_id")), right),
                )
            )
    if not pairs:
        return None
    return Pairs("Examples", pairs, "Marked is what the other text does not have in that place.")


def _caption(word: str, identity: object) -> str:
    return word if identity is None else f"{word}: {_short(str(identity))}"


def _config(command: str, config: Tree) -> Block | None:
    if not config:
        return None
    known = {key: value for key, value in config.items() if isinstance(value, str | int | float | Sequence)}
    return Code(
        "Configuration",
        toml.table(command, known),
        f"As resolved; saved as a file it is one for trapline {command} --config FILE.",
    )


def _versions(versions: Tree) -> Block | None:
    if not versions:
        return None
    return Table("Versions", ("Package", "Version"), [(str(name), str(found)) for name, found in versions.items()])


def _short(identity: str, most: int = 120) -> str:
    return identity if len(identity) <= most else identity[: most - 1] + "…"
