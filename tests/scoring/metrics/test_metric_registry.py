"""The list of metrics: what `score` can compute, and what it says when it cannot."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from schemas.plan import Plan
from schemas.public.scores import scores
from tests.scoring.statistics_of import statistics
from transforms.base.texts import Ragged
from transforms.scoring.metrics.inputs import Recalled, Sampled, ScoreInputs
from transforms.scoring.metrics.registry import METRICS, available, chosen, compute, versions

TOKENS = statistics([[-1.0, -2.0], []], [[1, 0], []])
ALL = ScoreInputs(
    tokens=TOKENS,
    reference=TOKENS,
    text_bytes=np.array([5, 0]),
    reference_text_bytes=np.array([5, 0]),
    zlib_bytes=np.array([13, 8]),
    scheme_log_probs=np.zeros(2),
    recalled=Recalled(Ragged.from_rows([[1], []]), Ragged.from_rows([[1], []])),
    sampled=Sampled(Ragged.from_rows([[1], []]), Ragged.from_rows([[1], [2]]), 1),
    family=np.array([[-1.0, -2.0, np.inf], [np.nan, -1.0, -1.0]]),
)


def test_tokens_alone_suffice_for_the_metrics_of_one_pass() -> None:
    assert available({"tokens"}) == [
        "loss",
        "min_k",
        "min_k_plus_plus",
        "exact_memorisation",
        "extraction_strength",
        "discoverable_extraction",
    ]
    assert list(compute([], ScoreInputs(tokens=TOKENS))) == available({"tokens"})


def test_everything_of_stage_score_is_computed_where_all_inputs_are_there() -> None:
    got = compute([], ALL)
    assert list(got) == [one.name for one in METRICS.values() if one.stage == "score"]
    assert all(values.dtype == np.float64 and values.shape == (2,) for values in got.values())
    assert len(scores(list(got))) == 4 + len(got)


def test_a_family_counts_the_variants_that_it_has() -> None:
    values = compute(["family_loss"], ALL)["family_loss"]
    assert values[0] == -1.5
    assert np.isnan(values[1])


def test_the_plan_s_default_metric_is_here_with_its_version() -> None:
    default = {field.name: field.default for field in dataclasses.fields(Plan)}
    assert versions([default["metric"]]) == {"loss": default["metric_version"]}
    assert default["sign"] == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["losss"], "metric 'losss' is unknown; there are loss, min_k"),
        (["loss", "loss"], "metric 'loss' is named twice"),
        (["zlib_total_nll"], "metric 'zlib_total_nll' needs zlib_bytes, which this run does not have; it has tokens"),
        (["recognition"], "metric 'recognition' is computed from finished scores"),
    ],
)
def test_a_metric_that_cannot_be_computed_is_named(names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chosen(names, {"tokens"})


def test_only_what_is_named_is_computed_in_the_order_given() -> None:
    assert list(compute(["min_k", "loss"], ALL)) == ["min_k", "loss"]


def test_every_metric_tells_its_formula_source_and_where_it_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "metrics.md").read_text()
    for metric in METRICS.values():
        assert f"| `{metric.name}` | {metric.version} | {metric.formula.replace('|', chr(92) + '|')} |" in page
        assert metric.function.__doc__
        assert "float64[" in metric.function.__doc__
