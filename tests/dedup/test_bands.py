import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.dedup.bands import choose_bands, miss_probability

# Mining of Massive Datasets, figure 3.8: the probability of becoming a candidate with 20 bands of 5 rows.
BOOK = {0.2: 0.006, 0.3: 0.047, 0.4: 0.186, 0.5: 0.470, 0.6: 0.802, 0.7: 0.975, 0.8: 0.9996}


@pytest.mark.parametrize(("jaccard", "found"), BOOK.items())
def test_miss_probability_agrees_with_the_book(jaccard: float, found: float) -> None:
    assert 1 - miss_probability(jaccard, 20, 5) == pytest.approx(found, abs=6e-4)


def test_miss_probability_at_the_ends() -> None:
    assert miss_probability(1.0, 1, 9) == 0
    assert miss_probability(0.0, 1, 9) == 1


def test_default_of_the_command_line() -> None:
    assert choose_bands(0.8, 256) == (28, 9)


def test_threshold_of_one_asks_for_equal_sets_only() -> None:
    assert choose_bands(1.0, 256) == (1, 256)


@given(st.floats(0.3, 0.99), st.integers(64, 512), st.sampled_from([0.0, 0.05, 0.1]), st.floats(1e-4, 0.1))
def test_most_rows_that_keep_the_promise(threshold: float, num_perm: int, margin: float, max_miss: float) -> None:
    bands, rows = choose_bands(threshold, num_perm, margin=margin, max_miss=max_miss)
    promised = min(threshold + margin, (1 + threshold) / 2)
    assert bands == num_perm // rows >= 1
    assert (1 - promised**rows) ** bands < max_miss
    for more in range(rows + 1, num_perm + 1):
        assert (1 - promised**more) ** (num_perm // more) >= max_miss


def test_too_few_permutations_are_told_how_many_are_needed() -> None:
    with pytest.raises(ValueError, match=r"16 permutations .* at least 39 permutations"):
        choose_bands(0.1, 16)
    assert choose_bands(0.1, 39) == (39, 1)
    with pytest.raises(ValueError, match="at least 39 permutations"):
        choose_bands(0.1, 38)


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1, float("nan")])
def test_threshold_outside_its_range(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold is"):
        choose_bands(threshold, 256)


def test_other_arguments_outside_their_range() -> None:
    with pytest.raises(ValueError, match="num_perm is 0"):
        choose_bands(0.8, 0)
    with pytest.raises(ValueError, match=r"margin is -0\.1"):
        choose_bands(0.8, 256, margin=-0.1)
    with pytest.raises(ValueError, match="max_miss is 0"):
        choose_bands(0.8, 256, max_miss=0)
    with pytest.raises(ValueError, match=r"jaccard is 1\.5"):
        miss_probability(1.5, 28, 9)
    with pytest.raises(ValueError, match="bands is 0"):
        miss_probability(0.5, 0, 9)
