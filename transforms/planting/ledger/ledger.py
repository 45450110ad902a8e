"""The ledger and the slots of a whole campaign, from the parts that the workers wrote, and what binds them."""

import hashlib
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.described import VERSION_KEY, check
from schemas.secret.ledger import LEDGER, LEDGER_OF_FAMILIES, LEDGER_OF_VERSION_1
from schemas.secret.slots import SLOTS
from transforms.base.errors import SealError
from transforms.base.keyed import digest, packed
from transforms.base.texts import one_array
from transforms.planting import folder as names
from transforms.planting.insertion.editor import ledger_part, slots_part
from transforms.planting.places.places import Places
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.merkle import MerkleTree
from transforms.planting.tables.fields import Field, Values, rows_packed
from transforms.planting.tables.unit import Unit
from transforms.planting.tables.units import columns_of, drawn_of
from transforms.planting.work import SecretWork

_EIGHT, _SALT_BYTES = struct.Struct(">Q"), 32


def check_ledger(found: pa.Schema) -> None:
    """Check that a table is a ledger, with variants or without, or one of the version before it.

    Raises:
        SchemaMismatchError: if it is none.
    """
    version = (found.metadata or {}).get(VERSION_KEY)
    known = (LEDGER_OF_VERSION_1, LEDGER_OF_FAMILIES)
    check(found, next((one for one in known if one.metadata[VERSION_KEY] == version), LEDGER), names.LEDGER)


def has_row_numbers(ledger: pa.Schema) -> bool:
    """Whether addresses in this ledger are row numbers: in version 1 they were byte offsets of JSON lines."""
    return (ledger.metadata or {}).get(VERSION_KEY) != b"1"


def gather_ledger(work: SecretWork, shards: int, units: Sequence[Unit]) -> pa.Table:
    """The ledger: the shards' parts, one after the other; with the column `variant` if copies of some unit differ."""
    table = _gather(work, [ledger_part(shard) for shard in range(shards)], LEDGER_OF_FAMILIES)
    if (columns_of(units).copies > 1).any():
        return table
    return table.select(LEDGER.names).replace_schema_metadata(LEDGER.metadata)


def gather_slots(work: SecretWork, shards: int, units: Sequence[Unit]) -> pa.Table:
    """The slots, by the order of the units' leaves, then by their number."""
    table = _gather(work, [slots_part(shard) for shard in range(shards)], SLOTS)
    leaf = pc.index_in(table["unit"], pa.array(columns_of(units).ids, pa.string()))
    order = pa.table({"leaf": leaf, "slot": table["slot"]})
    return table.take(pc.sort_indices(order, sort_keys=[("leaf", "ascending"), ("slot", "ascending")]))


def _gather(work: SecretWork, names: Sequence[str], wanted: pa.Schema) -> pa.Table:
    parts = []
    for name in names:
        part = work.read(name)
        check(part.schema, wanted, name)
        parts.append(part)
    return pa.concat_tables([wanted.empty_table(), *parts])


def refuse_other_places(ledger: pa.Table, places: Places, units: Sequence[Unit], arms: Sequence[int]) -> None:
    """Check that every copy of every unit was planted once, where it was to be, as the text that was drawn for it.

    Raises:
        SealError: with the number of copies that were not.
    """
    ids, drawn, leaf = pa.array(columns_of(units).ids, pa.string()), drawn_of(units, arms), places.leaf
    wanted = _in_order(leaf, places.copy, places.address, leaf, drawn.numbers(leaf, places.copy))
    unit, candidate = (
        pc.index_in(ledger[name], known).fill_null(-1).to_numpy()
        for name, known in (("unit", ids), ("candidate", drawn.ids))
    )
    found = _in_order(unit, ledger["copy"].to_numpy(), ledger["address"].to_numpy(), candidate, variants_in(ledger))
    if not np.array_equal(found, wanted):
        same = len({*map(bytes, found)} & {*map(bytes, wanted)})
        raise SealError(
            f"{len(wanted):,} copies were to be planted, {same:,} of them were and {len(found) - same:,} others: the "
            "input changed meanwhile; run again"
        )


def _in_order(*columns: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Rows of integers in one order, int64[rows, columns]."""
    rows = np.stack([column.astype(np.int64) for column in columns], axis=1)
    return np.asarray(rows[np.lexsort(rows.T)])


def variants_in(ledger: pa.Table) -> npt.NDArray[np.int64]:
    """Number of the text of each copy, int64[rows]; 0 throughout in a ledger without variants."""
    if "variant" not in ledger.column_names:
        return np.zeros(ledger.num_rows, np.int64)
    return np.asarray(ledger["variant"].to_numpy(), np.int64)


def ledger_root(key: Key, ledger: pa.Table) -> bytes:
    """What binds every row of the ledger, 32 bytes; it tells neither what they hold nor how many there are."""
    fields = [_field(one_array(ledger[name])) for name in ledger.column_names]
    every = np.arange(ledger.num_rows)
    salts = key.hmacs("trapline/v1/ledger-salt", ledger.num_rows)
    # A leaf is the digest of a domain, a salt and a row, as `digest` has it; salts are equally long.
    begin = packed("trapline/v1/ledger-leaf") + _EIGHT.pack(_SALT_BYTES)
    leaves = []
    for salt, row in zip(salts, rows_packed(fields, every, np.arange(len(every) + 1)), strict=True):
        leaves.append(hashlib.sha256(b"".join((begin, salt, _EIGHT.pack(len(row)), row))).digest())
    salt = key.hmac("trapline/v1/ledger-root-salt")
    return digest("trapline/v1/ledger-root", salt, len(leaves), MerkleTree(leaves).root)


def _field(column: pa.Array) -> Field:
    """A column as `packed` has its values; a null as empty bytes."""
    if not pa.types.is_integer(column.type):
        return Values.of(column, nulls_as_empty=True)
    # A ledger has no numbers below 0 and, where it was not changed, no null: both are for what `packed` says of them.
    if column.null_count or (len(column) and pc.min(column).as_py() < 0):
        return Values.of(pa.array([b"" if one is None else _EIGHT.pack(one) for one in column.to_pylist()]))
    return Values.integers(column.to_numpy())
