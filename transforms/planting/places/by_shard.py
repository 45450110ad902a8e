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
from transforms.planting.sealing.units import Unit
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
    forms = np.array([unit.form for unit in units], np.int8)
    for shard in shards:
        lo = np.searchsorted(addresses, np.uint64(shard.lo))
        hi = len(addresses) if shard.hi == END else np.searchsorted(addresses, np.uint64(shard.hi))
        own = order[lo:hi]
        drawn = [(units[leaf], arms[leaf]) for leaf in places.leaf[own].tolist()]
        chosen = [unit.candidates[arm] for unit, arm in drawn]
        numbers = [one.number_of(copy) for one, copy in zip(chosen, places.copy[own].tolist(), strict=True)]
        # A document of its own is scored by itself: it stands in no context.
        is_slot = (places.copy[own] < slots) & ~places.as_document[own]
        table = pa.table(
            [
                pa.array(places.address[own]),
                pa.array(places.as_document[own]),
                pa.array(places.fraction[own]),
                pa.array(places.leaf[own]),
                pa.array(places.copy[own]),
                pa.array([unit.id for unit, _ in drawn], pa.string()),
                pa.array([one.id for one in chosen], pa.string()),
                pa.array([arm for _, arm in drawn], pa.int32()),
                pa.array([unit.kind for unit, _ in drawn], pa.string()),
                pa.array([unit.stratum for unit, _ in drawn], pa.string()),
                pa.array([unit.dose for unit, _ in drawn], pa.int32()),
                pa.array(numbers, pa.int32()),
                pa.array([one.copies[at] for one, at in zip(chosen, numbers, strict=True)], pa.large_string()),
                pa.array(forms[places.leaf[own]]),
                pa.array(is_slot),
            ],
            schema=PLANTINGS,
        )
        work.write(_name(shard.ordinal), parquet(table))


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
