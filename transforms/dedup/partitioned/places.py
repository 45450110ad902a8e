"""Where documents stand, in the input and in the output, when no process holds all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.working.partitioned import gone
from transforms.base.texts import offsets_of
from transforms.dedup.partitioned.layout import Setting, whole_column

Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Settled:
    """What is left of each range: `results` of `SettleRange`, by range."""

    setting: Setting
    results: Sequence[Mapping[str, Any]]

    @cached_property
    def ranks(self) -> npt.NDArray[np.int64]:
        """Kept documents before each range, and in all."""
        return offsets_of([result["kept"] for result in self.results])

    @cached_property
    def totals(self) -> npt.NDArray[np.int64]:
        """Their text, in bytes."""
        return offsets_of([result["bytes_kept"] for result in self.results])

    @cached_property
    def removed(self) -> npt.NDArray[np.int64]:
        """Removed documents before each range, and in all."""
        return offsets_of([sum(result["removed"].values()) for result in self.results])

    @cached_property
    def first_addresses(self) -> Numbers:
        """The address of the first document of each range."""
        return np.array([result["first_address"] for result in self.results], np.uint64)

    @cached_property
    def files(self) -> tuple[Numbers, Numbers]:
        """The ordinals of the files that hold documents, ascending, and the first document of each."""
        first: dict[int, int] = {}
        for result in self.results:
            for file, document in result["files"]:
                first.setdefault(file, document)
        ordinals = sorted(first)
        return np.array(ordinals, np.uint64), np.array([first[file] for file in ordinals], np.uint64)

    def range_at(self, addresses: Numbers) -> npt.NDArray[np.int64]:
        """The range in which each address is, or the first one."""
        return np.maximum(np.searchsorted(self.first_addresses, addresses, side="right") - 1, 0)


def kept_flags(setting: Setting, number: int) -> npt.NDArray[np.bool_]:
    """Which documents of a settled range are kept: bool, by place."""
    first, end = setting.layout.bounds(number)
    flags = np.ones(end - first, np.bool_)
    with setting.of_ranges("settled").open(number) as file:
        for (documents,) in file.sections(gone(), 0, ["document"]):
            flags[(documents - np.uint64(first)).astype(np.int64)] = False
    return flags


class KeptRanges:
    """The kept documents of all ranges, as `transforms.corpus.output.shards.Kept`: one or two ranges are in memory."""

    def __init__(self, settled: Settled) -> None:
        self._settled = settled
        self.rows = int(settled.ranks[-1])
        self._load = lru_cache(maxsize=2)(self._load_now)

    def _load_now(self, number: int) -> tuple[Numbers, npt.NDArray[np.int64]]:
        setting = self._settled.setting
        bounds = setting.layout.bounds(number)
        kept = kept_flags(setting, number)
        addresses = whole_column(setting, *bounds, "address", np.uint64)[kept]
        return addresses, offsets_of(whole_column(setting, *bounds, "bytes", np.uint32)[kept])

    def rank(self, addresses: Numbers) -> npt.NDArray[np.int64]:
        """As `Kept` says."""
        ranges = self._settled.range_at(addresses).tolist()
        found = [
            int(self._settled.ranks[number] + np.searchsorted(self._load(number)[0], address))
            for number, address in zip(ranges, addresses, strict=True)
        ]
        return np.array(found, np.int64)

    def bytes_before(self, ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """As `Kept` says."""
        before = self._settled.ranks
        ranges = np.minimum(np.searchsorted(before, ranks, side="right") - 1, len(before) - 2).tolist()
        found = [
            int(self._settled.totals[number] + self._load(number)[1][rank - before[number]])
            for number, rank in zip(ranges, ranks, strict=True)
        ]
        return np.array(found, np.int64)

    def address_after(self, text_bytes: npt.NDArray[np.int64]) -> Numbers:
        """As `Kept` says."""
        before = self._settled.totals
        found = []
        for wanted in text_bytes.tolist():
            number = int(np.searchsorted(before[1:], wanted, side="right"))
            addresses, totals = self._load(number)
            found.append(addresses[np.searchsorted(totals[1:], wanted - before[number], side="right")])
        return np.array(found, np.uint64)


def rank_in_input(settled: Settled, addresses: Numbers) -> npt.NDArray[np.int64]:
    """How many documents that the scan could use come before each of the ascending `addresses`."""
    layout = settled.setting.layout
    ranges = settled.range_at(addresses)
    found = np.empty(len(addresses), np.int64)
    for number in np.unique(ranges).tolist():
        first, end = layout.bounds(number)
        own = whole_column(settled.setting, first, end, "address", np.uint64)
        inside = ranges == number
        found[inside] = first + np.searchsorted(own, addresses[inside])
    return found


def rows_in_input(
    documents: Numbers, addresses: Numbers, files: tuple[Numbers, Numbers], quarantined: Numbers
) -> Numbers:
    """Row numbers of some documents.

    Args:
        documents: uint64[n], their indices.
        addresses: uint64[n], their addresses.
        files: of `Settled`.
        quarantined: uint64[k], ascending: addresses of the records that the scan could not use.

    Returns:
        uint64[n]: file ordinal << 40 | row number.
    """
    file = addresses >> np.uint64(40)
    first = files[1][np.searchsorted(files[0], file)]
    bad = np.searchsorted(quarantined, addresses) - np.searchsorted(quarantined, file << np.uint64(40))
    return file << np.uint64(40) | (documents - first + bad.astype(np.uint64))


def ids_of(setting: Setting, number: int, place: npt.NDArray[np.int64]) -> pa.Array:
    """The ids of the documents at some places of a range, in any order: a string array."""
    first, end = setting.layout.bounds(number)
    wanted = np.unique(place)
    flags = np.zeros(end - first, np.bool_)
    flags[wanted] = True
    found = [pa.nulls(0, pa.string())]
    for begin, table in setting.numbers.groups(first, end, ["id"], lambda lo, hi: flags[lo - first : hi - first]):
        inside = flags[begin - first : begin - first + table.num_rows]
        found += table["id"].filter(pa.array(inside)).chunks
    return pa.concat_arrays(found).take(pa.array(np.searchsorted(wanted, place)))
