"""Planting into a shard as its documents stream by, and the part of the ledger that says where everything went."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.secret.ledger import LEDGER_OF_FAMILIES
from schemas.secret.slots import SLOTS
from transforms.base.texts import Texts, text_sizes
from transforms.corpus.input.columns import as_strings
from transforms.corpus.output.shards import Shard
from transforms.planting.columns.followers import Follower
from transforms.planting.columns.recompute import as_neighbours, recompute
from transforms.planting.folder import parquet
from transforms.planting.insertion import excerpts
from transforms.planting.insertion.inserted import Insertions, insert_all
from transforms.planting.insertion.slots import BOUNDARIES
from transforms.planting.insertion.splice import characters_before
from transforms.planting.places.by_shard import Plantings, read_plantings
from transforms.planting.work import SecretWork

DOCUMENT = "document"
_BOUNDARIES = pa.array(BOUNDARIES)
_SHA256 = pa.binary(32)
_COPIED = ("unit", "candidate", "arm", "kind", "stratum", "dose", "copy", "address", "variant")
"""Columns of the ledger that the plantings have, too."""
NEIGHBOUR_CHARACTERS = 32
BYTES_A_TOKEN = 8
"""Bytes of context that are kept for each token of it that will be wanted."""


def ledger_part(shard: int) -> str:
    """The part of the ledger of a shard in the secret work folder."""
    return f"ledger/{shard:06d}.parquet"


def slots_part(shard: int) -> str:
    """The part of the slots of a shard in the secret work folder."""
    return f"slots/{shard:06d}.parquet"


@dataclass(frozen=True)
class PlantingEditor:
    """What workers need to plant; it holds no secret and no path of one.

    Attributes:
        work: names the secret work folder.
        text_column: the text.
        followers: columns to make again, and those that are null in documents of their own.
        context: tokens of the original document that scoring will want before a slot.
    """

    work: SecretWork
    text_column: str
    followers: tuple[Follower, ...]
    context: int

    def open(self, shard: Shard) -> "ShardPlanting":
        """The editor of one shard."""
        return ShardPlanting(self, shard.ordinal, read_plantings(self.work, shard.ordinal))


@dataclass
class ShardPlanting:
    """Plants into one shard; its documents come in address order."""

    editor: PlantingEditor
    shard: int
    plantings: Plantings
    rows: int = 0
    ledger: list[pa.Table] = field(default_factory=list)
    slots: list[pa.Table] = field(default_factory=list)

    def edit(self, where: npt.NDArray[np.uint64], table: pa.Table) -> pa.Table:
        """The documents with all that is planted into and between them."""
        inside = _stretch(self.plantings.inside_at, where)
        beside = _stretch(self.plantings.beside_at, where)
        after = np.searchsorted(where, self.plantings.beside_at[beside])
        if inside.start < inside.stop:
            table = self._insert(where, table, inside, after)
        if beside.start < beside.stop:
            table = self._add(table, after, beside)
        self.rows += table.num_rows
        return table

    def close(self) -> None:
        """Commit this shard's part of the ledger and of the slots."""
        ledger = pa.concat_tables([LEDGER_OF_FAMILIES.empty_table(), *self.ledger])
        order = [("row", "ascending"), ("byte_offset", "ascending")]
        slots = pa.concat_tables([SLOTS.empty_table(), *self.slots])
        for name, part in ((ledger_part(self.shard), ledger.sort_by(order)), (slots_part(self.shard), slots)):
            self.editor.work.write(name, parquet(part, compression="none"))

    def _insert(
        self, where: npt.NDArray[np.uint64], table: pa.Table, inside: slice, after: npt.NDArray[np.int64]
    ) -> pa.Table:
        """Insert into texts; `after` are the rows that documents of their own will follow."""
        own = self.plantings.inside.slice(inside.start, inside.stop - inside.start)
        column = table.column_names.index(self.editor.text_column)
        texts = Texts.of(as_strings(table.column(column)))
        rows = np.searchsorted(where, self.plantings.inside_at[inside])
        documents = np.unique(rows)
        insertions = Insertions(
            rows,
            own["fraction"].to_numpy(),
            own["form"].to_numpy(),
            own["leaf"].to_numpy(),
            own["copy"].to_numpy(),
            as_strings(own.column("text")),
        )
        inserted = insert_all(texts, insertions)
        own, rows, at, edited = own.take(pa.array(inserted.order)), rows[inserted.order], inserted.at, inserted.texts
        before, changed = texts.views(documents), edited.views(documents)
        of_document = np.searchsorted(documents, rows)
        table = table.set_column(column, table.schema.field(column), _as(edited.array(), table.schema.field(column)))
        table, recomputed = recompute(table, documents.tolist(), before, changed, self.editor.followers)
        digests = _digests(before, changed, at[np.unique(of_document, return_index=True)[1]].tolist())
        self.ledger.append(
            self._ledger(
                own,
                row=self.rows + rows + np.searchsorted(after, rows, side="left"),
                boundary=_BOUNDARIES.take(pa.array(inserted.kinds)),
                byte_offset=inserted.begins,
                char_offset=characters_before(edited, rows, inserted.begins),
                sizes=text_sizes(as_strings(own.column("text"))),
                separators=(inserted.leads, inserted.tails),
                neighbours=excerpts.neighbours(texts, rows, at, NEIGHBOUR_CHARACTERS),
                digests=[side.take(pa.array(of_document)) for side in digests],
                recomputed=np.array(recomputed, np.uint32)[of_document],
            )
        )
        self._keep_slots(own, texts, rows, at, inserted.leads)
        return table

    def _add(self, table: pa.Table, after: npt.NDArray[np.int64], beside: slice) -> pa.Table:
        """Put documents of their own behind the rows `after` (ascending)."""
        own = self.plantings.beside.slice(beside.start, beside.stop - beside.start)
        column = as_strings(own.column("text"))
        texts = column.to_pylist()
        # What an added document shares with the one before it makes it look like a part of the corpus.
        added = as_neighbours(table.take(pa.array(after)), self.editor.text_column, texts, self.editor.followers)
        # Stable: what is added behind a row comes after it, in the order of the plantings.
        order = np.argsort(np.concatenate([np.arange(table.num_rows), after]), kind="stable")
        nothing = pa.repeat("", len(texts))
        self.ledger.append(
            self._ledger(
                own,
                row=self.rows + after + 1 + np.arange(len(after)),
                boundary=pa.repeat(DOCUMENT, len(texts)),
                byte_offset=np.zeros(len(texts), np.int64),
                char_offset=np.zeros(len(texts), np.int64),
                sizes=text_sizes(column),
                separators=(nothing, nothing),
                neighbours=(nothing, nothing),
                digests=[
                    pa.nulls(len(texts), _SHA256),
                    pa.array([hashlib.sha256(text.encode()).digest() for text in texts], _SHA256),
                ],
                recomputed=np.zeros(len(texts), np.uint32),
            )
        )
        return pa.concat_tables([table, added]).unify_dictionaries().take(pa.array(order))

    def _ledger(
        self,
        own: pa.Table,
        *,
        row: npt.NDArray[np.int64],
        boundary: pa.Array,
        byte_offset: npt.NDArray[np.int64],
        char_offset: npt.NDArray[np.int64],
        sizes: npt.NDArray[np.uint32],
        separators: tuple[pa.Array, pa.Array],
        neighbours: tuple[pa.Array, pa.Array],
        digests: Sequence[pa.Array],
        recomputed: npt.NDArray[np.uint32],
    ) -> pa.Table:
        lead, tail = separators
        before, after = neighbours
        values = {
            **{name: own[name] for name in _COPIED},
            "shard": np.full(own.num_rows, self.shard, np.int32),
            "row": row,
            "boundary": boundary,
            "byte_offset": byte_offset,
            "char_offset": char_offset,
            "bytes": sizes,
            "lead": lead,
            "tail": tail,
            "before": before,
            "after": after,
            "sha256_before": digests[0],
            "sha256_after": digests[1],
            "recomputed": recomputed,
        }
        return _as_table([values[name] for name in LEDGER_OF_FAMILIES.names], LEDGER_OF_FAMILIES)

    def _keep_slots(
        self,
        own: pa.Table,
        texts: Texts,
        rows: npt.NDArray[np.int64],
        at: npt.NDArray[np.int64],
        leads: pa.Array,
    ) -> None:
        """Keep the context of the copies at whose places candidates are scored: of the text as it was."""
        chosen = np.flatnonzero(own["is_slot"].to_numpy(zero_copy_only=False))
        picked = own.take(pa.array(chosen))
        contexts = excerpts.before(texts, rows[chosen], at[chosen], self.editor.context * BYTES_A_TOKEN)
        self.slots.append(_as_table([picked["unit"], picked["copy"], contexts, leads.take(pa.array(chosen))], SLOTS))


def _digests(before: Sequence[memoryview], changed: Sequence[memoryview], same: Sequence[int]) -> list[pa.Array]:
    """SHA-256 of texts before and after a change, of which the first `same` bytes are the same and hashed once.

    Returns:
        Both as fixed-size binary arrays of 32 bytes.
    """
    found: tuple[list[bytes], list[bytes]] = [], []
    for one, other, size in zip(before, changed, same, strict=True):
        hashed = hashlib.sha256(one[:size])
        for side, text, own in zip(found, (one, other), (hashed, hashed.copy()), strict=True):
            own.update(text[size:])
            side.append(own.digest())
    return [pa.array(side, _SHA256) for side in found]


def _as_table(values: Sequence[Any], schema: pa.Schema) -> pa.Table:
    """Columns as those of a schema, whose texts may have another width."""
    arrays = [one if isinstance(one, pa.Array | pa.ChunkedArray) else pa.array(one) for one in values]
    return pa.table(
        [one if one.type == field.type else one.cast(field.type) for one, field in zip(arrays, schema, strict=True)],
        schema=schema,
    )


def _stretch(sorted_addresses: npt.NDArray[np.uint64], where: npt.NDArray[np.uint64]) -> slice:
    """Which of the plantings belong to the documents `where`."""
    lo = np.searchsorted(sorted_addresses, where[0], side="left")
    hi = np.searchsorted(sorted_addresses, where[-1], side="right")
    return slice(int(lo), int(hi))


def _as(array: pa.Array, column: pa.Field) -> pa.Array:
    return array if array.type == column.type else array.cast(column.type)
