"""A perplexity filter: documents above the 99th percentile of their own corpus are dropped.

The model has three words of memory and absolute discounting (Ney, Essen & Kneser 1994), is fitted here to every other
document of the corpus and scored by KenLM; the threshold comes from the others. CCNet (Wenzek et al. 2020) filters in
this way, with thresholds of its own.
"""

import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from transforms.certify.judges.remembered import fitted_once

SETTINGS = {"order": 3, "percentile": 99, "training_characters": 6_000_000, "words": "split at white space, lower case"}

_Grams = Counter[tuple[str, ...]]


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:
    """The documents that are not above the threshold."""
    model, threshold = _fitted(corpus)
    for text in documents:
        yield text if _perplexity(model, text) <= threshold else None


@fitted_once
def _fitted(corpus: Sequence[str]) -> tuple[Any, float]:
    """The model and the perplexity above which documents are dropped."""
    import kenlm

    fitted, others = corpus[::2], corpus[1::2] or corpus
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "corpus.arpa")
        write_arpa(_some(fitted, SETTINGS["training_characters"]), path)
        model = kenlm.Model(str(path))
    known = sorted(_perplexity(model, text) for text in others)
    return model, known[min(len(known) - 1, math.ceil(0.99 * len(known)))]


def _some(texts: Sequence[str], most: Any) -> Iterator[str]:
    for text in texts:
        if most <= 0:
            return
        most -= len(text)
        yield text


def _perplexity(model: Any, text: str) -> float:
    """Perplexity of a text, line by line."""
    lines = [line for line in text.lower().split("\n") if line.strip()]
    words = sum(len(line.split()) + 1 for line in lines)
    score = sum(model.score(line) for line in lines)
    return float(10 ** (-score / words)) if words else 1.0


def write_arpa(texts: Iterator[str], path: Path) -> None:
    """Fit an interpolated model with absolute discounting, lower orders by the number of words that stand before."""
    counts: list[_Grams] = [Counter(), Counter(), Counter()]
    for text in texts:
        for line in text.lower().split("\n"):
            words = ["<s>", *line.split(), "</s>"]
            if len(words) > 2:
                counts[2].update(zip(words, words[1:], words[2:], strict=False))
                counts[1][words[0], words[1]] += 1  # nothing stands before the beginning
    for before in counts[2]:
        counts[1][before[1:]] += 1
    for before in counts[1]:
        counts[0][before[1:]] += 1
    size = len(counts[0])
    total, discount = sum(counts[0].values()), _discount(counts[0])
    rest = discount * size / total / (size + 1)
    probability = {gram: max(count - discount, 0) / total + rest for gram, count in counts[0].items()}
    levels = [{**probability, ("<unk>",): rest, ("<s>",): 1e-99}]
    back_off: list[dict[tuple[str, ...], float]] = []
    for own in counts[1:]:
        discount = _discount(own)
        totals: dict[tuple[str, ...], int] = defaultdict(int)
        kinds: dict[tuple[str, ...], int] = defaultdict(int)
        for gram, count in own.items():
            totals[gram[:-1]] += count
            kinds[gram[:-1]] += 1
        back_off.append({gram: discount * kinds[gram] / totals[gram] for gram in totals})
        levels.append(
            {
                gram: (count - discount) / totals[gram[:-1]] + back_off[-1][gram[:-1]] * levels[-1][gram[1:]]
                for gram, count in own.items()
            }
        )
    _write(levels, back_off, path)


def _discount(counts: _Grams) -> float:
    found = Counter(counts.values())
    return found[1] / (found[1] + 2 * found[2]) if found[1] and found[2] else 0.5


def _write(levels: Sequence[dict[tuple[str, ...], float]], back_off: Sequence[dict[Any, float]], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("\\data\\\n" + "".join(f"ngram {at}={len(own)}\n" for at, own in enumerate(levels, 1)))
        for at, own in enumerate(levels, 1):
            file.write(f"\n\\{at}-grams:\n")
            for gram, one in own.items():
                factor = back_off[at - 1].get(gram, 1.0) if at <= len(back_off) else None
                tail = "" if factor is None else f"\t{math.log10(max(factor, 1e-99)):.6f}"
                file.write(f"{math.log10(one):.6f}\t{' '.join(gram)}{tail}\n")
        file.write("\n\\end\\\n")
