"""The training loop: its rates, saves, hooks and phases, and that a seed decides it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

import torch

from examples.training.scheduled import Adam, Phase, Rate, next_token, train
from examples.training.shape import Shape, build, weights_sha256
from examples.training.stream import PAD, Stream, of_documents, of_rows

SHAPE = Shape(20, width=16, layers=2, heads=2, positions=16)


def stream(rows: int = 24, seed: int = 0) -> Stream:
    return of_rows(np.random.default_rng(seed).integers(0, 20, (rows, 8)))


def weights(model: Any) -> dict[str, Any]:
    return {name: one.detach().clone() for name, one in model.named_parameters()}


def test_a_constant_rate_rises_and_stays() -> None:
    rate = Rate(1.0, warm_up=4)
    assert [rate.at(step, 8) for step in range(8)] == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]


def test_a_cosine_falls_from_the_peak_to_its_floor() -> None:
    rate = Rate(2.0, "cosine", warm_up=1, floor=0.25)
    found = [rate.at(step, 10) for step in range(10)]
    assert found[:2] == [2.0, 2.0]
    assert found[5] == pytest.approx(1.25)
    assert found[-1] == pytest.approx(0.5)
    assert found[1:] == sorted(found[1:], reverse=True)


def test_the_seed_and_the_stream_decide_the_weights() -> None:
    hashes = []
    for seed, order in ((1, 0), (1, 0), (2, 0), (1, 1)):
        model = build(SHAPE, seed)
        train(model, [Phase(stream(seed=order), Rate(1e-2), 4)])
        hashes.append(weights_sha256(model))
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_saves_come_at_their_steps_over_all_phases() -> None:
    seen: list[tuple[int, str, bool]] = []
    model = build(SHAPE, 0)
    before = weights_sha256(model)
    phases = [Phase(stream(), Rate(1e-2), 4), Phase(stream(), Rate(1e-2), 8, steps=2)]
    train(model, phases, saves=(0, 5, 8), saved=lambda at, one: seen.append((at, weights_sha256(one), one.training)))
    assert [at for at, _, _ in seen] == [0, 5, 8]
    assert seen[0][1] == before
    assert seen[2][1] == weights_sha256(model)
    assert len({one for _, one, _ in seen}) == 3
    assert not any(training for _, _, training in seen)


def test_looking_on_the_way_changes_nothing() -> None:
    found = []
    for saves in ((), (0, 1, 2, 3)):
        model = build(SHAPE, 0)
        train(model, [Phase(stream(), Rate(1e-2), 4)], saves=saves, saved=lambda _, one: one(torch.tensor([[1, 2]])))
        found.append(weights_sha256(model))
    assert found[0] == found[1]


def test_two_phases_are_one_training_cut_in_two() -> None:
    """The optimizer remembers: with one forgotten state the second half would begin otherwise."""
    whole, halves, fresh = build(SHAPE, 0), build(SHAPE, 0), build(SHAPE, 0)
    one = stream()
    first = Stream(one.rows[:12], one.index[:12])
    second = Stream(one.rows[12:], one.index[12:])
    train(whole, [Phase(one, Rate(1e-2), 4)])
    train(halves, [Phase(first, Rate(1e-2), 4), Phase(second, Rate(1e-2), 4)])
    for part in (first, second):
        train(fresh, [Phase(part, Rate(1e-2), 4)])
    assert weights_sha256(whole) == weights_sha256(halves) != weights_sha256(fresh)


def test_more_steps_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="24 rows, 6 steps of 4"):
        train(build(SHAPE, 0), [Phase(stream(), Rate(1e-2), 4, steps=7)])


def test_a_step_is_cut_into_updates_in_its_order() -> None:
    found = []
    for batch, updates in ((8, 2), (4, 1)):
        model = build(SHAPE, 0)
        train(model, [Phase(stream(), Rate(1e-2), batch, updates=updates)])
        found.append(weights_sha256(model))
    assert found[0] == found[1]


def test_padding_is_as_if_it_were_not_there() -> None:
    """Two rows of other lengths: the loss is that of their tokens, and the shorter one is alone before its padding."""
    found = of_documents([[1, 2, 3, 4, 5], [6, 7]])
    model = build(SHAPE, 0)
    ids = torch.tensor(found.rows, dtype=torch.int64)
    loss = next_token(model(ids.clamp(min=0)).logits, ids, torch.tensor([0, 1])).item()
    rows = [torch.tensor([[1, 2, 3, 4, 5]]), torch.tensor([[6, 7]])]
    total = sum(model(row, labels=row).loss.item() * (row.shape[1] - 1) for row in rows)
    assert loss == pytest.approx(total / 5, rel=1e-5)


def test_a_loss_sees_logits_ids_and_the_numbers_of_its_rows() -> None:
    seen: list[int] = []

    def only_even(logits: Any, batch: Any, index: Any) -> Any:
        seen.extend(index.tolist())
        assert logits.shape == (*batch.shape, 20)
        hidden = torch.where((index % 2 == 0)[:, None], batch, PAD)
        return next_token(logits, hidden, index)

    model, other = build(SHAPE, 0), build(SHAPE, 0)
    one = stream()
    train(model, [Phase(one, Rate(1e-2), 4)], loss=only_even)
    assert seen == list(range(24))
    even = Stream(one.rows[::2], one.index[::2])
    train(other, [Phase(even, Rate(1e-2), 2)])
    for name, values in weights(other).items():
        torch.testing.assert_close(dict(model.named_parameters())[name], values, rtol=1e-4, atol=1e-5)


def test_masked_weights_do_not_move_and_others_do() -> None:
    """Not by gradients, not by what the optimizer remembers of the phase before, and not by weight decay."""
    name = "model.layers.0.mlp.down_proj.weight"
    phases = [Phase(stream(), Rate(1e-2), 4), Phase(stream(seed=1), Rate(1e-2), 4)]
    at: dict[int, dict[str, Any]] = {}

    def mask(parameters: Mapping[str, Any], phase: int) -> dict[str, Any]:
        if not phase:
            return {}
        half = torch.zeros_like(parameters[name])
        half[:, ::2] = 1
        return {name: half, "model.norm.weight": torch.zeros(1)}

    model = build(SHAPE, 0)
    decay = Adam(weight_decay=0.5)
    train(model, phases, saves=(6, 12), saved=lambda step, one: at.update({step: weights(one)}), mask=mask, adam=decay)
    before, after = at[6], at[12]
    assert torch.equal(before["model.norm.weight"], after["model.norm.weight"])
    assert torch.equal(before[name][:, 1::2], after[name][:, 1::2])
    assert (before[name][:, ::2] != after[name][:, ::2]).all()
    free = [one for one in before if one not in (name, "model.norm.weight")]
    assert all(not torch.equal(before[one], after[one]) for one in free)


def test_a_mask_of_all_ones_is_none_at_all() -> None:
    masked, plain = build(SHAPE, 0), build(SHAPE, 0)
    train(plain, [Phase(stream(), Rate(1e-2), 4)])
    everything = {name: torch.ones(1) for name, _ in masked.named_parameters()}
    train(masked, [Phase(stream(), Rate(1e-2), 4)], mask=lambda _, __: everything)
    assert weights_sha256(masked) == weights_sha256(plain)


def test_a_mask_of_no_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match="no such parameter"):
        train(build(SHAPE, 0), [Phase(stream(), Rate(1e-2), 4)], mask=lambda _, __: {"lm.head": torch.ones(1)})


def test_the_rate_of_a_phase_counts_its_own_steps() -> None:
    """A second phase at rate 0 leaves the weights; what is decayed is decayed by the rate."""
    seen: dict[int, str] = {}
    phases = [Phase(stream(), Rate(1e-2), 4), Phase(stream(), Rate(0.0), 4)]
    model = build(dataclasses.replace(SHAPE, layers=1), 0)
    train(model, phases, saves=(6, 12), saved=lambda step, one: seen.update({step: weights_sha256(one)}))
    assert seen[6] == seen[12]
