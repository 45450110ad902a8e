"""What a seal refuses of a table of probes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.probes import PROBES
from transforms.base.errors import SealError
from transforms.planting.characters import BELONGS, WHITE, places_table
from transforms.planting.tables.texts import FAMILY_TEXTS, Ints, Part

UNIT_COLUMNS = ("kind", "unit", "stratum", "dose")
"""Columns that all candidates of a unit share."""
AS_INSERTION, AS_DOCUMENT = "insertion", "document"
_ZERO_WIDTH_JOINER = 0x200D


@dataclass(frozen=True)
class Rows:
    """Which rows are of which unit, units in the order in which they begin.

    Attributes:
        unit: int64[rows], the number of the unit of each row.
        order: int64[rows], the rows by unit, and within one as they stand.
        begins: int64[units + 1], where each unit begins in `order`.
    """

    unit: Ints
    order: Ints
    begins: Ints

    @classmethod
    def of(cls, probes: pa.Table) -> "Rows":
        """Of a table with a column `unit`."""
        unit = probes.column("unit").combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
        return cls(unit, np.argsort(unit, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(unit))]))

    def __len__(self) -> int:
        return len(self.begins) - 1

    def of_unit(self, unit: int) -> list[int]:
        """The rows of one, as they stand."""
        found: list[int] = self.order[self.begins[unit] : self.begins[unit + 1]].tolist()
        return found


def refuse_bad_rows(probes: pa.Table, parts: Sequence[Part], where: Sequence[str]) -> None:
    """Check each row by itself and against all others.

    Raises:
        SealError: for empty fields, doubled ids or texts, ends that would join a neighbour, or an impossible value.
    """
    distinct, sound = _all_distinct(parts), _none_blank(probes, parts[0])
    for column in () if distinct and sound else PROBES:
        if column.nullable or pa.types.is_integer(column.type):
            continue
        seen: dict[str, int] = {}
        once = column.name in ("id", "text")
        for row, value in enumerate(probes.column(column.name).to_pylist()):
            if not value.strip():
                raise SealError(f"{where[row]}: {column.name} is empty")
            if once and seen.setdefault(value, row) != row:
                raise SealError(f"{where[row]}: the same {column.name} as in {where[seen[value]]}")
    doses = probes.column("dose").to_numpy()
    if (doses < 1).any():
        row = int(np.argmax(doses < 1))
        raise SealError(f"{where[row]}: dose {doses[row]}; a dose is 1 or more")
    known = pc.is_in(probes.column("planted_as"), pa.array([None, AS_INSERTION, AS_DOCUMENT]))
    if (row := pc.index(known, False).as_py()) >= 0:
        raise SealError(f"{where[row]}: planted_as is neither {AS_INSERTION!r} nor {AS_DOCUMENT!r}")
    _refuse_bad_families(parts, where, distinct=distinct)
    inserted = np.asarray(pc.not_equal(probes.column("planted_as").fill_null(AS_INSERTION), AS_DOCUMENT))
    for part in parts:
        _refuse_open_ends(part, inserted, where)


def _all_distinct(parts: Sequence[Part]) -> bool:
    """Whether no two texts are the same, those of all columns taken together."""
    every = pa.chunked_array([part.texts.cast(pa.large_string()) for part in parts])
    return int(pl.Series(pl.from_arrow(every)).n_unique()) == len(every)


def _none_blank(probes: pa.Table, texts: Part) -> bool:
    """Whether every field that must have a value has one that begins with no white space, and no id stands twice."""
    begins = [chr(point) if point else "" for point in np.unique(texts.firsts).tolist()]
    for name in (one.name for one in PROBES if not one.nullable and one.name != "text"):
        if not pa.types.is_integer(probes.schema.field(name).type):
            begins += pc.utf8_slice_codeunits(probes.column(name), 0, 1).unique().to_pylist()
    return all(map(str.strip, begins)) and pc.count_distinct(probes.column("id")).as_py() == probes.num_rows


def _numbers(probes: pa.Table, name: str) -> list[int]:
    """How many texts a column of `FAMILY_TEXTS` has in each row."""
    if name not in probes.column_names:
        return [0] * probes.num_rows
    found: list[int] = pc.list_value_length(probes.column(name)).fill_null(0).to_pylist()
    return found


def _refuse_bad_families(parts: Sequence[Part], where: Sequence[str], *, distinct: bool) -> None:
    """Raise for a further text of a candidate that is empty or the same as any other text of the probes."""
    for part in parts[1:]:
        if all(point and not chr(point).isspace() for point in np.unique(part.firsts).tolist()):
            continue
        empty = pc.or_(pc.equal(pc.binary_length(part.texts), 0), pc.utf8_is_space(part.texts)).fill_null(True)
        if (at := pc.index(empty, True).as_py()) >= 0:
            raise SealError(f"{where[part.rows[at]]}: {part.name}: a text is empty")
    if distinct:
        return
    seen: dict[str, int] = {}
    for part in parts:
        for text, row in zip(part.texts.to_pylist(), part.rows.tolist(), strict=True):
            if text in seen:
                raise SealError(f"{where[row]}: {part.name}: a text is the same as one of {where[seen[text]]}")
            seen[text] = row


def _refuse_open_ends(part: Part, inserted: npt.NDArray[np.bool_], where: Sequence[str]) -> None:
    """Raise if a text to insert has white space at an end, or its first or last character would join a neighbour."""
    table = places_table()
    bad = (table[part.firsts] & (WHITE | BELONGS) != 0) | (table[part.lasts] & WHITE != 0)
    bad = inserted[part.rows] & (bad | (part.lasts == _ZERO_WIDTH_JOINER))
    if not bad.any():
        return
    at = int(np.argmax(bad))
    first, last = table[part.firsts[at]], table[part.lasts[at]]
    begins = f"{where[part.rows[at]]}: {part.name}"
    if (first | last) & WHITE:
        raise SealError(f"{begins} begins or ends with white space; take it off: planting parts texts by its own")
    if first & BELONGS:
        raise SealError(
            f"{begins} begins with a character that belongs to the one before it, such as a combining mark; begin it "
            "with another"
        )
    raise SealError(f"{begins} ends in a zero-width joiner, which joins the next character; drop it")


def refuse_bad_units(probes: pa.Table, units: Rows, where: Sequence[str]) -> None:
    """Check that the candidates of each unit are alike in what they must share, numbered, and equally many.

    Raises:
        SealError: for the first unit that is not so.
    """
    if _alike(probes, units):
        return
    columns = {name: probes.column(name).to_pylist() for name in (*UNIT_COLUMNS, "planted_as", "candidate")}
    columns |= {f"number of {name}": _numbers(probes, name) for name in FAMILY_TEXTS}
    size = len(units.of_unit(0))
    for unit in range(len(units)):
        _refuse_bad_unit(columns, units.of_unit(unit), size, where)


def _alike(probes: pa.Table, units: Rows) -> bool:
    """Whether `refuse_bad_units` has nothing to refuse: the same questions to all rows at once, without messages."""
    sizes, candidate = np.diff(units.begins), probes.column("candidate").to_numpy().astype(np.int64)
    size = int(sizes[0])
    if size < 2 or np.any(sizes != size) or np.any((candidate < 0) | (candidate >= size)):
        return False
    if len(np.unique(units.unit * size + candidate)) != len(candidate):
        return False
    shared = [_codes(probes.column(name)) for name in (*UNIT_COLUMNS, "planted_as")]
    shared += [np.array(_numbers(probes, name), np.int64) for name in FAMILY_TEXTS]
    first = units.order[units.begins[:-1]][units.unit]
    return all(np.array_equal(codes, codes[first]) for codes in shared)


def _codes(column: pa.ChunkedArray) -> Ints:
    """The same number for the same value, int64[rows]; -1 for a null."""
    codes = column.combine_chunks().dictionary_encode().indices.fill_null(-1)
    return np.asarray(codes.to_numpy().astype(np.int64))


def _refuse_bad_unit(columns: dict[str, list[object]], rows: Sequence[int], size: int, where: Sequence[str]) -> None:
    first = rows[0]
    for row in rows:
        for name in (*UNIT_COLUMNS, "planted_as"):
            if columns[name][row] != columns[name][first]:
                raise SealError(f"{where[row]}: another {name} than its unit has in {where[first]}")
    for name in FAMILY_TEXTS:
        for row in rows:
            if columns[f"number of {name}"][row] != columns[f"number of {name}"][first]:
                raise SealError(
                    f"{where[row]}: has {columns[f'number of {name}'][row]} {name}, {where[first]} of its unit "
                    f"{columns[f'number of {name}'][first]}: give all candidates of a unit equally many"
                )
    numbers = sorted(columns["candidate"][row] for row in rows)  # type: ignore[type-var]
    if numbers != list(range(len(rows))):
        raise SealError(
            f"{where[first]}: the {len(rows)} candidates of its unit are numbered {_few(numbers)}; "
            f"number them 0 to {len(rows) - 1}"
        )
    if len(rows) < 2:
        raise SealError(f"{where[first]}: its unit has one candidate; a unit needs two or more, one of which is drawn")
    if len(rows) != size:
        raise SealError(
            f"{where[first]}: its unit has {len(rows)} candidates, the first unit {size}; units must have equally many"
        )


def _few(numbers: Sequence[object]) -> str:
    return ", ".join(map(str, numbers[:12])) + (", ..." if len(numbers) > 12 else "")
