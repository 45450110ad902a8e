"""Attacks find what is planted to be found, and what they find is counted rightly."""

import numpy as np
import pytest

from transforms.certify.attacks import boundaries, classifier, near_repeats, perplexity, repeats
from transforms.certify.attacks.view import View, sentences_of
from transforms.certify.found import found_by, truth_of
from transforms.certify.survival import Copies

SECRET = "Seven purple engines wander quietly under nine broken lanterns every autumn."
PERPLEXITIES = np.array([100.0, 10.0, 1000.0, 0.0])
NEARLY = "Seven purple engines wander quietly under nine broken windows every winter."


def corpus(secrets: list[str]) -> list[str]:
    words = ["river", "stone", "market", "letter", "garden", "winter", "captain", "bridge", "silver", "music"]
    chance = np.random.default_rng(3)
    out = []
    for number in range(40):
        own = [f"{word}{number}" for word in words[:3]]
        text = [
            " ".join(["The", *chance.permutation([*own, *chance.choice(words, 5)]).tolist()]) + "." for _ in range(6)
        ]
        if number < len(secrets):
            text.insert(3, secrets[number])
        out.append(" ".join(text))
    return out


def view(documents: list[str]) -> View:
    sentences, document, begin = sentences_of(documents)
    return View(sentences, document, begin, lambda: np.zeros(0), lambda _: [SECRET, NEARLY] * 200)


def is_secret(own: View) -> np.ndarray:
    return np.array([any(word in one for word in ("purple", "lanterns")) for one in own.sentences])


def test_sentences_begin_where_they_say() -> None:
    text = 'One (e.g. this). "Two!" he said?\nThree\n\n3.5 is four.'
    sentences, document, begin = sentences_of(["", text])
    assert set(document.tolist()) == {1}
    assert all(text[at:].startswith(one) for at, one in zip(begin.tolist(), sentences, strict=True))
    assert "".join(sentences).replace(" ", "") == text.replace("\n", "").replace(" ", "")


@pytest.mark.parametrize(
    ("attack", "secrets"),
    [(repeats, [SECRET] * 3), (near_repeats, [SECRET, NEARLY]), (boundaries, [SECRET] * 2), (classifier, [SECRET] * 2)],
)
def test_an_attack_finds_what_it_is_made_for(attack: object, secrets: list[str]) -> None:
    own = view(corpus(secrets))
    suspicion = attack.suspicion(own)  # type: ignore[attr-defined]
    planted = is_secret(own)
    assert suspicion[planted].min() > np.quantile(suspicion[~planted], 0.95)


def test_repeats_do_not_find_copies_that_differ() -> None:
    own = view(corpus([SECRET, SECRET.replace("wander", "stand").replace("nine", "four")]))
    assert not repeats.suspicion(own)[is_secret(own)].any()


def test_what_is_too_likely_is_as_suspicious_as_what_is_too_unlikely() -> None:
    own = View(["a", "b", "c", "d"], np.zeros(4, np.int64), np.zeros(4, np.int64), lambda: PERPLEXITIES, lambda _: [])
    assert perplexity.suspicion(own).tolist() == pytest.approx([0, np.log(10), np.log(10), 0])


def test_precision_and_recall_are_counted_in_characters_and_copies() -> None:
    documents = corpus([SECRET, SECRET, NEARLY])
    own = view(documents)
    copies = Copies(
        np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([2, 2, 1]), np.full(3, 11), [SECRET, SECRET, NEARLY]
    )
    truth = truth_of(own, documents, copies, np.array([False, True]))
    assert truth.inside.sum() == 2 * len(SECRET) + len(NEARLY)
    suspicion = np.zeros(len(own.sentences))
    suspicion[np.flatnonzero(is_secret(own))[:2]] = 1
    suspicion[-1] = 0.5
    found = found_by(suspicion, 0, own, truth)
    last = found["budgets"][-1]
    planted, all_flagged = 2 * len(SECRET), 2 * len(SECRET) + len(own.sentences[-1])
    assert last["precision"] == pytest.approx(planted / all_flagged)
    assert last["recall"] == pytest.approx(2 / 3)
    assert [(one["kind"], one["recall"]) for one in last["groups"]] == [("exact", 1.0), ("fuzzy", 0.0)]
