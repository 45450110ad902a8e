"""What is planted into each shard: written by the launcher, read by the worker that writes the shard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.described import check
from schemas.working.plantings import PLANTINGS
from transforms.corpus.output.shards import END, Shard
from transforms.planting.folder import parquet
from transforms.planting.places.places import Places
from transforms.planting.tables.unit import Unit
from transforms.planting.tables.units import columns_of, drawn_of
from transforms.planting.work import SecretWork

FOLDER = "plantings"


def _name(shard: int) -> str:
    return f"{FOLDER}/{shard:06d}.parquet"


def write_plantings(
    work: SecretWork, places: Places, units: Sequence[Unit], arms: Sequence[int], slots: int, shards: Sequence[Shard]
) -> None:
    """Write one file a shard.

    Args:
        work: the secret work folder, which holds a folder `plantings`.
        places: where each copy goes.
        units: in the order of the leaves.
        arms: the candidate of each that was drawn.
        slots: copies of a unit, at most, at whose places its candidates will be scored.
        shards: of the output.
    """
    order = np.lexsort((places.copy, places.leaf, places.fraction, places.address))
    addresses = places.address[order]
    own_of, drawn = columns_of(units), drawn_of(units, arms)
    ids, kinds, strata = (pa.array(one, pa.string()) for one in (own_of.ids, own_of.kinds, own_of.strata))
    arm_of, doses = np.asarray(arms, np.int32), own_of.doses.astype(np.int32)
    for shard in shards:
        lo = np.searchsorted(addresses, np.uint64(shard.lo))
        hi = len(addresses) if shard.hi == END else np.searchsorted(addresses, np.uint64(shard.hi))
        own = order[lo:hi]
        leaf, copy = places.leaf[own], places.copy[own]
        unit = pa.array(leaf)
        # A document of its own is scored by itself: it stands in no context.
        is_slot = (copy < slots) & ~places.as_document[own]
        table = pa.table(
            [
                pa.array(places.address[own]),
                pa.array(places.as_document[own]),
                pa.array(places.fraction[own]),
                unit,
                pa.array(copy),
                ids.take(unit),
                drawn.ids.take(unit),
                pa.array(arm_of[leaf]),
                kinds.take(unit),
                strata.take(unit),
                pa.array(doses[leaf]),
                pa.array(drawn.numbers(leaf, copy).astype(np.int32)),
                drawn.texts.take(pa.array(drawn.rows(leaf, copy))),
                pa.array(own_of.forms[leaf]),
                pa.array(is_slot),
            ],
            schema=PLANTINGS,
        )
        work.write(_name(shard.ordinal), parquet(table, compression="lz4"))


@dataclass(frozen=True, repr=False)
class Plantings:
    """What is planted into one shard, in address order: insertions, then documents of their own.

    Attributes:
        inside: rows of `PLANTINGS` that are inserted, and their addresses uint64[k].
        beside: rows that become documents, and the addresses uint64[l] that they follow.
    """

    inside: pa.Table
    inside_at: npt.NDArray[np.uint64]
    beside: pa.Table
    beside_at: npt.NDArray[np.uint64]


def read_plantings(work: SecretWork, shard: int) -> Plantings:
    """What is planted into a shard."""
    table = work.read(_name(shard))
    check(table.schema, PLANTINGS, "plantings")
    own = table["as_document"].combine_chunks()
    parts = [table.filter(mask) for mask in (pc.invert(own), own)]
    inside, beside = (part.combine_chunks() for part in parts)
    return Plantings(inside, inside["address"].to_numpy(), beside, beside["address"].to_numpy())
