"""The units of a table of probes: checked, and asked as columns or one by one."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.errors import SealError
from transforms.base.keyed import packed
from transforms.base.texts import offsets_of, one_array, text_sizes
from transforms.planting.tables import fields
from transforms.planting.tables.checks import (
    AS_DOCUMENT,
    UNIT_COLUMNS,
    Rows,
    refuse_bad_rows,
    refuse_bad_units,
)
from transforms.planting.tables.spelled import TEXTS, scalars, spelled
from transforms.planting.tables.texts import FAMILY_TEXTS, Known, Part, known_of, parts_of
from transforms.planting.tables.unit import Candidate, Lists, Unit, head_of

_CANDIDATE_COLUMNS = ("id", "candidate", "text")

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class Columns:
    """What is known of units without their texts, n of each.

    Attributes:
        ids: of the units.
        kinds: of each.
        strata: of each.
        doses: int64.
        sizes: int64, candidates.
        copies: int64, texts of a candidate that may be planted.
        as_document: bool, whether it is planted as documents of their own.
        forms: int8, see `transforms.planting.forms`.
        longest: int64, UTF-8 bytes of the longest text that may be planted.
    """

    ids: list[str]
    kinds: list[str]
    strata: list[str]
    doses: _Ints
    sizes: _Ints
    copies: _Ints
    as_document: npt.NDArray[np.bool_]
    forms: npt.NDArray[np.int8]
    longest: _Ints


@dataclass(frozen=True, repr=False)
class Drawn:
    """The candidates of units that were drawn.

    Attributes:
        ids: string[units].
        texts: large_string, the texts that may be planted of each, one after the other.
        begins: int64[units + 1], where those of each begin.
    """

    ids: pa.Array
    texts: pa.Array
    begins: _Ints

    def numbers(self, leaf: npt.NDArray[np.integer], copy: npt.NDArray[np.integer]) -> _Ints:
        """int64[k]: the number, among the texts of unit `leaf[k]`, of the one that its copy `copy[k]` gets."""
        return np.asarray(copy % np.diff(self.begins)[leaf], np.int64)

    def rows(self, leaf: npt.NDArray[np.integer], copy: npt.NDArray[np.integer]) -> _Ints:
        """int64[k]: the row in `texts` of what copy `copy[k]` of unit `leaf[k]` gets."""
        return np.asarray(self.begins[leaf] + self.numbers(leaf, copy), np.int64)

    def sizes(self, leaf: npt.NDArray[np.integer], copy: npt.NDArray[np.integer]) -> _Ints:
        """int64[k]: UTF-8 bytes of the text that copy `copy[k]` of unit `leaf[k]` gets."""
        return text_sizes(self.texts)[self.rows(leaf, copy)].astype(np.int64)


class Units(Sequence[Unit]):
    """The units of a table of probes, in the order in which their first candidates stand.

    Whoever asks for a unit gets all of them made, which takes seconds for many; `columns`, `drawn` and `canonical`
    do without.
    """

    def __init__(self, probes: pa.Table, rows: Rows, parts: Sequence[Part]) -> None:
        self._probes = probes
        self._rows = rows
        self.parts = parts
        """All texts of the candidates, column by column."""
        candidate = probes.column("candidate").to_numpy()
        self._order: _Ints = np.lexsort((candidate, rows.unit))
        self._size = len(candidate) // len(rows)
        self._last: tuple[tuple[int, ...], Drawn] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Unit: ...

    @overload
    def __getitem__(self, at: slice) -> list[Unit]: ...

    def __getitem__(self, at: int | slice) -> Unit | list[Unit]:
        return self._all[at]

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._all)

    @functools.cached_property
    def _known(self) -> Known:
        return known_of(list(self.parts), self._rows.unit, len(self))

    @functools.cached_property
    def _lists(self) -> dict[str, pa.ListArray]:
        return {
            name: one_array(self._probes.column(name)) for name in FAMILY_TEXTS if name in self._probes.column_names
        }

    @property
    def _further(self) -> list[str]:
        own = (*UNIT_COLUMNS, *_CANDIDATE_COLUMNS)
        return sorted(name for name in self._probes.column_names if name not in own)

    @functools.cached_property
    def columns(self) -> Columns:
        """What is known of them without their texts."""
        first = self._probes.select([*UNIT_COLUMNS, "planted_as"]).take(pa.array(self._order[:: self._size]))
        documents = [planted_as == AS_DOCUMENT for planted_as in first["planted_as"].to_pylist()]
        return Columns(
            first["unit"].to_pylist(),
            first["kind"].to_pylist(),
            first["stratum"].to_pylist(),
            first["dose"].to_numpy().astype(np.int64),
            np.full(len(self), self._size),
            1 + self._variants[self._order[:: self._size]],
            np.array(documents, np.bool_),
            self._known.forms,
            self._known.longest,
        )

    @functools.cached_property
    def _variants(self) -> _Ints:
        """int64[rows], how many variants each candidate has."""
        found = np.zeros(self._probes.num_rows, np.int64)
        for part in self.parts:
            if part.name == "variants":
                found += np.bincount(part.rows, minlength=len(found))
        return found

    def drawn(self, arms: Sequence[int]) -> Drawn:
        """The candidates with these numbers, one of each unit."""
        chosen = tuple(arms)
        if self._last is None or self._last[0] != chosen:
            self._last = chosen, self._drawn(chosen)
        return self._last[1]

    def _drawn(self, arms: Sequence[int]) -> Drawn:
        rows = self._order[np.arange(len(self)) * self._size + np.asarray(arms, np.int64)]
        ids = self._probes.column("id").take(pa.array(rows)).combine_chunks()
        own = self.parts[0].texts.take(pa.array(rows))
        further = next((part for part in self.parts if part.name == "variants"), None)
        if further is None:
            return Drawn(ids, own, np.arange(len(self) + 1))
        counts, before = self._variants[rows], offsets_of(self._variants)
        begins = offsets_of(1 + counts)
        places = np.arange(int(begins[-1])) - np.repeat(begins[:-1], 1 + counts)
        # The text itself stands in front of its variants: unit k is row k of `own`.
        chosen = np.repeat(before[rows] + len(own) - 1, 1 + counts) + places
        chosen[places == 0] = np.arange(len(self))
        texts = pa.chunked_array([own, further.texts]).take(pa.array(chosen)).combine_chunks()
        return Drawn(ids, texts, begins)

    def canonical(self) -> Iterator[tuple[bytes, memoryview]]:
        """The canonical bytes of each unit in two parts, of which the second holds until the next unit is asked for."""
        table, own = self._probes, self.columns
        every = fields.columns([(packed(name, kind), one) for name, kind, one in self._further_fields()])
        text = fields.Values.of(self.parts[0].texts)
        rows = [fields.Values.of(one_array(table.column("id"))), text, *every]
        bodies = fields.rows_packed(rows, self._order, np.arange(len(self) + 1) * self._size)
        units = zip(own.ids, own.kinds, own.strata, own.doses.tolist(), own.sizes.tolist(), strict=True)
        for unit, body in zip(units, bodies, strict=True):
            yield head_of(*unit), body

    def _further_fields(self) -> Iterator[tuple[str, str, fields.Field]]:
        for name in self._further:
            if name in self._lists:
                yield name, TEXTS, fields.Lists.of(self._lists[name])
            else:
                kind, values = scalars(self._probes.column(name))
                yield name, kind, fields.Values.of(values)

    @functools.cached_property
    def _all(self) -> list[Unit]:
        probes, rows, own = self._probes, self._order.tolist(), self.columns
        extras = [list(spelled(probes, name)) for name in self._further]
        ids, texts = (probes.column(name).to_pylist() for name in ("id", "text"))

        def candidate(row: int) -> Candidate:
            values = tuple(value for extra in extras if (value := extra[row]) is not None)
            return Candidate(ids[row], texts[row], values, Lists(self._lists, row))

        every = [candidate(row) for row in rows]
        known = zip(own.forms.tolist(), own.longest.tolist(), strict=True)
        heads = zip(own.ids, own.kinds, own.strata, own.doses.tolist(), strict=True)
        return [
            Unit(*head, tuple(every[at * self._size : (at + 1) * self._size]), both)
            for at, (head, both) in enumerate(zip(heads, known, strict=True))
        ]


def units_of(probes: pa.Table, places: Sequence[str] | None = None) -> Units:
    """The units of a table of probes, in the order in which their first candidates stand.

    Args:
        probes: columns of `PROBES`, then further scalar columns, as `schemas.probes.conform` gives them.
        places: where each row stands, for messages; row numbers by default.

    Raises:
        SealError: for empty fields, doubled ids or texts, texts that would merge with what stands before or after
            them, a dose below 1, candidates that are not numbered 0 to m, or units that differ in m, and within a unit
            in kind, stratum, dose or the number of variants or fresh texts.
    """
    if probes.num_rows == 0:
        raise SealError("there are no probes: the files hold no row")
    where = places or [f"row {row}" for row in range(probes.num_rows)]
    parts, rows = parts_of(probes), Rows.of(probes)
    refuse_bad_rows(probes, parts, where)
    refuse_bad_units(probes, rows, where)
    return Units(probes, rows, parts)


def columns_of(units: Sequence[Unit]) -> Columns:
    """What is known of units without their texts."""
    if isinstance(units, Units):
        return units.columns
    return Columns(
        [unit.id for unit in units],
        [unit.kind for unit in units],
        [unit.stratum for unit in units],
        np.array([unit.dose for unit in units], np.int64),
        np.array([len(unit.candidates) for unit in units], np.int64),
        np.array([len(unit.candidates[0].copies) for unit in units], np.int64),
        np.array([unit.as_document for unit in units], np.bool_),
        np.array([unit.form for unit in units], np.int8),
        np.array([unit.longest for unit in units], np.int64),
    )


def texts_of(units: Sequence[Unit]) -> list[pa.Array]:
    """All texts of units, also those that are never planted: arrays of large_string."""
    if isinstance(units, Units):
        return [part.texts for part in units.parts]
    return [pa.array([text for unit in units for text in unit.sealed_texts()], pa.large_string())]


def drawn_of(units: Sequence[Unit], arms: Sequence[int]) -> Drawn:
    """The candidates of units that were drawn."""
    if isinstance(units, Units):
        return units.drawn(arms)
    chosen = [unit.candidates[arm] for unit, arm in zip(units, arms, strict=True)]
    return Drawn(
        pa.array([one.id for one in chosen], pa.string()),
        pa.array([text for one in chosen for text in one.copies], pa.large_string()),
        offsets_of([len(one.copies) for one in chosen]),
    )
