"""A sequence's statistics are its own: whatever stands beside it, in whatever form it is run, on five architectures."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from tests.scoring.tiny_checkpoints import ARCHITECTURES, VOCABULARY, tiny_model
from transforms.base.errors import CorpusError
from transforms.scoring.model.batches import Sequences
from transforms.scoring.model.scorer import Scorer

PACKED = {"llama", "gpt_neox", "gpt2", "qwen2"}
FUSED = {"llama", "qwen2"}
TOLERANCE = 1e-5


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sequences_of(rows: list[list[int]], first: int = 1) -> Sequences:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    flat = np.array([token for row in rows for token in row], np.int64)
    return Sequences(flat, offsets, np.full(len(rows), first, np.int64))


def random_rows(count: int, seed: int = 0, longest: int = 30) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, VOCABULARY, generator.integers(2, longest)).tolist() for _ in range(count)]


def by_row(found: np.ndarray, rows: list[list[int]], first: int = 1) -> list[np.ndarray]:
    return np.split(found, np.cumsum([max(0, len(row) - first) for row in rows])[:-1])


def exact(model: torch.nn.Module, row: list[int], first: int) -> np.ndarray:
    """The definitions in float64, from the model's own logits for this sequence alone."""
    ids = torch.tensor(row)
    with torch.inference_mode():
        log_probs = model(input_ids=ids[None], use_cache=False).logits[0, first - 1 : -1].double().log_softmax(-1)
    weights, targets = log_probs.exp(), ids[first:]
    mean = (weights * log_probs).sum(-1)
    deviation = (weights * (log_probs - mean[:, None]) ** 2).sum(-1).sqrt()
    own = log_probs.gather(1, targets[:, None])[:, 0]
    return torch.stack([own, mean, deviation, (log_probs.argmax(-1) == targets).double()], 1).numpy()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("pack", [True, False])
def test_statistics_equal_the_models_own_logits(architecture: str, pack: bool) -> None:
    rows = [*random_rows(14), [5], random_rows(1, seed=3, longest=60)[0]]
    plain = tiny_model(architecture)
    scorer = Scorer.of(tiny_model(architecture), 64, pack=pack)
    assert scorer.forward.packed == (pack and architecture in PACKED)
    assert scorer.forward.fused == (pack and architecture in FUSED)
    for first in (1, 4):
        found = by_row(scorer.score(sequences_of(rows, first)), rows, first)
        for row, one in zip(rows, found, strict=True):
            if len(row) > first:
                np.testing.assert_allclose(one, exact(plain, row, first), atol=TOLERANCE)
            else:
                assert len(one) == 0


@pytest.mark.parametrize("architecture", sorted(FUSED))
def test_fused_layers_take_over_every_weight(architecture: str) -> None:
    plain, changed = tiny_model(architecture), tiny_model(architecture)
    for model in (plain, changed):
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weights in model.parameters():  # biases and norms, too
                weights.add_(torch.randn(weights.shape, generator=generator) * 0.1)
    scorer, rows = Scorer.of(changed, 64, pack=True), random_rows(9)
    assert scorer.forward.fused
    wanted = np.concatenate([exact(plain, row, 1) for row in rows])
    np.testing.assert_allclose(scorer.score(sequences_of(rows)), wanted, atol=TOLERANCE)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_alone_first_last_packed_or_padded_it_is_the_same(architecture: str) -> None:
    rows = random_rows(12, seed=1)
    mine = rows[0]
    found = []
    for pack in (True, False):
        scorer = Scorer.of(tiny_model(architecture), 96, pack=pack)
        for batch, at in (([mine], 0), (rows, 0), ([*rows[1:], mine], 11), ([*rows[1:6], mine, *rows[6:]], 5)):
            found.append(by_row(scorer.score(sequences_of(batch)), batch)[at])
    for one in found[1:]:
        np.testing.assert_allclose(one, found[0], atol=TOLERANCE)


@pytest.mark.parametrize("pack", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_changed_neighbour_moves_nothing(architecture: str, pack: bool) -> None:
    rows = random_rows(9, seed=2)
    other = [rows[0], *[[(token + 17) % VOCABULARY for token in row] for row in rows[1:]]]
    scorer = Scorer.of(tiny_model(architecture), 4096, pack=pack)
    before = by_row(scorer.score(sequences_of(rows)), rows)
    after = by_row(scorer.score(sequences_of(other)), other)
    # The shapes are the same, so not even the last bit may differ.
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.allclose(before[1], after[1])


def test_the_future_moves_nothing() -> None:
    row = random_rows(1, seed=4, longest=40)[0] + [1, 2, 3]
    scorer = Scorer.of(tiny_model("llama"), 256, pack=True)
    before, after = (scorer.score(sequences_of([[*row[:-1], last]])) for last in (7, 8))
    np.testing.assert_array_equal(before[:-1], after[:-1])


@pytest.mark.parametrize("architecture", ["llama", "mamba"])
def test_bfloat16_stays_within_its_own_error(architecture: str) -> None:
    rows = random_rows(40, seed=5)
    wanted = np.concatenate([exact(tiny_model(architecture), row, 1) for row in rows])
    errors = []
    for pack in (True, False):
        scorer = Scorer.of(tiny_model(architecture).bfloat16(), 128, pack=pack)
        errors.append(np.abs(scorer.score(sequences_of(rows))[:, 0] - wanted[:, 0]))
    # bfloat16 holds 8 bits: logits of some 5 are off by hundredths, and batches move nothing beyond that.
    assert all(0 < error.mean() < 0.1 for error in errors)
    assert all(error.max() < 0.5 for error in errors)


def test_a_model_that_does_more_to_its_logits_is_run_as_it_is() -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    def make() -> Gemma2ForCausalLM:
        torch.manual_seed(0)
        config = Gemma2Config(
            vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, max_position_embeddings=64, sliding_window=8,
            final_logit_softcapping=0.5,
        )  # fmt: skip
        return Gemma2ForCausalLM(config).eval()

    scorer, rows = Scorer.of(make(), 64, pack=True), random_rows(6)
    assert not scorer.forward.plain_head
    assert not scorer.forward.packed
    wanted = np.concatenate([exact(make(), row, 1) for row in rows])
    np.testing.assert_allclose(scorer.score(sequences_of(rows)), wanted, atol=TOLERANCE)


def test_a_sliding_window_is_not_packed_away() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, sliding_window=8,
    )  # fmt: skip
    model = MistralForCausalLM(config).eval()
    rows = random_rows(6, longest=40)
    wanted = np.concatenate([exact(model, row, 1) for row in rows])
    scorer = Scorer.of(model, 64, pack=True)
    assert not scorer.forward.packed
    np.testing.assert_allclose(scorer.score(sequences_of(rows)), wanted, atol=TOLERANCE)


@pytest.fixture
def memory_for() -> Callable[[Scorer, int], list[int]]:
    """Let a scorer run out of memory on batches of more than so many tokens; returns the sizes that were tried."""

    def limit(scorer: Scorer, most: int) -> list[int]:
        tried: list[int] = []
        inner = scorer.forward.run

        def run(batch: object) -> torch.Tensor:
            tried.append(batch.ids.size)  # type: ignore[attr-defined]
            if tried[-1] > most:
                raise torch.OutOfMemoryError("no more")
            return inner(batch)  # type: ignore[arg-type]

        scorer.forward.run = run  # type: ignore[method-assign, assignment]
        return tried

    return limit


@pytest.mark.parametrize("pack", [True, False])
def test_a_batch_that_does_not_fit_is_done_in_parts(pack: bool, memory_for: Callable[..., list[int]]) -> None:
    rows = random_rows(30, seed=6)
    wanted = Scorer.of(tiny_model("llama"), 64, pack=pack).score(sequences_of(rows))
    scorer = Scorer.of(tiny_model("llama"), 1024, pack=pack)
    tried = memory_for(scorer, 128)
    np.testing.assert_allclose(scorer.score(sequences_of(rows)), wanted, atol=TOLERANCE)
    assert scorer.max_tokens == 128
    assert scorer.spent.splits >= 2
    assert [size for size in tried if size > 128] == tried[: scorer.spent.splits]


def test_a_sequence_that_never_fits_is_an_error(memory_for: Callable[..., list[int]]) -> None:
    scorer = Scorer.of(tiny_model("llama"), 1024)
    memory_for(scorer, 10)
    with pytest.raises(CorpusError, match="a sequence of 50 tokens does not fit into the memory of cpu"):
        scorer.score(sequences_of([list(range(50)), list(range(40))]))


def test_operations_and_tokens_are_counted() -> None:
    scorer = Scorer.of(tiny_model("gpt2"), 256)
    scorer.score(sequences_of([list(range(10)), list(range(20))], first=4))
    body, head = 2 * 12 * 32 * 32, 32 * VOCABULARY
    assert (scorer.spent.tokens, scorer.spent.scored) == (30, 22)
    assert scorer.spent.flop == 2 * body * 30 + 2 * head * 22 + 2 * 4 * 8 * 2 * (100 + 400)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packed_on_a_gpu_nothing_depends_on_the_batch(compiled: bool, dtype: torch.dtype) -> None:
    rows = random_rows(60, seed=7, longest=100)
    scorer = Scorer.of(tiny_model("llama").to(dtype).cuda(), 2048, compiled=compiled)
    assert scorer.forward.packed
    together = by_row(scorer.score(sequences_of(rows)), rows)
    turned = by_row(scorer.score(sequences_of(rows[::-1])), rows[::-1])[::-1]
    tolerance = 0.0 if dtype == torch.bfloat16 else TOLERANCE  # in bfloat16 not a bit may differ
    for at, row in enumerate(rows[:8]):
        np.testing.assert_allclose(scorer.score(sequences_of([row])), together[at], rtol=0, atol=tolerance)
        np.testing.assert_allclose(turned[at], together[at], rtol=0, atol=tolerance)
