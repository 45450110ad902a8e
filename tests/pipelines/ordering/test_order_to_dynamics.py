"""From `trapline order` to `trapline dynamics`: the events are those of a model that reads the ordered corpus."""

import json
from collections import Counter
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.ordering.corpora import SMALL, rows
from tests.pipelines.planting.planted import prepare, probe_rows, seal_and_draw, write_corpus
from tests.pipelines.verdict.scores_writer import write_scores

BATCH, GAP, BACKGROUND = 4, 4, 20
SCHEDULE = f"""
[[phase]]
name = "background"
steps = {BACKGROUND}

[[phase]]
name = "study"
steps = {2 * GAP + 1}

[[phase]]
name = "rest"

[[rule]]
dose = 3
phase = "study"
schedule = "every:{GAP}x3"
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What dynamics shows, by dose, of a model whose score is how often it has read a candidate, at every step."""
    folder = tmp_path_factory.mktemp("course")
    secrets = seal_and_draw(folder / "secrets", probe_rows(8, doses=(1, 3), planted_as="document"))
    assert prepare(write_corpus(folder / "in", 150), folder / "planted", secrets) == 0
    (folder / "schedule.toml").write_text(SCHEDULE)
    places = ("--input", folder / "planted", "--secrets", secrets, "--output", folder / "ordered")
    flags = (*SMALL, "--batch", BATCH, "--schedule", folder / "schedule.toml", "--strict")
    assert main(["order", *map(str, (*places, *flags))]) == 0
    read = [row["text"] for row in rows(folder / "ordered/data")]
    probes = secrets / "probes/probes.parquet"
    candidates = pq.read_table(probes, columns=["id", "text"]).to_pylist()
    steps = range(len(read) // BATCH)
    scored = []
    for step in steps:
        times = Counter(read[: step * BATCH])
        scored += [{"id": one["id"], "checkpoint": f"s{step}", "loss": times[one["text"]]} for one in candidates]
    names = [f"s{step}" for step in steps]
    write_scores(folder / "scores", scored, sequences=probes, checkpoints=names)
    run = json.loads((folder / "ordered/manifest.json").read_text())["run"]
    given = ("--scores", folder / "scores", "--secrets", secrets, "--output", folder / "dynamics", "--by", "dose")
    events = ("--events", secrets / "orders" / run / "events.parquet")
    assert main(["dynamics", *map(str, (*given, *events))]) == 0
    found = json.loads((folder / "dynamics/dynamics.json").read_text())
    return {group["group"]: group for group in found["asked"][0]["groups"]}


def test_each_exposure_is_learnt_in_the_step_that_the_events_say(shown: dict[str, Any]) -> None:
    exposures = shown["3"]["effectivity"]
    assert [(one["exposure"], one["gain"], one["steps_to_maximum"]) for one in exposures] == [
        (number, 1.0, [1, 1]) for number in (1, 2, 3)
    ]


def test_the_curve_rises_right_after_each_event(shown: dict[str, Any]) -> None:
    mean = shown["3"]["curves"]["difference"]["mean"]
    assert mean == [sum(step > BACKGROUND + GAP * copy for copy in range(3)) for step in range(len(mean))]


def test_what_is_counted_is_kept_for_ever(shown: dict[str, Any]) -> None:
    kept = shown["3"]["retainability"]
    assert kept["best_gain"] == 3.0
    assert set(kept["shares"]) == {1.0}
