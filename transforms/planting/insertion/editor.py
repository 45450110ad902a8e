"""Planting into a shard as its documents stream by, and the part of the ledger that says where everything went."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.secret.ledger import LEDGER_OF_FAMILIES
from schemas.secret.slots import SLOTS
from transforms.base.texts import Texts
from transforms.corpus.input.columns import as_strings
from transforms.corpus.output.shards import Shard
from transforms.planting.columns.followers import Follower
from transforms.planting.columns.recompute import as_neighbours, recompute
from transforms.planting.folder import parquet
from transforms.planting.insertion.inserted import Insertions, insert_all
from transforms.planting.insertion.slots import BOUNDARIES
from transforms.planting.insertion.splice import characters_before
from transforms.planting.places.by_shard import Plantings, read_plantings
from transforms.planting.work import SecretWork

DOCUMENT = "document"
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
            [text.encode() for text in own["text"].to_pylist()],
        )
        inserted = insert_all(texts, insertions)
        own, rows, at, edited = own.take(pa.array(inserted.order)), rows[inserted.order], inserted.at, inserted.texts
        before, changed = texts.views(documents), edited.views(documents)
        of_document = np.searchsorted(documents, rows)
        table = table.set_column(column, table.schema.field(column), _as(edited.array(), table.schema.field(column)))
        table, recomputed = recompute(table, documents.tolist(), before, changed, self.editor.followers)
        ends = zip(of_document.tolist(), at.tolist(), strict=True)
        neighbours = [_neighbours(before[document], slot) for document, slot in ends]
        digests = _digests(before, changed, at[np.unique(of_document, return_index=True)[1]].tolist())
        self.ledger.append(
            self._ledger(
                own,
                row=self.rows + rows + np.searchsorted(after, rows, side="left"),
                boundary=[BOUNDARIES[code] for code in inserted.kinds.tolist()],
                byte_offset=inserted.begins,
                char_offset=characters_before(edited, rows, inserted.begins),
                sizes=[len(insertions.pieces[which]) for which in inserted.order.tolist()],
                separators=(inserted.leads, inserted.tails),
                neighbours=neighbours,
                digests=tuple([side[document] for document in of_document.tolist()] for side in digests),
                recomputed=[recomputed[document] for document in of_document.tolist()],
            )
        )
        self._keep_slots(own, [before[document] for document in of_document.tolist()], at, inserted.leads)
        return table

    def _add(self, table: pa.Table, after: npt.NDArray[np.int64], beside: slice) -> pa.Table:
        """Put documents of their own behind the rows `after` (ascending)."""
        own = self.plantings.beside.slice(beside.start, beside.stop - beside.start)
        texts = own["text"].to_pylist()
        # What an added document shares with the one before it makes it look like a part of the corpus.
        added = as_neighbours(table.take(pa.array(after)), self.editor.text_column, texts, self.editor.followers)
        # Stable: what is added behind a row comes after it, in the order of the plantings.
        order = np.argsort(np.concatenate([np.arange(table.num_rows), after]), kind="stable")
        encoded = [text.encode() for text in texts]
        nothing = [b""] * len(texts)
        self.ledger.append(
            self._ledger(
                own,
                row=self.rows + after + 1 + np.arange(len(after)),
                boundary=[DOCUMENT] * len(texts),
                byte_offset=np.zeros(len(texts), np.int64),
                char_offset=np.zeros(len(texts), np.int64),
                sizes=[len(text) for text in encoded],
                separators=(nothing, nothing),
                neighbours=[("", "")] * len(texts),
                digests=([None] * len(texts), [hashlib.sha256(text).digest() for text in encoded]),
                recomputed=[0] * len(texts),
            )
        )
        return pa.concat_tables([table, added]).unify_dictionaries().take(pa.array(order))

    def _ledger(
        self,
        own: pa.Table,
        *,
        row: npt.NDArray[np.int64],
        boundary: list[str],
        byte_offset: npt.NDArray[np.int64],
        char_offset: npt.NDArray[np.int64],
        sizes: list[int],
        separators: tuple[list[bytes], list[bytes]],
        neighbours: list[tuple[str, str]],
        digests: Sequence[Sequence[bytes | None]],
        recomputed: list[int],
    ) -> pa.Table:
        lead, tail = ([one.decode() for one in side] for side in separators)
        values = {
            **{name: own[name] for name in _COPIED},
            "shard": [self.shard] * own.num_rows,
            "row": row,
            "boundary": boundary,
            "byte_offset": byte_offset,
            "char_offset": char_offset,
            "bytes": sizes,
            "lead": lead,
            "tail": tail,
            "before": [before for before, _ in neighbours],
            "after": [after for _, after in neighbours],
            "sha256_before": digests[0],
            "sha256_after": digests[1],
            "recomputed": recomputed,
        }
        return pa.table([values[name] for name in LEDGER_OF_FAMILIES.names], schema=LEDGER_OF_FAMILIES)

    def _keep_slots(
        self, own: pa.Table, before: Sequence[memoryview], at: npt.NDArray[np.int64], leads: Sequence[bytes]
    ) -> None:
        """Keep the context of the copies at whose places candidates are scored: of the text as it was."""
        most = self.editor.context * BYTES_A_TOKEN
        chosen = np.flatnonzero(own["is_slot"].to_numpy(zero_copy_only=False)).tolist()
        picked = own.take(pa.array(chosen, pa.int64()))
        contexts = [_end_of(before[k], int(at[k]), most) for k in chosen]
        self.slots.append(
            pa.table([picked["unit"], picked["copy"], contexts, [leads[k].decode() for k in chosen]], schema=SLOTS)
        )


def _digests(
    before: Sequence[memoryview], changed: Sequence[memoryview], same: Sequence[int]
) -> tuple[list[bytes], list[bytes]]:
    """SHA-256 of texts before and after a change, of which the first `same` bytes are the same and hashed once."""
    found: tuple[list[bytes], list[bytes]] = [], []
    for one, other, size in zip(before, changed, same, strict=True):
        hashed = hashlib.sha256(one[:size])
        for side, text, own in zip(found, (one, other), (hashed, hashed.copy()), strict=True):
            own.update(text[size:])
            side.append(own.digest())
    return found


def _stretch(sorted_addresses: npt.NDArray[np.uint64], where: npt.NDArray[np.uint64]) -> slice:
    """Which of the plantings belong to the documents `where`."""
    lo = np.searchsorted(sorted_addresses, where[0], side="left")
    hi = np.searchsorted(sorted_addresses, where[-1], side="right")
    return slice(int(lo), int(hi))


def _as(array: pa.Array, column: pa.Field) -> pa.Array:
    return array if array.type == column.type else array.cast(column.type)


def _neighbours(text: memoryview, slot: int) -> tuple[str, str]:
    """The characters before and after a slot, at most `NEIGHBOUR_CHARACTERS` of each."""
    before = str(text[max(0, slot - 4 * NEIGHBOUR_CHARACTERS) : slot], errors="ignore")
    after = str(text[slot : slot + 4 * NEIGHBOUR_CHARACTERS], errors="ignore")
    return before[-NEIGHBOUR_CHARACTERS:], after[:NEIGHBOUR_CHARACTERS]


def _end_of(text: memoryview, slot: int, most: int) -> str:
    """The text before a slot, at most `most` bytes of its end, from a whole character on."""
    return str(text[max(0, slot - most) : slot], errors="ignore")
