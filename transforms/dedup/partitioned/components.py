"""Survivors, component by component: in groups that fit a task, and in rounds where one component does not.

A component is decided whatever happens in others. A group of components is one task. A component that is too large is
cut into blocks by the order in which documents are kept; a round decides one block after the other, knowing what the
earlier ones have decided. Whatever the cuts are, the result is that of one pass in this order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.working.partitioned import covered, edges, listed, members, sketches, tallies, weights, went
from transforms.dedup.partitioned.connect import Stage, labels_of_range
from transforms.dedup.partitioned.decide import Before, Decision, Graph, decide
from transforms.dedup.partitioned.layout import Setting, chosen_rows, whole_column
from transforms.dedup.partitioned.parts import Parts, PartsFile, PartsWriter, joined, slice_of
from transforms.dedup.partitioned.verify import clean

EDGE_BYTES, MEMBER_BYTES = 40, 50
SAMPLED = 1024
"""One document in so many is looked at when a component is cut."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
Column = npt.NDArray[Any]
Rank = tuple[float, int]
"""Priority and document: the place of a document in the order in which documents are kept."""


def survivors(setting: Setting, labels: Parts, found: Mapping[str, int], stage: Stage) -> tuple[list[Parts], Any]:
    """Decide on all components.

    Args:
        setting: of the plan.
        labels: what `connect` returns.
        found: "edges" and "members" of the whole graph.
        stage: runs a stage.

    Returns:
        The files with the documents that go, and what their tasks say.
    """
    layout = setting.layout
    member_bytes = MEMBER_BYTES + setting.config.minhash.num_perm
    weight = found["edges"] * EDGE_BYTES + found["members"] * member_bytes
    groups = max(1, -(-weight // layout.sizes.component))
    large: tuple[int, ...] = ()
    if groups > 1:
        stage("weights", layout.ranges, WeighComponents(setting, labels, groups))
        sized = stage("large", groups, FindLarge(setting, groups))
        large = tuple(sorted(label for result in sized for label in result["large"]))
    grouped = stage("grouped", layout.ranges, GroupComponents(setting, labels, groups, large))
    said = stage("chosen", groups, ChooseInGroup(setting, groups))
    files = [setting.parts("chosen", groups)]
    if large:
        samples = [(priority, document) for result in grouped for priority, document in result["samples"]]
        cuts = cut_in_blocks(samples, SAMPLED * member_bytes, layout.sizes.component)
        stage("blocks", layout.ranges, SplitBlocks(setting, groups, cuts))
        for number in range(len(cuts) + 1):
            said += stage(f"round-{number:06d}", 1, DecideBlock(setting, cuts, number))
            files.append(setting.parts(f"round-{number:06d}", 1))
    return files, said


def group_of(labels: npt.NDArray[np.uint64], groups: int) -> npt.NDArray[np.uint32]:
    """The group of each component."""
    return slice_of(labels * _GOLDEN, groups)


def cut_in_blocks(samples: Sequence[Rank], each: int, most: int) -> list[Rank]:
    """Where blocks of about `most` bytes begin, but for the first: every sample stands for `each` bytes."""
    ordered = sorted(samples, key=lambda rank: (-rank[0], rank[1]))
    step = max(1, most // each)
    return sorted(set(ordered[step::step]), key=lambda rank: (-rank[0], rank[1]))


def block_of(priority: npt.NDArray[np.float64], document: Column, cuts: Sequence[Rank]) -> npt.NDArray[np.uint32]:
    """The block of each document: how many cuts come before it or are it."""
    block = np.zeros(len(document), np.uint32)
    for cut_priority, cut_document in cuts:
        same = priority == cut_priority
        block += (priority < cut_priority) | (same & (document >= np.uint64(cut_document)))
    return block


@dataclass(frozen=True)
class WeighComponents:
    """What the components take that have links in one range, to be added up by groups."""

    setting: Setting
    labels: Parts
    groups: int

    def __call__(self, task: int) -> dict[str, Any]:
        """Write it, unless that was done."""
        return self.setting.of_ranges("weights").once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        label = labels_of_range(self.labels, self.setting, task)
        weight = np.zeros(len(label), np.uint64)
        for place, _ in edges_of_range(self.setting, task):
            np.add.at(weight, place, np.uint64(EDGE_BYTES))
        for place, _ in members_of_range(self.setting, task):
            np.add.at(weight, place, np.uint64(MEMBER_BYTES + self.setting.config.minhash.num_perm))
        own = np.flatnonzero(weight)
        names, at = np.unique(label[own], return_inverse=True)
        total = np.zeros(len(names), np.uint64)
        np.add.at(total, at, weight[own])
        writer.write(weights(), group_of(names, self.groups), self.groups, [names, total])
        return {}


@dataclass(frozen=True)
class FindLarge:
    """The components of one group that are too large for one task."""

    setting: Setting
    groups: int

    def __call__(self, task: int) -> dict[str, Any]:
        """Their labels."""
        label, weight = self.setting.of_ranges("weights").read(weights(), task)
        names, at = np.unique(label, return_inverse=True)
        total = np.zeros(len(names), np.uint64)
        np.add.at(total, at, weight)
        return {"task": task, "large": names[total > self.setting.layout.sizes.component].tolist()}


def edges_of_range(setting: Setting, number: int) -> Iterator[tuple[npt.NDArray[np.int64], list[Column]]]:
    """The verified pairs of a range, each with the place in the range of one of its documents."""
    first = np.uint64(setting.layout.bounds(number)[0])
    with setting.of_ranges("verified").open(number) as file:
        for columns in file.sections(edges(), 0):
            yield (np.maximum(columns[0], columns[1]) - first).astype(np.int64), columns


def members_of_range(setting: Setting, number: int) -> Iterator[tuple[npt.NDArray[np.int64], list[Column]]]:
    """The places in large buckets of the documents of a range, each with the document's place in the range."""
    first = np.uint64(setting.layout.bounds(number)[0])
    for files in setting.by_first:
        for columns in files.chunks(members(), number):
            yield (columns[0] - first).astype(np.int64), columns


@dataclass(frozen=True)
class GroupComponents:
    """The graph of one range by groups of components; what belongs to large ones is a group of its own, the last."""

    setting: Setting
    labels: Parts
    groups: int
    large: tuple[int, ...]

    def __call__(self, task: int) -> dict[str, Any]:
        """Write it, unless that was done; gives a sample of the documents of large components."""
        return self.setting.of_ranges("grouped").once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        label = labels_of_range(self.labels, self.setting, task)
        group = group_of(label, self.groups)
        group[np.isin(label, np.array(self.large, np.uint64))] = self.groups
        del label
        samples: list[Rank] = []
        seen = 0
        for place, columns in edges_of_range(self.setting, task):
            part = group[place]
            writer.write(edges(), part, self.groups + 1, columns)
            inside = np.flatnonzero(part == self.groups)
            some = inside[-seen % SAMPLED :: SAMPLED]  # one in so many of all sections, however short they are
            seen += len(inside)
            samples += zip(columns[3][some].tolist(), columns[1][some].tolist(), strict=True)
        chosen = np.zeros(len(group), np.bool_)
        for place, columns in members_of_range(self.setting, task):
            writer.write(members(), group[place], self.groups + 1, columns)
            chosen[place] = True
        if chosen.any():
            samples += self._send_sketches(task, chosen, group, writer)
        return {"samples": samples}

    def _send_sketches(
        self, task: int, chosen: npt.NDArray[np.bool_], group: npt.NDArray[np.uint32], writer: PartsWriter
    ) -> list[Rank]:
        layout, width = self.setting.layout, self.setting.config.minhash.num_perm
        first, end = layout.bounds(task)
        own = chosen_rows(self.setting, task, "sketch", width, chosen)
        place = np.flatnonzero(chosen)
        priority = clean(whole_column(self.setting, first, end, "priority", np.float64)[place])
        document = (place + first).astype(np.uint64)
        for at in range(0, len(place), layout.sizes.rows):
            some = slice(at, at + layout.sizes.rows)
            columns: list[Column] = [document[some], priority[some], own[some]]
            writer.write(sketches(width), group[place[some]], self.groups + 1, columns)
        sampled = np.flatnonzero(group[place] == self.groups)[::SAMPLED]
        return list(zip(priority[sampled].tolist(), document[sampled].tolist(), strict=True))


def _tables(setting: Setting) -> tuple[pa.Schema, pa.Schema, pa.Schema]:
    return edges(), members(), sketches(setting.config.minhash.num_perm)


def _decided(setting: Setting, graph: Graph, before: Before | None = None) -> Decision:
    config = setting.config
    return decide(graph, config.threshold, config.bucket_cap, config.minhash.num_perm, before)


def _write_covered(setting: Setting, decision: Decision, writer: PartsWriter) -> None:
    part = setting.layout.range_of(decision.covered[0])
    writer.write(covered(), part, setting.layout.ranges, decision.covered)


@dataclass(frozen=True)
class ChooseInGroup:
    """The documents of one group of components that go."""

    setting: Setting
    groups: int

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them by ranges, unless that was done; gives the counts."""
        return self.setting.parts("chosen", self.groups).once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        files = self.setting.of_ranges("grouped")
        decision = _decided(self.setting, Graph(*(files.read(table, task) for table in _tables(self.setting))))
        _write_covered(self.setting, decision, writer)
        return decision.counts


@dataclass(frozen=True)
class SplitBlocks:
    """The graph of the large components in one range, by blocks."""

    setting: Setting
    groups: int
    cuts: Sequence[Rank]

    def __call__(self, task: int) -> dict[str, Any]:
        """Write it, unless that was done."""
        return self.setting.of_ranges("blocks").once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        blocks = len(self.cuts) + 1
        of_edges, of_members, of_sketches = _tables(self.setting)
        documents, blocks_of = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
        with self.setting.of_ranges("grouped").open(task) as file:
            for columns in file.sections(of_edges, self.groups):
                writer.write(of_edges, block_of(columns[3], columns[1], self.cuts), blocks, columns)
            for columns in file.sections(of_sketches, self.groups):
                block = block_of(columns[1], columns[0], self.cuts)
                writer.write(of_sketches, block, blocks, columns)
                documents.append(columns[0])
                blocks_of.append(block)
            ascending, known = np.concatenate(documents), np.concatenate(blocks_of)
            for columns in file.sections(of_members, self.groups):
                writer.write(of_members, known[np.searchsorted(ascending, columns[0])], blocks, columns)
        return {}


@dataclass(frozen=True)
class DecideBlock:
    """The documents of one block that go, given what the rounds before have decided."""

    setting: Setting
    cuts: Sequence[Rank]
    number: int

    def __call__(self, task: int) -> dict[str, Any]:
        """Write them by ranges, and what later rounds need, unless that was done; gives the counts."""
        return self._files(self.number).once(task, self._fill)

    def _files(self, number: int) -> Parts:
        return self.setting.parts(f"round-{number:06d}", 1)

    def _fill(self, writer: PartsWriter) -> Mapping[str, Any]:
        files = self.setting.of_ranges("blocks")
        graph = Graph(*(files.read(table, self.number) for table in _tables(self.setting)))
        decision = _decided(self.setting, graph, self._before(graph))
        _write_covered(self.setting, decision, writer)
        for table, columns in (
            (went(), [np.sort(decision.covered[0])]),
            (listed(self.setting.config.minhash.num_perm), decision.listed),
            (tallies(), decision.tallies),
        ):
            writer.write_sorted(table, np.array([0, len(columns[0])]), columns)
        return decision.counts

    def _before(self, graph: Graph) -> Before:
        earlier, _, priority = graph.edges[:3]
        decided = np.unique(earlier[block_of(priority, earlier, self.cuts) < self.number])
        gone = np.zeros(len(decided), np.bool_)
        buckets = np.unique(graph.members[1])
        of_listed = listed(self.setting.config.minhash.num_perm)
        found: dict[str, list[list[Column]]] = {"listed": [], "tallies": []}
        for number in range(self.number):
            with self._files(number).open(0) as file:
                for (documents,) in file.sections(went(), 0):
                    gone |= _among(decided, documents)
                for name, table in (("listed", of_listed), ("tallies", tallies())):
                    found[name] += _of_buckets(file, table, buckets)
        return Before(decided, gone, joined(of_listed, found["listed"]), joined(tallies(), found["tallies"]))


def _among(some: Column, ascending: Column) -> npt.NDArray[np.bool_]:
    at = np.minimum(np.searchsorted(ascending, some), max(0, len(ascending) - 1))
    return np.asarray(ascending[at] == some) if len(ascending) else np.zeros(len(some), np.bool_)


def _of_buckets(file: PartsFile, table: pa.Schema, buckets: Column) -> list[list[Column]]:
    found = []
    for columns in file.sections(table, 0):
        inside = _among(columns[0], buckets)
        if inside.any():
            found.append([column[inside] for column in columns])
    return found
