"""What families promise, against all texts that there could be, and what is measured, against the plain definition."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.probes.traps.families.closeness import closeness
from transforms.probes.traps.families.promise import SHINGLE, borders, fewest_lost, promise


def lost(places: tuple[int, ...], length: int) -> int:
    held = {first for first in range(length - SHINGLE + 1) for at in places if first <= at < first + SHINGLE}
    return len(held)


@pytest.mark.parametrize(("length", "blocks"), [(5, 1), (9, 2), (14, 3), (16, 4), (20, 3), (12, 12), (13, 6), (7, 5)])
def test_the_fewest_lost_n_grams_are_those_of_the_worst_places(length: int, blocks: int) -> None:
    edges = borders(length, blocks)
    sizes = [hi - lo for lo, hi in itertools.pairwise(edges)]
    assert sum(sizes) == length
    assert max(sizes) - min(sizes) <= 1
    worst = min(lost(places, length) for places in itertools.product(*map(range, edges, edges[1:])))
    assert fewest_lost(length, blocks) == worst


@given(st.integers(6, 60), st.integers(2, 6), st.integers(0, 2**32))
def test_two_texts_that_differ_in_every_block_keep_the_promise(length: int, blocks: int, seed: int) -> None:
    chance, edges = random.Random(seed), borders(length, blocks)
    tokens = np.arange(length, dtype=np.uint64)
    other = tokens.copy()
    for lo, hi in itertools.pairwise(edges):
        other[chance.randrange(lo, hi)] = 1000 + lo
    found, most = closeness(np.stack([tokens, other])), promise(length, blocks)
    assert found.run <= most.run == 2 * -(-length // blocks) - 2
    assert found.jaccard <= most.jaccard + 1e-12


def test_the_bound_of_a_run_is_reached() -> None:
    tokens = np.arange(24, dtype=np.uint64)
    other = tokens.copy()
    other[[0, 15, 16]] = 99, 98, 97
    assert closeness(np.stack([tokens, other])).run == promise(24, 3).run == 14


@given(st.lists(st.lists(st.integers(0, 3), min_size=9, max_size=9), min_size=2, max_size=5))
def test_closeness_is_that_of_the_closest_two(rows: list[list[int]]) -> None:
    def grams(row: list[int], n: int) -> set[tuple[int, ...]]:
        return {tuple(row[at : at + n]) for at in range(len(row) - n + 1)}

    pairs = list(itertools.combinations(rows, 2))
    run = max(n for a, b in pairs for n in range(10) if n == 0 or grams(a, n) & grams(b, n))
    sets = [(grams(a, SHINGLE), grams(b, SHINGLE)) for a, b in pairs]
    found = closeness(np.array(rows, np.uint64))
    assert found.run == run
    assert found.jaccard == pytest.approx(max(len(a & b) / len(a | b) for a, b in sets))
