"""Models trained in a stack are those that are trained one after the other."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

import torch

from examples.training.scheduled import Phase, Rate, next_token, train
from examples.training.shape import Shape, build
from examples.training.stacked import Stack, train_stacked
from examples.training.stream import PAD, Stream

SHAPE = Shape(30, width=16, layers=2, heads=2, positions=16)
MODELS, ROWS, LENGTH, BATCH, STEPS = 3, 20, 9, 4, 12
RATE = Rate(1e-2, "cosine", warm_up=3)


@pytest.fixture
def rows() -> Any:
    """Rows of 3 to 9 tokens."""
    chance = np.random.default_rng(0)
    found = chance.integers(0, 30, (ROWS, LENGTH)).astype(np.int32)
    for row in found:
        row[chance.integers(3, LENGTH + 1) :] = PAD
    return found


@pytest.fixture
def order() -> Any:
    return np.random.default_rng(1).integers(0, ROWS, (MODELS, BATCH * STEPS))


def alone(rows: Any, order: Any, number: int, loss: Any = next_token) -> Any:
    model = build(SHAPE, number)
    train(model, [Phase(Stream(rows[order[number]], order[number]), RATE, BATCH)], loss=loss)
    return model


def refuse_different(stack: Stack, number: int, model: Any) -> None:
    """Weights that Adam moved by some .1 agree to 1e-4: float32 sums in another order."""
    for name, one in model.named_parameters():
        torch.testing.assert_close(stack.weights[name][number].detach(), one.detach(), rtol=1e-3, atol=1e-4)


def test_a_stack_gives_the_logits_of_its_models(rows: Any) -> None:
    models = [build(SHAPE, seed) for seed in range(MODELS)]
    ids = torch.from_numpy(np.maximum(rows[: 2 * MODELS], 0).astype(np.int64)).view(MODELS, 2, LENGTH)
    found = Stack(models).logits(ids)
    wanted = torch.stack([model(one).logits.flatten(0, 1) for model, one in zip(models, ids, strict=True)])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_stack_is_trained_as_its_models_are_one_by_one(rows: Any, order: Any) -> None:
    stack = Stack([build(SHAPE, seed) for seed in range(MODELS)])
    train_stacked(stack, rows, order, RATE, BATCH)
    for number in range(MODELS):
        model = alone(rows, order, number)
        refuse_different(stack, number, model)
        copied = stack.copy_into(number, build(SHAPE, 99))
        assert all(torch.equal(one, stack.weights[name][number]) for name, one in copied.named_parameters())
    with pytest.raises(AssertionError):
        refuse_different(stack, 0, alone(rows, order, 1))


def test_rows_that_do_not_count_for_a_model_are_left_out_of_its_loss(rows: Any, order: Any) -> None:
    counted = np.random.default_rng(2).random((MODELS, ROWS)) < 0.7
    stack = Stack([build(SHAPE, seed) for seed in range(MODELS)])
    train_stacked(stack, rows, order, RATE, BATCH, counted=counted)
    for number in range(MODELS):

        def loss(logits: Any, batch: Any, index: Any, own: Any = counted[number]) -> Any:
            return next_token(logits, batch.masked_fill(~torch.from_numpy(own)[index][:, None], PAD), index)

        refuse_different(stack, number, alone(rows, order, number, loss))


def test_a_model_does_not_see_what_the_others_see(rows: Any, order: Any) -> None:
    found = []
    for last in (order[2], order[1]):
        stack = Stack([build(SHAPE, seed) for seed in range(MODELS)])
        train_stacked(stack, rows, np.stack([order[0], order[1], last]), RATE, BATCH)
        found.append({name: one.detach().clone() for name, one in stack.weights.items()})
    for name, one in found[0].items():
        torch.testing.assert_close(one[:2], found[1][name][:2], rtol=1e-4, atol=1e-6)
        assert not torch.equal(one[2], found[1][name][2])


def test_saves_come_at_their_steps(rows: Any, order: Any) -> None:
    steps: list[int] = []
    stack = Stack([build(SHAPE, seed) for seed in range(MODELS)])
    train_stacked(stack, rows, order, RATE, BATCH, saves=(0, 5, STEPS), saved=lambda step, _: steps.append(step))
    assert steps == [0, 5, STEPS]


def test_other_stacks_are_refused(rows: Any, order: Any) -> None:
    with pytest.raises(ValueError, match="several shapes"):
        Stack([build(SHAPE, 0), build(Shape(30, width=32, positions=16), 0)])
    with pytest.raises(ValueError, match="is of 3 models, the stack has 1"):
        train_stacked(Stack([build(SHAPE, 0)]), rows, order, RATE, BATCH)
