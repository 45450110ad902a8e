"""`trapline score` where it generates: metrics of continuations, what is kept of them, and answers to prompts."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from pipelines.cli import main
from pipelines.score import ScoreConfig
from schemas.public.generations import GENERATIONS
from schemas.secret.slots import SLOTS
from tests.scoring.tiny_checkpoints import CONTEXT, tiny_checkpoint, tiny_model, tiny_tokenizer
from transforms.base.texts import Ragged
from transforms.scoring.generation.continuation import GenerationSettings, generate
from transforms.scoring.generation.sampling import SamplingScheme
from transforms.scoring.metrics.inputs import Recalled, Sampled
from transforms.scoring.metrics.peakedness import cdd_peak, ted
from transforms.scoring.metrics.recall import recall
from transforms.scoring.tasks import generate as generation_tasks
from transforms.scoring.tasks import score as tasks

WORDS = ("the", "keeper", "of", "lighthouse", "wrote", "knights", "tell", "truth", "knaves", "lie", "Dorf", "gezählt")
GENERATING = ("recall", "recall_similarity", "cdd_peak", "ted", "extraction_probability", "np_discoverable")
FEW = ("--samples", "3", "--seed", "7")


def some_text(seed: int, words: int = 7) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_checkpoint(tmp_path_factory.mktemp("models") / "first", "llama"))


@pytest.fixture(scope="module")
def llama() -> torch.nn.Module:
    return tiny_model("llama")


@pytest.fixture
def score(tmp_path: Path, model: str, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command on a file and return what it said; it ends as `code` says, and never with a traceback."""

    def run(*flags: str, sequences: Path, output: str = "out", code: int = 0) -> str:
        capfd.readouterr()
        asked = ["score", "--checkpoint", model, "--sequences", str(sequences), "--threads", "1"]
        assert main([*asked, "--output", str(tmp_path / output), *flags]) == code
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return said.err + said.out

    return run


def written(tmp_path: Path, part: str, output: str = "out") -> pa.Table:
    files = sorted((tmp_path / output / part).glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file, partitioning=None) for file in files])


def ids_of(text: str) -> list[int]:
    return list(tiny_tokenizer()(text, add_special_tokens=False).input_ids)


def test_the_metrics_are_those_of_the_continuations_of_first_halves(
    score: Callable[..., str], write_parquet: Callable[..., Path], tmp_path: Path, llama: torch.nn.Module
) -> None:
    texts = [some_text(at, 1 + 2 * at) for at in range(6)]
    path = write_parquet([{"id": f"s{at}", "text": text} for at, text in enumerate(texts)])
    score(
        "--metrics",
        "loss",
        *GENERATING,
        *FEW,
        "--top-k",
        "250",
        "--bos",
        "always",
        "--keep-generations",
        sequences=path,
    )
    own = [ids_of(text) for text in texts]
    cues = Ragged.from_rows([[0, *ids[: len(ids) // 2]] for ids in own])
    rests = Ragged.from_rows([ids[len(ids) // 2 :] for ids in own])
    names = [f"s{at}" for at in range(6)]
    greedy = generate(llama, cues, names, rests.lengths, GenerationSettings(eos_ids=(1,)))
    drawn = GenerationSettings(SamplingScheme(0.8, 250), samples=3, seed=7, eos_ids=(1,))
    sampled = generate(llama, cues, names, rests.lengths, drawn)
    found = written(tmp_path, "scores")
    assert found.column_names[4:] == ["loss", *GENERATING]
    np.testing.assert_array_equal(found["recall"], recall(Recalled(rests, greedy.tokens)))
    np.testing.assert_array_equal(found["cdd_peak"], cdd_peak(Sampled(greedy.tokens, sampled.tokens, 3)))
    np.testing.assert_array_equal(found["ted"], ted(Sampled(greedy.tokens, sampled.tokens, 3)))
    for ids, probability in zip(own, found["extraction_probability"].to_pylist(), strict=True):
        with torch.inference_mode():
            logits = llama(input_ids=torch.tensor([[0, *ids]])).logits[0, len(ids) // 2 : -1]
        suffix = torch.tensor(ids[len(ids) // 2 :])
        p = SamplingScheme(1.0, 250).token_log_probs(logits, suffix).sum().exp().item()
        assert probability == pytest.approx(-np.expm1(100 * np.log1p(-p)), rel=1e-3, abs=0)
    assert any(0 < one < 1 for one in found["extraction_probability"].to_pylist())
    kept = written(tmp_path, "generations")
    assert kept.schema.equals(GENERATIONS)
    assert kept["id"].to_pylist() == [name for name in names for _ in range(4)]
    assert kept["sample"].to_pylist() == [None, 0, 1, 2] * 6
    alone = kept.filter(kept["sample"].is_null())
    several = kept.filter(kept["sample"].is_valid())
    produced = [row.tolist() for row in np.split(greedy.tokens.values, greedy.tokens.offsets[1:-1])]
    assert several["token_ids"].combine_chunks().flatten().to_pylist() == sampled.tokens.values.tolist()
    assert alone["token_ids"].to_pylist() == produced
    assert alone["text"].to_pylist() == tiny_tokenizer().batch_decode(produced, skip_special_tokens=True)
    manifest = json.loads((tmp_path / "out/manifest.json").read_bytes())["content"]
    assert manifest["settings"]["generation"] == {
        "recalled": {"prompt": "first_half", "scheme": "greedy"},
        "sampled": {
            "prompt": "first_half", "max_tokens": 100, "samples": 3, "temperature": 0.8, "top_k": 250, "seed": 7,
        },
        "scheme_log_probs": {"temperature": 1.0, "top_k": 250},
    }  # fmt: skip
    listed = {one["path"]: one["sha256"] for one in manifest["files"] if one["path"].startswith("generations/")}
    on_disk = {f"generations/{file.name}": file for file in (tmp_path / "out/generations").iterdir()}
    assert listed == {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in on_disk.items()}


def test_the_papers_schemes_are_the_defaults() -> None:
    plan = ScoreConfig(checkpoint=("a",), sequences=("b",), output="c", metrics=("ted", "np_discoverable")).generation()
    assert plan is not None
    assert (plan.samples, plan.temperature, plan.top_k) == (50, 0.8, 0)
    assert (plan.scheme_temperature, plan.scheme_top_k) == (1.0, 40)


def test_temperature_and_top_k_are_those_of_the_draw_and_of_what_it_is_worth(
    score: Callable[..., str], write_parquet: Callable[..., Path], tmp_path: Path
) -> None:
    flags = ("--metrics", "extraction_probability", "ted", "--samples", "2", "--top-k", "1", "--temperature", "2")
    score(*flags, sequences=write_parquet(["the knights tell", "grey geese"]))
    found = written(tmp_path, "scores")
    assert found["ted"].to_pylist() == [1, 1], "with one token to draw from, what is drawn is what is greedy"
    assert set(found["extraction_probability"].to_pylist()) <= {0.0, 1.0}
    assert not (tmp_path / "out/generations").exists()


def test_neither_tasks_nor_order_nor_a_kill_change_a_continuation(
    score: Callable[..., str], write_parquet: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": f"s{at}", "text": some_text(at, 2 + at)} for at in range(7)]
    flags = ("--metrics", "recall", "cdd_peak", *FEW, "--keep-generations")
    score(*flags, sequences=write_parquet(rows[::-1], "turned.parquet"), output="whole")
    inner, calls = generation_tasks._generation_task, []

    def killed(*arguments: Any) -> dict[str, Any]:
        calls.append(arguments[1].number)
        if len(calls) == 2:
            raise OSError("the power went out")
        return inner(*arguments)

    monkeypatch.setattr(tasks, "_ROWS_GENERATING", 3)
    monkeypatch.setattr(generation_tasks, "_generation_task", killed)
    path = write_parquet(rows, "all.parquet")
    assert "the power went out" in score(*flags, sequences=path, code=1)
    score(*flags, sequences=path)
    assert len(calls) == 4
    assert calls.count(calls[0]) == 1, "what was done before is not done again"
    assert len(list((tmp_path / "out/generations").iterdir())) == 3
    for part in ("scores", "generations"):
        apart, whole = (written(tmp_path, part, output).sort_by("id") for output in ("out", "whole"))
        kept = [name for name in apart.column_names if name != "row"]
        assert apart.select(kept).equals(whole.select(kept))


def test_with_slots_the_prompt_begins_with_each_slots_context(
    score: Callable[..., str], tmp_path: Path, llama: torch.nn.Module
) -> None:
    text, befores = some_text(1), [some_text(2, 9), some_text(3, 12)]
    probes = [{"id": "p", "unit": "u", "candidate": 0, "text": text}]
    pq.write_table(pa.Table.from_pylist(probes), tmp_path / "probes.parquet")
    slots = [{"unit": "u", "slot": at, "before": before, "lead": "\n"} for at, before in enumerate(befores)]
    pq.write_table(pa.Table.from_pylist(slots, schema=SLOTS), tmp_path / "slots.parquet")
    flags = ("--slots", str(tmp_path / "slots.parquet"), "--metrics", "recall", "ted", *FEW, "--keep-generations")
    score(*flags, sequences=tmp_path / "probes.parquet")
    kept, shares = written(tmp_path, "generations").to_pylist(), []
    assert [(row["slot"], row["sample"]) for row in kept] == [(at, one) for at in (0, 1) for one in (None, 0, 1, 2)]
    assert {row["prompt"] for row in kept} == {"first_half"}
    for slot, before in enumerate(befores):
        context, own = ids_of(before + "\n"), ids_of(text)
        assert ids_of(before + "\n" + text) == context + own
        half = len(own) // 2
        prompt, rest = Ragged.from_rows([context + own[:half]]), Ragged.from_rows([own[half:]])
        greedy, *samples = (row["token_ids"] for row in kept if row["slot"] == slot)
        drawn = GenerationSettings(SamplingScheme(0.8), samples=3, seed=7, eos_ids=(1,))
        wanted = generate(llama, prompt, ["p"], len(own) - half, GenerationSettings(eos_ids=(1,)))
        assert greedy == wanted.tokens.values.tolist()
        several = generate(llama, prompt, [f"p#{slot}"], len(own) - half, drawn)
        assert np.concatenate(samples).tolist() == several.tokens.values.tolist()
        shares.append(recall(Recalled(rest, wanted.tokens))[0])
    assert written(tmp_path, "scores")["recall"].to_pylist() == [pytest.approx(np.mean(shares))]
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "out/generations").iterdir())


def test_generate_continues_a_column_of_prompts_up_to_a_stop(
    score: Callable[..., str], tmp_path: Path, llama: torch.nn.Module
) -> None:
    prompts = ["the knights tell", None, "", "grey geese " * CONTEXT, "knaves lie, the keeper"]
    pq.write_table(pa.table({"id": list("abcde"), "prompt": prompts}), tmp_path / "prompts.parquet")
    ids = Ragged.from_rows([ids_of("the knights tell"), ids_of("knaves lie, the keeper")])
    wanted = generate(llama, ids, ["a", "e"], 12, GenerationSettings(eos_ids=(1,)))
    first, second = wanted.texts(tiny_tokenizer().backend_tokenizer)
    stop = first[3:5]
    flags = ("--generate", "--max-new-tokens", "12", "--text-column", "prompt", "--stop", stop, "no such text")
    score(*flags, sequences=tmp_path / "prompts.parquet")
    found = written(tmp_path, "generations").to_pylist()
    assert [row["id"] for row in found] == list("abcde")
    assert [row["text"] for row in found] == [first[: first.index(stop)], None, None, None, second]
    assert [row["stop"] for row in found] == ["string", "null", "empty", "too_long", "length"]
    assert [(row["prompt"], row["sample"]) for row in found] == [("whole", None)] * 5
    assert found[4]["token_ids"] == wanted.tokens.values[-12:].tolist()
    assert "loss" in written(tmp_path, "scores").column_names


def test_token_ids_are_continued_without_texts(score: Callable[..., str], tmp_path: Path) -> None:
    pq.write_table(pa.table({"token_ids": [[5, 6, 7, 8], [9, 10, 11]]}), tmp_path / "ids.parquet")
    score("--generate", "--max-new-tokens", "4", sequences=tmp_path / "ids.parquet")
    found = written(tmp_path, "generations").to_pylist()
    assert [(row["id"], row["text"], len(row["token_ids"])) for row in found] == [("0", None, 4), ("1", None, 4)]
    said = score("--generate", "--stop", "x", sequences=tmp_path / "ids.parquet", output="other", code=2)
    assert "--stop: the sequences are token ids" in said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--samples", "64.5"), "'64.5' is not a whole number"),
        (("--top-k", "1e2"), "'1e2' is not a whole number"),
        (("--max-tokens", "64.5"), "'64.5' is not a whole number"),
        (("--samples", "0"), "--samples 0: give 1 to 10000"),
        (("--temperature", "0"), "--temperature 0.0: give a number above 0"),
        (("--temperature", "nan"), "--temperature nan: give a number above 0"),
        (("--seed", "-1"), "--seed -1: give 0 to"),
        (("--max-new-tokens", "0"), "--max-new-tokens 0: give 1 to"),
        (("--stop", "x"), "--stop: only affects --generate"),
        (("--keep-generations",), "--keep-generations: no metric that generates is asked for"),
        (("--metrics", "np_discoverable", "--keep-generations"), "--keep-generations: no metric that generates"),
    ],
)
def test_what_cannot_be_generated_is_said_before_any_work(
    score: Callable[..., str], write_parquet: Callable[..., Path], tmp_path: Path, flags: tuple[str, ...], said: str
) -> None:
    assert said in score(*flags, sequences=write_parquet(["the knights"]), code=2)
    assert not (tmp_path / "out").exists()
