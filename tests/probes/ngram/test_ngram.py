"""The n-gram model and what is sampled from it: against the formulas, and against what a text must look like."""

import collections
import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from transforms.probes.ngram.ngram import TEMPERATURES, NgramGenerator
from transforms.probes.ngram.ngram_kernel import BEGINS, WORD, cumulative_weights, sample, uniforms
from transforms.probes.ngram.ngram_model import ORDER, NgramModel, fit
from transforms.probes.ngram.pieces import sample_of, sentences, split, stretches
from transforms.probes.traps.rules import Rules

TEXTS = [
    "The cat sat on the mat, and the dog sat on the cat. Then the dog ran; the cat's friend didn't.\n\nA new day came.",
    "When the well-known dog (a big one) ran on the mat, the cat sat on the dog! Who ran then? The mat ran off.",
    "A cat and a dog ran. The mat and the friend sat on a day, then the new cat ran on the well-known mat.",
    "The dog sat. The cat ran on a mat. A friend of the cat ran, and the dog sat on the new mat. Who sat there?",
] * 3  # fmt: skip
KEY = b"k" * 32


class SlowModel:
    """Modified Kneser-Ney as the docstring of `ngram_model` says it, by dictionaries."""

    def __init__(self, ids: list[int]) -> None:
        sentence: list[int] = []
        grams: list[collections.Counter[tuple[int, ...]]] = [collections.Counter() for _ in range(ORDER + 1)]
        for one in ids[1:]:
            sentence.append(one)
            line = [0, *sentence]
            for n in range(2, ORDER + 1):
                gram = tuple(line[-n:])
                if len(gram) == n and min(gram) >= 0 and gram != (0, 0):
                    grams[n][gram] += 1
            if one == 0:
                sentence = []
        self.counts = {ORDER: dict(grams[ORDER])}
        for n in range(2, ORDER):
            before = collections.Counter(gram[1:] for gram in grams[n + 1])
            self.counts[n] = {gram: c if gram[0] == 0 else max(before[gram], 1) for gram, c in grams[n].items()}
        self.alone = collections.Counter(gram[1] for gram in grams[2])
        self.discounts = {n: self.discount(counts) for n, counts in self.counts.items()}

    @staticmethod
    def discount(counts: dict[tuple[int, ...], int]) -> list[float]:
        n1, n2, n3, n4 = (sum(count == wanted for count in counts.values()) for wanted in (1, 2, 3, 4))
        if not n1 * n2 * n3:
            return [0.5, 1.0, 1.5]
        y = n1 / (n1 + 2 * n2)
        found = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        return [min(max(d, 0), 0.95 * k) for k, d in enumerate(found, 1)]

    def probability(self, history: tuple[int, ...], w: int) -> float:
        found = self.alone[w] / sum(self.alone.values())
        for n in range(2, ORDER + 1):
            context = history[-(n - 1) :]
            if len(context) < n - 1:
                break
            alike = {gram[-1]: c for gram, c in self.counts[n].items() if gram[:-1] == context}
            if not alike:
                continue
            kept = {one: c - self.discounts[n][min(c, 3) - 1] for one, c in alike.items()}
            total = sum(alike.values())
            found = kept.get(w, 0) / total + (total - sum(kept.values())) / total * found
        return found


def fitted(texts: list[str] = TEXTS) -> tuple[NgramModel, np.ndarray, np.ndarray]:
    found = sample_of(split(pa.array(texts)), 1000, 1)
    ids = sentences(found)
    return fit(ids, len(found.vocabulary) - 1), ids, found.vocabulary.kinds


def draw(
    model: NgramModel, kinds: np.ndarray, count: int, length: int, temperature: float = 1.0, first: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    exponent = 1 / temperature
    weights = cumulative_weights(model.begin, model.end, model.mass, exponent)
    alone = cumulative_weights(np.zeros(1, np.int64), np.array([len(model.alone)]), model.alone, exponent)
    ids, lengths, log_probs = np.empty((count, length), np.int32), np.empty(count, np.int64), np.empty(count)
    cost = np.ones(len(kinds), np.int64)
    sample(
        model.begin, model.end, model.total, model.back_off, model.piece, model.mass, model.child, model.alone, weights,
        model.back_off**exponent, alone, ORDER, kinds, True, cost, cost, np.uint64(5), first, 9000, ids, lengths,
        log_probs,
    )  # fmt: skip
    return ids, lengths, log_probs


def sentences_in(ids: list[int], ends: set[int]) -> list[list[int]]:
    out: list[list[int]] = [[]]
    for one in ids:
        out[-1].append(one)
        if one in ends:
            out.append([])
    assert out[-1] == []
    return out[:-1]


def test_probabilities_are_those_of_the_formulas_and_add_up_to_one() -> None:
    model, ids, kinds = fitted()
    slow = SlowModel(ids.tolist())
    found, lengths, log_probs = draw(model, kinds, 40, 14, 1.7)
    ends = set(np.flatnonzero(kinds & 4).tolist())
    assert (lengths == 14).sum() > 30
    for row, log_prob in zip(found[lengths == 14].tolist(), log_probs[lengths == 14].tolist(), strict=True):
        expected = 0.0
        for sentence in sentences_in(row, ends):
            line = [0, *sentence, 0]
            expected += sum(
                np.log(slow.probability(tuple(line[max(0, at - 3) : at]), line[at])) for at in range(1, len(line))
            )
        assert log_prob == pytest.approx(expected, rel=1e-9)
    for history in ((0,), (0, int(ids[1])), tuple(ids[2:5].tolist()), (3, 3, 3)):
        assert sum(slow.probability(history, w) for w in range(len(kinds))) == pytest.approx(1)


def test_at_temperature_one_sentences_begin_as_often_as_the_model_says() -> None:
    model, ids, kinds = fitted()
    slow = SlowModel(ids.tolist())
    expected = np.array([slow.probability((0,), w) * (kinds[w] & BEGINS != 0) for w in range(len(kinds))])
    found, lengths, _ = draw(model, kinds, 8000, 40)
    ends = np.flatnonzero(kinds & 4)
    first = np.concatenate([row[1:][np.isin(row[:-1], ends)] for row in found[lengths == 40]])
    share = np.bincount(first, minlength=len(kinds)) / len(first)
    # Sentences inside a text of 40 pieces are short ones a little more often than all are.
    assert np.abs(share - expected / expected.sum()).max() < 0.06


def test_what_is_sampled_does_not_depend_on_how_the_work_is_divided() -> None:
    model, _, kinds = fitted()
    whole = draw(model, kinds, 30, 9)
    parts = [draw(model, kinds, 10, 9, first=first) for first in (0, 10, 20)]
    fine = whole[1] > 0
    assert (np.concatenate([part[1] for part in parts]) == whole[1]).all()
    assert (np.concatenate([part[0] for part in parts])[fine] == whole[0][fine]).all()
    counts, start = np.full(len(TEMPERATURES), 700), np.zeros(len(TEMPERATURES), np.int64)
    one, four = (NgramGenerator(pa.array(TEXTS), KEY, None, threads).sample(20, start, counts) for threads in (1, 4))
    assert [batch.texts.to_pylist() for batch in one] == [batch.texts.to_pylist() for batch in four]


def test_uniform_numbers_of_addresses_are_uniform_and_keyed() -> None:
    found = uniforms(np.uint64(1), np.arange(100_000, dtype=np.uint64))
    assert np.abs(np.histogram(found, 10, (0, 1))[0] - 10_000).max() < 400
    assert not (found == uniforms(np.uint64(2), np.arange(100_000, dtype=np.uint64))).any()


def test_candidates_are_sentences_of_the_wanted_length() -> None:
    generator = NgramGenerator(pa.array(TEXTS), KEY, None, 1)
    for batch in generator.sample(30, np.zeros(5, np.int64), np.full(5, 50)):
        assert len(batch.texts) > 40
        assert (batch.length == 30).all()
        assert not any(flags.any() for _, flags in Rules().broken(batch.texts))
        for text in batch.texts.to_pylist():
            assert re.fullmatch(r"[A-Z].*[.!?]", text)
            assert not re.search(r"\s[,.;:!?]|[,.;:!?]{2}|[()\n]|  |[.!?] [a-z]", text)
            assert unicodedata.is_normalized("NFC", text)
            assert len(re.findall(r"[\w'-]+|[,.;:!?]", text)) == 30


def test_lines_begin_and_end_with_a_word() -> None:
    generator = NgramGenerator(pa.array(TEXTS), KEY, None, 1, as_sentences=False)
    (batch, *_) = generator.sample(30, np.zeros(5, np.int64), np.full(5, 50))
    assert len(batch.texts) == 50
    for text in batch.texts.to_pylist():
        assert re.fullmatch(r"\w(.*\w)?", text)
        assert not re.search(r"\s[,.;:!?]|[,.;:!?]{2}|[()\n]|  ", text)
        assert len(re.findall(r"[\w'-]+|[,.;:!?]", text)) == 30


def test_dense_scripts_are_sampled_by_character_and_joined_without_spaces() -> None:
    text = "这是一只猫\uff0c那是狗。猫是狗。那是一只狗\uff01"
    generator = NgramGenerator(pa.array([text] * 4), KEY, None, 1)
    (batch, *_) = generator.sample(12, np.zeros(5, np.int64), np.full(5, 20))
    assert len(batch.texts) > 5
    for found in batch.texts.to_pylist():
        assert len(found) == 12
        assert " " not in found
        assert found[-1] in "\u3002\uff01"


def words_of_sentences(text: str) -> list[str]:
    found = sample_of(split(pa.array([text])), 1000, 1)
    names = ["|", *found.vocabulary.pieces.to_pylist()]
    return " ".join(names[one] if one >= 0 else "*" for one in sentences(found).tolist()).strip("| ").split(" | ")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One is here. Two are there! Are three?", ["One is here .", "Two are there !", "Are three ?"]),
        ("It is e.g. here now, as all say. And so on.", ["It is e * g * here now , as all say .", "And so on ."]),
        ("small letters begin. No code() { here }. All is well.", ["All is well ."]),
        ("It says \"yes\" to one and all of them. It ends (here).\n\nA title\n\nThe end is near.",
         ["It says * yes * to one and all of them .", "The end is near ."]),
        ("J. Smith ran off with two more. Smith ran.", ["J * Smith ran off with two more .", "Smith ran ."]),
        ("\u5b83\u662f\u72d7\u3002\u662f\u732b\uff01", ["\u5b83 \u662f \u72d7 \u3002", "\u662f \u732b \uff01"]),
        ("नमस\u094dत\u0947 द\u0941न\u093fय\u093e ह\u0948। ह\u093e\u0901 ह\u0948 ।",
         ["नमस\u094dत\u0947 द\u0941न\u093fय\u093e ह\u0948 ।", "ह\u093e\u0901 ह\u0948 ।"]),
    ],
)  # fmt: skip
def test_sentences_of(text: str, found: list[str]) -> None:
    assert words_of_sentences(text) == found


def test_a_word_that_nearly_always_has_a_full_stop_is_an_abbreviation() -> None:
    text = "Here Mr. Smith ran off. " * 6
    assert words_of_sentences(text)[0] == "Here Mr * Smith ran off ."


def test_stretches_end_at_what_is_no_piece() -> None:
    found = sample_of(split(pa.array(["a (b c) d\n\ne."])), 1000, 1)
    names = ["|", *found.vocabulary.pieces.to_pylist()]
    assert " ".join(names[one] for one in stretches(found).tolist()) == "| a | b c | d | e . |"


def bpe(vocabulary_size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


@pytest.mark.parametrize("as_sentences", [True, False])
@pytest.mark.parametrize("vocabulary_size", [260, 300, 400])
def test_with_a_tokenizer_lengths_are_exact_in_its_tokens(vocabulary_size: int, as_sentences: bool) -> None:
    tokenizer = bpe(vocabulary_size)
    generator = NgramGenerator(pa.array(TEXTS), KEY, tokenizer, 2, as_sentences=as_sentences)
    counts = np.full(len(TEMPERATURES), 60)
    batches = generator.sample(40, np.zeros(len(TEMPERATURES), np.int64), counts)
    for batch in batches:
        assert batch.made == 60
        assert all(len(tokenizer.encode(text).ids) == 40 for text in batch.texts.to_pylist())
    assert sum(len(batch.texts) for batch in batches) > 30


def test_higher_temperatures_give_higher_perplexities() -> None:
    names = [f"w{a}{b}" for a in "abcdefghijklmnopqr" for b in "abcdefghijklmnopqr"]
    drawn = [np.minimum(np.random.default_rng(at).zipf(1.5, 400), 300) for at in range(30)]
    texts = [" ".join(names[int(x)] for x in one) for one in drawn]
    generator = NgramGenerator(pa.array(texts), KEY, None, 1, as_sentences=False)
    counts = np.full(len(TEMPERATURES), 300)
    batches = generator.sample(40, np.zeros(len(counts), np.int64), counts)
    medians = [float(np.median(batch.perplexity)) for batch in batches]
    assert medians[-1] > 1.1 * medians[0]


def test_a_sample_without_words_or_sentences_is_refused() -> None:
    with pytest.raises(ValueError, match="no words"):
        NgramGenerator(pa.array(["...", " \n"]), KEY, None, 1)
    with pytest.raises(ValueError, match="no sentence of prose"):
        NgramGenerator(pa.array(["only words here"]), KEY, None, 1)


def test_every_kind_of_piece_is_known() -> None:
    kinds = sample_of(split(pa.array(["The cat, ran. \u732b"])), 1000, 1).vocabulary
    found = dict(zip(kinds.pieces.to_pylist(), kinds.kinds[1:].tolist(), strict=True))
    assert found == {"The": WORD + BEGINS, "cat": WORD, ",": 0, "ran": WORD, ".": 4, "\u732b": WORD + BEGINS}
