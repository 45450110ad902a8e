"""Families for all candidates of all units, judged before any draw: a family that fails takes its whole unit along."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.described import VERSION_KEY
from schemas.probes import FAMILY, FAMILY_VERSION
from transforms.probes.corpus.overlap import FindShared
from transforms.probes.traps.families.closeness import Closeness
from transforms.probes.traps.families.draw import Variants, draw_variants
from transforms.probes.traps.families.judge import closeness_of, shared_with_others, unfit
from transforms.probes.traps.families.promise import Promise, promise
from transforms.probes.traps.families.suggesting.proposer import Proposer
from transforms.probes.traps.families.wanted import Wanted
from transforms.probes.traps.families.words import Place, places_in
from transforms.probes.traps.rules import Rules

VERSION = "fuzzy/1"
_RESERVE, _LEAST_RESERVE = 2.0, 8
_AT_ONCE = 2_000  # candidates whose suggested words are held together


@dataclass
class Families:
    """What became of the families.

    Attributes:
        table: the candidates of the units whose families are fit, with the columns of `schemas.probes.FAMILY`.
        rows: int64, their rows in the table that was given.
        failed: families that failed, by reason.
        failed_units: units that had one.
        rejected: variants that were rejected, by rule.
        lengths: by wanted length, the weakest promise, the most that was measured, and the number of families.
        words: of the words suggested for a place, up to how many were used.
    """

    table: pa.Table
    rows: npt.NDArray[np.int64]
    failed: Counter[str] = field(default_factory=Counter)
    failed_units: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    lengths: dict[str, dict[str, Any]] = field(default_factory=dict)
    words: int = 0


def make_families(
    table: pa.Table, wanted: Wanted, proposer: Proposer, rules: Rules, find_shared: FindShared | None, key: bytes
) -> Families:
    """Make a family of every candidate.

    Args:
        table: candidates, unit by unit.
        wanted: what families are made of.
        proposer: suggests words.
        rules: that every text of a family keeps.
        find_shared: looks n-grams up in the corpus; None without one.
        key: of all random choices.
    """
    texts = table["text"].combine_chunks().cast(pa.large_string())
    strings = texts.to_pylist()
    lengths = np.diff(rules.tokens(texts)[1])
    planted = [wanted.planted(dose) for dose in table["dose"].to_pylist()]
    drawn = _drawn(texts, wanted, planted, proposer, rules, key)
    flat = pa.array([text for one in drawn for text in one.texts], pa.large_string())
    owner = np.repeat(np.arange(len(drawn)), [len(one.texts) for one in drawn])
    bad, rejected = unfit(flat, lengths[owner], rules, find_shared)
    good = np.split(~bad, np.cumsum([len(one.texts) for one in drawn])[:-1]) if drawn else []
    members = [
        [text for text, fit in zip(one.texts, flags.tolist(), strict=True) if fit][: number + wanted.fresh]
        for one, flags, number in zip(drawn, good, planted, strict=True)
    ]
    reasons: list[str] = [
        "few" if len(one) < number + wanted.fresh else "" for one, number in zip(members, planted, strict=True)
    ]
    families = [[text, *own] for text, own in zip(strings, members, strict=True)]
    _note(reasons, shared_with_others(families), "other family")
    promises = {length: promise(length, wanted.blocks) for length in sorted(set(lengths.tolist()))}
    close = closeness_of(families, rules)
    promised = [promises[length] for length in lengths.tolist()]
    pairs = list(zip(close, promised, strict=True))
    _note(reasons, np.array([one.run > most.run for one, most in pairs], np.bool_), "run")
    _note(reasons, np.array([one.jaccard > most.jaccard for one, most in pairs], np.bool_), "close")
    units = table["unit"].to_pylist()
    lost = {unit for unit, reason in zip(units, reasons, strict=True) if reason}
    rows = np.array([row for row, unit in enumerate(units) if unit not in lost], np.int64)
    strata = table["stratum"].to_pylist()
    return Families(
        _with_columns(table, members, planted, promised, wanted, proposer).take(pa.array(rows)),
        rows,
        Counter(reason for reason in reasons if reason),
        len(lost),
        rejected,
        _by_length([(strata[row], *pairs[row]) for row in rows.tolist()]),
        max((drawn[row].words for row in rows.tolist()), default=0),
    )


def _note(reasons: list[str], failing: npt.NDArray[np.bool_], reason: str) -> None:
    for at in np.flatnonzero(failing).tolist():
        reasons[at] = reasons[at] or reason


def _drawn(
    texts: pa.Array, wanted: Wanted, planted: Sequence[int], proposer: Proposer, rules: Rules, key: bytes
) -> list[Variants]:
    """Variants of each text: more than are wanted, since some may break a rule."""
    strings: list[str] = texts.to_pylist()
    drawn = []
    for first in range(0, len(strings), _AT_ONCE):
        some = texts.slice(first, _AT_ONCE)
        places = places_in(some, wanted.blocks, rules.counting)
        suggested = proposer.propose(some, places)
        own: list[tuple[list[Place], list[list[str]]]] = [([], []) for _ in range(len(some))]
        for place, words in zip(places, suggested, strict=True):
            own[place.text][0].append(place)
            own[place.text][1].append(words)
        for at, (where, words_there) in enumerate(own):
            number = planted[first + at] + wanted.fresh
            number = max(int(number * _RESERVE), number + _LEAST_RESERVE) if number else 0
            drawn.append(draw_variants(key, strings[first + at], wanted.blocks, where, words_there, number))
    return drawn


def _with_columns(
    table: pa.Table,
    members: Sequence[Sequence[str]],
    planted: Sequence[int],
    promises: Sequence[Promise],
    wanted: Wanted,
    proposer: Proposer,
) -> pa.Table:
    columns = {
        "variants": [list(own[:number]) for own, number in zip(members, planted, strict=True)],
        "fresh": [list(own[number:]) for own, number in zip(members, planted, strict=True)],
        "family": [_described(most, number, wanted, proposer) for most, number in zip(promises, planted, strict=True)],
    }
    for one in FAMILY:
        table = table.append_column(one, pa.array(columns[one.name], one.type))
    return table.replace_schema_metadata({**table.schema.metadata, VERSION_KEY: str(FAMILY_VERSION).encode()})


def _described(most: Promise, planted: int, wanted: Wanted, proposer: Proposer) -> str:
    """The settings and limits of a family, as the seal binds them."""
    content = {
        "made_by": VERSION,
        "words_by": proposer.name,
        "blocks": wanted.blocks,
        "variants": planted,
        "fresh": wanted.fresh,
        "most_run": most.run,
        "most_jaccard": round(most.jaccard, 6),
    }
    return json.dumps(content, sort_keys=True)


def _by_length(families: Sequence[tuple[str, Closeness, Promise]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for stratum, one, most in families:
        entry = found.setdefault(
            stratum.partition("x")[0], {"families": 0, "run": 0, "jaccard": 0.0, "most_run": 0, "most_jaccard": 0.0}
        )
        entry["families"] += 1
        for name, value in (
            ("run", one.run),
            ("jaccard", one.jaccard),
            ("most_run", most.run),
            ("most_jaccard", most.jaccard),
        ):
            entry[name] = max(entry[name], value)
    return found
