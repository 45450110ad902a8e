"""What the benchmark computes without Arrow is what Trapline's scorer and metrics give."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="scoring needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="scoring needs transformers, of the extra score")

from benchmarks.sentences.answers import Asked, edits, in_rows, losses, recalled
from examples.training.shape import Shape, build
from examples.training.stacked import Stack
from transforms.base.texts import Ragged, offsets_of
from transforms.scoring.generation.continuation import GenerationSettings, generate
from transforms.scoring.metrics.inputs import Recalled
from transforms.scoring.metrics.recall import recall, recall_similarity
from transforms.scoring.model.batches import Sequences
from transforms.scoring.model.scorer import Scorer

SHAPE = Shape(40, width=16, layers=2, heads=2, positions=32)


def test_losses_and_recall_are_those_of_the_scorer() -> None:
    chance = np.random.default_rng(0)
    lengths = chance.integers(4, 15, 60)
    tokens = chance.integers(0, 6, int(lengths.sum()))  # few kinds of tokens: some are recalled by chance
    cut = 1 + (lengths - 1) // 2
    asked = Asked(in_rows(tokens, lengths), lengths, np.ones(60, np.int64), cut)
    stack = Stack([build(SHAPE, seed).eval() for seed in (1, 2)])
    found, (hits, distances) = losses(stack, asked), recalled(stack, asked)
    sequences = Sequences(tokens, offsets_of(lengths), asked.first)
    rows = [tokens[a:b] for a, b in zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True)]
    cues = Ragged(np.concatenate([row[:at] for row, at in zip(rows, cut, strict=True)]), offsets_of(cut))
    rests = Ragged(np.concatenate([row[at:] for row, at in zip(rows, cut, strict=True)]), offsets_of(lengths - cut))
    for number, seed in enumerate((1, 2)):
        model = build(SHAPE, seed).eval()
        statistics = Scorer.of(build(SHAPE, seed).eval()).score(sequences)[:, 0]
        before = np.cumsum(sequences.scored) - sequences.scored
        np.testing.assert_allclose(found[number], np.add.reduceat(statistics, before) / sequences.scored, atol=1e-5)
        produced = generate(model, cues, [str(at) for at in range(60)], rests.lengths, GenerationSettings())
        both = Recalled(rests, produced.tokens)
        np.testing.assert_allclose(hits[number] / rests.lengths, recall(both))
        np.testing.assert_allclose(1 - distances[number] / rests.lengths, recall_similarity(both))
    assert hits.any()


def test_edit_distances_end_at_the_tokens_that_are_compared() -> None:
    produced, wanted = np.array([[[1, 2, 3, 4], [7, 1, 2, 9]]]), np.array([[1, 2, 3, 5], [1, 2, 3, 9]])
    assert edits(produced, wanted, np.array([3, 4])).tolist() == [[0, 2]]
    assert edits(produced, wanted, np.array([4, 1])).tolist() == [[1, 1]]
