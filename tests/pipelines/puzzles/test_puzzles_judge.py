"""`trapline puzzles --judge` as a user runs it: what it finds is what the definitions give, and the rest is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from schemas.public.judgements import JUDGEMENTS
from tests.probes.puzzles.puzzle_checker import solutions
from transforms.probes.puzzles.logic.claims import nested_all

VERSIONS = ("original", "statement", "leaf", "control", "role_pair", "flipped", "uncommon", "reordered")


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("judge") / "set"
    flags = ["--people", "3", "4", "--count", "14", "--test", "6", "--languages", "en", "fr", "--edits", "2"]
    assert main(["puzzles", "--as", "dataset", "--output", str(output), *flags]) == 0
    return output


def _items(data_set: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((data_set / "data").glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            yield row | {"split": path.name.split("-")[0]}


def _texts(row: dict[str, Any]) -> Iterator[tuple[str, int, str]]:
    """What is asked of a row, with the text of its solution."""
    for version in VERSIONS:
        text = row["solution_text" if version == "original" else f"{version}_solution_text"]
        if text is not None:
            yield version, 1, text
    for one in row["further_edits"]:
        yield one["kind"], one["number"], one["solution_text"]


def _replies(data_set: Path, *models: tuple[str, int | None, float]) -> list[dict[str, Any]]:
    """Replies of models that are right with some probability."""
    random = np.random.default_rng(1)
    rows = []
    for row in _items(data_set):
        marker = row["completion"][0]["content"].partition("\n")[0]
        for model, trained_on, probability in models:
            for edit, number, text in _texts(row):
                right = random.random() < probability
                reply = f"{marker}\n{text}" if right else "I do not know."
                rows.append(
                    {"id": row["id"], "edit": edit, "number": number, "model": model, "trained_on": trained_on,
                     "reply": reply}
                )  # fmt: skip
    return rows


def _judge(tmp_path: Path, data_set: Path, rows: list[dict[str, Any]], *flags: str) -> dict[str, Any]:
    path = tmp_path / "replies.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "judged"
    command = ["puzzles", "--judge", str(path), "--dataset", str(data_set), "--output", str(output), *flags]
    assert main(command) == 0
    found: dict[str, Any] = json.loads((output / "judgement.json").read_text())
    return found


def test_values_are_those_of_the_definitions(data_set: Path, tmp_path: Path) -> None:
    rows = _replies(data_set, ("m", None, 0.6))
    found = _judge(tmp_path, data_set, rows)
    items = {row["id"]: row for row in _items(data_set)}
    right = {(row["id"], row["edit"], row["number"]): row["reply"] != "I do not know." for row in rows}
    table = pq.read_table(tmp_path / "judged/judgements.parquet")
    assert table.schema.equals(JUDGEMENTS)
    assert table["right"].to_pylist() == list(right.values())
    assert found["counts"]["right"] == sum(right.values())
    assert found["counts"]["without_an_answer"] == len(rows) - sum(right.values())
    seen = set()
    for one in found["findings"]:
        seen.add((one["split"], one["people"], one["edit"]))
        mine = [
            name
            for name, item in items.items()
            if item["split"] == one["split"] and one["people"] in (0, item["people"])
        ]
        kept = {
            name: [right[key] for key in right if key[:2] == (name, one["edit"])]
            for name in mine
            if any(key[:2] == (name, one["edit"]) for key in right)
        }
        accuracy = np.mean([right[name, "original", 1] for name in kept])
        assert one["puzzles"] == len(kept)
        assert one["values"]["accuracy"]["value"] == pytest.approx(accuracy)
        if one["edit"] == "original":
            assert set(one["values"]) == {"accuracy"}
            continue
        limem = np.mean([right[name, "original", 1] * (1 - np.mean(still)) for name, still in kept.items()])
        assert one["values"]["limem"]["value"] == pytest.approx(limem)
        assert one["values"]["consistency"]["value"] == pytest.approx(1 - limem / accuracy)
        for value in one["values"].values():
            assert 0 <= value["low"] <= value["value"] <= value["high"] <= 1
    assert seen == {(split, people, edit) for split in ("train", "test") for people in (0, 3, 4) for edit in VERSIONS}


def test_solutions_asked_are_those_of_the_claims(data_set: Path) -> None:
    for row in _items(data_set):
        asked = [(row["claims"], row["solution"])]
        asked += [(one["claims"], one["solution"]) for one in row["further_edits"]]
        for claims, solution in asked:
            assert solutions(nested_all(claims)) == [solution]


def test_the_transfer_matrix_has_each_size_trained_on_and_asked(data_set: Path, tmp_path: Path) -> None:
    found = _judge(
        tmp_path,
        data_set,
        _replies(data_set, ("base", None, 0.2), ("tuned", 3, 0.9), ("tuned", 4, 0.5)),
        "--level",
        "0.8",
    )
    cells = {(one["split"], one["trained_on"], one["people"]): one for one in found["transfer"]}
    assert set(cells) == {(split, of, people) for split in ("train", "test") for of in (3, 4) for people in (3, 4)}
    values = {(one["model"], one["trained_on"], one["split"], one["people"]): one["values"]["accuracy"]["value"]
              for one in found["findings"] if one["edit"] == "original"}  # fmt: skip
    for (split, of, people), one in cells.items():
        assert one["accuracy"]["value"] == values["tuned", of, split, people]
        gain = one["accuracy"]["value"] - values["base", None, split, people]
        assert one["gain"]["value"] == pytest.approx(gain)
        assert one["gain"]["low"] <= gain <= one["gain"]["high"]
    page = (tmp_path / "judged/judgement.md").read_text()
    assert "## Transfer: accuracy, tuned, split train" in page
    assert "| 3 people | " in page
    assert found["level"] == 0.8


def test_one_who_repeats_the_old_answer_gives_the_original(data_set: Path, tmp_path: Path) -> None:
    rows = []
    for row in _items(data_set):
        reply = row["completion"][0]["content"]
        rows += [{"id": row["id"], "edit": edit, "reply": reply} for edit in ("original", "statement", "control")
                 if row.get(f"{edit}_solution_text", reply) is not None]  # fmt: skip
    found = {
        (one["split"], one["people"], one["edit"]): one["values"]
        for one in _judge(tmp_path, data_set, rows)["findings"]
    }
    for (_, _, edit), values in found.items():
        assert values["accuracy"]["value"] == 1
        if edit != "original":
            assert values["gave_original"]["value"] == 1
            assert values["limem"]["value"] == (edit == "statement")


def test_replies_are_also_read_from_parquet_and_may_follow_the_marker(data_set: Path, tmp_path: Path) -> None:
    rows = [
        {"id": row["id"], "reply": row["solution_text"], "after_marker": number % 2 == 0}
        for number, row in enumerate(_items(data_set))
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "replies.parquet")
    command = ["puzzles", "--judge", str(tmp_path / "replies.parquet"), "--dataset", str(data_set)]
    assert main([*command, "--output", str(tmp_path / "judged"), "--dry-run"]) == 0
    assert not (tmp_path / "judged").exists()
    assert main([*command, "--output", str(tmp_path / "judged")]) == 0
    right = pq.read_table(tmp_path / "judged/judgements.parquet")["right"].to_pylist()
    assert right == [row["after_marker"] for row in rows]
    assert main([*command, "--output", str(tmp_path / "judged")]) == 2, "a judgement is never replaced"


def test_replies_without_their_original_are_counted_and_used_nowhere(data_set: Path, tmp_path: Path) -> None:
    rows = [row for row in _replies(data_set, ("m", None, 1.0)) if row["edit"] == "flipped"]
    found = _judge(tmp_path, data_set, rows[:10])
    assert found["findings"] == []
    assert found["counts"]["edits_without_their_original"] == 10
    assert found["counts"]["puzzles_without_a_reply"] == len(list(_items(data_set))) - 10


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "holds no replies"),
        ("{", "line 1: is no JSON"),
        ("[" * 100_000, "line 1: is no JSON"),
        ("[1]", "line 1: holds a list"),
        ('{"id": "ID"}', "row 1: has no 'reply'"),
        ('{"id": "ID", "reply": 5}', "reply 5: give text"),
        ('{"id": "ID", "reply": "", "Edit": "leaf"}', "'Edit' is unknown; columns are"),
        ('{"id": "ID", "reply": "", "edit": "leaves"}', "edit 'leaves': give one of original, statement"),
        ('{"id": "ID", "reply": "", "number": 1.0}', "number 1.0: give a whole number"),
        ('{"id": "ID", "reply": "", "number": 9, "edit": "leaf"}', "answers edit 9 of kind 'leaf' of ID"),
        ('{"id": "ID", "reply": "", "trained_on": "3"}', "trained_on '3': give a whole number"),
        ('{"id": "ID", "reply": "", "after_marker": 1}', "after_marker 1: give true or false"),
        ('{"id": "ID", "reply": "", "model": "\\ud800"}', "half of a surrogate pair"),
        ('{"id": "no", "reply": ""}', "the id 'no', which no puzzle of the data set has"),
        ('{"id": "ID", "reply": ""}\n{"id": "ID", "reply": null}', "rows 1 and 2 both answer original 1 of ID"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_a_line(
    lines: str, message: str, data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = next(_items(data_set))["id"]
    (tmp_path / "replies.jsonl").write_text(lines.replace('"ID"', f'"{name}"') + "\n")
    command = ["puzzles", "--judge", str(tmp_path / "replies.jsonl"), "--dataset", str(data_set)]
    assert main([*command, "--output", str(tmp_path / "judged")]) == 1
    said = capsys.readouterr().err
    assert message.replace("ID", name) in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "judged").exists()


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--judge", "none.jsonl", "--dataset", "SET"], 1, "none.jsonl: cannot be read"),
        (["--judge", "none.csv", "--dataset", "SET"], 1, "a file that ends in .jsonl, .ndjson or .parquet"),
        (["--judge", "none.jsonl", "--dataset", "nowhere"], 2, "--dataset nowhere: is no finished output"),
        (["--judge", "none.jsonl"], 2, "--judge needs --dataset FOLDER"),
        (["--judge", "none.jsonl", "--dataset", "SET", "--level", "1"], 2, "--level 1.0"),
        (["--judge", "gs://a/b.jsonl?anonymous=yes", "--dataset", "SET"], 1, "give true or false"),
    ],
)
def test_a_judgement_needs_replies_and_a_data_set(
    flags: list[str], code: int, message: str, data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(data_set) if flag == "SET" else flag for flag in flags]
    assert main(["puzzles", "--output", str(tmp_path / "judged"), *arguments]) == code
    assert message in capsys.readouterr().err
