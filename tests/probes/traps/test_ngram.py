"""The trigram model and what is sampled from it: against the formulas, and against what a text must look like."""

import collections
import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from transforms.probes.traps.generators.ngram import TEMPERATURES, NgramGenerator
from transforms.probes.traps.generators.ngram_kernel import Tempered, cumulative_weights, sample, uniforms
from transforms.probes.traps.generators.ngram_model import TrigramModel, fit
from transforms.probes.traps.generators.pieces import split, vocabulary

TEXTS = [
    "The cat sat on the mat, and the dog sat on the cat. Then the dog ran; the cat's friend didn't.\n\nA new day.",
    "When the well-known dog (a big one) ran on the mat, the cat sat: on the dog! Who ran? The mat ran.",
    "A cat and a dog ran. The mat and the friend sat on a day, then the new cat ran on the well-known mat.",
] * 3  # fmt: skip
KEY = b"k" * 32


class SlowModel:
    """Interpolated Kneser-Ney as the docstring of `ngram_model` says it, by dictionaries."""

    def __init__(self, ids: list[int]) -> None:
        padded = [0, 0, *ids]
        self.three: collections.Counter[tuple[int, int, int]] = collections.Counter()
        for u, v, w in zip(padded, padded[1:], padded[2:], strict=False):
            if w:
                self.three[u if v else 0, v, w] += 1
        self.two = collections.Counter((v, w) for _, v, w in self.three)
        self.one = collections.Counter(w for _, w in self.two)

    @staticmethod
    def discount(counts: collections.Counter) -> float:
        once, twice = (sum(count == wanted for count in counts.values()) for wanted in (1, 2))
        return min(once / (once + 2 * twice), 0.95) if once else 0.5

    def probability(self, u: int, v: int, w: int) -> float:
        found = self.one[w] / sum(self.one.values())
        for counts, context in ((self.two, (v,)), (self.three, (u if v else 0, v))):
            d = self.discount(counts)
            alike = {key: count for key, count in counts.items() if key[:-1] == context}
            total = sum(alike.values())
            if total:
                found = (max(counts[*context, w] - d, 0) + d * len(alike) * found) / total
        return found


def fitted(texts: list[str] = TEXTS) -> tuple[TrigramModel, np.ndarray, int]:
    pieces, ids = vocabulary(split(pa.array(texts)), 1000, 1)
    return fit(ids, len(pieces) - 1), ids, len(pieces)


def draw(model: TrigramModel, words: np.ndarray, count: int, length: int, temperature: float = 1.0, first: int = 0):
    exponent = 1 / temperature
    orders = [
        Tempered(
            one.start, one.piece, one.mass, one.total, one.back_off,
            cumulative_weights(one.start, one.mass, exponent), one.back_off**exponent,
        )
        for one in (model.after_two, model.after_one)
    ]  # fmt: skip
    alone = cumulative_weights(np.array([0, len(model.alone)]), model.alone, exponent)
    ids, log_probs = np.empty((count, length), np.int32), np.empty((count, length), np.float32)
    sample(
        model.context_start, model.context_last, *orders, model.alone, alone, words, np.uint64(5), first, ids, log_probs
    )
    return ids, log_probs


def test_probabilities_are_those_of_the_formulas_and_add_up_to_one() -> None:
    model, ids, size = fitted()
    slow = SlowModel(ids.tolist())
    found, log_probs = draw(model, np.ones(size, bool), 40, 12, 1.7)
    for row, logs in zip(found.tolist(), log_probs.tolist(), strict=True):
        for u, v, w, log in zip([0, 0, *row], [0, *row], row, logs, strict=False):
            assert np.exp(log) == pytest.approx(slow.probability(u, v, w), rel=1e-5)
    for u, v in ((0, 0), (int(ids[0]), int(ids[1])), (0, int(ids[3])), (3, 3)):
        assert sum(slow.probability(u, v, w) for w in range(1, size)) == pytest.approx(1)


def test_at_temperature_one_pieces_come_as_often_as_the_model_says() -> None:
    model, ids, size = fitted()
    slow = SlowModel(ids.tolist())
    found, _ = draw(model, np.ones(size, bool), 40_000, 1)
    share = np.bincount(found[:, 0], minlength=size) / len(found)
    expected = [slow.probability(0, 0, w) if w else 0 for w in range(size)]
    assert np.abs(share - expected).max() < 0.012


def test_what_is_sampled_does_not_depend_on_how_the_work_is_divided() -> None:
    model, _, size = fitted()
    whole, _ = draw(model, np.ones(size, bool), 30, 9)
    parts = [draw(model, np.ones(size, bool), 10, 9, first=first)[0] for first in (0, 10, 20)]
    assert (np.concatenate(parts) == whole).all()
    counts, start = np.full(len(TEMPERATURES), 700), np.zeros(len(TEMPERATURES), np.int64)
    one, four = (NgramGenerator(pa.array(TEXTS), KEY, None, threads).sample(20, start, counts) for threads in (1, 4))
    assert [batch.texts.to_pylist() for batch in one] == [batch.texts.to_pylist() for batch in four]


def test_uniform_numbers_of_addresses_are_uniform_and_keyed() -> None:
    found = uniforms(np.uint64(1), np.arange(100_000, dtype=np.uint64))
    assert np.abs(np.histogram(found, 10, (0, 1))[0] - 10_000).max() < 400
    assert not (found == uniforms(np.uint64(2), np.arange(100_000, dtype=np.uint64))).any()


def test_a_candidate_looks_like_text() -> None:
    generator = NgramGenerator(pa.array(TEXTS), KEY, None, 1)
    (batch, *_) = generator.sample(30, np.zeros(5, np.int64), np.full(5, 50))
    assert len(batch.texts) == 50
    assert (batch.length == 30).all()
    for text in batch.texts.to_pylist():
        assert re.fullmatch(r"\w(.*\w)?", text)
        assert "  " not in text
        assert not re.search(r"\s[,.;:!?]|[,.;:!?]{2}|[()\n]", text)
        assert unicodedata.is_normalized("NFC", text)
        assert len(re.findall(r"[\w'-]+|[,.;:!?]", text)) == 30


def test_dense_scripts_are_sampled_by_character_and_joined_without_spaces() -> None:
    generator = NgramGenerator(
        pa.array(["\u8fd9\u662f\u4e00\u53ea\u732b\uff0c\u90a3\u662f\u72d7\u3002"] * 4), KEY, None, 1
    )
    (batch, *_) = generator.sample(12, np.zeros(5, np.int64), np.full(5, 20))
    for text in batch.texts.to_pylist():
        assert len(text) == 12
        assert " " not in text


def bpe(vocabulary_size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


@pytest.mark.parametrize("vocabulary_size", [260, 300, 400])
def test_with_a_tokenizer_lengths_are_exact_in_its_tokens(vocabulary_size: int) -> None:
    tokenizer = bpe(vocabulary_size)
    generator = NgramGenerator(pa.array(TEXTS), KEY, tokenizer, 2)
    counts = np.full(len(TEMPERATURES), 60)
    batches = generator.sample(25, np.zeros(len(TEMPERATURES), np.int64), counts)
    for batch in batches:
        assert batch.made == 60
        assert all(len(tokenizer.encode(text).ids) == 25 for text in batch.texts.to_pylist())
    assert sum(len(batch.texts) for batch in batches) > 30


def test_higher_temperatures_give_higher_perplexities() -> None:
    texts = [
        " ".join(f"w{int(x)}" for x in np.minimum(np.random.default_rng(at).zipf(1.5, 400), 300)) for at in range(30)
    ]
    generator = NgramGenerator(pa.array(texts), KEY, None, 1)
    counts = np.full(len(TEMPERATURES), 300)
    batches = generator.sample(40, np.zeros(len(counts), np.int64), counts)
    medians = [float(np.median(batch.perplexity)) for batch in batches]
    assert medians == sorted(medians)
    assert medians[-1] > 1.3 * medians[0]


def test_a_sample_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no words"):
        NgramGenerator(pa.array(["...", " \n"]), KEY, None, 1)
