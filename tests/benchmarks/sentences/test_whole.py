"""The benchmark of sentences at the protocol's size, at its smallest: data, models, judge."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

from benchmarks.sentences import data, judge, models
from benchmarks.sentences.design import TINY
from examples.installed_text import write_jsonl


@pytest.mark.slow
def test_what_is_studied_is_found_and_the_twin_is_judged_as_well(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "text.jsonl", 600_000)
    with (tmp_path / "text.jsonl").open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    pq.write_table(pa.table({"text": texts}), tmp_path / "texts.parquet")
    work, tiny = tmp_path / "work", ["--design", "tiny"]
    assert data.main(["--corpus", str(tmp_path / "texts.parquet"), "--work", str(work), *tiny]) == 0
    given = ["--experiment", str(work / "experiment.npz.xz"), "--output", str(tmp_path / "models"), "--device", "cpu"]
    assert models.main([*given, *tiny]) == 0
    output = tmp_path / "found.json"
    assert judge.main(["--work", str(work), "--models", str(tmp_path / "models"), "--output", str(output), *tiny]) == 0
    (seed,) = json.loads(output.read_text())["seeds"]
    assert set(seed["inside"]) == {"planted", "twin"}
    courses = {(one["arm"], one["rate"]): one for one in seed["courses"]}
    assert set(courses) == set(TINY.arms)
    for one in courses.values():
        assert one["steps"] == [-TINY.updates, 0, *TINY.after]
        # The curves and the product's verdict are two ways to the same AUC.
        assert one["auc"]["all"]["mean"][1] == pytest.approx(one["verdicts"]["0"]["auc"]["value"], abs=1e-3)
        for dose in one["verdicts"]["0"]["by_dose"]:
            assert one["auc"][str(dose["dose"])]["mean"][1] == pytest.approx(dose["auc"]["value"], abs=1e-3)
    assert courses["planted", 1e-3]["auc"]["10"]["mean"][1] > courses["twin", 1e-3]["auc"]["10"]["mean"][1]
