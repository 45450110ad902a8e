"""Figures about a partitioned plan, as `transforms.dedup.statistics` has them, from what its tasks say."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from schemas.working.partitioned import gone
from transforms.base.texts import offsets_of
from transforms.corpus.output.shards import Shard, rows_of_ranks
from transforms.dedup.partitioned.layout import whole_column
from transforms.dedup.partitioned.parts import joined
from transforms.dedup.partitioned.places import Settled, kept_flags, rows_in_input
from transforms.dedup.partitioned.publish import quarantined_of
from transforms.dedup.statistics import BINS, EXAMPLE_BYTES, EXAMPLE_SHARES, LARGEST_CLUSTERS
from transforms.dedup.survivors import estimate_jaccard

Results = Sequence[Mapping[str, Any]]


def summary(
    settled: Settled, shards: Sequence[Shard], answered: Results, decided: Results, pairs: int
) -> dict[str, Any]:
    """Counts, cluster sizes, similarity histogram and example pairs.

    Args:
        settled: what is left of each range.
        shards: of the output.
        answered: of `AnswerRange`, by range.
        decided: counts of the decisions on components.
        pairs: candidate pairs that were compared.
    """
    results = settled.results
    width = settled.setting.config.minhash.num_perm
    near = _added(result["near"] for result in results)
    similarity = estimate_jaccard(np.array(list(near), np.int64), width).astype(np.float32)
    weights = np.array(list(near.values()), np.int64)
    sizes = _added(result["sizes"] for result in answered)
    largest = sorted((one for result in answered for one in result["largest"]), key=lambda one: (-one[0], one[1]))
    return {
        "counts": {
            "kept": int(settled.ranks[-1]),
            "bytes_kept": int(settled.totals[-1]),
            "removed": _by_reason(results, "removed"),
            "removed_bytes": _by_reason(results, "removed_bytes"),
        },
        "clusters": {
            "sizes": {str(size): sizes[size] for size in sorted(sizes)},
            "largest": [{"kept_row": row, "id": id_, "size": size} for size, _, row, id_ in largest[:LARGEST_CLUSTERS]],
        },
        "similarity": {
            "edges": (np.arange(BINS + 1) / BINS).tolist(),
            "counts": np.histogram(similarity, BINS, (0.0, 1.0), weights=weights)[0].tolist(),
        },
        "comparisons": {
            "pairs": pairs + sum(one["comparisons"] for one in decided),
            "capped_buckets": sum(one["capped_buckets"] for one in decided),
            "capped_documents": sum(one["capped_documents"] for one in decided),
        },
        "examples": list(_examples(settled, shards)),
    }


def _added(counts: Iterator[Mapping[str, int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for one in counts:
        total.update({int(key): number for key, number in one.items()})
    return total


def _by_reason(results: Results, name: str) -> dict[str, int]:
    return {reason: sum(result[name][reason] for result in results) for reason in ("exact", "near")}


def _examples(settled: Settled, shards: Sequence[Shard]) -> Iterator[dict[str, Any]]:
    """The pairs that `statistics` shows: by similarity, then by document, at some shares of all."""
    kind = "readable" if any(result["readable"] for result in settled.results) else "near"
    total = _added(result[kind] for result in settled.results)
    count = sum(total.values())
    for place in dict.fromkeys(int(share * (count - 1)) for share in EXAMPLE_SHARES if count):
        before = 0
        for equal in sorted(total):
            if place < before + total[equal]:
                yield _example(settled, shards, kind, equal, place - before)
                break
            before += total[equal]


def _example(settled: Settled, shards: Sequence[Shard], kind: str, equal: int, place: int) -> dict[str, Any]:
    """The pair at `place` among those of `equal` equal bytes, in the order of their documents."""
    setting = settled.setting
    counts = offsets_of([result[kind].get(str(equal), 0) for result in settled.results])
    number = int(np.searchsorted(counts, place, side="right")) - 1
    place -= int(counts[number])
    first, end = setting.layout.bounds(number)
    with setting.of_ranges("settled").open(number) as file:
        document, kept, equals, exact = joined(gone(), list(file.sections(gone(), 0)))
    addresses = whole_column(setting, first, end, "address", np.uint64)
    sizes = whole_column(setting, first, end, "bytes", np.uint32)[(document - np.uint64(first)).astype(np.int64)]
    low, high = EXAMPLE_BYTES
    shown = (exact == 0) & (equals == equal) & ((kind == "near") | ((sizes >= low) & (sizes <= high)))
    at = np.flatnonzero(shown)[place]
    own_address = addresses[[int(document[at]) - first]]
    other = int(kept[at]) >> setting.layout.bits
    other_first, other_end = setting.layout.bounds(other)
    other_place = int(kept[at]) - other_first
    rank = settled.ranks[other] + kept_flags(setting, other)[:other_place].sum()
    row = rows_in_input(document[[at]], own_address, settled.files, quarantined_of(setting))
    return {
        "removed_address": int(own_address[0]),
        "kept_address": int(whole_column(setting, other_first, other_end, "address", np.uint64)[other_place]),
        "removed_row": int(row[0]),
        "kept_row": int(rows_of_ranks(np.array([rank]), shards)[0]),
        "similarity": float(np.float32(estimate_jaccard(equal, setting.config.minhash.num_perm))),
    }
