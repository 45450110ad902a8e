"""A quality classifier by fastText: the corpus against noise, trained here.

Noise are the corpus's own documents with their words in alphabetical order, and with words drawn at random from the
corpus. Documents below the first percentile of those that it was not trained on are dropped, so that it keeps 99 % of
the corpus.
"""

import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from transforms.certify.judges.remembered import fitted_once

SETTINGS = {"word_ngrams": 2, "epochs": 5, "dimension": 32, "percentile": 1, "training_characters": 4_000_000}

_WORDS = 300  # of a document in one line of training


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:
    """The documents that look like the corpus."""
    model, threshold = _fitted(corpus)
    for text in documents:
        yield text if _score(model, text) >= threshold else None


@fitted_once
def _fitted(corpus: Sequence[str]) -> tuple[Any, float]:
    """The model and the probability below which documents are dropped."""
    import fasttext

    fitted, others = corpus[::2], corpus[1::2] or corpus
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lines.txt")
        path.write_text("\n".join(_lines(fitted)), encoding="utf-8")
        model = fasttext.train_supervised(
            str(path), wordNgrams=2, epoch=5, dim=32, bucket=1 << 18, thread=1, seed=1, verbose=0
        )
    known = sorted(_score(model, text) for text in others)
    return model, known[len(known) // 100]


def _lines(texts: Sequence[str]) -> Iterator[str]:
    chance, left = random.Random(1), int(SETTINGS["training_characters"])
    words = sorted({word for text in texts[:200] for word in text.split()})
    for text in texts:
        own = text.split()
        for at in range(0, len(own), _WORDS):
            some = own[at : at + _WORDS]
            yield "__label__text " + " ".join(some)
            noise = sorted(some) if chance.random() < 0.5 else chance.choices(words, k=len(some))
            yield "__label__noise " + " ".join(noise)
        left -= len(text)
        if left < 0:
            return


def _score(model: Any, text: str) -> float:
    """The probability of being text."""
    labels, shares = model.predict(" ".join(text.split()), k=2)
    return float(dict(zip(labels, shares, strict=True)).get("__label__text", 0.0))
