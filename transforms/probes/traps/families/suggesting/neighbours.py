"""Words suggested by the n-gram model of the corpus, from both neighbours."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from transforms.base.texts import offsets_of
from transforms.probes.ngram.ngram_kernel import ENDS, WORD
from transforms.probes.ngram.ngram_model import NgramModel
from transforms.probes.ngram.pieces import BOUNDARY, Vocabulary
from transforms.probes.traps.families.suggesting.neighbours_kernel import best_between
from transforms.probes.traps.families.suggesting.proposer import MOST_WORDS
from transforms.probes.traps.families.words import Place, costs_of, group_of

NAME = "neighbours/1"
_CHUNK = 256
_I64 = npt.NDArray[np.int64]


class Neighbours:
    """Suggests the words with the largest p(w | left) p(right | w)."""

    name = NAME

    def __init__(self, vocabulary: Vocabulary, model: NgramModel, counting: Tokenizer | None, threads: int) -> None:
        """Index a model.

        Args:
            vocabulary: its pieces.
            model: fitted to the corpus.
            counting: whose tokens are counted; None for words.
            threads: to use; they change nothing of what is suggested.
        """
        self._words: list[str] = vocabulary.pieces.to_pylist()
        self._ids = {word: at for at, word in enumerate(self._words, 1)}
        self._model, self._threads, self._kinds = model, threads, vocabulary.kinds
        costs = costs_of(vocabulary.pieces, counting).tolist()
        groups = [group_of(cost, word[0]) for cost, word in zip(costs, self._words, strict=True)]
        self._groups = np.where(vocabulary.kinds & WORD, np.array([-1, *groups], np.int64), -1)
        lower = pc.utf8_lower(vocabulary.pieces).dictionary_encode()
        self._folds = np.append(-1, lower.indices.to_numpy()).astype(np.int64)
        self._fold_of = {word: at for at, word in enumerate(lower.dictionary.to_pylist())}
        pairs = int(model.end[len(self._words)])
        contexts = np.repeat(np.arange(len(self._words) + 1), (model.end - model.begin)[: len(self._words) + 1])
        order = np.argsort(model.piece[:pairs], kind="stable")
        self._preceding, self._preceding_mass = contexts[order].astype(np.int32), model.mass[:pairs][order]
        self._first = offsets_of(np.bincount(model.piece[:pairs], minlength=len(self._words) + 1))

    def propose(self, texts: pa.Array, places: Sequence[Place]) -> list[list[str]]:
        """See `Proposer`."""
        strings = texts.to_pylist()
        left = np.array([self._left(one.before) for one in places], np.int64)
        right = np.array([self._ids.get(one.after, -1) if one.after else BOUNDARY for one in places], np.int64)
        group = np.array([one.group for one in places], np.int64)
        lower = pc.utf8_lower(pa.array([strings[one.text][one.start : one.end] for one in places], pa.large_string()))
        fold = np.array([self._fold_of.get(one, -2) for one in lower.to_pylist()], np.int64)
        best, counts = np.empty((len(places), MOST_WORDS), np.int32), np.empty(len(places), np.int64)
        model = self._model

        def run(at: int) -> None:
            rows = slice(at, at + _CHUNK)
            best_between(
                model.begin, model.end, model.total, model.back_off, model.piece, model.mass, model.alone,
                self._first, self._preceding, self._preceding_mass, self._groups, self._folds,
                left[rows], right[rows], group[rows], fold[rows], best[rows], counts[rows],
            )  # fmt: skip

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(run, range(0, len(places), _CHUNK)))
        pairs = zip(best, counts.tolist(), strict=True)
        return [[self._words[word - 1] for word in row[:count].tolist()] for row, count in pairs]

    def _left(self, piece: str) -> int:
        known = self._ids.get(piece, -1)
        return BOUNDARY if known > 0 and self._kinds[known] & ENDS else known
