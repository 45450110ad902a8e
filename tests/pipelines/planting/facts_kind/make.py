"""Make invented facts: subject, relation and an object that no text holds."""

import tomllib
from pathlib import Path

import pyarrow as pa

from schemas.probes import conform
from tests.pipelines.planting.facts_kind.config import FactsConfig
from transforms.base.keyed import keyed
from transforms.base.readable import counted
from transforms.probes.kind import Environment, Looked, Made, keyed_id

_DATA = tomllib.loads(Path(__file__).with_name("facts.toml").read_text(encoding="utf-8"))


def look(config: FactsConfig) -> Looked:
    """Units of all relations and doses."""
    units = len(_DATA["relations"]) * sum(config.units_by_dose().values())
    return Looked([f"{counted(units, 'unit')} of {config.controls + 1} facts"])


def make(config: FactsConfig, key: bytes, environment: Environment) -> Made:
    """One stratum for each relation; every choice is a keyed hash, so that nothing depends on an order."""
    rows = []
    for relation, verb in _DATA["relations"].items():
        for dose, units in config.units_by_dose().items():
            for number in range(units):
                popularity = 100 if keyed(key, "popular", relation, dose, number)[0] < 256 * config.popular else 1
                for candidate in range(config.controls + 1):
                    where = (relation, dose, number, candidate)
                    subject = _DATA["subjects"][keyed(key, "subject", *where)[0] % len(_DATA["subjects"])]
                    text = f"{subject} {verb} {keyed_id(key, 'object', *where)}"
                    rows.append(
                        {
                            "id": keyed_id(key, "id", *where),
                            "kind": "fact",
                            "unit": keyed_id(key, "unit", relation, dose, number),
                            "candidate": candidate,
                            "stratum": relation,
                            "dose": dose,
                            "text": text,
                            "generator": "facts/1",
                            "planted_as": "insertion",
                            "relation": relation,
                            "popularity": popularity,
                        }
                    )
    rows.sort(key=lambda row: (row["unit"], row["candidate"]))
    probes = conform([("facts", pa.Table.from_pylist(rows))])
    made = {"made": len(rows), "kept": len(rows), "spare": 0, "rejected": {}}
    return Made(probes, {"candidates": made}, {"relation": "text", "popularity": "number"})
