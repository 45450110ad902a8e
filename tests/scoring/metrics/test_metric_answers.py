"""Metrics of answers against a slow count of who is above whom."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.scoring.statistics_of import statistics
from transforms.scoring.cues import uneven
from transforms.scoring.metrics import answers
from transforms.scoring.metrics.inputs import Cues
from transforms.scoring.metrics.registry import METRICS

# Few values, so that there are many ties.
ANSWERS = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.sampled_from([-0.5, -1.0, -2.0]), max_size=3)), min_size=1, max_size=20
)


def slow(rows: list[tuple[int, list[float]]], of: int) -> dict[str, list[float]]:
    totals = [sum(values) if values else float("nan") for _, values in rows]
    found: dict[str, list[float]] = {name: [] for name in METRICS if name.startswith("answer_")}
    for at, (group, _) in enumerate(rows):
        others = [totals[one] for one, (other, _) in enumerate(rows) if other == group and one != at]
        fine = len(others) == of - 1 >= 1 and all(np.isfinite([totals[at], *others]))
        above, ties = sum(one > totals[at] for one in others), sum(one == totals[at] for one in others)
        nan = float("nan")
        found["answer_total"].append(totals[at])
        found["answer_margin"].append(totals[at] - max(others) if fine else nan)
        found["answer_rank"].append(of - above - ties / 2 if fine else nan)
        for name, places in (("answer_top1", 1), ("answer_top3", 3)):
            share = min(1.0, max(0.0, (places - above) / (ties + 1)))
            found[name].append(share if fine and of > places else nan)
    return found


@given(ANSWERS, st.integers(1, 6))
def test_answers_are_compared_with_those_to_the_same_cue(rows: list[tuple[int, list[float]]], of: int) -> None:
    tokens = statistics([values for _, values in rows])
    cues = Cues(np.array([group for group, _ in rows], np.int64), np.full(len(rows), of, np.int64))
    for name, wanted in slow(rows, of).items():
        np.testing.assert_allclose(METRICS[name].function(tokens, cues), wanted, err_msg=name)


def test_no_answers_have_no_metrics() -> None:
    nobody = Cues(np.empty(0, np.int64), np.empty(0, np.int64))
    assert len(answers.answer_margin(statistics([]), nobody)) == 0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=20))
def test_cues_with_answers_of_different_lengths_are_found(rows: list[tuple[int, int]]) -> None:
    groups, lengths = np.array(rows, np.int64).reshape(-1, 2).T
    found = uneven(groups, lengths)
    wanted = {group for group, _ in rows if len({size for other, size in rows if other == group and size}) > 1}
    assert {int(groups[one]) for one, _ in found} == wanted
    assert len(found) == len(wanted)
    assert all(groups[one] == groups[other] and lengths[one] != lengths[other] for one, other in found)
