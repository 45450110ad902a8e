"""Numbers of a certificate: what is counted as alive, altered or gone, and the bounds."""

import math

import numpy as np
import pytest

from transforms.certify.altered import ALIVE, ALTERED, GONE
from transforms.certify.counting import clopper_pearson, equivalent, facts_of, worst_shares
from transforms.certify.survival import Copies, documents, fates

TEXT = "The quick brown fox jumps over the lazy dog at dawn."


def copies(document: list[int], unit: list[int], texts: list[str], dose: int = 2) -> Copies:
    size = len(texts)
    return Copies(np.array(document), np.array(unit), np.full(size, dose), np.full(size, 11), texts)


def test_a_copy_is_alive_altered_or_gone() -> None:
    own = copies([0, 1, 2, 3, 4, 4], [0] * 6, [TEXT] * 6)
    left = [
        f"Before. {TEXT} After.",
        "the QUICK brown fox jumps, over the lazy dog!",
        "The quick brown fox sleeps.",
        None,
        f"Once {TEXT}",
    ]
    found = fates(own, [True, True, True, False, True], left)
    assert found.state.tolist() == [ALIVE, ALTERED, GONE, GONE, ALIVE, GONE]
    assert found.dropped.tolist() == [False, False, False, True, False, False]
    assert found.fair.tolist() == [True, True, True, False, True, True]


def test_what_is_left_of_one_copy_does_not_stand_for_another_of_its_unit() -> None:
    variant = TEXT.replace("dawn", "noon")
    own = copies([0, 0, 1, 1], [0] * 4, [TEXT, variant] * 2)
    found = fates(own, [True, True], [f"Before. {TEXT}", TEXT.lower()])
    assert found.state.tolist() == [ALIVE, GONE, ALTERED, ALTERED]


def test_a_document_that_is_a_copy_itself_needs_no_document() -> None:
    found = fates(copies([1], [0], [TEXT]), [False], [None, TEXT])
    assert (found.state.tolist(), found.fair.tolist()) == ([ALIVE], [True])


def test_documents_are_lost_only_if_they_stood_before() -> None:
    own = copies([0, 1, 2], [0, 0, 0], [TEXT] * 3)
    found = documents([True, False, True], [(own, [None, "x", "x"])])
    assert (found.judged, found.kept_before, found.lost, found.gained) == (3, 2, 1, 1)


@pytest.mark.parametrize(
    ("part", "total", "low", "high"), [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (95, 100, 0.8872, 0.9836)]
)
def test_the_bounds_are_those_of_the_tables(part: int, total: int, low: float, high: float) -> None:
    assert clopper_pearson(part, total) == pytest.approx((low, high), abs=1e-4)
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_the_worst_candidate_of_a_unit_counts() -> None:
    own = copies([0, 1, 0, 1], [0, 0, 1, 1], [TEXT] * 4)
    good = fates(own, [True, True], [TEXT * 2, TEXT * 2])
    bad = fates(own, [True, True], [TEXT * 2, ""])
    worst, tried = worst_shares([(own, good), (own, bad)], 3)
    assert (worst.tolist(), tried.tolist()) == ([0.5, 0.5, 1.0], [True, True, False])
    facts = facts_of([(own, good), (own, bad)], documents([True, True], []), 3, np.ones(3))
    dose = facts["effective_dose"]
    assert (dose["planted_median"], dose["minimum"], dose["median"], dose["equivalent_minimum"]) == (2, 1, 1, 1)
    assert facts["in_kept_documents"]["alive"] == 6
    assert facts["worst_candidate"] == {"share_minimum": 0.5, "units_with_all_alive": 0, "units": 3}


def test_nothing_is_said_of_what_was_not_measured() -> None:
    own = copies([0, 1], [0, 0], [TEXT] * 2)
    facts = facts_of([(own, fates(own, [True] * 2, [TEXT] * 2))], documents([], []), 1, np.array([math.nan]))
    assert facts["effective_dose"]["equivalent_median"] is None
    assert (equivalent(5, 0.5), equivalent(0, 0.5), equivalent(1, math.nan)) == (3, 0, 1)
