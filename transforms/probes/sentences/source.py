"""What sentences are made of: an n-gram model of the corpus, its words, and what may be looked up in it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.base.keyed import keyed_order, numbers
from transforms.base.words import WordHashes, words_of
from transforms.probes.answers.pools import token_counts
from transforms.probes.corpus.overlap import NGRAM, FindShared, grams_of
from transforms.probes.corpus.tokens import load_tokenizer
from transforms.probes.kind import Environment
from transforms.probes.ngram.documents import sample_documents
from transforms.probes.ngram.ngram import TEMPERATURES, NgramGenerator
from transforms.probes.ngram.ngram_kernel import WORD
from transforms.probes.sentences.config import LETTERS, NATURAL, NEAR, PARAPHRASE, VARIED, WORDS, SentencesConfig

_ROUNDS, _LEAST_MADE = 8, 512  # looks into the corpus, and sentences that are sampled for the first
_LEAST_KEPT = 0.01  # of what is sampled in a round: where less is fit, more is not to be had
_TRIED = 24  # fillings that are looked at for each that is wanted


@dataclass
class Source:
    """What the strata are made of.

    Attributes:
        made: sentences that were sampled.
        rejected: of these, by reason.
        taken: texts of all units.
        listed: words from which lists are drawn.
    """

    config: SentencesConfig
    key: bytes
    environment: Environment
    find: FindShared
    made: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        config, threads = self.config, self.environment.threads
        self.together = config.controls + 1
        self.given = [load_tokenizer(file) for file in config.tokenizer]
        documents = sample_documents(self.environment.found, config.text_column, self.key, threads)
        counting = self.given[0] if self.given else None
        try:
            self.ngrams = NgramGenerator(documents, self.key, counting, threads)
        except ValueError as error:
            raise CorpusError(f"--corpus: {error}") from None
        pieces: list[str] = self.ngrams.vocabulary.pieces.to_pylist()
        is_word = (self.ngrams.vocabulary.kinds[1:] & WORD).tolist()
        self.plain = [
            w if word and w.isalpha() and w == w.lower() else "" for w, word in zip(pieces, is_word, strict=True)
        ]
        self.ids = {piece: at for at, piece in enumerate(pieces, 1)}
        self.listed = [word for word in self.plain if word][: config.list_size]
        self.sentences = self._sentences()

    def _sentences(self) -> Iterator[str]:
        """Sentences of 8 words or more of which no 8 in a row are in the corpus, each once."""
        given, first, wanted = set[str](), 0, self.config.units_by_stratum()
        several = {NATURAL: self.together, VARIED: self.together, NEAR: 1, LETTERS: 1, WORDS: 0, PARAPHRASE: 0}
        needed = sum(several[name] * len(doses) for name, doses in wanted.items())
        for turn in range(_ROUNDS):
            most = (_LEAST_MADE + needed * 3 // 2) << turn
            counts = np.array([most] + [0] * (len(TEMPERATURES) - 1), np.int64)
            begin = np.array([first] + [0] * (len(TEMPERATURES) - 1), np.int64)
            batch = self.ngrams.sample(self.config.length, begin, counts)[0]
            first += most
            words = words_of(batch.texts)
            short = np.diff(words.offsets) < NGRAM
            shared = self.in_corpus(words) & ~short
            self.made += batch.made
            self.rejected.update(batch.unfit)
            self.rejected["few words"] += int(short.sum())
            self.rejected["in corpus"] += int(shared.sum())
            found = dict.fromkeys(batch.texts.filter(pa.array(~(short | shared))).to_pylist())
            fit = [text for text in found if text not in given]
            given.update(fit)
            yield from fit
            if len(fit) < _LEAST_KEPT * most:
                break

    def in_corpus(self, words: WordHashes) -> npt.NDArray[np.bool_]:
        """Which of n texts share `NGRAM` words in a row with the corpus, by their words: bool[n]; one scan."""
        grams = grams_of(words)
        return grams.sharing(self.find(np.unique(grams.hashes)), len(words.offsets) - 1)

    def tokens(self, texts: Sequence[str]) -> list[tuple[int, ...] | None]:
        """Tokens under each tokenizer; without one, words."""
        return token_counts(texts, self.given, "") if self.given else [(text.count(" ") + 1,) for text in texts]

    def exactly(self, texts: Sequence[str]) -> list[tuple[int, ...] | None]:
        """Tokens under each tokenizer; without one, characters."""
        return token_counts(texts, self.given, "") if self.given else [(len(text),) for text in texts]

    def picks(self, domain: str, identity: str, below: Sequence[int]) -> list[int]:
        """A keyed choice of 0 to below - 1 for each; the bias is under below / 2**64."""
        words = numbers(self.key, f"sentences/{domain}", identity, count=len(below)).tolist()
        return [word * most >> 64 for word, most in zip(words, below, strict=True)]

    def replaced(self, text: str) -> Iterator[list[str]]:
        """For each word inside a sentence, places in a keyed order, the sentence with other words in its place.

        The words, in a keyed order, are those that the corpus has behind the word before: the first ones of them, the
        word that stands there not left out.
        """
        words, model = text.split(" "), self.ngrams.model
        for at in keyed_order(self.key, "sentences/place", [f"{text} {at}" for at in range(1, len(words) - 1)]) + 1:
            before = self.ids.get(words[at - 1])
            if before is None or words[at] not in self.ids or not self.plain[self.ids[words[at]] - 1]:
                continue
            follow = model.piece[model.begin[before] : model.end[before]]
            found = [self.plain[one - 1] for one in follow.tolist() if one and self.plain[one - 1]]
            order = keyed_order(self.key, f"sentences/filling {at} {text}", found)[: _TRIED * self.together]
            yield [" ".join([*words[:at], found[one], *words[at + 1 :]]) for one in order.tolist()]
