import dataclasses
from typing import Any

import pytest

from schemas.documents import DocumentError
from schemas.plan import Plan

PLAN = Plan(controls=9, weights={"L25": 1.0, "L50": 2.5}, sequence=(100, 10, 1), tranche_sizes=(3, 2))


def test_a_plan_is_read_as_it_was_written() -> None:
    plan = dataclasses.replace(
        PLAN, tokenizer="sha256:" + "0" * 64, references=("a" * 64,), alpha=0.01, sign=-1, checkpoints="series"
    )
    assert Plan.parse(plan.to_bytes()) == plan


def test_tranches_are_runs_of_leaves() -> None:
    assert [PLAN.tranche(0), PLAN.tranche(1)] == [range(3), range(3, 5)]
    assert PLAN.tranche_of_leaves() == [0, 0, 0, 1, 1]
    for number in (-1, 2):
        with pytest.raises(IndexError):
            PLAN.tranche(number)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"controls": 0}, "controls"),
        ({"weights": {}}, "weights"),
        ({"weights": {"L25": 0.0}}, "weights"),
        ({"weights": {"L25": -1.0, "L50": 2.0}}, "weights"),
        ({"weights": {"L25": float("nan")}}, "weights"),
        ({"sequence": ()}, "sequence"),
        ({"sequence": (1, 10)}, "sequence: highest dose first"),
        ({"sequence": (10, 10)}, "sequence: highest dose first"),
        ({"sequence": (0,)}, "sequence"),
        ({"tranche_sizes": ()}, "tranches"),
        ({"tranche_sizes": (1, 0)}, "tranches"),
        ({"metric": "Loss of x"}, "metric"),
        ({"metric_version": 0}, "metric-version"),
        ({"sign": 0}, "sign"),
        ({"statistic": "t"}, "statistic"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": 1.0}, "alpha"),
        ({"redraws": 99}, "redraws: too few"),
        ({"redraws_many": 99}, "redraws of many units"),
        ({"monte_carlo_seed": "7"}, "monte_carlo_seed"),
        ({"missing": "impute"}, "missing"),
        ({"slots": 0}, "slots"),
        ({"context": -1}, "context"),
        ({"bos": "maybe"}, "bos"),
        ({"dtype": "int4"}, "dtype"),
        ({"tokenizer": "gpt2"}, "tokenizer"),
        ({"references": ("xyz",)}, "references"),
        ({"checkpoints": "best"}, "checkpoints"),
        ({"series_lambda": 0.0}, "series-lambda"),
    ],
)
def test_a_plan_that_means_nothing_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PLAN, **change)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"alpha": 0.001', b'"alpha": "0.001"'),
        (b'"controls": 9', b'"controls": true'),
        (b'"controls": 9', b'"controls": 9.0'),
        (b'"slots": 4', b'"slots": -4'),
        (b'"L25": 1.0', b'"L25": "1"'),
        (b'"alpha"', b'"alphA"'),
        (b"    10,", b'    "10",'),
    ],
)
def test_a_plan_document_of_another_shape_is_refused(old: bytes, new: bytes) -> None:
    data = PLAN.to_bytes()
    assert old in data
    with pytest.raises(DocumentError) as error:
        Plan.parse(data.replace(old, new, 1))
    assert "L25" not in str(error.value)
