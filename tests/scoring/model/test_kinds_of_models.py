"""A model is scored as its own plain pass would score it, or it is refused: whatever kind of model it is."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.scoring.odd_checkpoints import make, saved
from transforms.base.errors import CorpusError
from transforms.scoring.model.batches import Sequences
from transforms.scoring.model.checkpoint import look_at_checkpoint
from transforms.scoring.model.loading import load_model
from transforms.scoring.model.scorer import Scorer

ROW = 96


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def scorer_of(folder: Path, *, pack: bool | None, dtype: str = "float32", row: int = ROW) -> Scorer:
    return Scorer.of(load_model(look_at_checkpoint(str(folder)), dtype, "cpu"), row, pack=pack)


def some_sequences(lengths: list[int], seed: int = 0) -> Sequences:
    generator = np.random.default_rng(seed)
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    return Sequences(generator.integers(3, 64, offsets[-1]), offsets, np.ones(len(lengths), np.int64))


def plain(model: torch.nn.Module, sequences: Sequences) -> np.ndarray:
    """The model's own logits, a sequence at a time, log-softmax in float64."""
    found = []
    with torch.inference_mode():
        for begin, end in itertools.pairwise(sequences.offsets):
            ids = torch.from_numpy(sequences.tokens[begin:end])
            logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1].double()
            found.append(logits.log_softmax(-1).gather(1, ids[1:, None])[:, 0].numpy())
    return np.concatenate(found)


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "xlnet", "xlm", "gemma3_both_ways"])
def test_a_model_that_reads_both_ways_is_refused(kind: str, tmp_path: Path) -> None:
    # These have the small initial weights of their classes: what leaks through them is small, and still found.
    saved(tmp_path / kind, make(kind))
    with pytest.raises(CorpusError, match="it is not causal: a later token changes the states of earlier ones"):
        scorer_of(tmp_path / kind, pack=None)


@pytest.mark.parametrize("kind", ["bert", "electra", "xlm", "gemma3_both_ways"])
def test_it_is_refused_in_bfloat16_too(kind: str, tmp_path: Path) -> None:
    saved(tmp_path / kind, make(kind))
    with pytest.raises(CorpusError, match="it is not causal"):
        scorer_of(tmp_path / kind, pack=None, dtype="bfloat16")


@pytest.mark.parametrize(
    "kind",
    ["bert_decoder", "roberta_decoder", "electra_decoder", "recurrent_gemma", "llama4", "minimax", "zamba2",
     "falcon_alibi", "bloom", "gpt_neo", "rwkv"],
)  # fmt: skip
def test_what_is_scored_is_what_the_model_says_of_each_sequence_alone(kind: str, tmp_path: Path) -> None:
    saved(tmp_path / kind, make(kind))
    checkpoint = look_at_checkpoint(str(tmp_path / kind))
    model = load_model(checkpoint, "float32", "cpu")
    longest = min(checkpoint.max_length or 64, 64)
    sequences = some_sequences([5, 30, 2, longest, 11, 7, 40, 3])
    wanted = plain(model, sequences)
    for pack in (True, False):
        found = scorer_of(tmp_path / kind, pack=pack).score(sequences)[:, 0]
        np.testing.assert_allclose(found, wanted, atol=5e-5)


@pytest.mark.parametrize("kind", ["falcon_alibi", "gpt_neo", "rwkv", "recurrent_gemma"])
def test_what_shares_no_row_is_not_packed(kind: str, tmp_path: Path) -> None:
    saved(tmp_path / kind, make(kind))
    scorer = scorer_of(tmp_path / kind, pack=True, row=1024)
    assert not scorer.forward.packed
    sequences = some_sequences([20] * 30)
    together = scorer.score(sequences)[:, 0]
    one = Sequences(sequences.tokens[:20], sequences.offsets[:2], sequences.first[:1])
    np.testing.assert_allclose(scorer.score(one)[:, 0], together[:19], atol=2e-5)


@pytest.mark.parametrize("kind", ["minimax", "llama4", "bert_decoder", "zamba2"])
def test_causal_models_are_scored_in_bfloat16(kind: str, tmp_path: Path) -> None:
    # Experts get other batches of tokens when later ones change, so their rounding differs: that is no leak.
    saved(tmp_path / kind, make(kind))
    assert len(scorer_of(tmp_path / kind, pack=None, dtype="bfloat16").score(some_sequences([5, 30]))) == 33


def test_positions_behind_padding_are_not_counted(tmp_path: Path) -> None:
    saved(tmp_path / "roberta", make("roberta_decoder"))  # 64 places in its table, and the id of padding is 1
    checkpoint = look_at_checkpoint(str(tmp_path / "roberta"))
    assert checkpoint.max_length == 62
    assert len(scorer_of(tmp_path / "roberta", pack=None).score(some_sequences([62]))) == 61


def test_chance_in_a_model_is_refused(tmp_path: Path) -> None:
    model = make("gpt_neo").eval()
    model.transformer.h[0].mlp.dropout.forward = lambda x: x + torch.randn_like(x)
    with pytest.raises(CorpusError, match="two passes over the same tokens give different states"):
        Scorer.of(model, ROW)


def test_a_model_that_looks_one_token_ahead_is_refused(tmp_path: Path) -> None:
    model = make("gpt_neo").eval()
    inner = model.transformer.h[1].mlp.forward
    model.transformer.h[1].mlp.forward = lambda x: inner(x) + 0.01 * torch.roll(x, -1, dims=1)
    with pytest.raises(CorpusError, match="it is not causal"):
        Scorer.of(model, ROW)


def test_a_model_whose_states_depend_on_the_batch_runs_each_sequence_alone() -> None:
    model = make("bloom").eval()
    inner = model.transformer.h[1].mlp.forward
    # As rotary positions that are turned by the longest sequence of a batch.
    model.transformer.h[1].mlp.forward = lambda x, residual: inner(x * (1 + 0.01 * x.shape[1]), residual)
    sequences = some_sequences([5, 30, 12])
    scorer = Scorer.of(model, ROW)
    assert scorer.forward.alone
    np.testing.assert_allclose(scorer.score(sequences)[:, 0], plain(model, sequences), atol=2e-5)


def test_on_the_cpu_bfloat16_depends_on_nothing_beside(tmp_path: Path) -> None:
    saved(tmp_path / "bloom", make("bloom"))
    scorer = scorer_of(tmp_path / "bloom", pack=None, dtype="bfloat16")
    lengths = [5, 30, 2, 60, 11]
    sequences = some_sequences(lengths)
    together = np.split(scorer.score(sequences), np.cumsum(np.array(lengths) - 1)[:-1])
    for at, (begin, end) in enumerate(itertools.pairwise(sequences.offsets)):
        one = Sequences(sequences.tokens[begin:end], np.array([0, end - begin]), np.ones(1, np.int64))
        np.testing.assert_array_equal(scorer.score(one), together[at])


def test_a_row_that_does_not_fit_into_memory_is_halved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tests.scoring.tiny_checkpoints import tiny_model
    from transforms.scoring.model.forward import Forward

    inner = Forward._parts_packed

    def limited(self: Forward, sequences: Sequences, row: int) -> torch.Tensor:
        if row > 128:
            raise torch.OutOfMemoryError("no more")
        return inner(self, sequences, row)

    monkeypatch.setattr(Forward, "_parts_packed", limited)
    scorer = Scorer.of(tiny_model("llama"), 1024, pack=True)
    assert scorer.forward.packed
    assert (scorer.forward.row, scorer.max_tokens) == (128, 128)


def test_what_a_model_fails_on_is_one_line(tmp_path: Path) -> None:
    saved(tmp_path / "roberta", make("roberta_decoder"))
    with pytest.raises(CorpusError, match="the model fails on a batch of 1 sequences, the longest of 90 tokens"):
        scorer_of(tmp_path / "roberta", pack=None).score(some_sequences([90]))
