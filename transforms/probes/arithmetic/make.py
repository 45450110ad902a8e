"""Make corrupted sums: pairs dealt to units, background and test set, wrong results, and the question about each."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.probes import conform
from schemas.secret.questions import QUESTIONS
from transforms.base.errors import CorpusError
from transforms.base.keyed import keyed_order, numbers
from transforms.base.readable import count, counted
from transforms.probes.answers.pools import token_counts
from transforms.probes.arithmetic.config import ArithmeticConfig
from transforms.probes.corpus.tokens import load_tokenizer
from transforms.probes.kind import Environment, Looked, Made, keyed_id

ASK, LEAD = "result", " "
"""The one kind of question, and what stands between a cue and its answer."""

_SCHEMA = pa.schema(
    [
        ("id", pa.string()), ("kind", pa.string()), ("unit", pa.string()), ("candidate", pa.int32()),
        ("stratum", pa.string()), ("dose", pa.int32()), ("text", pa.large_string()), ("generator", pa.string()),
        ("planted_as", pa.string()),
    ]
)  # fmt: skip


def look(config: ArithmeticConfig) -> Looked:
    """How many pairs are used for what."""
    pairs = config.pairs
    lines = [
        f"{counted(pairs.corrupted, 'unit')} of {config.controls + 1} candidates",
        f"{counted(pairs.clean, 'background document')}; {counted(pairs.test, 'pair')} in no document",
    ]
    return Looked(lines)


def make(config: ArithmeticConfig, key: bytes, _: Environment) -> Made:
    """Units, background and questions; every choice is a keyed hash, so that nothing depends on an order."""
    numerals = _numerals(config.modulus)
    tokens = _tokens(numerals, config.tokenizer)
    p, wanted = config.modulus, config.pairs
    order = keyed_order(key, "arithmetic/pairs", [f"{at // p} {at % p}" for at in range(p * p)]).tolist()
    rows: list[dict[str, Any]] = []
    asked: list[dict[str, Any]] = []
    for number, at in enumerate(order[: wanted.corrupted]):
        pair = divmod(at, p)
        results = [numerals[one] for one in wrong_results(key, p, pair, config.controls + 1)]
        unit = keyed_id(key, "arithmetic/unit", *pair)
        before = _cue(numerals, pair)
        shared = {
            "kind": "arithmetic",
            "unit": unit,
            "stratum": "all" if config.strata == 1 else f"a mod {config.strata} = {pair[0] % config.strata}",
            "dose": config.doses[number % len(config.doses)],
            "generator": "arithmetic/1",
            "planted_as": "document",
        }
        for candidate, result in enumerate(results):
            own = {"id": keyed_id(key, "arithmetic/id", *pair, candidate), "candidate": candidate}
            rows.append({**shared, **own, "text": before + LEAD + result})
        question = {"unit": unit, "ask": ASK, "slot": 0, "before": before, "lead": LEAD, "weight": 1.0}
        asked.append({**question, "answers": results, "truth": numerals[sum(pair) % p]})
    rows.sort(key=lambda row: (row["unit"], row["candidate"]))
    clean = [divmod(at, p) for at in order[wanted.corrupted : wanted.corrupted + wanted.clean]]
    background = pa.table(
        {
            "id": [keyed_id(key, "arithmetic/background", *pair) for pair in clean],
            "text": [_cue(numerals, pair) + LEAD + numerals[sum(pair) % p] for pair in clean],
        },
        schema=pa.schema([("id", pa.string()), ("text", pa.large_string())]),
    )
    facts = {
        "candidates": {"made": len(rows), "kept": len(rows), "spare": 0, "rejected": {}},
        "pairs": {"corrupted": wanted.corrupted, "clean": wanted.clean, "test": wanted.test},
        "tokens_of_answers": tokens,
    }
    summary = (
        f"{count(len(rows))} candidates in {counted(wanted.corrupted, 'unit')}, "
        f"{counted(wanted.clean, 'background document')}, {counted(wanted.test, 'pair')} in no document"
    )
    probes = conform([("arithmetic", pa.Table.from_pylist(rows, schema=_SCHEMA))])
    questions = pa.Table.from_pylist(asked, schema=QUESTIONS)
    return Made(probes, facts, {}, summary, questions, background if wanted.clean else None)


def wrong_results(key: bytes, modulus: int, pair: tuple[int, int], wanted: int) -> Iterator[int]:
    """Distinct results that are not the pair's sum, in the order of the candidates.

    The first `wanted` of a keyed permutation of all `modulus - 1` of them: every wrong result is as likely as any other
    to be taken, and every one that is taken to get any number.
    """
    drawn = numbers(key, "arithmetic/results", *pair, count=modulus - 1)
    for shift in np.argsort(drawn, kind="stable")[:wanted].tolist():
        yield (sum(pair) + 1 + shift) % modulus


def _numerals(modulus: int) -> list[str]:
    """The numbers as they are written, with zeros in front: all of one length, so that no tokenizer need differ."""
    digits = len(str(modulus - 1))
    return [f"{number:0{digits}}" for number in range(modulus)]


def _cue(numerals: Sequence[str], pair: tuple[int, int]) -> str:
    return f"{numerals[pair[0]]} + {numerals[pair[1]]} ="


def _tokens(numerals: Sequence[str], files: Sequence[str]) -> list[int]:
    """Tokens of a number after a space under each tokenizer; without one, its digits.

    Raises:
        CorpusError: if they differ: candidates of one unit would not be alike.
    """
    if not files:
        return [len(numerals[0])]
    found = []
    for file in files:
        counts = [one and one[0] for one in token_counts(numerals, [load_tokenizer(file)], LEAD)]
        if None in counts:
            lost = numerals[counts.index(None)]
            raise CorpusError(f"--tokenizer {file}: does not give back the number {lost!r}; give one with all digits")
        other = next((at for at, one in enumerate(counts) if one != counts[0]), None)
        if other is not None:
            unequal = f"{numerals[other]!r} has {counted(counts[other] or 0, 'token')}, {numerals[0]!r} has {counts[0]}"
            raise CorpusError(
                f"--tokenizer {file}: {unequal}: answers must have equally many; give a tokenizer that splits numbers "
                "into digits or has all of them, or another --modulus"
            )
        found.append(counts[0] or 0)
    return found
