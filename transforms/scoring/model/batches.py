"""Which sequences go through the model together: rows of a fixed number of tokens, or padded rectangles."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.texts import offsets_of

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sequences:
    """Token sequences, one after the other.

    Attributes:
        tokens: int64[total], all ids.
        offsets: int64[n + 1], where each sequence begins in `tokens`.
        first: int64[n], index within the sequence of the first scored token, 1 or more: what is before it is
            context only.
    """

    tokens: Ints
    offsets: Ints
    first: Ints

    def __len__(self) -> int:
        return len(self.first)

    @property
    def lengths(self) -> Ints:
        """Tokens of each sequence, int64[n]."""
        lengths: Ints = np.diff(self.offsets)
        return lengths

    @property
    def scored(self) -> Ints:
        """Scored tokens of each sequence, int64[n]."""
        scored: Ints = np.maximum(self.lengths - self.first, 0)
        return scored


@dataclass(frozen=True)
class Batch:
    """What one forward pass takes.

    Attributes:
        which: int64[m], numbers of the sequences, in the order in which their statistics come out.
        ids: int64[rows, width], token ids; 0 where there is none.
        positions: int64[rows, width], each token's place in its sequence.
        bounds: int32[parts + 1], for a packed row where each part begins and the last ends: the sequences, and what
            is left of the row; empty for a padded batch.
        pick: int64[k], places in `ids` (flattened) whose next token is scored.
        targets: int64[k], the ids of those next tokens.
    """

    which: Ints
    ids: Ints
    positions: Ints
    bounds: npt.NDArray[np.int32]
    pick: Ints
    targets: Ints


def plan_packed(lengths: Ints, capacity: int) -> list[Ints]:
    """Divide sequences into rows of at most `capacity` tokens: first fit, longest first.

    A sequence longer than `capacity` has a row to itself. Returns the sequences' numbers, an int64 array a row; the
    plan depends on `lengths` alone.
    """
    order = np.argsort(-lengths, kind="stable")
    too_long = int(np.count_nonzero(lengths > capacity))
    rows = [order[at : at + 1] for at in range(too_long)]
    order = order[too_long:]
    sizes, starts = np.unique(-lengths[order], return_index=True)
    ends = np.append(starts, len(order))[1:]
    queues = [(max(1, -int(size)), int(a), int(b)) for size, a, b in zip(sizes, starts, ends, strict=True)]
    while queues:
        room, row, left = capacity, [], []
        for size, start, end in queues:
            taken = min(room // size, end - start)
            if taken:
                row.append(order[start : start + taken])
                room -= taken * size
            if start + taken < end:
                left.append((size, start + taken, end))
        rows.append(np.concatenate(row))
        queues = left
    return rows


def plan_padded(lengths: Ints, max_tokens: int) -> list[Ints]:
    """Divide sequences into rectangles of at most `max_tokens` tokens, padding included, in order of length.

    A sequence longer than `max_tokens` is a batch of its own. Returns the sequences' numbers, an int64 array a batch.
    """
    order = np.argsort(-lengths, kind="stable")
    batches, at = [], 0
    while at < len(order):
        rows = max(1, max_tokens // max(1, int(lengths[order[at]])))
        batches.append(order[at : at + rows])
        at += rows
    return batches


def packed_batch(sequences: Sequences, which: Ints, capacity: int) -> Batch:
    """One row of `capacity` tokens (or of the one sequence that is longer), positions starting anew in each."""
    lengths = sequences.lengths[which]
    bounds = offsets_of(lengths)
    used = int(bounds[-1])
    width = max(capacity, used)
    within = np.arange(used) - np.repeat(bounds[:-1], lengths)
    ids, positions = np.zeros((1, width), np.int64), np.zeros((1, width), np.int64)
    ids[0, :used] = sequences.tokens[within + np.repeat(sequences.offsets[which], lengths)]
    positions[0, :used] = within
    # The rest of the row is parts like the others: a long one would decide how much the attention has to do.
    part = max(1, int(lengths.max(initial=1)))
    rest = np.append(np.arange(used + part, width, part), width) if used < width else np.empty(0, np.int64)
    positions[0, used:] = np.arange(width - used) % part
    pick, targets = _scored(sequences, which, bounds[:-1])
    return Batch(which, ids, positions, np.concatenate([bounds, rest]).astype(np.int32), pick, targets)


def padded_batch(sequences: Sequences, which: Ints) -> Batch:
    """A rectangle with a sequence a row, 0 to its right: a causal model never looks there."""
    lengths = sequences.lengths[which]
    width = max(1, int(lengths.max(initial=1)))
    bounds = offsets_of(lengths)
    row = np.repeat(np.arange(len(which)), lengths)
    within = np.arange(int(bounds[-1])) - np.repeat(bounds[:-1], lengths)
    ids = np.zeros((len(which), width), np.int64)
    ids[row, within] = sequences.tokens[within + np.repeat(sequences.offsets[which], lengths)]
    positions = np.broadcast_to(np.arange(width), ids.shape)
    pick, targets = _scored(sequences, which, np.arange(len(which)) * width)
    return Batch(which, ids, positions, np.empty(0, np.int32), pick, targets)


def _scored(sequences: Sequences, which: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Places in the batch before each scored token, and the scored tokens; `starts` is where each sequence begins."""
    scored, first = sequences.scored[which], sequences.first[which]
    before = offsets_of(scored)
    nth = np.arange(int(before[-1])) - np.repeat(before[:-1], scored) + np.repeat(first, scored)
    targets = sequences.tokens[nth + np.repeat(sequences.offsets[which], scored)]
    return nth - 1 + np.repeat(starts, scored), targets
