"""Exact copies: texts are split by their hashes; in each slice the first document of a text stands for the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.working.partitioned import copies, hashes, stands
from transforms.dedup.buckets import representatives
from transforms.dedup.partitioned.layout import Setting, fixed_rows
from transforms.dedup.partitioned.parts import PartsWriter, slice_of


@dataclass(frozen=True)
class SplitHashes:
    """The hashes of the texts of a few ranges, by slices."""

    setting: Setting

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them, unless that was done."""
        files = self.setting.parts("hashes", self.setting.layout.splits)
        return files.once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        layout = self.setting.layout
        base = layout.first_of_split(task)
        for number in layout.of_split(task):
            found = []
            for begin, table in self.setting.numbers.groups(*layout.bounds(number), ["text_hash", "priority"]):
                words = fixed_rows(table["text_hash"], 16).view("<u8")
                rows = np.arange(begin - base, begin - base + len(words), dtype=np.uint32)
                found.append([words[:, 0], words[:, 1], rows, table["priority"].to_numpy()])
            if found:
                columns = [np.concatenate([chunk[at] for chunk in found]) for at in range(4)]
                writer.write(hashes(), slice_of(columns[0], layout.slices), layout.slices, columns)
        return {}


@dataclass(frozen=True)
class GroupHashes:
    """The copies among the texts of one slice."""

    setting: Setting

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them by ranges, unless that was done; says how many there are."""
        return self.setting.exact.once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        layout = self.setting.layout
        files = self.setting.parts("hashes", layout.splits)
        found = []
        for split in range(layout.splits):
            base = np.uint64(layout.first_of_split(split))
            with files.open(split) as file:
                found += [
                    (high, low, row + base, priority) for high, low, row, priority in file.sections(hashes(), task)
                ]
        if not found:
            return {"copies": 0}
        high, low, document, priority = (np.concatenate([chunk[at] for chunk in found]) for at in range(4))
        del found
        # Documents ascend, so that among equals the one with the smallest address stands for the others.
        first = representatives(np.stack([high, low], axis=1), priority)
        del high, low, priority
        copied = np.flatnonzero(first != np.arange(len(first)))
        own, other = document[copied], document[first[copied]]
        writer.write(copies(), layout.range_of(own), layout.ranges, [own])
        writer.write(stands(), layout.range_of(other), layout.ranges, [own, other])
        return {"copies": len(own)}
