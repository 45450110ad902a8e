"""Units of exchangeable candidates: read from probes, checked, and written as the bytes that a seal binds."""

import functools
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.probes import FAMILY, PROBES
from transforms.base.errors import SealError
from transforms.base.keyed import digest, packed
from transforms.base.texts import buffers_of
from transforms.planting.characters import BELONGS, WHITE, places_table

_UNIT_COLUMNS = ("kind", "unit", "stratum", "dose")
_CANDIDATE_COLUMNS = ("id", "candidate", "text")
FAMILY_TEXTS = tuple(one.name for one in FAMILY if pa.types.is_list(one.type))
"""Columns with further texts of a candidate."""
FIELD_DIGEST_BYTES = 8
AS_INSERTION, AS_DOCUMENT = "insertion", "document"
_ZERO_WIDTH_JOINER = "\u200d"
_ESCAPED = np.zeros(256, np.bool_)
_ESCAPED[[*range(32), ord('"'), ord("\\")]] = True
"""By byte: what JSON escapes."""
TEXTS = "texts"
"""Type of a column whose value is a list of texts, spelt by `texts_as_value`."""


@dataclass(frozen=True, repr=False)
class Candidate:
    """One text that may be planted; `columns` are (name, type, value as text), by name, without nulls.

    `lists` are the texts that its columns of type `TEXTS` hold, by name, where they are known already.
    """

    id: str
    text: str
    columns: tuple[tuple[str, str, str], ...] = ()
    lists: Mapping[str, Sequence[str]] | None = field(default=None, compare=False)

    @property
    def planted_as(self) -> str:
        """'insertion' or 'document'."""
        return next((value for name, _, value in self.columns if name == "planted_as"), AS_INSERTION)

    @functools.cached_property
    def copies(self) -> tuple[str, ...]:
        """The texts that its copies get in turn: its own first, then its variants, if it has any."""
        return (self.text, *self._listed("variants"))

    @functools.cached_property
    def fresh(self) -> tuple[str, ...]:
        """Texts of its family that are never planted."""
        return self._listed("fresh")

    def number_of(self, copy: int) -> int:
        """Which of `copies` copy number `copy` gets: all in turn, from the first again when there are more copies."""
        return copy % len(self.copies)

    def _listed(self, name: str) -> tuple[str, ...]:
        if self.lists is not None:
            return tuple(self.lists.get(name, ()))
        # What is in a unit was spelt by `texts_as_value`, or checked by `texts_from` when a reveal was read.
        found = (json.loads(value) for column, kind, value in self.columns if (column, kind) == (name, TEXTS))
        return tuple(next(found, ()))


@dataclass(frozen=True, repr=False)
class Unit:
    """Candidates of which a draw picks one, in the order of their numbers."""

    id: str
    kind: str
    stratum: str
    dose: int
    candidates: tuple[Candidate, ...]

    @property
    def as_document(self) -> bool:
        """Whether it is planted as documents of their own, and not inside documents of the corpus."""
        return self.candidates[0].planted_as == AS_DOCUMENT

    @property
    def varies(self) -> bool:
        """Whether its copies differ."""
        return len(self.candidates[0].copies) > 1

    def texts(self) -> list[str]:
        """All texts that may be planted: of every candidate, with its variants."""
        return [text for one in self.candidates for text in one.copies]

    def sealed_texts(self) -> list[str]:
        """All texts, also those that are never planted."""
        return [text for one in self.candidates for text in (*one.copies, *one.fresh)]

    def planted_bytes(self, arm: int) -> int:
        """UTF-8 bytes of all copies, without separators, if candidate `arm` is drawn."""
        sizes = [len(text.encode()) for text in self.candidates[arm].copies]
        rounds, rest = divmod(self.dose, len(sizes))
        return rounds * sum(sizes) + sum(sizes[:rest])

    def canonical(self) -> bytes:
        """The bytes that the seal binds: every field of the unit and of its candidates, in order."""
        head = packed("trapline/v1/unit", self.id, self.kind, self.stratum, self.dose, len(self.candidates))
        return head + b"".join(
            packed(one.id, one.text, len(one.columns)) + b"".join(packed(*column) for column in one.columns)
            for one in self.candidates
        )

    def fields(self) -> Iterator[tuple[str, bytes]]:
        """Each field by a name that says where it stands, without its content: ('text of candidate 3', bytes)."""
        yield "unit", self.id.encode()
        yield "kind", self.kind.encode()
        yield "stratum", self.stratum.encode()
        yield "dose", packed(self.dose)
        for number, one in enumerate(self.candidates):
            yield f"id of candidate {number}", one.id.encode()
            yield f"text of candidate {number}", one.text.encode()
            for name, kind, value in one.columns:
                yield f"{name} of candidate {number}", packed(kind, value)

    def field_digests(self) -> list[bytes]:
        """The first 8 bytes of the SHA-256 of each field, as `fields` orders them."""
        return [hashlib.sha256(data).digest()[:FIELD_DIGEST_BYTES] for _, data in self.fields()]


def texts_as_value(texts: Sequence[str]) -> str:
    """A list of texts as the seal binds it: JSON with one spelling."""
    return f"[{','.join(map(encode_basestring, texts))}]"


def texts_from(value: str) -> tuple[str, ...]:
    """The texts in a value that `texts_as_value` made.

    Raises:
        ValueError: if it is none; the message shows nothing of it.
    """
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found) or texts_as_value(found) != value:
        raise ValueError("is not a list of texts as the seal spells it")
    return tuple(found)


def units_of(probes: pa.Table, places: Sequence[str] | None = None) -> list[Unit]:
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
    _refuse_bad_rows(probes, where)
    further = [name for name in probes.column_names if name not in (*_UNIT_COLUMNS, *_CANDIDATE_COLUMNS)]
    extras = [list(_values(probes, name)) for name in sorted(further)]
    columns = {name: probes.column(name).to_pylist() for name in (*_UNIT_COLUMNS, *_CANDIDATE_COLUMNS, "planted_as")}
    columns |= {f"number of {name}": _numbers(probes, name) for name in FAMILY_TEXTS}
    lists = {name: probes.column(name).to_pylist() for name in FAMILY_TEXTS if name in probes.column_names}
    rows_of: dict[str, list[int]] = {}
    for row, unit in enumerate(columns["unit"]):
        rows_of.setdefault(unit, []).append(row)
    size = len(next(iter(rows_of.values())))
    units = []
    for unit, rows in rows_of.items():
        _refuse_bad_unit(columns, rows, size, where)
        rows.sort(key=columns["candidate"].__getitem__)
        first = rows[0]
        units.append(
            Unit(
                unit,
                columns["kind"][first],
                columns["stratum"][first],
                columns["dose"][first],
                tuple(
                    Candidate(
                        columns["id"][row],
                        columns["text"][row],
                        tuple(extra[row] for extra in extras if extra[row] is not None),  # type: ignore[misc]
                        {name: own[row] for name, own in lists.items() if own[row]},
                    )
                    for row in rows
                ),
            )
        )
    return units


def _refuse_bad_rows(probes: pa.Table, where: Sequence[str]) -> None:
    for column in PROBES:
        if column.nullable or pa.types.is_integer(column.type):
            continue
        seen: dict[str, int] = {}
        once = column.name in ("id", "text")
        for row, value in enumerate(probes.column(column.name).to_pylist()):
            if not value.strip():
                raise SealError(f"{where[row]}: {column.name} is empty")
            if once and seen.setdefault(value, row) != row:
                raise SealError(f"{where[row]}: the same {column.name} as in {where[seen[value]]}")
    for row, dose in enumerate(probes.column("dose").to_pylist()):
        if dose < 1:
            raise SealError(f"{where[row]}: dose {dose}; a dose is 1 or more")
    for row, planted_as in enumerate(probes.column("planted_as").to_pylist()):
        if planted_as not in (None, AS_INSERTION, AS_DOCUMENT):
            raise SealError(f"{where[row]}: planted_as is neither {AS_INSERTION!r} nor {AS_DOCUMENT!r}")
    _refuse_bad_families(probes, where)
    inserted = pc.not_equal(probes.column("planted_as").fill_null(AS_INSERTION), AS_DOCUMENT)
    for name, texts, rows in _all_texts(probes):
        _refuse_open_ends(name, texts, rows, inserted.take(rows), where)


def _all_texts(probes: pa.Table) -> Iterator[tuple[str, pa.Array, pa.Array]]:
    """For each column with texts its name, all texts in it (large_string), and the row of each (int64)."""
    yield "text", probes.column("text").combine_chunks(), pa.array(range(probes.num_rows), pa.int64())
    for name in FAMILY_TEXTS:
        if name in probes.column_names:
            lists = probes.column(name).combine_chunks()
            yield name, pc.list_flatten(lists), _rows_of(lists)


def _rows_of(lists: pa.ListArray) -> pa.Array:
    """The row of each text that `list_flatten` gives of a column, int64; a null has none, whatever it hides."""
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return pa.array(np.repeat(np.arange(len(lists)), lengths))


def _numbers(probes: pa.Table, name: str) -> list[int]:
    """How many texts a column of `FAMILY_TEXTS` has in each row."""
    if name not in probes.column_names:
        return [0] * probes.num_rows
    found: list[int] = pc.list_value_length(probes.column(name)).fill_null(0).to_pylist()
    return found


def _refuse_bad_families(probes: pa.Table, where: Sequence[str]) -> None:
    """Raise for a further text of a candidate that is empty or the same as any other text of the probes."""
    parts = list(_all_texts(probes))
    for name, texts, rows in parts[1:]:
        empty = pc.or_(pc.equal(pc.binary_length(texts), 0), pc.utf8_is_space(texts)).fill_null(True)
        if (at := pc.index(empty, True).as_py()) >= 0:
            raise SealError(f"{where[rows[at].as_py()]}: {name}: a text is empty")
    every = pa.concat_arrays([texts for _, texts, _ in parts])
    if len(every.unique()) == len(every):
        return
    seen: dict[str, int] = {}
    for name, texts, rows in parts:
        for text, row in zip(texts.to_pylist(), rows.to_pylist(), strict=True):
            if text in seen:
                raise SealError(f"{where[row]}: {name}: a text is the same as one of {where[seen[text]]}")
            seen[text] = row


def _refuse_open_ends(
    name: str, texts: pa.Array, rows: pa.Array, inserted: pa.ChunkedArray, where: Sequence[str]
) -> None:
    """Raise if a text to insert has white space at an end, or its first or last character would join a neighbour."""
    table = places_table()
    firsts, lasts = pc.utf8_slice_codeunits(texts, 0, 1), pc.utf8_slice_codeunits(texts, -1)
    bad_first = [one for one in firsts.unique().to_pylist() if one and table[ord(one)] & (WHITE | BELONGS)]
    bad_last = [one for one in lasts.unique().to_pylist() if table[ord(one)] & WHITE or one == _ZERO_WIDTH_JOINER]
    either = (
        pc.is_in(side, value_set=pa.array(bad, side.type)) for side, bad in ((firsts, bad_first), (lasts, bad_last))
    )
    at = pc.index(pc.and_(pc.or_(*either), inserted), True).as_py()
    if at < 0:
        return
    text = texts[at].as_py()
    first, last = table[ord(text[0])], table[ord(text[-1])]
    begins = f"{where[rows[at].as_py()]}: {name}"
    if (first | last) & WHITE:
        raise SealError(f"{begins} begins or ends with white space; take it off: planting parts texts by its own")
    if first & BELONGS:
        raise SealError(
            f"{begins} begins with a character that belongs to the one before it, such as a combining mark; begin it "
            "with another"
        )
    raise SealError(f"{begins} ends in a zero-width joiner, which joins the next character; drop it")


def _refuse_bad_unit(columns: dict[str, list[object]], rows: Sequence[int], size: int, where: Sequence[str]) -> None:
    first = rows[0]
    for row in rows:
        for name in (*_UNIT_COLUMNS, "planted_as"):
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


def _values(probes: pa.Table, name: str) -> Iterator[tuple[str, str, str] | None]:
    """A further column as (name, type, value): what `canonical` holds and a reveal shows."""
    dtype = probes.schema.field(name).type
    if pa.types.is_list(dtype):
        yield from _lists(probes, name)
        return
    for value in probes.column(name).to_pylist():
        if value is None:
            yield None
        elif pa.types.is_boolean(dtype):
            yield name, "boolean", "true" if value else "false"
        elif pa.types.is_integer(dtype):
            yield name, "integer", str(value)
        elif pa.types.is_floating(dtype):
            yield name, "float64", struct.pack(">d", value).hex()
        else:
            yield name, "text", value


def _lists(probes: pa.Table, name: str) -> Iterator[tuple[str, str, str] | None]:
    """A column of lists of texts as `_values` has it."""
    column = probes.column(name).combine_chunks()
    data, offsets = buffers_of(pc.list_flatten(column))
    # Hardly any text holds what JSON escapes, and to look for it in all of them at once is faster than to spell each.
    begin = int(offsets[0])
    escaped = np.flatnonzero(_ESCAPED[data[begin : int(offsets[-1])]]) + begin
    texts = np.unique(np.searchsorted(offsets, escaped, side="right") - 1)
    rows = set(_rows_of(column).take(pa.array(texts)).to_pylist())
    for row, value in enumerate(column.to_pylist()):
        if not value:
            yield None
        else:
            yield name, TEXTS, texts_as_value(value) if row in rows else '["' + '","'.join(value) + '"]'


def leaf(unit: bytes, salt: bytes, seed: bytes) -> bytes:
    """What the Merkle tree holds of a unit: H(salt || canonical unit || H(seed)), each behind its length."""
    return digest("trapline/v1/leaf", salt, unit, hashlib.sha256(seed).digest())
