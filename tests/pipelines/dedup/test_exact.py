"""What counts as an exact duplicate, and words of code."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.pipelines.dedup.test_bad_input import parquet, texts


def found(output: Path, read_output: Callable[..., pa.Table]) -> list[tuple[int, int, str]]:
    rows = read_output(output, "duplicates").to_pylist()
    return [(row["address"], row["kept_address"], row["reason"]) for row in rows]


def test_exact_is_the_same_bytes_after_normalisation_and_nothing_else(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table], tmp_path: Path
) -> None:
    long = texts(1)[0]
    accents = "Ångström café 각 naïve résumé übermäßig"
    short = ["x = 1 + 2", "x = 1 - 2", "x = 1 + 2", "X = 1 + 2", "x = 1 + 2 "]
    forms = [unicodedata.normalize(form, accents) for form in ("NFD", "NFC")]
    mixed = [f"{forms[0]} {long}", f"{forms[1]} {long}", f"{forms[1]}, {long.upper()}!"]
    parquet(folder, {"text": short + forms + mixed})
    assert attempt(folder).code == 0
    assert found(tmp_path / "out", read_output) == [
        (2, 0, "exact"), (6, 4, "exact"), (8, 5, "exact"), (9, 5, "near"),  # the kept one by its row in the output
    ]  # fmt: skip
    assert read_output()["text"].to_pylist() == [short[at] for at in (0, 1, 3, 4)] + [forms[0], mixed[0]]


def test_lengths_and_kept_text_are_those_of_the_input_not_of_its_normal_form(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table], metrics: Callable[..., Any]
) -> None:
    decomposed = unicodedata.normalize("NFD", "é" * 20)
    parquet(folder, {"text": [decomposed, "é" * 20, "other"]})
    assert attempt(folder).code == 0
    assert read_output()["text"].to_pylist() == [decomposed, "other"]
    counts = metrics()["counts"]
    assert (counts["bytes_in"], counts["bytes_kept"]) == (60 + 40 + 5, 65)


PROGRAM = "def f(a, b):\n    if a < b:\n        return a + b\n    return a - b\n"


@pytest.mark.parametrize(("words", "kept"), [("text", 1), ("code", 3)])
def test_operators_and_case_count_in_code(
    words: str, kept: int, folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    variants = [PROGRAM, PROGRAM.replace("<", ">").replace("+", "*"), PROGRAM.swapcase(), PROGRAM.replace("    ", "\t")]
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in variants))
    assert attempt(folder, "--words", words).code == 0
    assert read_output()["text"].to_pylist() == variants[:kept]
    reasons = [row["reason"] for row in read_output(part="duplicates").to_pylist()]
    assert set(reasons) == {"near"}


def test_words_of_code_and_a_tokenizer_exclude_each_other(folder: Path, attempt: Callable[..., Any]) -> None:
    outcome = attempt(folder, "--words", "code", "--tokenizer", "tokenizer.json")
    assert outcome.code == 2
    assert "--words code and --tokenizer: give one of them" in outcome.said
