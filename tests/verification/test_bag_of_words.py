"""Whether a bag of words tells planted from held-out."""

import numpy as np
import pyarrow as pa
import pytest

from transforms.verification.bag_of_words import _within, bag_of_words


def pairs(units: int, shift: float = 0.0, words: int = 20) -> tuple[list[str], np.ndarray, list[str]]:
    random = np.random.default_rng(11)
    texts, planted, names = [], [], []
    for unit in range(units):
        for side in (0, 1):
            own = [f"tell{side}" if random.random() < shift else f"w{int(x)}" for x in random.integers(0, 400, words)]
            texts.append(" ".join(own))
            planted.append(bool(side))
            names.append(f"u{unit}")
    return texts, np.array(planted), names


def test_two_sides_of_one_distribution_cannot_be_told_apart() -> None:
    texts, planted, units = pairs(1000)
    random, found = np.random.default_rng(5), []
    for _ in range(20):
        flips = np.repeat(random.integers(0, 2, 1000), 2).astype(bool)
        found.append(bag_of_words(pa.array(texts), planted ^ flips, units, redraws=99))
    assert abs(np.mean([one.auc for one in found]) - 0.5) < 0.015
    assert np.mean([one.p_value <= 0.1 for one in found]) < 0.35


def test_two_distributions_are_told_apart() -> None:
    texts, planted, units = pairs(200, shift=0.05)
    found = bag_of_words(pa.array(texts), planted, units)
    assert found.auc > 0.75
    assert found.p_value == 1 / 10_000
    assert found.units == 200


def test_nothing_depends_on_the_order_of_the_texts() -> None:
    texts, planted, units = pairs(60, shift=0.02)
    order = np.random.default_rng(1).permutation(len(texts))
    turned = [texts[at] for at in order], planted[order], [units[at] for at in order]
    assert bag_of_words(pa.array(turned[0]), *turned[1:]) == bag_of_words(pa.array(texts), planted, units)


def test_texts_of_the_same_words_tie_whatever_their_order() -> None:
    texts, planted, units = pairs(80, shift=0.1, words=30)
    shuffled = np.random.default_rng(2)
    for at in range(0, 40, 2):
        texts[at + 1] = " ".join(shuffled.permutation(texts[at].split()))
    found = bag_of_words(pa.array(texts), planted, units)
    alone = bag_of_words(pa.array([*(texts[at - at % 2] for at in range(40)), *texts[40:]]), planted, units)
    assert found == alone


def test_a_text_is_never_ranked_by_a_classifier_that_saw_its_unit() -> None:
    # Words of a unit's own: seen in training they would tell the sides apart with certainty.
    texts = [f"own{unit}side{side}" for unit in range(50) for side in (0, 1)]
    found = bag_of_words(pa.array(texts), np.array([False, True] * 50), [f"u{at // 2}" for at in range(100)])
    assert found.auc == 0.5


def test_within_a_unit_all_pairs_count_and_ties_half() -> None:
    scores = np.array([1.0, 2, 3, 5, 5, 9, 0])
    planted = np.array([False, True, False, True, False, False, True])
    units = np.array([0, 0, 0, 1, 1, 2, 3])
    assert _within(scores, planted, units, 4).tolist() == [0.5, 0.5]


def test_input_that_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="no unit has"):
        bag_of_words(pa.array(["a", "b"]), np.array([True, False]), ["u", "v"])
    with pytest.raises(ValueError, match="3 units"):
        bag_of_words(pa.array(["a", "b"]), np.array([True, False]), ["u", "v", "w"])
