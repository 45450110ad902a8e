"""The experiment of `sizes.py`, made beside the models from one file of documents, without Beam: tokens, not text.

    python -m benchmarks.traps.size_data --corpus docs.parquet --tokenizer tokenizer.json --output experiment.npz

Documents become tokens, some are held out, and traps are drawn and inserted as tokens. It is the design of the
product's commands (candidates exchangeable within a unit, one drawn, the same slots for all), but no product run:
there is no seal, and deduplication is of equal texts only.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from examples.train_tiny import make_tokenizer

Tokens = npt.NDArray[np.uint16]
BEGIN, CONTEXT, SLOTS, CANDIDATES, VOCABULARY = 0, 64, 2, 10, 16_384
LENGTHS, DOSES = (25, 50), (1, 2, 4, 8)
WINDOW = 16
BACK_OFF = 0.5


@dataclass(frozen=True)
class Units:
    """Of the experiment.

    Attributes:
        length: int64[units], tokens of its candidates.
        dose: int64[units].
        arms: int64[units], the drawn candidate.
        candidates: of each unit, uint16[CANDIDATES, length].
    """

    length: npt.NDArray[np.int64]
    dose: npt.NDArray[np.int64]
    arms: npt.NDArray[np.int64]
    candidates: list[Tokens]


class Trigrams:
    """Draws tokens as the stream has them: after the last two tokens, or, half the time, after the last alone."""

    def __init__(self, stream: Tokens) -> None:
        """Sort the places of the stream by the token there and the one before."""
        self._stream = stream
        pairs = stream[:-2].astype(np.int64) << 16 | stream[1:-1]
        self._by_pair = np.argsort(pairs, kind="stable")
        self._pairs = pairs[self._by_pair]
        self._by_one = np.argsort(stream[1:-1], kind="stable")
        self._ones = stream[1:-1][self._by_one]

    def draw(self, count: int, length: int, generator: np.random.Generator) -> Tokens:
        """Independent candidates, uint16[count, length], without the begin-of-sequence token."""
        at = generator.integers(0, len(self._pairs), count)
        found = np.zeros((count, length + 2), np.uint16)
        found[:, 0], found[:, 1] = self._stream[at], self._stream[at + 1]
        for place in range(2, length + 2):
            before, last = found[:, place - 2].astype(np.int64), found[:, place - 1]
            following = self._after(self._pairs, self._by_pair, before << 16 | last, generator)
            alone = self._after(self._ones, self._by_one, last, generator)
            found[:, place] = np.where((generator.random(count) < BACK_OFF) | (following == BEGIN), alone, following)
            # After the last token of the stream, or where a document ends, it goes on as anywhere.
            ended = found[:, place] == BEGIN
            found[ended, place] = self._inside(int(ended.sum()), generator)
        return found[:, 2:]

    def _after(
        self, keys: npt.NDArray[Any], places: npt.NDArray[np.int64], wanted: Any, generator: np.random.Generator
    ) -> Tokens:
        low = np.searchsorted(keys, wanted.astype(keys.dtype))
        high = np.searchsorted(keys, wanted.astype(keys.dtype), side="right")
        at = low + (generator.random(len(low)) * np.maximum(high - low, 1)).astype(np.int64)
        drawn = self._stream[places[np.minimum(at, len(places) - 1)] + 2]
        return np.where(high > low, drawn, BEGIN).astype(np.uint16)

    def _inside(self, count: int, generator: np.random.Generator) -> Tokens:
        pool = self._stream[generator.integers(0, len(self._stream), 16 * count + 64)]
        return pool[pool != BEGIN][:count]


def without_what_training_has(held: Sequence[Tokens], stream: Tokens, most: float = 0.05) -> list[Tokens]:
    """Held-out documents of whose windows of 16 tokens at most a share `most` is in the stream."""
    known = np.unique(_windows(stream))
    kept = []
    for one in held:
        mine = _windows(one)
        at = np.minimum(np.searchsorted(known, mine), len(known) - 1)
        if len(mine) and (known[at] == mine).mean() <= most:
            kept.append(one)
    return kept


def _windows(tokens: Tokens) -> npt.NDArray[np.uint64]:
    """A hash of each window."""
    count = max(0, len(tokens) - WINDOW + 1)
    found = np.zeros(count, np.uint64)
    for at in range(WINDOW):
        found = found * np.uint64(0x9E3779B97F4A7C15) + tokens[at : at + count].astype(np.uint64) + np.uint64(1)
    return found


def plant(
    documents: Sequence[Tokens], units: Units, ends: npt.NDArray[np.bool_], generator: np.random.Generator
) -> tuple[list[Tokens], list[list[Tokens]]]:
    """Insert the drawn candidate of each unit into as many documents as its dose says, after the end of a line.

    Args:
        documents: begin-of-sequence first.
        units: what is inserted.
        ends: bool[vocabulary], the tokens that end a line; a document without one takes a copy anywhere.
        generator: draws documents and places.

    Returns:
        The documents, and for each unit what stands before its first slots (at most `SLOTS`), the same for all of
        its candidates.
    """
    inside: dict[int, list[tuple[int, Tokens]]] = {}
    before: list[list[Tokens]] = []
    for dose, arm, candidates in zip(units.dose, units.arms, units.candidates, strict=True):
        slots = []
        for document in generator.choice(len(documents), int(dose), replace=False).tolist():
            tokens = documents[document]
            places = np.flatnonzero(ends[tokens]) + 1
            place = int(generator.choice(places)) if len(places) else int(generator.integers(1, len(tokens) + 1))
            inside.setdefault(document, []).append((place, candidates[arm]))
            slots.append(tokens[max(0, place - CONTEXT) : place])
        before.append(slots[:SLOTS])
    planted = list(documents)
    for document, copies in inside.items():
        parts, last = [], 0
        for place, copy in sorted(copies, key=lambda one: one[0]):
            parts += [documents[document][last:place], copy]
            last = place
        planted[document] = np.concatenate([*parts, documents[document][last:]])
    return planted, before


def sequences(units: Units, before: Sequence[Sequence[Tokens]]) -> dict[str, npt.NDArray[Any]]:
    """What is scored: every candidate by itself and after each of its unit's slots, as `models.score` takes it."""
    tokens, first, row, inside = [], [], [], []
    begin = np.array([BEGIN], np.uint16)
    for number, (candidates, slots) in enumerate(zip(units.candidates, before, strict=True)):
        for at, candidate in enumerate(candidates):
            for context in (begin, *slots):
                # Without a slot only the begin of a sequence is before it.
                start = context if context[0] == BEGIN else np.concatenate([begin, context])
                tokens.append(np.concatenate([start, candidate]))
                first.append(len(start))
                row.append(number * len(candidates) + at)
                inside.append(context is not begin)
    return {
        "sequence_tokens": np.concatenate(tokens),
        "sequence_lengths": np.array([len(one) for one in tokens], np.int32),
        "sequence_first": np.array(first, np.int32),
        "sequence_row": np.array(row, np.int32),
        "sequence_in_context": np.array(inside, np.int32),
    }


def make(
    texts: Sequence[str], ids: Sequence[str], tokenizer: Any, units_a_cell: int, held_out: float, seed: str
) -> dict[str, npt.NDArray[Any]]:
    """All arrays of the experiment, from documents; the same for the same arguments."""
    seen: dict[str, str] = {}
    for one, text in zip(ids, texts, strict=True):
        seen.setdefault(text, one)
    order = sorted(seen, key=lambda text: _digest(seed, "order", seen[text]))
    encoded = [np.asarray(one.ids, np.uint16) for one in tokenizer.encode_batch_fast(order)]
    held = [_digest(seed, "held out", seen[text]) < held_out * 2**64 for text in order]
    training = [one for one, out in zip(encoded, held, strict=True) if not out]
    twin = np.concatenate(training)
    validation = without_what_training_has([one for one, out in zip(encoded, held, strict=True) if out], twin)
    generator = np.random.Generator(np.random.Philox(_digest(seed, "traps", "")))
    drawn = Trigrams(twin)
    length = np.repeat(LENGTHS, len(DOSES) * units_a_cell)
    dose = np.tile(np.repeat(DOSES, units_a_cell), len(LENGTHS))
    made = {one: drawn.draw(CANDIDATES * int((length == one).sum()), one, generator) for one in LENGTHS}
    candidates = [part for one in LENGTHS for part in made[one].reshape(-1, CANDIDATES, one)]
    draw = np.random.Generator(np.random.Philox(_digest(seed, "draw", "")))
    units = Units(length, dose, draw.integers(0, CANDIDATES, len(length)), candidates)
    vocabulary = tokenizer.get_vocab_size()
    ends = np.array(["\n" in tokenizer.decode([at], skip_special_tokens=False) for at in range(vocabulary)])
    planted, before = plant(training, units, ends, generator)
    return {
        "vocabulary": np.array(vocabulary),
        "twin": twin,
        "planted": np.concatenate(planted),
        "validation": np.concatenate(validation),
        "documents": np.array([len(training), len(validation)]),
        "unit_length": length,
        "unit_dose": dose,
        "unit_arm": units.arms,
        "seed": np.frombuffer(hashlib.sha256(f"{seed} redraws".encode()).digest(), np.uint8),
        **sequences(units, before),
    }


def _digest(seed: str, purpose: str, name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed} {purpose} {name}".encode(), digest_size=8).digest(), "big")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the experiment; returns the exit code."""
    from tokenizers import Tokenizer

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="Parquet with id and text")
    parser.add_argument(
        "--tokenizer", type=Path, required=True, help="a tokenizer.json that puts id 0 first; made if it is not there"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--units", type=int, default=150, help="of each length and dose")
    parser.add_argument("--held-out", type=float, default=0.02, help="share of the documents for validation")
    parser.add_argument("--seed", default="evidence")
    given = parser.parse_args(arguments)
    table = pq.read_table(given.corpus, columns=["id", "text"])
    if not given.tokenizer.exists():
        make_tokenizer(iter(table["text"].to_pylist()[::5]), VOCABULARY).save(str(given.tokenizer))
    arrays = make(
        table["text"].to_pylist(), table["id"].to_pylist(), Tokenizer.from_file(str(given.tokenizer)),
        given.units, given.held_out, given.seed,
    )  # fmt: skip
    given.output.parent.mkdir(parents=True, exist_ok=True)
    np.savez(given.output, **arrays)  # type: ignore[arg-type]
    for name in ("twin", "planted", "validation", "sequence_tokens"):
        print(f"{name}: {len(arrays[name]):,} tokens", flush=True)
    print(f"{arrays['documents'].tolist()} documents, {len(arrays['unit_arm']):,} units", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
