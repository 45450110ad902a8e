"""The judge: exact Jaccard similarities over a whole corpus, beside what a tool kept and removed.

    python -m benchmarks.dedup.judge --corpus DIR... --result OUT

A kept document is a *residual duplicate* if an earlier kept one is its neighbour at J >= .87; a removed document is a
*false removal* if no kept one is its neighbour at J >= .73. The bounds leave a tool with estimates some room on both
sides of its threshold, .8.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from benchmarks.dedup.corpus import fingerprint, parquet_files
from benchmarks.dedup.neighbours import Neighbours, find_neighbours
from benchmarks.dedup.shingles import sets_of_files

RESIDUAL_PERCENT = 87
FALSE_PERCENT = 73
POSITION_BITS = 40
RECIPE = 1
"""Raise it when words, shingles or neighbours change."""


@dataclass(frozen=True)
class Verdict:
    """What a tool left and took that it should not have.

    Attributes:
        documents: in the corpus.
        kept, removed: by the tool; what is neither (unreadable, dropped unseen) is in `lost`.
        lost: documents neither kept nor reported as removed.
        duplicates: documents with an earlier neighbour at J >= .8 in the whole corpus.
        residual: kept documents with an earlier kept neighbour at J >= .87.
        residual_equal: those among them whose shingles are all the same as an earlier kept document's.
        false_removals: removed documents without a kept neighbour at J >= .73.
    """

    documents: int
    kept: int
    removed: int
    lost: int
    duplicates: int
    residual: int
    residual_equal: int
    false_removals: int

    @property
    def residual_share(self) -> float:
        """Residual duplicates among the kept, 0 to 1."""
        return self.residual / max(1, self.kept)

    @property
    def false_share(self) -> float:
        """False removals among the removed, 0 to 1."""
        return self.false_removals / max(1, self.removed)


def _has_earlier(
    neighbours: Neighbours, present: npt.NDArray[np.bool_], percent: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Documents with an earlier neighbour at `percent`, both among `present`: (any, equal ones), bool[documents]."""
    documents = np.arange(len(neighbours.group))
    groups = int(neighbours.group.max(initial=-1)) + 1
    never = len(documents)
    first = np.full(groups, never, np.int64)
    np.minimum.at(first, neighbours.group[present], documents[present])
    before = np.full(groups, never, np.int64)
    near = neighbours.at_least(percent)
    left, right = neighbours.left[near], neighbours.right[near]
    np.minimum.at(before, left, first[right])
    np.minimum.at(before, right, first[left])
    equal = present & (first[neighbours.group] < documents)
    return equal | (present & (before[neighbours.group] < documents)), equal


def judge(neighbours: Neighbours, kept: npt.NDArray[np.bool_], removed: npt.NDArray[np.bool_]) -> Verdict:
    """Judge a tool by the neighbours of its corpus at J >= .73 or less; `kept` and `removed` are bool[documents].

    Raises:
        ValueError: if a document is both kept and removed, or the numbers of documents differ.
    """
    if not len(kept) == len(removed) == len(neighbours.group):
        raise ValueError(f"{len(neighbours.group)} documents, but {len(kept)} and {len(removed)} flags")
    if np.any(kept & removed):
        raise ValueError(f"{int(np.sum(kept & removed))} documents are both kept and removed")
    residual, equal = _has_earlier(neighbours, kept, RESIDUAL_PERCENT)
    duplicate, _ = _has_earlier(neighbours, np.ones(len(kept), np.bool_), 80)
    groups = int(neighbours.group.max(initial=-1)) + 1
    has_kept = np.zeros(groups, np.bool_)
    has_kept[neighbours.group[kept]] = True
    covered = has_kept.copy()
    near = neighbours.at_least(FALSE_PERCENT)
    left, right = neighbours.left[near], neighbours.right[near]
    covered[left[has_kept[right]]] = True
    covered[right[has_kept[left]]] = True
    wrong = removed & ~covered[neighbours.group]
    counts = (kept, removed, ~(kept | removed), duplicate, residual, equal, wrong)
    return Verdict(len(kept), *(int(np.sum(flags)) for flags in counts))


def corpus_neighbours(folders: Sequence[Path], cache: Path, threads: int) -> Neighbours:
    """All neighbours at J >= .73 in a corpus; computed once and kept in `cache`."""
    name = fingerprint(folders, FALSE_PERCENT, RECIPE)
    place = cache / f"neighbours-{name}.npz"
    if place.exists():
        with np.load(place) as stored:
            return Neighbours(**{field: stored[field] for field in stored.files})
    found = find_neighbours(sets_of_files(parquet_files(folders), threads), FALSE_PERCENT, threads)
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = cache / f"unfinished-{name}.npz"
    np.savez(unfinished, **vars(found))
    unfinished.rename(place)
    return found


def removed_by_trapline(folders: Sequence[Path], output: Path) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(kept, removed) from `duplicates/` and `quarantine/` of an output of `trapline dedup`: bool[documents] each.

    Raises:
        ValueError: if the output's shards do not hold as many documents as are left.
    """
    rows = np.array([pq.read_metadata(file).num_rows for file in parquet_files(folders)], np.int64)
    starts = np.concatenate([[0], np.cumsum(rows)])

    def flags(folder: str) -> npt.NDArray[np.bool_]:
        out = np.zeros(starts[-1], np.bool_)
        for file in sorted((output / folder).glob("*.parquet")):
            address = pq.read_table(file, columns=["address"]).column(0).to_numpy().astype(np.int64)
            out[starts[address >> POSITION_BITS] + (address & ((1 << POSITION_BITS) - 1))] = True
        return out

    removed = flags("duplicates")
    kept = ~(removed | flags("quarantine"))
    written = sum(pq.read_metadata(file).num_rows for file in (output / "data").glob("*.parquet"))
    if written != int(np.sum(kept)):
        raise ValueError(f"{int(np.sum(kept))} documents should be left, but the shards hold {written}")
    return kept, removed


def kept_by_number(documents: int, numbers: Iterable[str]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(kept, removed) from the running numbers that a tool kept as ids: bool[documents] each."""
    kept = np.zeros(documents, np.bool_)
    kept[np.array([int(number) for number in numbers], np.int64)] = True
    return kept, ~kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", type=Path, required=True, help="what was deduplicated")
    parser.add_argument("--result", type=Path, required=True, help="the output of `trapline dedup`")
    parser.add_argument("--cache", type=Path, default=Path("bench-work/judge"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    verdict = judge(
        corpus_neighbours(given.corpus, given.cache, given.threads), *removed_by_trapline(given.corpus, given.result)
    )
    shares = {"residual_share": verdict.residual_share, "false_share": verdict.false_share}
    print(json.dumps(asdict(verdict) | shares, indent=2))
