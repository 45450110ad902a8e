"""Verified pairs: candidates meet each other's sketches, and those under the threshold are forgotten.

A candidate pair goes to the range of its smaller document, where equal ones become one. From there it goes, with the
sketch of that document, to the range of the other one, where the two are compared: every pair once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.working.partitioned import edges, pairs, sketches
from transforms.dedup.partitioned.layout import PLACE_BITS, Layout, Setting, chosen_rows, whole_column
from transforms.dedup.partitioned.pairs import PAIRS
from transforms.dedup.partitioned.parts import PartsWriter
from transforms.dedup.survivors import equal_between, least_equal

MET = pairs("met")


@dataclass(frozen=True)
class SendSketches:
    """Of one range: its candidate pairs, each once, and its sketches, to the ranges that need them."""

    setting: Setting

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them, unless that was done."""
        return self.setting.of_ranges("sent").once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        for found in self._unique_pairs(task):
            self._send(task, found, writer)
        return {}

    def _unique_pairs(self, task: int) -> Iterator[npt.NDArray[np.uint64]]:
        """The pairs of a range, ascending, each once; as many at a time as a task holds, by their first document."""
        layout = self.setting.layout
        files = [(waves, slice_) for waves in self.setting.by_first for slice_ in range(waves.tasks)]
        total = 0
        for waves, slice_ in files:
            with waves.open(slice_) as file:
                total += sum(len(chunk[0]) for chunk in file.sections(PAIRS, task))
        passes = max(1, -(-total // (2 * layout.sizes.pairs)))
        for number in range(passes):
            lo, hi = ((at << layout.bits) // passes << PLACE_BITS for at in (number, number + 1))
            yield self._unique_between(task, None if passes == 1 else (lo, hi), files)

    def _unique_between(
        self, task: int, bounds: tuple[int, int] | None, files: list[tuple[Any, int]]
    ) -> npt.NDArray[np.uint64]:
        together: list[npt.NDArray[np.uint64]] = []
        waiting = unique = 0
        for waves, slice_ in files:
            with waves.open(slice_) as file:
                for (found,) in file.sections(PAIRS, task):
                    own = found if bounds is None else found[(found >= bounds[0]) & (found < bounds[1])]
                    together.append(own)
                    waiting += len(own)
            if waiting > max(unique, self.setting.layout.sizes.pairs):
                together = [np.unique(np.concatenate(together))]
                waiting, unique = 0, len(together[0])
        return np.unique(np.concatenate(together)) if together else np.empty(0, np.uint64)

    def _send(self, task: int, found: npt.NDArray[np.uint64], writer: PartsWriter) -> None:
        layout, rows = self.setting.layout, self.setting.layout.sizes.rows
        if not len(found):
            return
        first, end = layout.bounds(task)
        place, other = layout.unpair(found)
        target = layout.range_of(other)
        document = place.astype(np.uint64) + np.uint64(first)
        for at in range(0, len(found), layout.sizes.pairs):
            some = slice(at, at + layout.sizes.pairs)
            writer.write(MET, target[some], layout.ranges, [layout.pair(other[some], document[some])])
        # Pairs are in order of document and other document, so that those of one document and range stand together.
        once = np.flatnonzero(np.append(True, (place[1:] != place[:-1]) | (target[1:] != target[:-1])))
        place, target, document = place[once], target[once], document[once]
        del other, once
        chosen = np.zeros(end - first, np.bool_)
        chosen[place] = True
        width = self.setting.config.minhash.num_perm
        own = chosen_rows(self.setting, task, "sketch", width, chosen)
        row = (np.cumsum(chosen) - 1)[place]
        priority = whole_column(self.setting, first, end, "priority", np.float64)[place]
        for at in range(0, len(place), rows):
            some = slice(at, at + rows)
            columns = [document[some], priority[some], own[row[some]]]
            writer.write(sketches(width), target[some], layout.ranges, columns)


@dataclass(frozen=True)
class VerifyPairs:
    """Of one range: the pairs that it was sent, compared with its own sketches."""

    setting: Setting

    def __call__(self, task: int) -> dict[str, Any]:
        """Write the verified ones, unless that was done; says how many there were and are."""
        return self.setting.of_ranges("verified").once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        layout, config = self.setting.layout, self.setting.config
        sent = self.setting.of_ranges("sent")
        first, end = layout.bounds(task)
        chosen = np.zeros(end - first, np.bool_)
        for (found,) in sent.chunks(MET, task):
            chosen[Layout.unpair(found)[0]] = True
        if not chosen.any():
            return {"pairs": 0, "edges": 0}
        own = chosen_rows(self.setting, task, "sketch", config.minhash.num_perm, chosen)
        row = np.cumsum(chosen) - 1
        priority = whole_column(self.setting, first, end, "priority", np.float64)
        least = least_equal(config.threshold, config.minhash.num_perm)
        compared = written = 0
        # A range sends to itself and those after it.
        for source in range(task + 1):
            for place, document, equal, other_priority in self._compared(source, task, own, row):
                near = equal >= least
                other = place[near].astype(np.uint64) + np.uint64(first)
                columns = in_order(document[near], other, other_priority[near], priority[place[near]])
                starts = np.array([0, int(near.sum())])
                writer.write_sorted(edges(), starts, [*columns, equal[near].astype(np.uint16)])
                compared += len(near)
                written += int(starts[1])
        return {"pairs": compared, "edges": written}

    def _compared(
        self, source: int, task: int, own: npt.NDArray[np.uint8], row: npt.NDArray[np.int64]
    ) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        """The pairs from one range: own place, other document, equal bytes, the other document's priority.

        Pairs and sketches both ascend in the other document, through all sections: one section of each is held.
        """
        width = self.setting.config.minhash.num_perm
        with self.setting.of_ranges("sent").open(source) as file:
            sent = file.sections(sketches(width), task)
            documents = np.empty(0, np.uint64)
            for (found,) in file.sections(MET, task):
                place, document = Layout.unpair(found)
                lo = 0
                while lo < len(document):
                    while not len(documents) or documents[-1] < document[lo]:
                        documents, priorities, bytes_ = next(sent)
                    hi = int(np.searchsorted(document, documents[-1], side="right"))
                    at = np.searchsorted(documents, document[lo:hi])
                    equal = equal_between(bytes_, own, at, row[place[lo:hi]])
                    yield place[lo:hi], document[lo:hi], equal, priorities[at]
                    lo = hi


def in_order(
    one: npt.NDArray[np.uint64],
    other: npt.NDArray[np.uint64],
    one_priority: npt.NDArray[np.float64],
    other_priority: npt.NDArray[np.float64],
) -> list[npt.NDArray[Any]]:
    """Pairs as earlier and later document with their priorities, where `one` is the smaller index of each.

    NaN counts as minus infinity; of equals the smaller index comes first.
    """
    one_priority, other_priority = clean(one_priority), clean(other_priority)
    swap = other_priority > one_priority
    return [
        np.where(swap, other, one),
        np.where(swap, one, other),
        np.where(swap, other_priority, one_priority),
        np.where(swap, one_priority, other_priority),
    ]


def clean(priority: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Priorities with minus infinity for NaN."""
    return np.where(np.isnan(priority), -np.inf, priority)
