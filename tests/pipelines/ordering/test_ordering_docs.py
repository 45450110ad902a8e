"""What the pages on ordering tell people to type works as it stands there."""

import json
import re
import runpy
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.ordering.corpora import rows, write_corpus
from tests.pipelines.planting import planted
from tests.scoring.tiny_checkpoints import tiny_tokenizer
from transforms.ordering.planning.rules import ScheduleFile
from transforms.ordering.planning.schedules import SCHEDULES

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs/guide/ordering.md").read_text(encoding="utf-8")
FORMAT = (ROOT / "docs/formats/ordered.md").read_text(encoding="utf-8")


def commands(text: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("    trapline ")]


def schedule() -> str:
    """The file of the guide."""
    found = re.search(r"(?:^    .*\n|\n)+", GUIDE[GUIDE.index('    corpus = "shuffle"') :], re.MULTILINE)
    assert found is not None
    return "\n".join(line.removeprefix("    ") for line in found[0].splitlines())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a corpus and a tokenizer."""
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "corpus", 120)
    tiny_tokenizer().backend_tokenizer.save("tokenizer.json")
    return tmp_path


def test_the_commands_of_the_guide_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted.write_corpus(place / "in", 240)
    planted.seal_and_draw(place / "secrets", planted.probe_rows(8, doses=(1, 4), planted_as="document"))
    assert planted.prepare(place / "in", place / "planted", place / "secrets") == 0
    (place / "schedule.toml").write_text(schedule())
    found = commands(GUIDE)
    assert [one[0] for one in found] == ["order"] * 3 + ["which"] * 3
    for one in found:
        if "ordered" in one:
            shutil.rmtree("ordered", ignore_errors=True)
        assert main(one) == 0, one
    events = pq.read_table(next(Path("secrets/orders").rglob("events.parquet"))).to_pylist()
    assert {one["schedule"] for one in events} == {"every:2x4", "power:1"}
    assert capsys.readouterr().out.count("position\tshard\trow") == 3


def test_the_guide_names_every_schedule() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", GUIDE, re.MULTILINE)
    assert listed == [*(kind.form for kind in SCHEDULES.values()), "repeat:f,E"]
    assert len(ScheduleFile.parse(schedule()).rules) == 2


def test_the_reader_of_the_format_reads_it(place: Path, tmp_path: Path) -> None:
    assert main(["order", "--input", "corpus", "--output", "tokenised", "--tokenizer", "tokenizer.json"]) == 0
    code = FORMAT.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "reader.py").write_text(code.replace('"tokens/', '"tokenised/tokens/'))
    read: dict[str, Any] = runpy.run_path(str(tmp_path / "reader.py"))
    documents = rows(Path("tokenised/data"))
    assert json.loads(Path("tokenised/manifest.json").read_text())["content"]["tokens"]["dtype"] == "uint16"
    tokenizer = tiny_tokenizer().backend_tokenizer
    wanted = [tokenizer.encode(row["text"], add_special_tokens=False).ids for row in documents]
    assert read["third"].tolist() == wanted[2]
    assert read["lengths"].tolist() == [len(one) for one in wanted]
    assert np.array_equal(read["ids"], [one for document in wanted for one in document])
