"""Tables from reports of `trapline certify`."""

import json
from pathlib import Path

import pytest

from benchmarks.survival.tables import column_of, table


def report(path: Path, judges: list[str], copies: int = 10) -> Path:
    kept = {"share": 0.5, "of": 8, "low": 0.25, "high": 0.75}
    judged = {
        "in_kept_documents": kept,
        "by_dose": [{"name": "dose 4", "share": None}, {"name": "dose 64", "share": 0.125}],
        "documents": {"lost": 1, "kept_before": 6},
        "effective_dose": {"median": 2.5, "minimum": 1},
    }
    facts = {"copies": copies, "documents": 7, "other_bytes": 5, "document_bytes": 9}
    path.write_text(json.dumps({**facts, "judges": [{"judge": one, **judged} for one in judges]}))
    return path


def test_reports_of_one_corpus_are_one_column_and_a_judge_that_is_missing_is_named(tmp_path: Path) -> None:
    one = column_of([report(tmp_path / "a", ["c4"]), report(tmp_path / "b", ["lines"])])
    other = column_of([report(tmp_path / "c", ["c4"])])
    found = table({"exact": one, "R = 8": other}, ["c4", "lines"], 64).split("\n")
    cell = "0.500 of 8 (0.250 to 0.750); 0.125; 1 of 6"
    assert found[2:4] == [f"| `c4` | {cell} | {cell} |", f"| `lines` | {cell} | not run |"]
    assert found[-1] == "| `lines` | 2.5, least 1 | not run |"
    assert "; none; " in table({"exact": one}, ["c4"], 4)


def test_reports_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    first = report(tmp_path / "a", ["c4"])
    with pytest.raises(ValueError, match="judge c4 is in another report"):
        column_of([first, report(tmp_path / "b", ["c4"])])
    with pytest.raises(ValueError, match="different corpora"):
        column_of([first, report(tmp_path / "c", ["lines"], copies=11)])
