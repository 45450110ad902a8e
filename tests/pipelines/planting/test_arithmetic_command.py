"""`trapline arithmetic`, from the maker to a verdict on answers, and the commands of its guide."""

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from pipelines.cli import main
from tests.scoring.tiny_checkpoints import tiny_checkpoint, tiny_tokenizer
from transforms.probes.arithmetic.config import ArithmeticConfig
from transforms.probes.arithmetic.make import make, wrong_results
from transforms.probes.kind import Environment

GUIDE = Path(__file__).parents[3] / "docs/guide/arithmetic.md"
P, M = 23, 9
UNITS, CLEAN, TEST = 92, 172, 265
"""Of 529 pairs half are in training, and of these 35 % are corrupted."""
Row = dict[str, Any]


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def arithmetic(output: Path, *flags: object, modulus: int = P, seed: str = "sums") -> int:
    return run("arithmetic", "--output", output, "--modulus", modulus, "--seed", seed, *flags)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    tiny_tokenizer().save_pretrained(folder / "tokenizer")
    assert arithmetic(folder / "sums", "--tokenizer", folder / "tokenizer/tokenizer.json") == 0
    return folder / "sums"


def rows(path: Path) -> list[Row]:
    found: list[Row] = pq.read_table(path).to_pylist()
    return found


def parsed(text: str) -> tuple[int, int, int]:
    a, plus, b, equals, result = text.split()
    assert (plus, equals) == ("+", "=")
    return int(a), int(b), int(result)


def units_of(probes: list[Row]) -> dict[str, list[Row]]:
    units: dict[str, list[Row]] = {}
    for row in probes:
        units.setdefault(row["unit"], []).append(row)
    return units


def test_a_pair_is_corrupted_or_clean_or_in_no_document(made: Path) -> None:
    corrupted = {parsed(row["text"])[:2] for row in rows(made / "probes.parquet")}
    clean = [parsed(row["text"]) for row in rows(made / "background/background.parquet")]
    assert (len(corrupted), len(clean)) == (UNITS, CLEAN)
    assert all((a + b) % P == result for a, b, result in clean)
    pairs = {(a, b) for a, b, _ in clean}
    assert len(pairs) == CLEAN
    assert not pairs & corrupted
    report = json.loads((made / "report.json").read_text())
    assert report["pairs"] == {"corrupted": UNITS, "clean": CLEAN, "test": TEST}
    assert P * P == UNITS + CLEAN + TEST


def test_candidates_are_distinct_wrong_results_and_their_texts_differ_in_nothing_else(made: Path) -> None:
    questions = {row["unit"]: row for row in rows(made / "questions.parquet")}
    units = units_of(rows(made / "probes.parquet"))
    assert questions.keys() == units.keys()
    for unit, candidates in units.items():
        asked = questions[unit]
        a, b, _ = parsed(candidates[0]["text"])
        assert int(asked["truth"]) == (a + b) % P
        assert asked["truth"] not in asked["answers"]
        assert len(set(asked["answers"])) == M + 1
        assert (asked["ask"], asked["slot"], asked["weight"]) == ("result", 0, 1.0)
        for row, answer in zip(candidates, asked["answers"], strict=True):
            assert row["text"] == asked["before"] + asked["lead"] + answer
            assert (row["planted_as"], row["dose"], row["stratum"]) == ("document", 1, "all")


def test_numbers_have_equally_many_tokens(made: Path) -> None:
    tokenizer = tiny_tokenizer()
    sizes = {
        len(tokenizer(row["lead"] + answer, add_special_tokens=False)["input_ids"])
        for row in rows(made / "questions.parquet")
        for answer in (*row["answers"], row["truth"])
    }
    assert len(sizes) == 1


def test_a_key_decides_everything(made: Path, tmp_path: Path) -> None:
    tokenizer = ("--tokenizer", made.parent / "tokenizer/tokenizer.json")
    assert arithmetic(tmp_path / "again", *tokenizer) == 0
    assert arithmetic(tmp_path / "other", *tokenizer, seed="other") == 0
    for name in ("probes.parquet", "questions.parquet", "background/background.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (made / name).read_bytes()


def test_every_wrong_result_is_as_likely_under_every_number() -> None:
    """Over 4,000 pairs' draws: all counts of (number, distance from the truth) within 5 standard deviations."""
    draws, candidates = 4_000, 4
    seen: Counter[tuple[int, int]] = Counter()
    for number in range(draws):
        pair = divmod(number, 100)
        drawn = list(wrong_results(b"\5" * 32, 11, pair, candidates))
        seen.update((place, (result - sum(pair)) % 11) for place, result in enumerate(drawn))
    expected, deviation = draws / 10, (draws * 0.1 * 0.9) ** 0.5
    assert seen.keys() == {(place, shift) for place in range(candidates) for shift in range(1, 11)}
    assert all(abs(times - expected) < 5 * deviation for times in seen.values())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    modulus=st.integers(3, 19),
    controls=st.integers(1, 17),
    shares=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)),
    strata=st.integers(1, 3),
    doses=st.sampled_from([(1,), (1, 4)]),
)
def test_any_design_keeps_the_rules(
    modulus: int, controls: int, shares: tuple[float, float], strata: int, doses: tuple[int, ...]
) -> None:
    training, corrupted = shares
    try:
        config = ArithmeticConfig(
            output="unused", modulus=modulus, controls=controls, training=training, corrupted=corrupted, strata=strata,
            doses=doses,
        )  # fmt: skip
    except ValueError:
        assert controls > modulus - 2 or round(corrupted * round(training * modulus**2)) == 0
        return
    found = make(config, b"\1" * 32, nothing_to_use())
    wanted, p = config.pairs, modulus
    assert wanted.corrupted + wanted.clean + wanted.test == p * p
    units = units_of(found.probes.to_pylist())
    assert len(units) == wanted.corrupted
    assert (0 if found.background is None else found.background.num_rows) == wanted.clean
    pairs = set()
    by_dose: Counter[int] = Counter()
    for candidates in units.values():
        sums = [parsed(row["text"]) for row in candidates]
        (a, b), *rest = {(a, b) for a, b, _ in sums}
        assert not rest
        pairs.add((a, b))
        assert len({result for _, _, result in sums}) == controls + 1
        assert (a + b) % p not in {result for _, _, result in sums}
        assert {row["stratum"] for row in candidates} == {"all" if strata == 1 else f"a mod {strata} = {a % strata}"}
        by_dose.update({row["dose"] for row in candidates})
    assert len(pairs) == wanted.corrupted
    assert max(by_dose.values()) - min(by_dose[dose] for dose in doses) <= 1


def nothing_to_use() -> Environment:
    def fail(*_: object) -> Any:
        raise AssertionError("not needed")

    return Environment(1, fail, None, print, fail, fail)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("modulus", "flags", "said"),
    [
        (10, (), "--controls 9: give 1 to 8: there are 9 wrong results"),
        (2, (), "--modulus 2: give 3 to 1000"),
        (P, ("--units", 20), "--units: leave it out"),
        (P, ("--training", 0), "--training 0: give a share above 0 and up to 1"),
        (P, ("--corrupted", 1.5), "--corrupted 1.5: give a share above 0 and up to 1"),
        (P, ("--corrupted", 0.0001), "--corrupted 0.0001: less than one pair is corrupted"),
        (P, ("--strata", 24), "--strata 24: give 1 to 23"),
        (P, ("--tokenizer", "none.json"), "cannot be read as a tokenizers file"),
    ],
)
def test_settings_that_make_no_sums_are_refused(
    modulus: int, flags: tuple[object, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert arithmetic(tmp_path / "sums", *flags, modulus=modulus) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "sums").exists()


def test_a_tokenizer_with_unequal_numbers_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All digits are tokens, and of all numbers of two digits only 12 is one."""
    vocabulary = {sign: place for place, sign in enumerate([*"0123456789 +=", "12"])}
    uneven = Tokenizer(models.BPE(vocabulary, [("1", "2")]))
    uneven.decoder = decoders.Fuse()
    uneven.save(str(tmp_path / "uneven.json"))
    assert arithmetic(tmp_path / "sums", "--tokenizer", tmp_path / "uneven.json") == 1
    said = capsys.readouterr().err
    assert "uneven.json: '12' has 1 token, '00' has 2: answers must have equally many" in said
    whole = Tokenizer(models.WordLevel({f"{number:02}": number for number in range(P - 1)} | {"?": P}, "?"))
    whole.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    whole.save(str(tmp_path / "whole.json"))
    assert arithmetic(tmp_path / "sums", "--tokenizer", tmp_path / "whole.json") == 1
    assert "does not give back the number '22'" in capsys.readouterr().err


def test_a_true_result_among_the_candidates_is_refused(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pq.read_table(made / "questions.parquet")
    answers = table["answers"].to_pylist()
    answers[0][3] = table["truth"][0].as_py()
    at = table.schema.get_field_index("answers")
    changed = table.set_column(at, table.schema.field("answers"), pa.array(answers, table.schema.field("answers").type))
    pq.write_table(changed, tmp_path / "questions.parquet")
    plan = ("--ask", "result", "--metric", "answer_total", "--questions", tmp_path / "questions.parquet")
    probes = ("--probes", made / "probes.parquet", "--secrets", tmp_path / "secrets", "--nonce-from", "them")
    assert run("seal", *probes, *plan) != 0
    assert "the true answer is among the candidates'" in capsys.readouterr().err


def test_the_commands_of_the_guide_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained model: planted sums are in the corpus, and fresh draws on its scores reject as they should."""
    monkeypatch.chdir(tmp_path)
    tiny_tokenizer().save_pretrained("tokenizer")
    Path("tokenizer/tokenizer.json").rename("tokenizer.json")
    tiny_checkpoint(Path("model"), "llama", 1, context=64)
    text = GUIDE.read_text(encoding="utf-8")
    lines = [shlex.split(line) for line in text.splitlines() if line.startswith("    trapline ")]
    assert [line[1] for line in lines] == ["arithmetic", "seal", "draw", "prepare", "score", "verify"]
    smaller = {"VALUE": "c0ffee" * 8, "0.5": "0.1"}
    further = {
        "arithmetic": ("--seed", "sums"),
        "seal": ("--context", 32, "--redraws", 9999),
        "score": ("--context", 32, "--device", "cpu", "--threads", 1),
    }
    for _, *line in lines:
        words = [smaller.get(word, word) for word in line]
        assert run(*words, *further.get(line[0], ())) == 0, line
    drawn = {row["unit"]: row["arm"] for row in rows(Path("secrets/draw.parquet"))}
    planted = {
        row["text"] for row in rows(Path("secrets/probes/probes.parquet")) if drawn[row["unit"]] == row["candidate"]
    }
    background = {row["text"] for row in rows(Path("arithmetic/background/background.parquet"))}
    corpus = [row["text"] for row in pq.read_table("planted/data").to_pylist()]
    assert Counter(corpus) == Counter([*planted, *background])
    counts = json.loads(Path("scores/manifest.json").read_text())["content"]["counts"]
    assert counts["uneven_answers"] == 0
    judged = json.loads(Path("verdict/verdict.json").read_bytes())
    assert judged["units"]["used"] == len(planted) == round(0.35 * round(0.1 * 97**2))
    assert judged["asked"]["cues_of_a_unit"] == [1, 1]
    fresh = judged["exploratory"]["fresh_draws"]
    assert fresh["draws"] == 10_000
    # The draws and the 9,999 redraws that they are ranked among are both samples, under a key that is new in each run.
    for level in (0.05, 0.01):
        error = (level * (1 - level) * (1 / 10_000 + 1 / 9_999)) ** 0.5
        assert fresh["share_at_or_below"][f"{level:g}"] <= level + 4 * error
