"""`trapline facts`, from the maker to a verdict on answers."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import SMALL_SHARDS, Planted, write_corpus
from tests.scoring.tiny_checkpoints import tiny_checkpoint, tiny_tokenizer
from transforms.probes.facts.make import STRATA

UNITS, COPIES, M = 12, 3, 9
Row = dict[str, Any]


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def facts(output: Path, *flags: object) -> int:
    small: dict[object, object] = {
        "--units": UNITS,
        "--doses": COPIES,
        "--background": 5,
        "--mentions": 4,
        "--seed": "facts",
    }
    small |= dict(zip(flags[::2], flags[1::2], strict=True))
    return run("facts", "--output", output, *(one for pair in small.items() for one in pair))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    tiny_tokenizer().save_pretrained(folder / "tokenizer")
    assert facts(folder / "facts", "--tokenizer", folder / "tokenizer/tokenizer.json") == 0
    return folder / "facts"


def units_of(made: Path) -> dict[str, list[Row]]:
    units: dict[str, list[Row]] = {}
    for row in pq.read_table(made / "probes.parquet").to_pylist():
        units.setdefault(row["unit"], []).append(row)
    return units


def asked(made: Path, kind: str) -> list[Row]:
    return [row for row in pq.read_table(made / "questions.parquet").to_pylist() if row["ask"] == kind]


def test_strata_are_dealt_and_copies_differ_only_in_paraphrases(made: Path) -> None:
    units = units_of(made)
    assert Counter(rows[0]["stratum"] for rows in units.values()) == dict.fromkeys(STRATA, UNITS)
    for rows in units.values():
        stratum = rows[0]["stratum"]
        assert {row["dose"] for row in rows} == {1 if stratum == "once" else COPIES}
        for row in rows:
            further = row["variants"] or []
            assert len(further) == (COPIES - 1 if stratum == "paraphrase" else 0)
            assert len({row["text"], *further}) == 1 + len(further)


def test_siblings_differ_in_their_answers_alone(made: Path) -> None:
    units = units_of(made)
    for row in asked(made, "memorisation"):
        rows = units[row["unit"]]
        assert len(row["answers"]) == len(set(row["answers"])) == M + 1
        for candidate, answer in zip(rows, row["answers"], strict=True):
            assert f"{row['before']} {answer}." in candidate["text"]
    by_unit: dict[str, list[Row]] = {}
    for row in asked(made, "memorisation"):
        by_unit.setdefault(row["unit"], []).append(row)
    for unit, cues in by_unit.items():
        without = set()
        for number, candidate in enumerate(units[unit]):
            text = candidate["text"]
            for cue in cues:
                text = text.replace(f" {cue['answers'][number]}.", " .")
            without.add(text)
        assert len(without) == 1


def test_semantic_cues_are_never_planted_and_ask_for_the_same(made: Path) -> None:
    planted = "\n".join(
        text
        for row in pq.read_table(made / "probes.parquet").to_pylist()
        for text in (row["text"], *(row["variants"] or ()))
    )
    words = set(planted.replace(".", " ").split())
    semantic = {(row["unit"], row["slot"]): row for row in asked(made, "semantic")}
    for row in asked(made, "memorisation"):
        other = semantic[row["unit"], row["slot"]]
        assert other["answers"] == row["answers"]
        assert other["before"][1:] not in planted
    for row in asked(made, "composition"):
        values = semantic[row["unit"], row["slot"]]["answers"]
        assert len(set(row["answers"])) == M + 1, "candidates are of different classes"
        assert not set(values) & set(row["answers"])
        assert not words & set(row["answers"])


def test_the_background_tells_of_others_and_teaches_the_classes(made: Path) -> None:
    background = pq.read_table(made / "background/background.parquet").to_pylist()
    assert len(background) == len({row["id"] for row in background}) == 5 * 4
    texts = " ".join(row["text"] for row in background)
    semantic = asked(made, "semantic")
    classes = {answer for row in asked(made, "composition") for answer in row["answers"]}
    said = set(texts.replace(".", " ").split())
    assert classes & said
    assert {answer for row in semantic for answer in row["answers"]} & said
    names = {word for row in semantic for word in row["before"].split() if word[0].isupper()}
    planted = Counter(word for row in semantic for word in set(row["before"].split()) & names)
    unique = {word for word, times in planted.items() if times <= 6}
    assert len(unique) >= 2 * 3 * UNITS
    assert not unique & said


def test_passages_have_60_to_about_120_words_and_marks(made: Path) -> None:
    for row in pq.read_table(made / "probes.parquet").to_pylist():
        for text in (row["text"], *(row["variants"] or ())):
            assert 60 <= len(re.findall(r"\w+|[^\w\s]", text)) <= 126


@pytest.mark.parametrize(("inferable", "least", "most"), [(1.0, 0, 0), (0.5, 15, 45), (0.0, 60, 60)])
def test_no_sentence_about_a_person_tells_a_class_that_can_be_inferred(
    inferable: float, least: int, most: int, tmp_path: Path
) -> None:
    flags = ("--background", 10, "--mentions", 60, "--inferable", inferable)
    assert facts(tmp_path / "facts", *flags) == 0
    texts = pq.read_table(tmp_path / "facts/background/background.parquet")["text"].to_pylist()
    classes = {answer for row in asked(tmp_path / "facts", "composition") for answer in row["answers"]}
    told = set()
    for sentence in (one for text in texts for one in text.removesuffix(".").split(". ")):
        *words, answer = sentence.split(" ")
        name = [word for word in words[1:] if word[0].isupper()]
        if name and answer in classes:
            told.add((*name, *[word for word in words if word.islower()][:3]))
    assert least <= len(told) <= most, "of 10 people with 6 facts each"


def test_words_between_facts_are_sampled_from_the_corpus_and_differ(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "in", 400)
    assert facts(tmp_path / "facts", "--corpus", corpus, "--units", 2, "--doses", 2) == 0
    # Words and marks as the generator counts them: each character of a script without spaces is one.
    parts = re.compile(r"[漢字]|[^\W漢字]+|[^\w\s]")
    known = set(parts.findall(" ".join(pq.read_table(corpus)["text"].to_pylist()).lower()))
    own = [row["before"].split(", ")[0] for row in asked(tmp_path / "facts", "memorisation")]
    assert len(own) == len(set(own)) == 3 * 2 * 6
    for filler in own:
        found = parts.findall(filler.lower())
        assert 5 <= len(found) <= 7
        assert set(found) <= known


def test_answers_have_one_number_of_tokens_for_each_cue(made: Path) -> None:
    tokenizer = tiny_tokenizer()
    for row in pq.read_table(made / "questions.parquet").to_pylist():
        sizes = set()
        for answer in row["answers"]:
            found = tokenizer(f" {answer}", add_special_tokens=False, return_offsets_mapping=True)
            sizes.add(sum(end > 1 for _, end in found["offset_mapping"]))
        assert len(sizes) == 1, row["ask"]


def test_a_name_or_value_of_the_corpus_is_not_taken(made: Path, tmp_path: Path) -> None:
    semantic = asked(made, "semantic")
    known = sorted({answer for row in semantic for answer in row["answers"]})
    name = [word for word in semantic[0]["before"].split() if word[0].isupper()][-1]
    pq.write_table(pa.table({"text": [" ".join([*known[:40], name])]}), tmp_path / "corpus.parquet")
    tokenizer = ("--tokenizer", made.parent / "tokenizer/tokenizer.json")
    assert facts(tmp_path / "facts", *tokenizer, "--corpus", tmp_path / "corpus.parquet") == 0
    again = asked(tmp_path / "facts", "semantic")
    assert not {answer for row in again for answer in row["answers"]} & set(known[:40])
    assert not any(name in row["before"] for row in again)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--doses", 1), "give 2 or more"),
        (("--doses", 2, 3), "give one; the stratum 'once' has a dose of 1"),
        (("--controls", 10), "give 1 to 9"),
        (("--inferable", 1.5), "give 0 to 1"),
        (("--tokenizer", "none.json"), "cannot be read as a tokenizers file"),
    ],
)
def test_settings_that_make_no_facts_are_refused(
    flags: tuple[object, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("facts", "--output", tmp_path / "facts", "--units", 2, "--background", 2, *flags) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "facts").exists()


def test_facts_are_planted_as_documents_and_judged_by_answers(made: Path, tmp_path: Path) -> None:
    """An untrained model: fresh draws on its scores reject as often as they should."""
    secrets = tmp_path / "secrets"
    plan = ("--ask", "semantic", "--metric", "answer_total", "--context", 128, "--redraws", 9999)
    assert run("seal", "--probes", made, "--secrets", secrets, "--nonce-from", "them", *plan) == 0
    assert run("draw", "--secrets", secrets, "--nonce", "c0ffee" * 8) == 0
    corpus = write_corpus(tmp_path / "in", 160)
    where = ("--input", corpus, "--secrets", secrets, "--output", tmp_path / "out")
    limits = ("--max-doc-share", 0.4, "--max-corpus-share", 0.9)
    assert run("prepare", *where, *limits, *SMALL_SHARDS) == 0
    found = Planted.read(tmp_path / "out", secrets)
    assert len(found.ledger) == UNITS * (1 + COPIES + COPIES)
    tiny_checkpoint(tmp_path / "model", "llama", 1, context=256)
    asks = ("--questions", secrets / "questions.parquet", "--ask", "semantic", "--context", 128)
    sequences = ("--sequences", secrets / "probes/probes.parquet", "--device", "cpu", "--threads", 1)
    output = ("--checkpoint", tmp_path / "model", "--output", tmp_path / "scores")
    assert run("score", *sequences, *asks, *output) == 0
    counts = json.loads((tmp_path / "scores/manifest.json").read_text())["content"]["counts"]
    assert counts["uneven_answers"] == 0
    verdict = ("--scores", tmp_path / "scores", "--secrets", secrets, "--output", tmp_path / "verdict")
    assert run("verify", *verdict) == 0
    judged = json.loads((tmp_path / "verdict/verdict.json").read_bytes())
    assert judged["units"]["used"] == 3 * UNITS
    assert judged["asked"]["cues_of_a_unit"] == [6, 6]
    fresh = judged["exploratory"]["fresh_draws"]
    assert fresh["draws"] == 10_000
    # The draws and the 9,999 redraws that they are ranked among are both samples, under a key that is new in each run.
    for level in (0.05, 0.01):
        error = (level * (1 - level) * (1 / 10_000 + 1 / 9_999)) ** 0.5
        assert fresh["share_at_or_below"][f"{level:g}"] <= level + 4 * error
