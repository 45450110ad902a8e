"""What a family must be like: every text of it alone, and all of them together."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.words import words_of
from transforms.probes.corpus.overlap import FindShared, grams_of
from transforms.probes.traps.families.closeness import Closeness, closeness
from transforms.probes.traps.rules import Rules


def unfit(
    variants: pa.Array, lengths: npt.NDArray[np.int64], rules: Rules, find_shared: FindShared | None
) -> tuple[npt.NDArray[np.bool_], Counter[str]]:
    """Which of n variants break a rule that candidates have to keep, bool[n], and how many by rule.

    Args:
        variants: large_string[n].
        lengths: int64[n], tokens that each must have: as many as its candidate.
        rules: of the candidates.
        find_shared: looks n-grams up in the corpus; None without a corpus.
    """
    bad = np.zeros(len(variants), np.bool_)
    reasons: Counter[str] = Counter()

    def note(reason: str, broken: npt.NDArray[np.bool_]) -> None:
        reasons[reason] += int((broken & ~bad).sum())
        np.logical_or(bad, broken, out=bad)

    for reason, broken in rules.broken(variants):
        note(reason, broken)
    note("length", np.diff(rules.tokens(variants)[1]) != lengths)
    if find_shared is not None and len(variants):
        grams = grams_of(words_of(variants))
        note("in corpus", grams.sharing(find_shared(np.unique(grams.hashes)), len(variants)))
    return bad, reasons


def shared_with_others(families: Sequence[Sequence[str]]) -> npt.NDArray[np.bool_]:
    """Which families have a text that shares 8 words in a row with a text of another family: bool[families]."""
    texts = pa.array([text for family in families for text in family], pa.large_string())
    owner = np.repeat(np.arange(len(families)), [len(family) for family in families])
    grams = grams_of(words_of(texts))
    family = owner[grams.owners]
    order = np.lexsort((family, grams.hashes))
    hashes, family = grams.hashes[order], family[order]
    out = np.zeros(len(families), np.bool_)
    # Families of one n-gram stand side by side in ascending order: if there are two, then two neighbours differ.
    meets = (hashes[1:] == hashes[:-1]) & (family[1:] != family[:-1])
    out[family[1:][meets]] = True
    out[family[:-1][meets]] = True
    return out


def closeness_of(families: Sequence[Sequence[str]], rules: Rules) -> list[Closeness]:
    """How close the texts of each family are, in the tokens by which candidates are compared."""
    found = []
    for family in families:
        if len(family) == 1:
            found.append(Closeness(0, 0.0))
            continue
        tokens, offsets = rules.tokens(pa.array(family, pa.large_string()))
        found.append(closeness(tokens.astype(np.uint64).reshape(len(family), int(offsets[1]))))
    return found
