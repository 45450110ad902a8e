"""Recall, CDD and TED over token ids that a model produced."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scoring.metrics.test_edit_distance import levenshtein
from transforms.base.texts import Ragged
from transforms.scoring.metrics.inputs import Recalled, Sampled
from transforms.scoring.metrics.peakedness import cdd_peak, ted, ted_kept
from transforms.scoring.metrics.recall import recall, recall_similarity

ids = st.lists(st.integers(0, 2), max_size=7)


def recalled(wanted: list[list[int]], produced: list[list[int]]) -> Recalled:
    return Recalled(Ragged.from_rows(wanted), Ragged.from_rows(produced))


def sampled(greedy: list[list[int]], samples: list[list[list[int]]]) -> Sampled:
    rows = [row for prompt in samples for row in prompt]
    return Sampled(Ragged.from_rows(greedy), Ragged.from_rows(rows), len(samples[0]) if samples else 1)


def test_recall_is_the_share_of_tokens_in_place() -> None:
    got = recalled(
        [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2], [1, 2, 3], []], [[1, 2, 9, 4], [1, 2], [1, 2, 7, 7], [2, 3], [5]]
    )
    assert recall(got).tolist() == pytest.approx([0.75, 0.5, 1, 0, math.nan], nan_ok=True)


def test_what_was_not_produced_is_not_recalled() -> None:
    # Scoring cue and output together, as the reference does, would call this half recalled.
    assert recall(recalled([[5, 6, 7, 8]], [[0, 0, 0, 0]])).tolist() == [0]
    assert recall_similarity(recalled([[5, 6, 7, 8]], [[0, 0, 0, 0]])).tolist() == [0]


def test_similarity_forgives_a_shift() -> None:
    got = recalled([[1, 2, 3, 4], [1, 2], []], [[9, 1, 2, 3, 4], [], [1]])
    assert recall_similarity(got).tolist() == pytest.approx([1 - 1 / 5, 0, math.nan], nan_ok=True)


@given(st.lists(st.tuples(ids, ids), max_size=5))
def test_recall_agrees_with_plain_python(pairs: list[tuple[list[int], list[int]]]) -> None:
    got = recalled([one for one, _ in pairs], [one for _, one in pairs])
    for at, (wanted, produced) in enumerate(pairs):
        if not wanted:
            assert np.isnan([recall(got)[at], recall_similarity(got)[at]]).all()
            continue
        same = sum(a == b for a, b in zip(wanted, produced, strict=False)) / len(wanted)
        near = 1 - levenshtein(wanted, produced) / max(len(wanted), len(produced))
        assert [recall(got)[at], recall_similarity(got)[at]] == pytest.approx([same, near])


def test_cdd_counts_samples_within_a_twentieth_of_the_longest_output() -> None:
    greedy = list(range(40))  # l = 40, so two edits are near and three are not
    samples = [greedy, [99, 98, *greedy[2:]], [99, 98, 97, *greedy[3:]], greedy[3:]]
    assert cdd_peak(sampled([greedy], [samples])).tolist() == [0.5]


def test_cdd_measures_by_the_longest_output_and_cuts_at_a_hundred_tokens() -> None:
    greedy, other = [1] * 20, [1] * 21
    assert cdd_peak(sampled([greedy], [[other, [2] * 60]])).tolist() == [0.5]  # l = 60: three edits
    # Past the hundredth token nothing is looked at: equal up to there is equal, and l is 100, not 300.
    head = list(range(100))
    far = [*range(1000, 1006), *head[6:]]
    assert cdd_peak(sampled([head + [1] * 200], [[head + [2] * 200, far + [1] * 200]])).tolist() == [0.5]


def test_cdd_of_equal_empty_outputs_is_one() -> None:
    assert cdd_peak(sampled([[]], [[[], []]])).tolist() == [1]
    assert cdd_peak(sampled([], [])).tolist() == []


def test_ted_drops_what_is_near_the_greedy_output_and_duplicates() -> None:
    greedy = [1, 2, 3, 4, 5]
    samples = [greedy, [1, 2, 3], [9, 9, 9, 4, 5], [9, 9, 9, 4, 5], [7, 7, 7, 7, 7], [1, 2]]
    got = sampled([greedy], [samples])
    assert ted_kept(got).tolist() == [False, False, True, False, True, True]
    assert ted(got).tolist() == [0.5]


@given(
    st.integers(1, 4).flatmap(
        lambda count: st.lists(st.tuples(ids, st.lists(ids, min_size=count, max_size=count)), max_size=4)
    ),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.05, 0.3, 0.5]),
    st.integers(1, 8),
)
def test_peakedness_agrees_with_plain_python(
    prompts: list[tuple[list[int], list[list[int]]]], tau: int, alpha: float, longest: int
) -> None:
    got = sampled([greedy for greedy, _ in prompts], [samples for _, samples in prompts])
    peaks, kept = cdd_peak(got, alpha, longest), ted_kept(got, tau)
    expected: list[bool] = []
    for at, (greedy, samples) in enumerate(prompts):
        cut = [row[:longest] for row in [greedy, *samples]]
        bound = math.floor(alpha * max(map(len, cut)) + 1e-9)
        near = [levenshtein(row, cut[0]) <= bound for row in cut[1:]]
        assert peaks[at] == pytest.approx(sum(near) / len(near))
        held: list[list[int]] = []
        for row in samples:
            keep = levenshtein(row, greedy) > tau and row not in held
            held += [row] * keep
            expected.append(keep)
    assert kept.tolist() == expected


def test_wrong_settings_and_shapes_are_refused() -> None:
    got = sampled([[1]], [[[1], [2]]])
    with pytest.raises(ValueError, match="expected 0 to 1"):
        cdd_peak(got, near=5)
    with pytest.raises(ValueError, match="expected 0 edits or more"):
        ted_kept(got, -1)
    with pytest.raises(ValueError, match="3 rows for 2 prompts, 2 each"):
        Sampled(Ragged.from_rows([[1], [2]]), Ragged.from_rows([[1], [2], [3]]), 2)
    with pytest.raises(ValueError, match="1 rows for 2 sequences"):
        recalled([[1], [2]], [[1]])
