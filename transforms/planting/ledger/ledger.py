"""The ledger and the slots of a whole campaign, from the parts that the workers wrote, and what binds them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.described import VERSION_KEY, check
from schemas.secret.ledger import LEDGER, LEDGER_OF_FAMILIES, LEDGER_OF_VERSION_1
from schemas.secret.slots import SLOTS
from transforms.base.errors import SealError
from transforms.base.keyed import digest, packed
from transforms.planting import folder as names
from transforms.planting.insertion.editor import ledger_part, slots_part
from transforms.planting.places.places import Places
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.merkle import MerkleTree
from transforms.planting.sealing.units import Unit
from transforms.planting.work import SecretWork


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
    if any(unit.varies for unit in units):
        return table
    return table.select(LEDGER.names).replace_schema_metadata(LEDGER.metadata)


def gather_slots(work: SecretWork, shards: int, units: Sequence[Unit]) -> pa.Table:
    """The slots, by the order of the units' leaves, then by their number."""
    table = _gather(work, [slots_part(shard) for shard in range(shards)], SLOTS)
    leaves = {unit.id: leaf for leaf, unit in enumerate(units)}
    order = pa.table(
        {"leaf": pa.array([leaves[unit] for unit in table["unit"].to_pylist()], pa.int64()), "slot": table["slot"]}
    )
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
    drawn = [unit.candidates[arm] for unit, arm in zip(units, arms, strict=True)]
    wanted = {
        (units[leaf].id, copy, address, drawn[leaf].id, drawn[leaf].number_of(copy))
        for leaf, copy, address in zip(places.leaf.tolist(), places.copy.tolist(), places.address.tolist(), strict=True)
    }
    columns = (ledger[name].to_pylist() for name in ("unit", "copy", "address", "candidate"))
    found = set(zip(*columns, variants_in(ledger), strict=True))
    if found != wanted or ledger.num_rows != len(wanted):
        raise SealError(
            f"{len(wanted):,} copies were to be planted, {len(found & wanted):,} of them were and "
            f"{ledger.num_rows - len(found & wanted):,} others: the input changed meanwhile; run again"
        )


def variants_in(ledger: pa.Table) -> list[int]:
    """Number of the text of each copy; 0 throughout in a ledger without variants."""
    return ledger["variant"].to_pylist() if "variant" in ledger.column_names else [0] * ledger.num_rows


def ledger_root(key: Key, ledger: pa.Table) -> bytes:
    """What binds every row of the ledger, 32 bytes; it tells neither what they hold nor how many there are."""
    rows = zip(*(_packed(ledger[name].combine_chunks()) for name in ledger.column_names), strict=True)
    salts = key.hmacs("trapline/v1/ledger-salt", ledger.num_rows)
    leaves = [digest("trapline/v1/ledger-leaf", salt, b"".join(row)) for salt, row in zip(salts, rows, strict=True)]
    salt = key.hmac("trapline/v1/ledger-root-salt")
    return digest("trapline/v1/ledger-root", salt, len(leaves), MerkleTree(leaves).root)


def _packed(column: pa.Array) -> list[bytes]:
    """Each value of a column as `packed` has it; a null as empty bytes."""
    if pa.types.is_integer(column.type) and not column.null_count and (pc.min(column).as_py() or 0) >= 0:
        pairs = np.empty((len(column), 2), ">u8")
        pairs[:, 0], pairs[:, 1] = 8, column.to_numpy()
        whole = pairs.tobytes()
        return [whole[at : at + 16] for at in range(0, len(whole), 16)]
    known: dict[Any, bytes] = {}
    found = []
    for value in column.to_pylist():
        if value not in known:
            known[value] = packed(b"" if value is None else value)
        found.append(known[value])
    return found
