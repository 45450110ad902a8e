"""Which documents go, for whatever reason, by ranges; and what that leaves of each range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.working.partitioned import covered, gone, gone_addresses, links, stands
from transforms.dedup.partitioned.layout import Setting, whole_column
from transforms.dedup.partitioned.parts import Parts, PartsWriter, joined
from transforms.dedup.statistics import EXAMPLE_BYTES

ASKED = links("asked")


@dataclass(frozen=True)
class CoverCopies:
    """Of one range: its near-duplicates, and the copies of its documents, which what covers the document covers."""

    setting: Setting
    chosen: Sequence[Parts]
    """The files with near-duplicates."""

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them to the ranges of the documents that go, unless that was done."""
        return self.setting.of_ranges("covered").once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        layout, full = self.setting.layout, self.setting.config.minhash.num_perm
        first, end = layout.bounds(task)
        near = [chunk for files in self.chosen for chunk in files.chunks(covered(), task)]
        document, kept, equal = joined(covered(), near)
        writer.write(
            gone(), layout.range_of(document), layout.ranges, [document, kept, equal, np.zeros(len(equal), np.uint8)]
        )
        by = np.arange(first, end, dtype=np.uint64)
        equal_of = np.full(end - first, full, np.uint16)
        place = (document - np.uint64(first)).astype(np.int64)
        by[place], equal_of[place] = kept, equal
        for copy, representative in self.setting.exact.chunks(stands(), task):
            place = (representative - np.uint64(first)).astype(np.int64)
            exact = (by[place] == representative).astype(np.uint8)
            writer.write(gone(), layout.range_of(copy), layout.ranges, [copy, by[place], equal_of[place], exact])
        return {}


@dataclass(frozen=True)
class SettleRange:
    """Of one range: the documents that go, in order, and what there is to count."""

    setting: Setting

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them, and ask the ranges of the kept documents where these stand, unless that was done."""
        return self.setting.of_ranges("settled").once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        layout = self.setting.layout
        first, end = layout.bounds(task)
        columns = self.setting.of_ranges("covered").read(gone(), task)
        order = np.argsort(columns[0])
        document, kept, equal, exact = (column[order] for column in columns)
        addresses = whole_column(self.setting, first, end, "address", np.uint64)
        sizes = whole_column(self.setting, first, end, "bytes", np.uint32)
        place = (document - np.uint64(first)).astype(np.int64)
        one_part = np.array([0, len(document)])
        writer.write_sorted(gone(), one_part, [document, kept, equal, exact])
        writer.write_sorted(gone_addresses(), one_part, [addresses[place]])
        writer.write(ASKED, layout.range_of(kept), layout.ranges, [document, kept])
        near = exact == 0
        low, high = EXAMPLE_BYTES
        readable = near & (sizes[place] >= low) & (sizes[place] <= high)
        total = int(sizes.sum(dtype=np.int64))
        removed_bytes = {"exact": _total(sizes[place[~near]]), "near": _total(sizes[place[near]])}
        files, starts = np.unique(addresses >> np.uint64(40), return_index=True)
        return {
            "kept": end - first - len(document),
            "bytes_kept": total - sum(removed_bytes.values()),
            "removed": {"exact": int((~near).sum()), "near": int(near.sum())},
            "removed_bytes": removed_bytes,
            "near": _histogram(equal[near]),
            "readable": _histogram(equal[readable]),
            "first_address": int(addresses[0]) if len(addresses) else 0,
            "files": [[int(file), int(first + start)] for file, start in zip(files, starts, strict=True)],
        }


def _total(sizes: npt.NDArray[np.uint32]) -> int:
    return int(sizes.sum(dtype=np.int64))


def _histogram(equal: npt.NDArray[np.uint16]) -> dict[str, int]:
    values, counts = np.unique(equal, return_counts=True)
    return {str(value): int(count) for value, count in zip(values, counts, strict=True)}
