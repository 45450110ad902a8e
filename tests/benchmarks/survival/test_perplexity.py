"""Perplexities of the survival benchmark: those of the model's formulas."""

import numpy as np
import pytest

from benchmarks.survival.__main__ import as_mail
from benchmarks.survival.perplexity import perplexities
from tests.probes.ngram.test_ngram import SlowModel, fitted
from transforms.probes.ngram.ngram_score import log_probabilities


def test_log_probabilities_are_those_of_the_formulas() -> None:
    model, ids, _ = fitted()
    slow = SlowModel(ids.tolist())
    end = int(np.flatnonzero(ids[1:] == 0)[0]) + 2
    line = ids[:end].tolist()
    found = log_probabilities(model, ids[:end])
    assert found[0] == 0
    for at in range(1, len(line)):
        assert np.exp(found[at]) == pytest.approx(slow.probability(tuple(line[max(0, at - 3) : at]), line[at]))


def test_what_is_unknown_costs_alike_and_stretches_are_whole_sentences() -> None:
    model, _, _ = fitted()
    own = np.array([1, 2, -1], np.int32)
    assert log_probabilities(model, own)[2] == pytest.approx(np.log(1e-6))
    sentences = [np.array([3, 2, 1], np.int32)] * 5
    assert len(perplexities(model, sentences, 6)) == 2
    assert len(perplexities(model, sentences, 7)) == 1


def test_mail_has_a_header_and_short_lines() -> None:
    mail = as_mail("word " * 100 + "\n\nMore.", 3)
    assert mail.startswith("From: writer3@list.example\nSubject: ")
    assert max(map(len, mail.split("\n"))) <= 72
