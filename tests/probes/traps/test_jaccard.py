"""Which candidates are accepted beside each other: against the quadratic definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.probes.traps.alike import accept, token_sets
from transforms.probes.traps.alike_kernel import ACCEPTED, ALIKE, SPARE

sequences = st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=25), min_size=1, max_size=30)


def brute_force(texts: list[list[int]], order: list[int], cells: list[int], room: list[int]) -> list[int]:
    status, kept, left = [SPARE] * len(texts), [], list(room)
    for at in order:
        mine = set(texts[at])
        if left[cells[at]] <= 0:
            continue
        if any(5 * len(mine & other) > len(mine | other) for other in kept):
            status[at] = ALIKE
            continue
        status[at] = ACCEPTED
        left[cells[at]] -= 1
        kept.append(mine)
    return status


@given(sequences, st.randoms(use_true_random=False))
def test_the_choice_is_that_of_comparing_all_pairs(texts: list[list[int]], random: object) -> None:
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    cells = [at % 2 for at in range(len(texts))]
    flat = np.array([token for text in texts for token in text], np.uint64)
    offsets = np.cumsum([0, *map(len, texts)])
    status = accept(token_sets(flat, offsets), np.array(order), np.array(cells, np.int32), np.array([30, 3]))
    assert status.tolist() == brute_force(texts, order, cells, [30, 3])


def test_a_large_realistic_set_is_chosen_as_by_comparing_all_pairs() -> None:
    random = np.random.default_rng(3)
    texts = [np.minimum(random.zipf(1.3, 40), 5_000).tolist() for _ in range(600)]
    flat, offsets = np.concatenate(texts).astype(np.uint64), np.cumsum([0, *map(len, texts)])
    cells, room = np.zeros(600, np.int32), np.array([600])
    status = accept(token_sets(flat, offsets), np.arange(600), cells, room)
    assert status.tolist() == brute_force(texts, list(range(600)), [0] * 600, [600])
    assert 0 < (status == ALIKE).sum() < 600


def test_exactly_a_fifth_is_not_too_alike() -> None:
    one, other = [1, 2, 3], [3, 4, 5]  # 1 of 5
    closer = [2, 3, 4, 5]  # 2 of 5 with the first
    flat, offsets = np.array([*one, *other, *closer], np.uint64), np.array([0, 3, 6, 10])
    status = accept(token_sets(flat, offsets), np.arange(3), np.zeros(3, np.int32), np.array([9]))
    assert status.tolist() == [ACCEPTED, ACCEPTED, ALIKE]
