"""Connected components of verified pairs and large buckets, so that what hangs together is decided together.

Up to some 10^8 documents one task holds the parent of every document. Beyond, components are found in rounds of
large-star and small-star (Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii: "Connected Components in MapReduce and
Beyond", 2014), each of which is a stage over ranges, until a round changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.working.partitioned import edges, links, members
from transforms.base.kernels import inline_kernel, kernel
from transforms.dedup.partitioned.layout import BAND_BITS, Setting
from transforms.dedup.partitioned.parts import Parts, PartsWriter

LABELS, STARS = links("labels"), links("stars")
_Numbers = npt.NDArray[np.uint64]


def links_of_range(setting: Setting, number: int) -> Iterator[tuple[_Numbers, _Numbers]]:
    """Pairs of documents of one component, each pair at the range where it was found."""
    with setting.of_ranges("verified").open(number) as file:
        for columns in file.sections(edges(), 0, ["earlier", "later"]):
            yield columns[0], columns[1]
    for files in setting.by_first:
        for document, bucket in files.chunks(members(), number):
            yield document, bucket >> np.uint64(BAND_BITS)


@dataclass(frozen=True)
class ConnectAtOnce:
    """All components in one task: the documents that are not the first of their component, with the one that is."""

    setting: Setting

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them by ranges, unless that was done."""
        return self.setting.parts("labels", 1).once(task, self._fill)

    def _fill(self, writer: PartsWriter) -> Mapping[str, Any]:
        layout = self.setting.layout
        parent = np.arange(layout.documents, dtype=np.uint32)
        for number in range(layout.ranges):
            for one, other in links_of_range(self.setting, number):
                join(parent, one.astype(np.uint32), other.astype(np.uint32))
        for number in range(layout.ranges):
            first, end = layout.bounds(number)
            label = flatten(parent, first, end)
            own = np.flatnonzero(label != np.arange(first, end))
            document = (own + first).astype(np.uint64)
            part = np.full(len(own), number, np.uint32)
            writer.write(LABELS, part, layout.ranges, [document, label[own].astype(np.uint64)])
        return {}


@kernel
def join(parent: npt.NDArray[np.uint32], one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> None:
    """Join the trees of `one[k]` and `other[k]` for all k; the smaller root stays the root."""
    for k in range(len(one)):
        left = _root(parent, one[k])
        right = _root(parent, other[k])
        parent[max(left, right)] = min(left, right)


@kernel
def flatten(parent: npt.NDArray[np.uint32], first: int, end: int) -> npt.NDArray[np.uint32]:
    """The roots of the documents from `first` to `end`."""
    roots = np.empty(end - first, np.uint32)
    for document in range(first, end):
        roots[document - first] = _root(parent, np.uint32(document))
    return roots


@inline_kernel
def _root(parent: npt.NDArray[np.uint32], document: np.uint32) -> np.uint32:
    while parent[document] != document:
        parent[document] = parent[parent[document]]
        document = parent[document]
    return document


@dataclass(frozen=True)
class BeginStars:
    """The links of a range, from both of their ends, to the ranges of these."""

    setting: Setting

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them, unless that was done."""
        return self.setting.of_ranges("small-0").once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        for one, other in links_of_range(self.setting, task):
            apart = one != other
            _write_both(self.setting, writer, STARS, one[apart], other[apart])
        return {}


@dataclass(frozen=True)
class LargeStar:
    """Each document joins its larger neighbours to the smallest one of all that it knows, itself included."""

    setting: Setting
    round: int

    def __call__(self, task: int) -> dict[str, Any]:
        """Write the new links at their larger ends, unless that was done; says whether any differs."""
        files = self.setting.of_ranges(f"large-{self.round}")
        return files.once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        before, layout = self.setting.of_ranges(f"small-{self.round - 1}"), self.setting.layout
        first, end = layout.bounds(task)
        least = np.arange(first, end, dtype=np.uint64)
        for own, other in before.chunks(STARS, task):
            np.minimum.at(least, (own - np.uint64(first)).astype(np.int64), other)
        changed = False
        for own, other in before.chunks(STARS, task):
            larger = other > own
            own, other = own[larger], other[larger]
            to = least[(own - np.uint64(first)).astype(np.int64)]
            changed |= bool((to != own).any())
            links_ = _once(other, to)
            writer.write(STARS, layout.range_of(links_[0]), layout.ranges, links_)
        return {"changed": changed}


@dataclass(frozen=True)
class SmallStar:
    """Each document joins its smaller neighbours, and itself, to the smallest of them."""

    setting: Setting
    round: int

    def __call__(self, task: int) -> dict[str, Any]:
        """Write the new links at both ends, and the labels, unless that was done; says whether any link differs."""
        files = self.setting.of_ranges(f"small-{self.round}")
        return files.once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        before, layout = self.setting.of_ranges(f"large-{self.round}"), self.setting.layout
        first, end = layout.bounds(task)
        least = np.arange(first, end, dtype=np.uint64)
        for own, other in before.chunks(STARS, task):
            np.minimum.at(least, (own - np.uint64(first)).astype(np.int64), other)
        own = np.flatnonzero(least != np.arange(first, end, dtype=np.uint64))
        document = (own + first).astype(np.uint64)
        _write_both(self.setting, writer, STARS, document, least[own])
        writer.write(LABELS, layout.range_of(document), layout.ranges, [document, least[own]])
        changed = False
        for own_, other in before.chunks(STARS, task):
            to = least[(own_ - np.uint64(first)).astype(np.int64)]
            differs = other != to
            changed |= bool(differs.any())
            _write_both(self.setting, writer, STARS, *_once(other[differs], to[differs]))
        return {"changed": changed}


def _once(one: _Numbers, other: _Numbers) -> list[_Numbers]:
    """Each pair once."""
    order = np.lexsort((other, one))
    one, other = one[order], other[order]
    new = np.append(True, (one[1:] != one[:-1]) | (other[1:] != other[:-1])) if len(one) else np.empty(0, np.bool_)
    return [one[new], other[new]]


def _write_both(setting: Setting, writer: PartsWriter, table: Any, one: _Numbers, other: _Numbers) -> None:
    layout = setting.layout
    for left, right in ((one, other), (other, one)):
        writer.write(table, layout.range_of(left), layout.ranges, [left, right])


Stage = Callable[[str, int, Callable[[int], dict[str, Any]]], list[dict[str, Any]]]
"""Runs a stage by name, number of tasks and what a task does; returns what each of them says."""


def connect(setting: Setting, stage: Stage) -> Parts:
    """Find the components; returns the files with the labels of the documents of each range."""
    layout = setting.layout
    if layout.documents <= layout.sizes.dense:
        stage("labels", 1, ConnectAtOnce(setting))
        return setting.parts("labels", 1)
    stage("small-0", layout.ranges, BeginStars(setting))
    number = 1
    while True:
        results = stage(f"large-{number}", layout.ranges, LargeStar(setting, number))
        results += stage(f"small-{number}", layout.ranges, SmallStar(setting, number))
        if not any(result["changed"] for result in results):
            return setting.of_ranges(f"small-{number}")
        number += 1


def labels_of_range(labels: Parts, setting: Setting, number: int) -> _Numbers:
    """The component of each document of a range, by its first document: uint64, by place."""
    first, end = setting.layout.bounds(number)
    found = np.arange(first, end, dtype=np.uint64)
    for document, label in labels.chunks(LABELS, number):
        found[(document - np.uint64(first)).astype(np.int64)] = label
    return found
