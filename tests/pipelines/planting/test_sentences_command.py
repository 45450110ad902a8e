"""`trapline sentences`, from the maker to a verdict."""

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import SMALL_SHARDS, Planted
from tests.scoring.tiny_checkpoints import tiny_checkpoint, tiny_tokenizer
from tests.test_documentation import commands
from transforms.probes.sentences.config import STRATA

UNITS, M, LENGTH = 12, 9, 44  # the tokenizer of the tests has four tokens or more for a word
GUIDE = Path(__file__).resolve().parents[3] / "docs/guide/sentences.md"
Row = dict[str, Any]


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def write_prose(path: Path, documents: int) -> Path:
    """Sentences of words that follow each other by chance, with marks."""
    chance = random.Random(7)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    words = ["".join(chance.choices(syllables, k=chance.choice([1, 2, 2, 3]))) for _ in range(300)]

    def sentence() -> str:
        said = chance.choices(words, k=chance.randint(6, 14))
        return " ".join(said).capitalize() + "."

    texts = [" ".join(sentence() for _ in range(20)) for _ in range(documents)]
    path.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": [f"doc{at}" for at in range(documents)], "text": texts}), path / "a.parquet")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentences")
    write_prose(folder / "corpus", 300)
    tiny_checkpoint(folder / "model", "llama", 1, tiny_tokenizer(), context=256)
    return folder


@pytest.fixture(scope="module")
def made(place: Path) -> Path:
    assert (
        sentences(place, "sentences", "--varied", 1, "--paraphrase", 1, "--tokenizer", place / "model/tokenizer.json")
        == 0
    )
    return place / "sentences"


def sentences(place: Path, output: str, *flags: object) -> int:
    small: dict[str, object] = {
        "--units": UNITS,
        "--seed": "sentences",
        "--corpus": place / "corpus",
        "--length": LENGTH,
    }
    kept = [one for flag, value in small.items() if flag not in flags for one in (flag, value)]
    return run("sentences", "--output", place / output, *kept, *flags)


def units_of(made: Path) -> list[list[Row]]:
    units: dict[str, list[Row]] = {}
    for row in pq.read_table(made / "probes.parquet").to_pylist():
        units.setdefault(row["unit"], []).append(row)
    return list(units.values())


def test_shares_are_met_for_every_dose_and_varied_needs_two_copies(made: Path) -> None:
    found = Counter((rows[0]["dose"], rows[0]["stratum"]) for rows in units_of(made))
    by_dose = {dose: {stratum: n for (own, stratum), n in found.items() if own == dose} for dose in (1, 2, 3)}
    assert sorted(by_dose[1].values()) == [2, 2, 2, 3, 3]
    assert by_dose[2] == by_dose[3] == dict.fromkeys(STRATA, 2)
    assert "varied" not in by_dose[1]


def test_siblings_are_distinct_and_have_equally_many_tokens(made: Path) -> None:
    tokenizer = tiny_tokenizer()
    texts = [row["text"] for rows in units_of(made) for row in rows]
    assert len(set(texts)) == len(texts)
    for rows in units_of(made):
        assert [row["candidate"] for row in rows] == list(range(M + 1))
        counts = {len(tokenizer(row["text"], add_special_tokens=False)["input_ids"]) for row in rows}
        assert counts == {rows[0]["length_tokens"]}


def test_each_stratum_is_of_its_making(made: Path) -> None:
    corpus = set(" ".join(pq.read_table(made.parent / "corpus")["text"].to_pylist()).lower().replace(".", "").split())
    for rows in units_of(made):
        texts = [row["text"] for row in rows]
        split = [text.split(" ") for text in texts]
        if rows[0]["stratum"] == "near":
            assert len({len(one) for one in split}) == 1
            differing = [at for at, words in enumerate(zip(*split, strict=True)) if len(set(words)) > 1]
            assert len(differing) == 1
            assert len({one[differing[0]] for one in split}) == M + 1
        elif rows[0]["stratum"] == "words":
            assert all(len(one) == LENGTH and set(one) <= corpus for one in split)
        elif rows[0]["stratum"] == "letters":
            assert len({tuple(sorted("".join(sorted(word)) for word in one)) for one in split}) == 1
        else:  # natural, varied and paraphrase
            assert all(text.endswith(".") and text[0].isupper() for text in texts)


def test_copies_of_varied_sentences_differ_in_one_word_each(made: Path) -> None:
    for rows in units_of(made):
        for row in rows:
            further = row["variants"] or []
            if row["stratum"] == "paraphrase":
                continue
            assert len(further) == (row["dose"] - 1 if row["stratum"] == "varied" else 0)
            pairs = [list(zip(row["text"].split(" "), one.split(" "), strict=True)) for one in further]
            assert all(sum(a != b for a, b in pair) == 1 for pair in pairs)


def test_contents_of_a_unit_are_told_in_the_same_ways_and_equally_long(made: Path) -> None:
    tokenizer = tiny_tokenizer()
    told = [rows for rows in units_of(made) if rows[0]["stratum"] == "paraphrase"]
    assert {rows[0]["dose"] for rows in told} == {1, 2, 3}
    for rows in told:
        ways = list(zip(*([row["text"], *(row["variants"] or [])] for row in rows), strict=True))
        assert len(ways) == rows[0]["dose"]
        for texts in ways:
            assert len({len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts}) == 1
        for texts in zip(*ways, strict=True):
            words = [set(re.findall("[a-z]+", text.lower())) for text in texts]
            assert len(set(texts)) == len(texts)
            assert len(set.intersection(*words)) >= 4  # two names, a thing and a place


def test_the_seed_decides_everything(made: Path) -> None:
    flags = ("--varied", 1, "--paraphrase", 1, "--tokenizer", made.parent / "model/tokenizer.json")
    assert sentences(made.parent, "again", *flags, "--threads", 2) == 0
    assert sentences(made.parent, "other", *flags, "--seed", "other") == 0
    texts = [(made.parent / name / "probes.parquet").read_bytes() for name in ("sentences", "again", "other")]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_no_number_of_a_candidate_is_preferred(place: Path) -> None:
    """What makes a text would show: the first filling, the first shuffle and the first draw have any number."""
    more = ("--units", 120, "--doses", 1, "--controls", 1, "--words", 0, "--letters", 0, "--natural", 0)
    assert sentences(place, "pairs", *more) == 0
    first = [rows[0]["text"] < rows[1]["text"] for rows in units_of(place / "pairs")]
    assert 40 < np.sum(first) < 80  # 60 +- 3.6 standard deviations


def test_without_a_tokenizer_words_and_characters_are_counted(place: Path) -> None:
    assert sentences(place, "plain", "--doses", 1) == 0
    for rows in units_of(place / "plain"):
        measure = len if rows[0]["stratum"] in ("near", "letters") else lambda text: len(text.split())
        if rows[0]["stratum"] != "natural":
            assert len({measure(row["text"]) for row in rows}) == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--natural", -1), "--natural -1.0: give 0 or more"),
        (("--natural", 0, "--near", 0, "--words", 0, "--letters", 0), "all are 0"),
        (
            ("--natural", 0, "--near", 0, "--words", 0, "--letters", 0, "--varied", 1, "--doses", 1),
            "copies differ from the second on",
        ),
        (("--length", 9), "--length 9: give 10 to 1000"),
        (("--list-size", 99), "--list-size 99: give 100 to 200000"),
        (("--near", 1, "--natural", 0, "--words", 0, "--letters", 0, "--controls", 400), "stratum near: 0 of"),
    ],
)
def test_settings_that_make_no_sentences_are_refused(
    flags: tuple[object, ...], said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentences(place, "refused", *flags) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (place / "refused").exists()


def test_the_commands_of_the_guide_run(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained model: fresh draws on its scores reject as often as they should."""
    found = commands(GUIDE.read_text(encoding="utf-8"))
    assert [one[0] for one in found] == ["sentences", "seal", "draw", "prepare", "order", "score", "verify"]
    more = {
        "sentences": ["--length", str(LENGTH), "--seed", "guide"],
        "seal": ["--redraws", "9999"],
        "prepare": ["--max-doc-share", "0.4", "--max-corpus-share", "0.9", *SMALL_SHARDS],
        "score": ["--device", "cpu", "--threads", "1"],
    }
    write_prose(tmp_path / "corpus", 300)
    (tmp_path / "model").symlink_to(place / "model")
    monkeypatch.chdir(tmp_path)
    for one in found:
        assert main(["ab" * 32 if word == "VALUE" else word for word in [*one, *more.get(one[0], [])]]) == 0, one
    ledger = Planted.read(tmp_path / "planted", tmp_path / "secrets").ledger
    assert len(ledger) == 24 * (1 + 2 + 3)
    judged = json.loads((tmp_path / "verdict/verdict.json").read_bytes())
    assert judged["units"]["used"] == 3 * 24
    fresh = judged["exploratory"]["fresh_draws"]
    assert fresh["draws"] == 10_000
    # The draws and the 9,999 redraws that they are ranked among are both samples, under a key that is new in each run.
    for level in (0.05, 0.01):
        error = (level * (1 - level) * (1 / 10_000 + 1 / 9_999)) ** 0.5
        assert fresh["share_at_or_below"][f"{level:g}"] <= level + 4 * error
