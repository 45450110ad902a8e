"""Statistics of the head against float64, for logits of every kind."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.scoring.model.head.statistics import head_statistics, logit_statistics


def slow(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The definitions, in float64."""
    log_probs = logits.double().log_softmax(-1)
    weights = log_probs.exp()
    terms = torch.where(weights > 0, weights * log_probs, 0.0)
    mean = terms.sum(-1)
    square = torch.where(weights > 0, weights * (log_probs - mean[:, None]) ** 2, 0.0).sum(-1)
    first = torch.tensor([int((row == row.max()).nonzero()[0, 0]) for row in logits])
    columns = [log_probs.gather(1, targets[:, None])[:, 0], mean, square.sqrt().clamp(min=1e-3), first == targets]
    return torch.stack([one.double() for one in columns], 1)


def ours(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    out = torch.full((len(targets), 4), float("nan"), device=logits.device)
    logit_statistics(logits, targets, out)
    return out.double().cpu()


@settings(max_examples=40)
@given(st.integers(0, 1 << 30), st.integers(1, 20), st.integers(1, 400), st.sampled_from([0.01, 1.0, 8.0, 40.0]))
def test_statistics_equal_their_definition(seed: int, rows: int, size: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, size, generator=generator) * spread + 3.0
    targets = torch.randint(0, size, (rows,), generator=generator)
    torch.testing.assert_close(ours(logits, targets), slow(logits, targets), rtol=2e-5, atol=2e-5)


def test_of_equal_logits_the_lowest_id_is_the_argmax() -> None:
    logits = torch.tensor([[1.0, 2.0, 2.0, 2.0]] * 4)
    assert ours(logits, torch.arange(4))[:, 3].tolist() == [0, 1, 0, 0]


def test_a_certain_model_has_loss_zero_and_the_least_deviation() -> None:
    found = ours(torch.tensor([[200.0, -200.0, -300.0]]), torch.tensor([0]))
    assert found.tolist() == [[0.0, pytest.approx(0.0, abs=1e-30), pytest.approx(1e-3), 1.0]]


def test_masked_tokens_take_no_part() -> None:
    logits = torch.randn(3, 50)
    masked = torch.cat([logits, torch.full((3, 9), -torch.inf)], 1)
    found, wanted = (ours(one, torch.tensor([1, 2, 3])) for one in (masked, logits))
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)  # sums may be taken in another order
    assert ours(masked, torch.tensor([55, 2, 3]))[0, 0] == -torch.inf


def test_nan_stays_nan() -> None:
    logits = torch.randn(2, 30)
    logits[1, 7] = torch.nan
    found = ours(logits, torch.tensor([0, 7]))
    assert torch.isfinite(found[0]).all()
    assert torch.isnan(found[1, 0])


def test_bfloat16_logits_are_reduced_in_float32() -> None:
    logits = (torch.randn(8, 1000) * 3).bfloat16()
    targets = torch.arange(8)
    torch.testing.assert_close(ours(logits, targets), slow(logits, targets), rtol=1e-5, atol=1e-5)


def test_chunks_and_threads_change_nothing() -> None:
    torch.manual_seed(0)
    head, hidden, targets = torch.nn.Linear(8, 70_000, bias=False), torch.randn(200, 8), torch.arange(200)
    before = torch.get_num_threads()
    with torch.inference_mode():
        whole = torch.empty(200, 4)
        logit_statistics(head(hidden), targets, whole)
        try:
            torch.set_num_threads(2)
            chunked = head_statistics(hidden, head, 70_000, targets)
        finally:
            torch.set_num_threads(before)
    np.testing.assert_allclose(chunked.numpy(), whole.numpy(), atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [1, 97, 4096, 32_000, 50_257])
def test_the_gpu_kernel_equals_the_definition(dtype: torch.dtype, size: int) -> None:
    torch.manual_seed(size)
    logits, targets = (torch.randn(64, size) * 3).to(dtype), torch.randint(0, size, (64,))
    found = ours(logits.cuda(), targets.cuda())
    torch.testing.assert_close(found, slow(logits.float(), targets), rtol=1e-5, atol=1e-5)
