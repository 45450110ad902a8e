"""`trapline puzzles --as probes`: units of sibling puzzles, as a kind of probe.

Its settings are those of the data set as well, hence its command is not made from `KINDS`.
"""

import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.running.versions import versions
from schemas.probes import conform
from transforms.base.readable import counted
from transforms.probes.kind import Environment, Kind, Looked, Made
from transforms.probes.puzzles.make import SiblingConfig, find_units, probes_of
from transforms.probes.puzzles.similarity import sibling_similarity

if TYPE_CHECKING:
    from pipelines.puzzles import PuzzlesConfig


def look(config: "PuzzlesConfig") -> Looked:
    """Check the request; which key it is done with does not matter."""
    any_key = config.key(b"")
    requests = config.requests(any_key)
    config.items(any_key)
    units = config.count * len(config.doses) * len(requests)
    return Looked([f"{counted(units, 'unit')} of {config.controls + 1} puzzles"])


def make(config: "PuzzlesConfig", key: bytes, environment: Environment) -> Made:
    """Units of siblings of every size; languages take turns."""
    requests, splits, items = config.requests(key), config.splits(key), config.items(key)
    units, share = config.count * len(config.doses), len(config.languages)
    siblings = SiblingConfig(
        config.controls + 1,
        config.doses,
        config.thoughts,
        f"puzzle-{_name(key)}",
        f"trapline puzzles {versions()['trapline']}",
    )
    tables = []
    for request in requests:
        index = find_units(request.stream, splits, units, siblings.siblings)
        for at, tag in enumerate(config.languages):
            mine = index[at * units // share : (at + 1) * units // share]
            if len(mine):
                tables.append(probes_of(request.stream, mine, items, siblings, tag, at * units // share))
    table = conform([("puzzles", pa.concat_tables(tables))])
    similarity = sibling_similarity(table)
    facts = {"units": units * len(requests), "candidates": table.num_rows, "similarity": similarity}
    summary = (
        f"{counted(facts['units'], 'unit')} of {siblings.siblings} puzzles in "
        f"{environment.running()['seconds']:.1f} s; 5-word Jaccard of siblings {similarity['mean']:.2f} on average"
    )
    return Made(table, facts, summary=summary)


PUZZLES_KIND = Kind("puzzles", make, look)


def _name(key: bytes) -> str:
    """A name for the campaign's ids that does not give its key away."""
    return hashlib.blake2b(b"ids", key=key, digest_size=6).hexdigest()
