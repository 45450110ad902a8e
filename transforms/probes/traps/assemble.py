"""From accepted candidates to probes: which unit, candidate number and dose each gets is decided by keyed hashes."""

import numpy as np
import pyarrow as pa

from schemas.probes import PROBES
from transforms.base.keyed import keyed_order
from transforms.probes.kind import keyed_id
from transforms.probes.traps.design import Design
from transforms.probes.traps.fill import Filled

KIND = "trap"


def assemble(filled: Filled, design: Design, generator: str, key: bytes) -> pa.Table:
    """Probes, unit by unit; units in the order of their ids, which are keyed hashes and tell nothing.

    A cell's candidates stand in the order of their texts' keyed hashes; m + 1 neighbours make a unit. Where there are
    too few, the highest doses are served first, and then those of the spare units.
    """
    size = design.controls + 1
    rows: list[tuple[str, int, str, str, int, int]] = []
    for at, length in enumerate(design.lengths):
        for bucket in range(design.buckets):
            inside = np.flatnonzero(filled.cell == at * design.buckets + bucket)
            texts = filled.batch.texts.take(pa.array(inside)).to_pylist()
            order = keyed_order(key, "assign", texts)
            stratum = design.stratum(length, bucket)
            for number, dose in enumerate(_doses(design)[: len(order) // size]):
                unit = keyed_id(key, "unit", stratum, dose, number)
                for candidate, place in enumerate(order[number * size : (number + 1) * size]):
                    name = keyed_id(key, "id", texts[place])
                    rows.append((unit, candidate, name, stratum, dose, int(inside[place])))
    rows.sort()
    units, candidates, names, strata, doses, places = zip(*rows, strict=True) if rows else ((),) * 6
    taken = filled.batch.taken(np.array(places, np.int64))
    columns = {
        "id": names,
        "kind": [KIND] * len(rows),
        "unit": units,
        "candidate": candidates,
        "stratum": strata,
        "dose": doses,
        "text": taken.texts,
        "length_tokens": taken.length,
        "perplexity": pa.array(taken.perplexity, from_pandas=True),
        "generator": [generator] * len(rows),
        "planted_as": ["insertion"] * len(rows),
    }
    arrays = [pa.array(columns[one.name], one.type) for one in PROBES]
    return pa.table(arrays, schema=PROBES)


def _doses(design: Design) -> list[int]:
    pairs = sorted(zip(design.doses, design.units, strict=True), reverse=True)
    spare = [dose for dose, _ in pairs for _ in range(design.spare)]
    return [dose for dose, units in pairs for _ in range(units)] + spare
