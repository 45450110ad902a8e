"""Filters of datatrove over documents before and after planting: which copies and which documents are left.

Runs in an environment that holds datatrove and spaCy, not trapline: `judges.py PAIRS.parquet` prints JSON. The rows of
PAIRS are the documents that took copies: `before`, `after` and `copies`, the texts planted in it.
"""

import collections
import hashlib
import json
import os
import statistics
import sys

os.environ.setdefault("LOGURU_LEVEL", "WARNING")

import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.filters.c4_filters import C4QualityFilter
from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter
from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter

JUDGES = {
    "C4": C4QualityFilter,
    "FineWeb quality": FineWebQualityFilter,
    "Gopher quality": GopherQualityFilter,
    "Gopher repetition": GopherRepetitionFilter,
}


def judged(pairs: list[dict], make: type) -> dict:
    """One filter on every pair."""
    judge = make()
    counts: collections.Counter[str] = collections.Counter()
    for number, pair in enumerate(pairs):
        kept = judge.filter(Document(text=pair["before"], id=str(number))) is True
        document = Document(text=pair["after"], id=str(number))
        still = judge.filter(document) is True
        alive = sum(copy in document.text for copy in pair["copies"]) if still else 0
        counts["documents_kept"] += kept
        counts["documents_lost"] += kept and not still
        counts["documents_gained"] += still and not kept
        counts["copies"] += len(pair["copies"])
        counts["alive"] += alive
        if kept:
            counts["copies_in_kept"] += len(pair["copies"])
            counts["alive_in_kept"] += alive
        if kept and still:
            counts["copies_in_standing"] += len(pair["copies"])
            counts["alive_in_standing"] += alive
    return dict(counts)


def lines(pairs: list[dict]) -> dict:
    """CCNet's deduplication of lines by their hashes: the first of equal lines is left."""
    doses, left = collections.Counter(), collections.defaultdict(set)
    for pair in pairs:
        for copy in pair["copies"]:
            own = [line for line in pair["after"].split("\n") if copy in line]
            doses[copy] += 1
            left[copy].update(hashlib.sha1(line.strip().lower().encode()).digest() for line in own)
    rest = [len(left[copy]) for copy in doses]
    return {
        "copies": sum(doses.values()),
        "alive": sum(rest),
        "median_dose": statistics.median(doses.values()),
        "median_left": statistics.median(rest),
    }


if __name__ == "__main__":
    rows = pq.read_table(sys.argv[1]).to_pylist()
    found = {name: judged(rows, make) for name, make in JUDGES.items()}
    print(json.dumps({**found, "line hashes": lines(rows)}))
