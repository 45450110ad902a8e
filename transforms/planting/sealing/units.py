"""Units of exchangeable candidates: read from probes, checked, and written as the bytes that a seal binds."""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from schemas.probes import PROBES
from transforms.base.errors import SealError
from transforms.base.keyed import digest, packed
from transforms.planting.characters import BELONGS, WHITE, places_table

_UNIT_COLUMNS = ("kind", "unit", "stratum", "dose")
_CANDIDATE_COLUMNS = ("id", "candidate", "text")
FIELD_DIGEST_BYTES = 8
AS_INSERTION, AS_DOCUMENT = "insertion", "document"
_ZERO_WIDTH_JOINER = "\u200d"


@dataclass(frozen=True, repr=False)
class Candidate:
    """One text that may be planted; `columns` are (name, type, value as text), by name, without nulls."""

    id: str
    text: str
    columns: tuple[tuple[str, str, str], ...] = ()

    @property
    def planted_as(self) -> str:
        """'insertion' or 'document'."""
        return next((value for name, _, value in self.columns if name == "planted_as"), AS_INSERTION)


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


def units_of(probes: pa.Table, places: Sequence[str] | None = None) -> list[Unit]:
    """The units of a table of probes, in the order in which their first candidates stand.

    Args:
        probes: columns of `PROBES`, then further scalar columns, as `schemas.probes.conform` gives them.
        places: where each row stands, for messages; row numbers by default.

    Raises:
        SealError: for empty fields, doubled ids or texts, texts that would merge with what stands before or after
            them, a dose below 1, candidates that are not numbered 0 to m, or units that differ in m, and within a unit
            in kind, stratum or dose.
    """
    if probes.num_rows == 0:
        raise SealError("there are no probes: the files hold no row")
    where = places or [f"row {row}" for row in range(probes.num_rows)]
    _refuse_bad_rows(probes, where)
    further = [name for name in probes.column_names if name not in (*_UNIT_COLUMNS, *_CANDIDATE_COLUMNS)]
    extras = [list(_values(probes, name)) for name in sorted(further)]
    columns = {name: probes.column(name).to_pylist() for name in (*_UNIT_COLUMNS, *_CANDIDATE_COLUMNS, "planted_as")}
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
                    )
                    for row in rows
                ),
            )
        )
    return units


def _refuse_bad_rows(probes: pa.Table, where: Sequence[str]) -> None:
    for field in PROBES:
        if field.nullable or pa.types.is_integer(field.type):
            continue
        seen: dict[str, int] = {}
        once = field.name in ("id", "text")
        for row, value in enumerate(probes.column(field.name).to_pylist()):
            if not value.strip():
                raise SealError(f"{where[row]}: {field.name} is empty")
            if once and seen.setdefault(value, row) != row:
                raise SealError(f"{where[row]}: the same {field.name} as in {where[seen[value]]}")
    for row, dose in enumerate(probes.column("dose").to_pylist()):
        if dose < 1:
            raise SealError(f"{where[row]}: dose {dose}; a dose is 1 or more")
    for row, planted_as in enumerate(probes.column("planted_as").to_pylist()):
        if planted_as not in (None, AS_INSERTION, AS_DOCUMENT):
            raise SealError(f"{where[row]}: planted_as is neither {AS_INSERTION!r} nor {AS_DOCUMENT!r}")
    _refuse_open_ends(probes, where)


def _refuse_open_ends(probes: pa.Table, where: Sequence[str]) -> None:
    """Raise if a text to insert has white space at an end, or its first or last character would join a neighbour."""
    table = places_table()
    texts, planted_as = (probes.column(name).to_pylist() for name in ("text", "planted_as"))
    for row, text in enumerate(texts):
        if planted_as[row] == AS_DOCUMENT:
            continue
        first, last = table[ord(text[0])], table[ord(text[-1])]
        if (first | last) & WHITE:
            raise SealError(
                f"{where[row]}: text begins or ends with white space; take it off: planting parts texts by its own"
            )
        if first & BELONGS:
            raise SealError(
                f"{where[row]}: text begins with a character that belongs to the one before it, such as a combining "
                "mark; begin it with another"
            )
        if text[-1] == _ZERO_WIDTH_JOINER:
            raise SealError(f"{where[row]}: text ends in a zero-width joiner, which joins the next character; drop it")


def _refuse_bad_unit(columns: dict[str, list[object]], rows: Sequence[int], size: int, where: Sequence[str]) -> None:
    first = rows[0]
    for row in rows:
        for name in (*_UNIT_COLUMNS, "planted_as"):
            if columns[name][row] != columns[name][first]:
                raise SealError(f"{where[row]}: another {name} than its unit has in {where[first]}")
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


def leaf(unit: bytes, salt: bytes, seed: bytes) -> bytes:
    """What the Merkle tree holds of a unit: H(salt || canonical unit || H(seed)), each behind its length."""
    return digest("trapline/v1/leaf", salt, unit, hashlib.sha256(seed).digest())
