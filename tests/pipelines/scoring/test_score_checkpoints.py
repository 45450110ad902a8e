"""`trapline score` on checkpoints of odd kinds: scored right, or refused in one line; never a traceback."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from pipelines.cli import main
from schemas.secret.slots import SLOTS
from tests.scoring.odd_checkpoints import make, saved

GENERATE = ("--generate", "--max-new-tokens", "4")


@pytest.fixture
def score(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command on three sequences of token ids; returns what it said."""

    def run(checkpoint: Path, *flags: str, code: int = 0, output: str = "out") -> str:
        sequences = tmp_path / "sequences.parquet"
        ids = [[5, 6, 7], list(range(8, 20)), [20, 21, 22, 23, 24]]
        pq.write_table(pa.table({"id": ["a", "b", "c"], "token_ids": pa.array(ids, pa.list_(pa.int32()))}), sequences)
        asked = ["score", "--checkpoint", str(checkpoint), "--sequences", str(sequences)]
        capfd.readouterr()
        assert main([*asked, "--output", str(tmp_path / output), "--threads", "1", "--metrics", "loss", *flags]) == code
        said = capfd.readouterr().err
        assert "Traceback" not in said
        assert (tmp_path / output / "_SUCCESS").exists() == (code == 0)
        return said

    return run


@pytest.mark.parametrize("kind", ["bert", "xlnet"])
def test_a_model_that_is_not_causal_ends_the_run(kind: str, score: Callable[..., str], tmp_path: Path) -> None:
    said = score(saved(tmp_path / kind, make(kind)), code=1)
    assert f"trapline: --checkpoint {tmp_path / kind}: it is not causal" in said


@pytest.mark.parametrize("kind", ["rwkv", "recurrent_gemma"])
def test_models_without_a_known_cache_generate(kind: str, score: Callable[..., str], tmp_path: Path) -> None:
    score(saved(tmp_path / kind, make(kind)), *GENERATE)
    (row, *_) = pq.read_table(tmp_path / "out/generations").sort_by("row").to_pylist()
    held = [5, 6, 7]
    with torch.inference_mode():
        for _ in range(4):
            logits = make(kind).eval()(input_ids=torch.tensor([held]), use_cache=False).logits
            held.append(int(logits[0, -1].argmax()))
    assert row["token_ids"] == held[3 : 3 + len(row["token_ids"])]
    assert row["stop"] == "length" or len(row["token_ids"]) < 4


def test_a_truncated_file_ends_the_run(score: Callable[..., str], tmp_path: Path) -> None:
    weights = saved(tmp_path / "model", make("bloom")) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-3_000])
    assert "cannot be loaded (" in score(tmp_path / "model", code=1)


def test_bfloat16_on_the_cpu_says_that_sequences_run_alone(score: Callable[..., str], tmp_path: Path) -> None:
    saved(tmp_path / "model", make("bloom"))
    found = []
    for budget in ("4096", "16"):
        said = score(
            tmp_path / "model", "--dtype", "bfloat16", "--max-tokens", budget, "--device", "cpu", output=budget
        )
        assert "every sequence is run alone" in said
        found.append(pq.read_table(tmp_path / budget / "token_scores")["log_probs"])
    assert found[0].equals(found[1])


def test_bytes_are_the_same_without_context_and_behind_an_empty_one(tmp_path: Path) -> None:
    words = {word: index for index, word in enumerate(["abcdefgh", "ijklmnop", "end", "pad"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="pad"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    saved(tmp_path / "model", make("bloom"))
    tokenizer.save(str(tmp_path / "model/tokenizer.json"))
    slot = {"unit": ["u"], "slot": pa.array([0], pa.int32()), "before": pa.array([""], pa.large_string()), "lead": [""]}
    pq.write_table(pa.table(slot, schema=SLOTS), tmp_path / "slots.parquet")
    pq.write_table(
        pa.table({"id": ["a"], "unit": ["u"], "text": ["abcdefgh ijklmnop"]}), tmp_path / "sequences.parquet"
    )
    asked = ["score", "--checkpoint", str(tmp_path / "model"), "--sequences", str(tmp_path / "sequences.parquet")]
    for name, more in {"plain": [], "slots": ["--slots", str(tmp_path / "slots.parquet")]}.items():
        assert main([*asked, "--output", str(tmp_path / name), "--metrics", "loss", "--threads", "1", *more]) == 0
        (row,) = pq.read_table(tmp_path / name / "token_scores").to_pylist()
        assert (len(row["log_probs"]), row["unscored"], row["text_bytes"]) == (1, 1, len(" ijklmnop"))
