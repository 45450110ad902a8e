"""`prepare` takes the JSON lines that `dedup` takes, and `restore` gives the bytes that `dedup` gives."""

import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from pipelines.cli import main
from tests.pipelines.dedup.json_corpora import Corpus, check_values, corpora
from tests.pipelines.planting.planted import SMALL_SHARDS, prepare, probe_rows, prose, seal_and_draw

CHANCE = random.Random(3)
TEXTS = [f"{at} {prose(CHANCE, 60)}" for at in range(48)]
UNRELATED = ("--unrelated-columns", *["a", "b", "c.d", "e f", "é", "[]"])


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Secrets that nothing was planted from, to be copied."""
    return seal_and_draw(tmp_path_factory.mktemp("sealed") / "secrets", probe_rows(3))


def files(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for part in ("data", "quarantine") for path in (output / part).iterdir()}


def campaign(folder: Path, sealed: Path, *flags: str) -> list[int]:
    """Exit codes of dedup, prepare and restore of the corpus in `folder`/in."""
    shutil.copytree(sealed, folder / "secrets")
    codes = [main(["dedup", "--input", str(folder / "in"), "--output", str(folder / "out"), *SMALL_SHARDS])]
    codes.append(prepare(folder / "in", folder / "planted", folder / "secrets", *flags))
    if codes == [0, 0]:
        paths = [folder / "planted", folder / "secrets", folder / "restored"]
        given = zip(("--input", "--secrets", "--output"), map(str, paths), strict=True)
        codes.append(main(["restore", *(word for pair in given for word in pair)]))
    return codes


ODD: list[Any] = [{}, [], None, [{}], {"x": {}}, {"x": []}, [None], [[]], {"x": [{"y": {}}]}]


def test_fields_without_values_and_lists_come_back_byte_for_byte(sealed: Path, tmp_path: Path) -> None:
    rows = [
        {
            "text": text,
            **{f"always {number}": odd for number, odd in enumerate(ODD)},
            "tags": ["a", "b"][: at % 3],
            "deep": [{"inner": [[at % 4], []]}, None],
            "later": {"k": at} if at > 30 else {},
        }
        for at, text in enumerate(TEXTS)
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert campaign(tmp_path, sealed) == [0, 0, 0]
    assert files(tmp_path / "planted") != files(tmp_path / "out")
    assert files(tmp_path / "restored") == files(tmp_path / "out")


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(corpora(TEXTS))
def test_any_values_are_planted_and_restored_as_dedup_takes_them(
    sealed: Path, capfd: pytest.CaptureFixture[str], corpus: Corpus
) -> None:
    good, _, fine = corpus.judged()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus.write(folder / "in")
        codes = campaign(folder, sealed, *UNRELATED)
        assert "Traceback" not in capfd.readouterr().err
        assert codes == ([0, 0, 0] if fine else [1, 1])
        if fine:
            check_values(folder / "restored", good)
            assert files(folder / "restored") == files(folder / "out")
