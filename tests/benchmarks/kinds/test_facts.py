"""The reproduction on facts, at a size of seconds: all commands run, and the gate refuses what has learnt nothing."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

from benchmarks.kinds.facts import ASKS, TINY, main
from benchmarks.kinds.facts_gate import ASKS as GATES
from benchmarks.kinds.facts_gate import Told, relations, statements


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("facts") / "run"
    assert main(["--tiny", "--output", str(folder)]) == 0
    return folder


def result(done: Path) -> Any:
    return json.loads((done / "result.json").read_text())


def test_model_and_twin_begin_with_the_same_weights_and_batches_and_part_at_the_first_event(done: Path) -> None:
    found = result(done)
    first = f"step-{found['events'][0]:06d}"
    for ask in ASKS:
        tables = [
            pq.read_table(done / "scores" / arm / ask / first / "scores").to_pylist() for arm in ("planted", "twin")
        ]
        assert tables[0] == tables[1]
        last = [sorted((done / "scores" / arm / ask).iterdir())[-1] / "scores" for arm in ("planted", "twin")]
        assert pq.read_table(last[0]).to_pylist() != pq.read_table(last[1]).to_pylist()


def test_all_units_of_a_stratum_are_seen_at_the_same_steps(done: Path) -> None:
    events = pq.read_table(next((done / "secrets/orders").iterdir()) / "events.parquet").to_pylist()
    by_unit: dict[tuple[str, str], list[int]] = {}
    for one in events:
        by_unit.setdefault((one["stratum"], one["unit"]), []).append(one["step"])
    assert len(by_unit) == 3 * TINY.units
    first = result(done)["events"][0]
    for (stratum, _), steps in by_unit.items():
        study = [first + TINY.gap * (1 + copy) for copy in range(TINY.copies)]
        assert sorted(steps) == ([first] if stratum == "once" else study)


def test_controls_are_never_planted_or_sealed(done: Path) -> None:
    controls = set(pq.read_table(done / "controls/probes.parquet")["unit"].to_pylist())
    sealed = set(pq.read_table(done / "secrets/probes/probes.parquet")["unit"].to_pylist())
    assert len(controls) == 3 * TINY.controls
    assert not controls & sealed
    questions = pq.read_table(done / "controls/questions.parquet").to_pylist()
    name = " ".join(word for word in questions[0]["before"].split() if word[0].isupper())[-8:]
    assert not any(name in text for text in pq.read_table(done / "ordered/data")["text"].to_pylist())


def test_a_model_that_has_learnt_nothing_fails_the_gate(done: Path) -> None:
    found = result(done)
    for arm in ("planted", "twin"):
        assert found[arm]["asked"] == dict.fromkeys(GATES, TINY.gate_facts)
        assert found[arm]["gate"] == dict.fromkeys(GATES, False)
        assert found[arm]["verdict"]["units"]["used"] == 3 * TINY.units


def test_what_the_background_tells_is_read_back() -> None:
    said = statements()
    texts = [
        f"Vola Mero plays the nilin. {said['town'][1].format(name='Vola Mero', value='sodro').capitalize()}."
        .replace("vola mero", "Vola Mero"),
        "Wherever Vola Mero goes there follows a gehok. A nilin is an instrument of the brefo kind.",
        "At the age of six Vola Mero was given a nilin.",
    ]  # fmt: skip
    told = Told(texts)
    who = "Vola Mero"
    assert told.values == {(who, "instrument"): "nilin", (who, "town"): "sodro", (who, "animal"): "gehok"}
    assert told.last[who, "instrument"] == said["instrument"].index("at the age of six {name} was given a {value}")


def test_classes_are_asked_for_only_where_no_sentence_about_the_person_tells_them() -> None:
    said = relations()["instrument"]
    texts = [
        f"Vola Mero plays the {one}. {said['class_sentence'].format_map({'value': one, 'class': of})}.".replace(
            ". a ", ". A "
        )
        for one, of in (("nilin", "brefo"), ("dako", "sumi"))
    ]
    texts.append(
        "Teko Mero plays the dako. " + said["composition"].format_map({"name": "Teko Mero", "class": "sumi"}) + "."
    )
    told = Told(texts)
    assert told.classes == {("instrument", "nilin"): "brefo", ("instrument", "dako"): "sumi"}
    assert told.told == {("Teko Mero", "instrument"): "sumi"}
    (asked,) = told.of_classes(10)
    assert asked.before == said["composition"].removesuffix(" {class}").format(name="Vola Mero")
    assert asked.answers == ("sumi", "brefo"), "the class of the value that was read last, then all others"
    assert not Told(texts[2:]).of_classes(10)
