"""What became of the candidates, as numbers: rejections, cells, doses, perplexities."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from transforms.probes.traps.design import Design
from transforms.probes.traps.fill import Filled

_BINS = 40
REASONS = {
    "length": "no cut gives the length",
    "shape": "not one plain line of text",
    "form": "not sentences of prose",
    "separator": "contains a separator",
    "unstable": "not stable under decode, encode",
    "perplexity": "outside all perplexity buckets",
    "family": "of a unit with a family that fails",
    "in corpus": "shares 8 words with the corpus",
    "too alike": "token sets too alike (Jaccard > 0.2)",
}
"""Why a candidate is rejected, in words, in the order of the rules."""


def facts_of(
    design: Design,
    generator: str,
    form: str,
    filled: Filled,
    table: pa.Table,
    scans: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What report.json holds of the candidates.

    Raises:
        ValueError: if candidates were lost on the way: made = kept + spare + rejected.
    """
    have = filled.have(design)
    rejected = {reason: filled.rejected[reason] for reason in REASONS if filled.rejected[reason]}
    if filled.made != int(have.sum()) + filled.spare + sum(filled.rejected.values()):
        raise ValueError(f"{filled.made} candidates were made, but not all are accounted for")
    size_of_unit = design.controls + 1
    units = (
        table.filter(pa.compute.equal(table["candidate"], 0))
        .group_by(["stratum", "dose"])
        .aggregate([([], "count_all")])
    )
    cells = [
        {
            "stratum": design.stratum(length, bucket),
            "perplexity": [_finite(edge) for edge in filled.edges[at][bucket : bucket + 2]] if filled.edges else [],
            "candidates": int(have[at, bucket]),
            "needed": design.cell_candidates,
            "units": int(have[at, bucket]) // size_of_unit
            if have[at, bucket] < design.cell_candidates
            else sum(design.units),
        }
        for at, length in enumerate(design.lengths)
        for bucket in range(design.buckets)
    ]
    known = filled.batch.perplexity[np.isfinite(filled.batch.perplexity) & (filled.batch.perplexity > 0)]
    counts, edges = np.histogram(np.log10(known), _BINS) if len(known) else (np.empty(0, int), np.empty(0))
    return {
        "generator": generator,
        "form": form,
        "candidates": {"made": filled.made, "kept": int(have.sum()), "spare": filled.spare, "rejected": rejected},
        "planted_units": table.num_rows // size_of_unit,
        "cells": cells,
        "units_by_dose": sorted(units.to_pylist(), key=lambda row: (row["stratum"], -row["dose"])),
        "perplexity_log10": {"edges": [float(edge) for edge in edges], "counts": [int(one) for one in counts]},
        "scans": [dict(scan) for scan in scans],
        "rounds": filled.rounds,
    }


def _finite(edge: float) -> float | None:
    return float(edge) if math.isfinite(edge) else None
