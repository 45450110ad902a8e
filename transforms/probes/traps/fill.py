"""Fill every cell of length and perplexity: make candidates, reject by the rules, make more where some are missing.

A candidate goes through the rules that need nothing but itself, then one look into the corpus for all of a round, then
the choice of those that are not too alike. The order of that choice is by keyed hashes of the texts. Everything happens
before any draw, and nothing here knows of arms: the m + 1 candidates of a unit are grouped afterwards.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from transforms.base.errors import CorpusError
from transforms.base.keyed import keyed_order
from transforms.base.readable import count
from transforms.base.words import words_of
from transforms.probes.corpus.overlap import FindShared, grams_of
from transforms.probes.ngram.generator import Batch, Generator, concatenated
from transforms.probes.traps.alike import accept, token_sets
from transforms.probes.traps.alike_kernel import ACCEPTED, ALIKE, SPARE
from transforms.probes.traps.design import Design, bucket_of, quantile_edges, share_out
from transforms.probes.traps.rules import Rules

_MOST_ROUNDS = 8
_MOST_TRIES = 60  # calls of the generator for one length and round
_PROBE, _MANY = 256, 1 << 40  # candidates made at a temperature before its yield is known
_MOST_MADE = 30  # candidates made for each one needed, before what is missing is given up
_LEAST_GAIN = 0.02  # of what was looked at: where less is accepted, what is missing is not to be had
_FIRST_RESERVE, _MOST_RESERVE = 1.15, 6.0


@dataclass
class Filled:
    """Candidates by cell, and what happened on the way.

    Attributes:
        batch: the accepted candidates.
        cell: int32[n], of each, `length index * buckets + bucket`.
        made: candidates made.
        spare: fit ones that no cell had room for.
        rejected: by reason.
        rounds: looks into the corpus.
        edges: borders of the perplexity buckets, by length: float64[buckets + 1].
    """

    batch: Batch
    cell: npt.NDArray[np.int32]
    made: int = 0
    spare: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    edges: list[npt.NDArray[np.float64]] = field(default_factory=list)

    def have(self, design: Design) -> npt.NDArray[np.int64]:
        """Accepted candidates by length and bucket: int64[lengths, buckets]."""
        cells = np.bincount(self.cell, minlength=len(design.lengths) * design.buckets)
        return cells.reshape(len(design.lengths), design.buckets)


def fill(
    generator: Generator,
    design: Design,
    rules: Rules,
    find_shared: FindShared | None,
    key: bytes,
    edges: npt.NDArray[np.float64] | None = None,
) -> Filled:
    """Fill the design's cells as far as can be.

    Args:
        generator: what makes candidates.
        design: cells and what they need.
        rules: what a candidate must be like.
        find_shared: looks into the corpus; None if there is none to look into.
        key: of the order of choice.
        edges: borders of the buckets; without them, quantiles of what the generator makes first, by length.
    """
    filled = Filled(concatenated([]), np.empty(0, np.int32))
    needed = design.cell_candidates * design.buckets
    makers = [_Maker(generator, rules, length, needed, design.buckets, edges, filled) for length in design.lengths]
    reserve = _FIRST_RESERVE
    for _ in range(_MOST_ROUNDS):
        missing = design.cell_candidates - filled.have(design)
        if not missing.any():
            break
        parts, cells = [], []
        for at, maker in enumerate(makers):
            batch, bucket = maker.gather(np.ceil(reserve * missing[at]).astype(np.int64))
            parts.append(batch)
            cells.append((at * design.buckets + bucket).astype(np.int32))
        fresh = concatenated(parts)
        before = len(filled.cell)
        _choose(filled, fresh, np.concatenate(cells), design, rules, find_shared, key)
        filled.rounds += 1
        gained = len(filled.cell) - before
        if gained < _LEAST_GAIN * len(fresh.texts) or not gained:
            break
        reserve = min(_MOST_RESERVE, max(_FIRST_RESERVE, 1.2 * len(fresh.texts) / gained))
    filled.edges = [maker.edges for maker in makers if maker.edges is not None]
    return filled


class _Maker:
    """Makes candidates of one length and keeps those that are fit by themselves."""

    def __init__(
        self,
        generator: Generator,
        rules: Rules,
        length: int,
        needed: int,
        buckets: int,
        edges: npt.NDArray[np.float64] | None,
        filled: Filled,
    ) -> None:
        self.edges = edges
        self._generator, self._rules, self._length, self._filled = generator, rules, length, filled
        rungs = len(generator.ladder(length))
        self._most_made = _MOST_MADE * needed + rungs * 2 * _PROBE
        self._made = np.zeros(rungs, np.int64)
        self._useful = np.zeros((rungs, buckets), np.int64)

    def gather(self, wanted: npt.NDArray[np.int64]) -> tuple[Batch, npt.NDArray[np.int32]]:
        """At least so many fit candidates a bucket (int64[buckets]), if they can be had, and the bucket of each."""
        parts: list[Batch] = []
        buckets: list[npt.NDArray[np.int32]] = []
        have = np.zeros(len(wanted), np.int64)
        for _ in range(_MOST_TRIES):
            counts = self._next(np.maximum(wanted - have, 0))
            if not counts.any():
                break
            for batch, bucket in self._make(counts):
                parts.append(batch)
                buckets.append(bucket)
                have += np.bincount(bucket, minlength=len(wanted))
        return concatenated(parts), np.concatenate([np.empty(0, np.int32), *buckets])

    def _next(self, missing: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        supply = self._generator.supply(self._length)
        if supply is None:
            # Quantiles need many; where the borders are given, a few show which temperatures are worth it.
            probe = _MANY if self.edges is None else _PROBE
            counts = share_out(missing, self._made, self._useful, probe)
            left = self._most_made - int(self._made.sum())
            return counts if counts.sum() <= left else counts * max(left, 0) // max(1, int(counts.sum()))
        return np.maximum(supply - self._made, 0) if missing.any() else np.zeros(len(self._made), np.int64)

    def _make(self, counts: npt.NDArray[np.int64]) -> list[tuple[Batch, npt.NDArray[np.int32]]]:
        made = []
        for rung, batch in enumerate(self._generator.sample(self._length, self._made.copy(), counts)):
            self._filled.made += batch.made
            self._filled.rejected.update(batch.unfit)
            made.append((rung, self._fit(batch)))
        self._made += counts
        if self.edges is None:
            self.edges = quantile_edges(np.concatenate([batch.perplexity for _, batch in made]), self._useful.shape[1])
        out = []
        for rung, batch in made:
            bucket = bucket_of(batch.perplexity, self.edges)
            inside = bucket >= 0
            self._filled.rejected["perplexity"] += int((~inside).sum())
            self._useful[rung] += np.bincount(bucket[inside], minlength=self._useful.shape[1])
            out.append((batch.taken(inside), bucket[inside]))
        return out

    def _fit(self, batch: Batch) -> Batch:
        bad = np.zeros(len(batch.texts), np.bool_)
        for reason, broken in self._rules.broken(batch.texts):
            self._filled.rejected[reason] += int((broken & ~bad).sum())
            bad |= broken
        return batch.taken(~bad) if bad.any() else batch


def _choose(
    filled: Filled,
    fresh: Batch,
    cell: npt.NDArray[np.int32],
    design: Design,
    rules: Rules,
    find_shared: FindShared | None,
    key: bytes,
) -> None:
    """Take what is not in the corpus and not too alike into `filled`."""
    if find_shared is not None and len(cell):
        grams = grams_of(words_of(fresh.texts))
        shared = grams.sharing(find_shared(np.unique(grams.hashes)), len(cell))
        filled.rejected["in corpus"] += int(shared.sum())
        fresh, cell = fresh.taken(~shared), cell[~shared]
    before = len(filled.cell)
    both, cells = concatenated([filled.batch, fresh]), np.concatenate([filled.cell, cell])
    order = keyed_order(key, "accept", fresh.texts.to_pylist())
    room = np.full(len(design.lengths) * design.buckets, design.cell_candidates, np.int64)
    tokens, offsets = rules.tokens(both.texts)
    # Those accepted before come first: they are not too alike, so all of them are accepted again.
    status = accept(token_sets(tokens, offsets), np.concatenate([np.arange(before), before + order]), cells, room)
    filled.rejected["too alike"] += int((status == ALIKE).sum())
    filled.spare += int((status == SPARE).sum())
    kept = status == ACCEPTED
    filled.batch, filled.cell = both.taken(kept), cells[kept]


def refuse_short(filled: Filled, design: Design) -> None:
    """Raise `CorpusError` naming the first cell that is not full."""
    have = filled.have(design)
    short = np.argwhere(have < design.cell_candidates)
    if not len(short):
        return
    at, bucket = (int(one) for one in short[0])
    lost = ", ".join(f"{reason} {count(number)}" for reason, number in filled.rejected.most_common() if number)
    borders = f"perplexity {filled.edges[at][bucket]:.4g} to {filled.edges[at][bucket + 1]:.4g}"
    raise CorpusError(
        f"cell {design.stratum(design.lengths[at], bucket)} ({borders}) has {count(have[at, bucket])} of the "
        f"{count(design.cell_candidates)} candidates that its units need, and {len(short) - 1} more cells are short; "
        f"{count(filled.made)} were made, rejected: {lost or 'none'}. Ask for fewer with --units, --controls or "
        "--perplexity-buckets, or take what there is with --allow-short"
    )
