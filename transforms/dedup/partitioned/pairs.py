"""Candidate pairs: the keys of each band are split by slices, and documents with the same key are candidates.

Of a bucket with few members all pairs are written down. The members of a larger one are written down as such, one row
each: they are compared only with what is kept, when survivors are chosen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.working.partitioned import keys, members, pairs
from schemas.working.summaries import band_name
from transforms.base.kernels import kernel
from transforms.dedup.buckets import Buckets, find_buckets
from transforms.dedup.partitioned.layout import BAND_BITS, Setting, copy_flags
from transforms.dedup.partitioned.parts import PartsWriter, slice_of

PAIRS = pairs("pairs")


@dataclass(frozen=True)
class SplitKeys:
    """The keys of a few bands and ranges, by slices; copies have none."""

    setting: Setting
    wave: int

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them, unless that was done."""
        files = self.setting.parts(f"keys-{self.wave}", self.setting.layout.splits)
        return files.once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        layout = self.setting.layout
        base = layout.first_of_split(task)
        bands = layout.waves[self.wave]
        for number in layout.of_split(task):
            first, end = layout.bounds(number)
            standing = ~copy_flags(self.setting, number)
            found = np.empty((len(bands), end - first), np.uint64)
            for begin, table in self.setting.numbers.groups(first, end, [band_name(band) for band in bands]):
                for at, band in enumerate(bands):
                    found[at, begin - first : begin - first + table.num_rows] = table[band_name(band)].to_numpy()
            for at, band in enumerate(bands):
                rows = np.flatnonzero(standing & (found[at] != 0))
                own = found[at][rows]
                place = (rows + (first - base)).astype(np.uint32)
                writer.write(keys(band), slice_of(own, layout.slices), layout.slices, [own, place])
        return {}


@dataclass(frozen=True)
class FindPairs:
    """The candidate pairs and the large buckets of one slice of keys."""

    setting: Setting
    wave: int

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them by ranges, unless that was done; says how many there are."""
        return self.setting.by_first[self.wave].once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        layout = self.setting.layout
        written = in_large = 0
        for band in layout.waves[self.wave]:
            buckets, documents = self._buckets(band, task)
            # The cap needs no thought where it cannot be reached.
            most = min(layout.sizes.all_pairs, self.setting.config.bucket_cap + 1)
            sizes = np.diff(buckets.starts)
            for first, end in _batches(sizes, most, layout.sizes.pairs):
                one, other = pairs_in_buckets(documents, buckets.starts[first : end + 1], most)
                writer.write(PAIRS, layout.range_of(one), layout.ranges, [layout.pair(one, other)])
                written += len(one)
            large = np.flatnonzero(sizes > most)
            own = np.repeat(sizes > most, sizes)
            bucket = np.repeat(documents[buckets.starts[large]] << np.uint64(BAND_BITS) | np.uint64(band), sizes[large])
            writer.write(members(), layout.range_of(documents[own]), layout.ranges, [documents[own], bucket])
            in_large += len(bucket)
        return {"pairs": written, "members": in_large}

    def _buckets(self, band: int, part: int) -> tuple[Buckets, npt.NDArray[np.uint64]]:
        """The buckets of one band and slice; and the documents of all of them, one bucket after the other."""
        layout = self.setting.layout
        files = self.setting.parts(f"keys-{self.wave}", layout.splits)
        found: list[npt.NDArray[np.uint64]] = []
        rows: list[npt.NDArray[np.uint32]] = []
        counts: list[int] = []
        for split in range(layout.splits):
            before = len(found)
            with files.open(split) as file:
                for own, row in file.sections(keys(band), part):
                    found.append(own)
                    rows.append(row)
            counts.append(sum(len(one) for one in rows[before:]))
        if not found:
            return Buckets(np.empty(0, np.uint32), np.zeros(1, np.int64)), np.empty(0, np.uint64)
        buckets = find_buckets(np.concatenate(found))
        del found
        splits = np.searchsorted(np.cumsum(counts), buckets.members, side="right")
        bases = np.array([layout.first_of_split(split) for split in range(layout.splits)], np.uint64)
        return buckets, np.concatenate(rows)[buckets.members] + bases[splits]


def _batches(sizes: npt.NDArray[np.int64], most: int, rows: int) -> Iterator[tuple[int, int]]:
    """Runs of buckets that make about `rows` pairs each at most."""
    total = np.cumsum(np.where(sizes <= most, sizes * (sizes - 1) // 2, 0))
    first = 0
    while first < len(sizes):
        before = int(total[first - 1]) if first else 0
        end = max(first + 1, int(np.searchsorted(total, before + rows, side="right")))
        yield first, end
        first = end


@kernel
def pairs_in_buckets(
    documents: npt.NDArray[np.uint64], starts: npt.NDArray[np.int64], most: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """All pairs of documents, the smaller one first, in the buckets of at most `most` members.

    Bucket k is `documents[starts[k]:starts[k + 1]]`, ascending.
    """
    count = np.int64(0)
    for bucket in range(len(starts) - 1):
        size = starts[bucket + 1] - starts[bucket]
        if size <= most:
            count += size * (size - 1) // 2
    one = np.empty(count, np.uint64)
    other = np.empty(count, np.uint64)
    count = np.int64(0)
    for bucket in range(len(starts) - 1):
        begin, end = starts[bucket], starts[bucket + 1]
        if end - begin <= most:
            for left in range(begin, end):
                for right in range(left + 1, end):
                    one[count] = documents[left]
                    other[count] = documents[right]
                    count += 1
    return one, other
