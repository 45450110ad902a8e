"""`trapline puzzles` as a user runs it: a data set, and probes that can be sealed."""

import ast
import json
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from schemas.public.puzzles import EDITS, PUZZLES, VARIANTS
from tests.probes.puzzles.puzzle_checker import faults_of_edit, faults_of_puzzle
from transforms.probes.puzzles.items import ItemConfig, complete_items
from transforms.probes.puzzles.logic.claims import nested_all
from transforms.probes.puzzles.logic.stream import PuzzleStream
from transforms.probes.puzzles.splits import Splits

DATASET = ["puzzles", "--as", "dataset"]


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "metrics.json"
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of sizes 2 to 5 and 14, in two languages, with the reference's fields."""
    output = tmp_path_factory.mktemp("puzzles") / "set"
    flags = ["--people", "2..5", "14", "--count", "16", "--test", "9", "--languages", "en", "de"]
    assert main([*DATASET, "--output", str(output), *flags, "--export", "reference-jsonl"]) == 0
    return output


def _rows(folder: Path, split: str) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob(f"data/{split}-*")) for row in pq.read_table(path).to_pylist()]


def test_every_item_is_valid_by_the_rules_alone(finished: Path) -> None:
    for split, count in (("train", 16), ("test", 9)):
        rows = _rows(finished, split)
        assert Counter((row["people"], row["language"]) for row in rows) == {
            (people, tag): count for people in (2, 3, 4, 5, 14) for tag in ("en", "de")
        }
        for row in rows:
            if row["people"] > 8:
                continue
            claims = nested_all(row["claims"])
            assert faults_of_puzzle(claims, row["solution"]) == []
            for kind in EDITS:
                if row[f"{kind}_status"] == 1:
                    after = nested_all(row[f"{kind}_claims"])
                    changed = row[f"{kind}_solution"]
                    found = faults_of_edit(kind, claims, row["solution"], after, changed, row[f"{kind}_hamming"])
                    assert found == []
                else:
                    assert row[f"{kind}_status"] == 0
                    assert row[f"{kind}_quiz"] is None


def test_no_class_is_in_two_splits_and_no_edit_in_either(finished: Path) -> None:
    train, test = _rows(finished, "train"), _rows(finished, "test")
    classes = [{row["class"] for row in rows} for rows in (train, test)]
    edited = {row[f"{kind}_class"] for row in [*train, *test] for kind in EDITS} - {None}
    assert not classes[0] & classes[1]
    assert not edited & (classes[0] | classes[1])
    for rows in (train, test):
        repeated = Counter(row["class"] for row in rows if row["language"] == "en")
        assert set(repeated.values()) == {1}, "a class comes once"


def test_language_changes_no_logic(finished: Path) -> None:
    rows = {row["id"]: row for row in _rows(finished, "train")}
    texts = [one.name for one in PUZZLES if pa.types.is_large_string(one.type)]
    for name, row in rows.items():
        if row["language"] == "en":
            other = rows[name.replace("-en", "-de")]
            words = ("prompt", "completion", "names", *(f"{variant}_names" for variant in VARIANTS))
            same = [key for key in row if key not in (*texts, *words, "id", "language")]
            assert [row[key] for key in same] == [other[key] for key in same]
            assert row["quiz"] != other["quiz"]
    variants = {row[f"{variant}_quiz"] for row in rows.values() for variant in VARIANTS}
    assert len(variants) == len(rows) * len(VARIANTS)


def test_the_manifest_counts_what_is_there(finished: Path) -> None:
    content = json.loads((finished / "manifest.json").read_text())["content"]
    rows = [*_rows(finished, "train"), *_rows(finished, "test")]
    assert content["counts"]["rows"] == len(rows)
    for people, counts in content["counts"]["people"].items():
        mine = [row for row in rows if row["people"] == int(people)]
        for kind in EDITS:
            found = Counter(row[f"{kind}_status"] for row in mine)
            assert [counts[f"{kind}_{name}"] for name in ("found", "none", "unknown")] == [
                found[1], found[0], found[-1],
            ]  # fmt: skip
            assert sum(found.values()) == counts["rows"]
    assert content["counts"]["people"]["2"]["leaf_none"] > 0


def test_it_loads_with_datasets(finished: Path, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(finished), cache_dir=str(tmp_path))
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 160, "test": 90}


def test_the_export_has_the_references_fields(finished: Path) -> None:
    lines = (finished / "reference/en/test/clean/people4_num9.jsonl").read_text(encoding="utf-8").splitlines()
    rows = {row["index"]: row for row in _rows(finished, "test") if row["people"] == 4 and row["language"] == "en"}
    assert len(lines) == 9
    for line in map(json.loads, lines):
        row = rows[line["index"]]
        assert ast.literal_eval(line["statements"]) == nested_all(row["claims"])
        assert (line["quiz"], line["names"], line["solution"]) == (row["quiz"], row["names"], row["solution"])
        assert line["solution_text_format"] == row["solution_text"]
        assert line["solution_text"].count(" is a ") == 4
        assert "\n".join([line["cot_head"], *line["cot_repeat_steps"], line["cot_foot"]]) == row["thought"]
        assert line["knight_knave"] == {
            "knight": "knight", "knave": "knave", "a_knight": "a knight", "a_knave": "a knave", "Knight": "Knight",
            "Knave": "Knave",
        }  # fmt: skip
    edited = (finished / "reference/en/test/perturbed_leaf/people2_num9.jsonl").read_text().splitlines()
    content = json.loads((finished / "manifest.json").read_text())["content"]
    assert len(edited) < 9, "some have no leaf edit, and are counted"
    assert {one["path"] for one in content["files"]} >= {"reference/en/test/perturbed_leaf/people2_num9.jsonl"}


def test_bytes_do_not_depend_on_threads_and_a_killed_run_goes_on(tmp_path: Path) -> None:
    flags = ["--people", "3", "6", "--count", "12", "--test", "5", "--seed", "another"]
    for name, threads in (("one", "1"), ("two", "2")):
        assert main([*DATASET, "--output", str(tmp_path / name), *flags, "--threads", threads]) == 0
    assert _files(tmp_path / "one") == _files(tmp_path / "two")
    assert main([*DATASET, "--output", str(tmp_path / "two"), *flags]) == 0, "it is finished already"
    assert main([*DATASET, "--output", str(tmp_path / "two"), *flags, "--depth", "3"]) == 2
    assert main([*DATASET, "--output", str(tmp_path / "two"), *flags, "--depth", "3", "--overwrite"]) == 0
    assert (
        _files(tmp_path / "one")["data/train-00001-of-00002.parquet"]
        != _files(tmp_path / "two")["data/train-00001-of-00002.parquet"]
    )


def test_a_run_goes_on_from_its_receipts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transforms.probes.puzzles import dataset as generate

    flags = [*DATASET, "--people", "4", "5", "--count", "8", "--test", "3", "--threads", "1", "--output"]
    assert main([*flags, str(tmp_path / "whole")]) == 0
    real, calls = generate.complete_items, []

    def breaks(*arguments: Any) -> pa.Table:
        calls.append(1)
        if len(calls) == 3:
            raise OSError("the disk went away")
        return real(*arguments)

    monkeypatch.setattr(generate, "complete_items", breaks)
    assert main([*flags, str(tmp_path / "killed")]) == 1
    assert not (tmp_path / "killed/_SUCCESS").exists()
    done = len(list((tmp_path / "killed").glob("data/*.parquet")))
    assert 0 < done < 4
    calls.clear()
    monkeypatch.setattr(generate, "complete_items", lambda *arguments: calls.append(1) or real(*arguments))
    assert main([*flags, str(tmp_path / "killed")]) == 0
    assert len(calls) == 4 - done
    assert _files(tmp_path / "whole") == _files(tmp_path / "killed")


def test_any_range_is_made_again_alone(finished: Path) -> None:
    row = next(one for one in _rows(finished, "train") if one["id"].startswith("5-"))
    from pipelines.puzzles import PuzzlesConfig

    key = PuzzlesConfig(output="x", as_="dataset").key()
    config = ItemConfig(key, Splits(key).bounds("perturbation"))
    alone = complete_items(PuzzleStream(5, key).puzzles(np.array([row["index"]])), config).to_pylist()[0]
    assert alone == next(one for one in _rows(finished, "train") if one["id"] == f"5-{row['index']}-en")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--people", "2", "--count", "100"], "100 puzzles are wanted for train, 25 exist: of 59 classes"),
        (["--people", "4", "--count", "2400000"], "2,331,754 classes of puzzles with one solution exist"),
        (["--people", "1..3"], "'1..3': give numbers or ranges from 2 to 100"),
        (["--people", "4", "--knights", "5"], "5 knights among 4 people"),
        (["--people", "2", "--width", "4"], "3 different leaves"),
        (["--people", "4", "--hamming", "5"], "--hamming 5"),
        (["--people", "4", "--shares", "0.5", "0.5", "0.5"], "together 1"),
        (["--people", "4", "--languages", "xx"], "'xx': give some of en, de, fr"),
        (["--people", "4", "--knights", "balanced", "--edits", "17"], "--edits 17"),
        (["--people", "4", "--as", "probes", "--controls", "0"], "--controls 0"),
        (["--people", "2..8", "--as", "probes"], "probes need 4 people or more"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_ = [] if "--as" in flags else ["--as", "dataset"]
    assert main(["puzzles", "--output", str(tmp_path / "no"), *as_, *flags]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_a_dry_run_writes_nothing_and_its_settings_are_a_config_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--output", str(tmp_path / "no"), "--people", "4", "--count", "5"]
    assert main([*DATASET, *flags, "--dry-run"]) == 0
    (tmp_path / "settings.toml").write_text(capsys.readouterr().out)
    assert not (tmp_path / "no").exists()
    assert main(["puzzles", "--config", str(tmp_path / "settings.toml"), "--dry-run"]) == 0
    assert "105 puzzles" in capsys.readouterr().out


def test_probes_are_exchangeable_siblings_that_can_be_sealed(tmp_path: Path) -> None:
    probes = tmp_path / "probes"
    flags = ["--people", "4..6", "--count", "6", "--controls", "3", "--doses", "1", "10", "--languages", "en", "fr"]
    assert main(["puzzles", "--output", str(probes), *flags]) == 0
    assert probes.stat().st_mode & 0o77 == 0
    rows = pq.read_table(probes / "probes.parquet").to_pylist()
    assert len(rows) == 3 * 2 * 6 * 4
    classes = [row["class"] for row in rows]
    edited = {row[f"{kind}_class"] for row in rows for kind in EDITS}
    assert len(set(classes)) == len(rows), "no class is in two units, or twice in one"
    assert not set(classes) & edited
    units: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        units.setdefault(row["unit"], []).append(row)
        assert row["planted_as"] == "document"
        assert row["text"].startswith(row["question"])
        assert row["text"].endswith(row["answer"])
    for unit in units.values():
        assert len({(row["people"], row["knights"], row["language"], row["dose"], row["stratum"]) for row in unit}) == 1
        nodes = [row["nodes"] for row in unit]
        assert max(nodes) <= min(nodes) * 2 ** (1 / 4) + 1e-9
        assert len({row["answer"].count("\n") for row in unit}) == 1
    assert Counter((unit[0]["people"], unit[0]["dose"]) for unit in units.values()) == {
        (people, dose): 6 for people in (4, 5, 6) for dose in (1, 10)
    }
    report = json.loads((probes / "report.json").read_text())
    assert 0 < report["similarity"]["mean"] < 1
    assert "seed" not in report["config"]
    assert main(["seal", "--probes", str(probes / "probes.parquet"), "--secrets", str(tmp_path / "secrets")]) == 0
    assert main(["draw", "--secrets", str(tmp_path / "secrets"), "--self"]) == 0
    assert main(["puzzles", "--output", str(probes), *flags]) != 0, "candidates are never replaced"


def test_probes_without_a_seed_are_different_each_time(tmp_path: Path) -> None:
    texts = []
    for name, seed in (("a", []), ("b", []), ("c", ["--seed", "x"]), ("d", ["--seed", "x"])):
        flags = ["--people", "5", "--count", "2", "--controls", "1", *seed]
        assert main(["puzzles", "--output", str(tmp_path / name), *flags]) == 0
        texts.append(pq.read_table(tmp_path / name / "probes.parquet")["text"].to_pylist())
    assert texts[0] != texts[1]
    assert texts[2] == texts[3]


def test_the_documentations_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/guide/puzzles.md").read_text(encoding="utf-8")
    commands = [line.split()[1:] for line in text.splitlines() if line.startswith("    trapline ")]
    assert [command[1] for command in commands] == ["--as", "--output", "--judge", "--as"]
    monkeypatch.chdir(tmp_path)
    made, probes, judge, more = (["10" if token in ("1000", "100", "50") else token for token in c] for c in commands)
    for command in (made, probes, more):
        assert main(command) == 0
    rows = pq.read_table(tmp_path / "PUZZLES/data").to_pylist()
    assert len(rows) == 5 * 20
    assert pq.read_table(tmp_path / "PROBES/probes.parquet").num_rows == 5 * 10 * 10
    assert (tmp_path / "MORE/reference/en/train/wrong_step/people8_num10.jsonl").exists()
    example = json.loads(next(line for line in text.splitlines() if line.startswith('    {"id"')))
    replies = [{**example, "id": row["id"], "edit": edit} for row in rows for edit in ("original", "statement")]
    (tmp_path / "replies.jsonl").write_text("".join(json.dumps(reply) + "\n" for reply in replies))
    assert main(judge) == 0
    found = json.loads((tmp_path / "JUDGEMENT/judgement.json").read_text())
    assert found["counts"]["without_an_answer"] == len(replies)
    assert {one["people"] for one in found["transfer"]} == {4, 5, 6, 7, 8}


def test_the_card_says_what_each_column_means(finished: Path) -> None:
    card = (finished / "README.md").read_text(encoding="utf-8")
    assert all(f"| {one.name} | " in card for one in PUZZLES)
    assert "| 2 | 50 |" in card
