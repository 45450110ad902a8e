"""A unit of exchangeable candidates, and the bytes of it that a seal binds."""

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from transforms.base.keyed import packed
from transforms.planting.forms import form_of
from transforms.planting.tables.checks import AS_DOCUMENT, AS_INSERTION
from transforms.planting.tables.spelled import TEXTS

FIELD_DIGEST_BYTES = 8
_LONG = 2048
"""Characters from which a field is hashed as it is instead of being copied together with its neighbours."""


@dataclass(frozen=True, repr=False)
class Lists:
    """The lists of texts of one row of probes, which are read when somebody asks for them.

    Attributes:
        columns: by name.
        row: the row in them.
    """

    columns: dict[str, pa.ListArray]
    row: int

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts in a column; none if there is no such column, or a null in it."""
        column = self.columns.get(name)
        return () if column is None else tuple(column[self.row].as_py() or ())


@dataclass(frozen=True, repr=False)
class Candidate:
    """One text that may be planted; `columns` are (name, type, value as text), by name, without nulls.

    `lists` reads the texts that its columns of type `TEXTS` hold, by name, where they need not be parsed.
    """

    id: str
    text: str
    columns: tuple[tuple[str, str, str], ...] = ()
    lists: "Lists | None" = field(default=None, compare=False)

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
            return self.lists.texts(name)
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
    known: tuple[int, int] | None = field(default=None, compare=False)
    """`form` and `longest`, where they are known without a look at every text."""

    @functools.cached_property
    def form(self) -> int:
        """The form of its texts, see `transforms.planting.forms`."""
        return form_of(self.texts()) if self.known is None else self.known[0]

    @functools.cached_property
    def longest(self) -> int:
        """UTF-8 bytes of the longest text that may be planted."""
        return max(len(text.encode()) for text in self.texts()) if self.known is None else self.known[1]

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
        return b"".join(self._parts())

    def leaf(self, salt: bytes, seed: bytes) -> bytes:
        """What the Merkle tree holds of it, 32 bytes: H(salt || canonical unit || H(seed)), each behind its length."""
        return leaf_from(salt, seed, self._parts())

    def _parts(self) -> list[bytes]:
        """The canonical bytes in parts: long values are not copied together with what stands around them."""
        found = [head_of(self.id, self.kind, self.stratum, self.dose, len(self.candidates))]
        for one in self.candidates:
            found.append(packed(one.id, one.text, len(one.columns)))
            for name, kind, value in one.columns:
                if len(value) < _LONG:
                    found.append(packed(name, kind, value))
                else:
                    data = value.encode()
                    found += packed(name, kind) + packed(len(data))[8:], data
        return found

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


def head_of(unit: str, kind: str, stratum: str, dose: int, candidates: int) -> bytes:
    """The canonical bytes of a unit up to its candidates."""
    return packed("trapline/v1/unit", unit, kind, stratum, dose, candidates)


def leaf_from(salt: bytes, seed: bytes, parts: Sequence[bytes | memoryview]) -> bytes:
    """What the Merkle tree holds of a unit whose canonical bytes come in parts, 32 bytes."""
    hashed = hashlib.sha256(packed("trapline/v1/leaf", salt) + packed(sum(map(len, parts)))[8:])
    for part in parts:
        hashed.update(part)
    hashed.update(packed(hashlib.sha256(seed).digest()))
    return hashed.digest()
