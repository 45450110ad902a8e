"""LiMem and its parts: by their definitions, over the same puzzles, with intervals over whole units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.probes.puzzles.replies.limem import MEASURES, Estimate, PuzzleScores, difference, memorisation

NAN = float("nan")


def scores(right: list[bool], still: list[list[float]], unit: list[int] | None = None) -> PuzzleScores:
    changed = np.array(still, np.float64).reshape(len(right), -1)
    given = np.where(np.isnan(changed), NAN, 1 - changed)
    return PuzzleScores(np.array(unit or range(len(right))), np.array(right), changed, given)


def by_definition(one: PuzzleScores) -> dict[str, float]:
    """One puzzle after the other, as the paper words it."""
    kept = [row for row in range(len(one.right)) if any(v == v for v in one.still_right[row])]
    solved = [row for row in kept if one.right[row]]

    def mean(row: int, of: np.ndarray) -> float:
        values = [v for v in of[row].tolist() if v == v]
        return sum(values) / len(values)

    accuracy = len(solved) / len(kept)
    consistency = sum(mean(row, one.still_right) for row in solved) / len(solved) if solved else 0.0
    given = sum(mean(row, one.gave_original) for row in kept) / len(kept)
    found = (accuracy, consistency, accuracy * (1 - consistency), given)
    return dict(zip(MEASURES, found, strict=True))


@st.composite
def some_scores(draw: st.DrawFn) -> PuzzleScores:
    size, wide = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    value = st.sampled_from([0.0, 1.0, NAN])
    still = draw(st.lists(st.lists(value, min_size=wide, max_size=wide), min_size=size, max_size=size))
    still[0][0] = 1.0
    right = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return scores(right, still, draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size)))


@settings(max_examples=200)
@given(one=some_scores())
def test_values_are_those_of_the_definition(one: PuzzleScores) -> None:
    found = memorisation(one, resamples=20)
    for name, value in by_definition(one).items():
        assert found[name].value == pytest.approx(value), name
        assert 0 <= found[name].low <= found[name].high <= 1


def test_a_puzzle_without_perturbation_counts_nowhere() -> None:
    with_it = scores([True, False, True], [[0.0], [1.0], [NAN]])
    without = scores([True, False], [[0.0], [1.0]])
    assert memorisation(with_it) == memorisation(without)
    assert memorisation(with_it)["accuracy"].value == 0.5
    with pytest.raises(ValueError, match="no puzzle has a perturbation"):
        memorisation(scores([True], [[NAN]]))


def test_nothing_solved_gives_zero_and_not_a_division() -> None:
    found = memorisation(scores([False, False], [[1.0], [0.0]]))
    assert found["limem"] == found["consistency"] == found["accuracy"] == Estimate(0.0, 0.0, 0.0)


def test_one_who_repeats_the_old_answer_is_told_from_one_who_fails_otherwise() -> None:
    still = np.zeros((4, 1))
    repeats = PuzzleScores(np.arange(4), np.ones(4, np.bool_), still, np.ones((4, 1)))
    fails = PuzzleScores(np.arange(4), np.ones(4, np.bool_), still, np.zeros((4, 1)))
    assert memorisation(repeats)["limem"] == memorisation(fails)["limem"]
    assert memorisation(repeats)["gave_original"].value == 1
    assert memorisation(fails)["gave_original"].value == 0


def test_whole_units_are_drawn() -> None:
    random = np.random.default_rng(1)
    right = random.random(40) < 0.5
    alone = memorisation(scores(right.tolist(), [[0.0]] * 40))["accuracy"]
    # Twenty copies of each puzzle in one unit are no more evidence than one.
    copies = scores(np.repeat(right, 20).tolist(), [[0.0]] * 800, np.repeat(np.arange(40), 20).tolist())
    together = memorisation(copies)["accuracy"]
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high), abs=1e-9)
    apart = memorisation(scores(np.repeat(right, 20).tolist(), [[0.0]] * 800))["accuracy"]
    assert apart.high - apart.low < 0.35 * (together.high - together.low)


def test_intervals_cover_at_their_level() -> None:
    random = np.random.default_rng(2)
    covered = 0
    for trial in range(200):
        found = memorisation(scores((random.random(100) < 0.3).tolist(), [[0.0]] * 100), 0.9, 300, trial)["limem"]
        covered += found.low <= 0.3 <= found.high
    assert 0.82 * 200 <= covered <= 0.97 * 200


def test_the_difference_between_arms_draws_their_units_together() -> None:
    random = np.random.default_rng(3)
    right = (random.random(60) < 0.5).tolist()
    planted, held_out = scores(right, [[0.0]] * 60), scores(right, [[0.0]] * 60)
    assert difference(planted, held_out)["limem"] == Estimate(0.0, 0.0, 0.0)
    # Another order of the same units changes nothing; other units do.
    turned = scores(right[::-1], [[0.0]] * 60, list(range(60))[::-1])
    assert difference(planted, turned)["limem"] == Estimate(0.0, 0.0, 0.0)
    others = scores(right, [[0.0]] * 60, list(range(100, 160)))
    apart = difference(planted, others)["limem"]
    assert apart.value == 0
    assert apart.low < 0 < apart.high


def test_a_guesser_has_limem_but_no_difference() -> None:
    random = np.random.default_rng(4)

    def guesses(accuracy: float) -> PuzzleScores:
        right = random.random(4000) < accuracy
        return scores(right.tolist(), (random.random((4000, 1)) < accuracy).astype(float).tolist())

    one, other = guesses(0.5), guesses(0.5)
    assert memorisation(one, resamples=200)["limem"].value == pytest.approx(0.25, abs=0.03)
    assert abs(difference(one, other, resamples=200)["limem"].value) < 0.04


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.arange(2), np.ones(3, np.bool_), np.zeros((2, 1)), np.zeros((2, 1))), "have shapes"),
        ((np.arange(2), np.ones(2, np.bool_), np.zeros((2, 1)), np.zeros((2, 2))), "gave_original has shape"),
        ((np.arange(1), np.ones(1, np.bool_), np.zeros((1, 1)), np.full((1, 1), NAN)), "same places"),
    ],
)
def test_scores_that_do_not_fit_are_refused(arguments: tuple[np.ndarray, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PuzzleScores(*arguments)


def test_levels_and_resamples_are_checked() -> None:
    one = scores([True], [[0.0]])
    with pytest.raises(ValueError, match="level 95"):
        memorisation(one, level=95)
    with pytest.raises(ValueError, match="0 resamples"):
        memorisation(one, resamples=0)
