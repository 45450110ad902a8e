"""The settings of `trapline sentences`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from cyclopts import Parameter

from transforms.base.flags import CANDIDATES, INPUT, UNITS, Several, SeveralNumbers, Whole
from transforms.probes.kind import KindConfig

NATURAL, NEAR, WORDS, LETTERS, VARIED, PARAPHRASE = STRATA = (
    "natural", "near", "words", "letters", "varied", "paraphrase",
)  # fmt: skip


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SentencesConfig(KindConfig):
    """Make sentences for recognition, recall and retention after few exposures.

    All candidates of a unit are of one making: sentences of an n-gram model of the corpus (natural), one sentence with
    another word in one place (near), words drawn from a list (words), one sentence in shuffled letters (letters),
    sentences whose further copies have one word replaced (varied), or whose further copies say the same in other ways
    (paraphrase). They have equally many tokens.
    """

    doses: Annotated[SeveralNumbers, UNITS] = (1, 2, 3)
    """Copies to plant of the candidate that is drawn."""
    units: Annotated[SeveralNumbers, UNITS] = (200,)
    """Units of all strata together: one number for every dose, or one for each dose."""
    natural: Annotated[float, UNITS] = 1.0
    """Weight of natural sentences: a stratum's share of the units is its weight over the sum of the weights."""
    near: Annotated[float, UNITS] = 1.0
    """Weight of sentences that differ in one word."""
    words: Annotated[float, UNITS] = 1.0
    """Weight of lists of words."""
    letters: Annotated[float, UNITS] = 1.0
    """Weight of shuffled letters."""
    varied: Annotated[float, UNITS] = 0.0
    """Weight of sentences whose copies differ; there are none of dose 1."""
    paraphrase: Annotated[float, UNITS] = 0.0
    """Weight of contents in English, of which each copy is told in another way, in ten ways in turn."""
    length: Annotated[Whole, CANDIDATES] = 25
    """Tokens of a sentence (words and punctuation marks without --tokenizer), and words of a list."""
    list_size: Annotated[Whole, CANDIDATES] = 10_000
    """Words from which lists are drawn: the most frequent ones of the corpus, in small letters."""
    planted_as: Annotated[Literal["document", "insertion"], CANDIDATES] = "document"
    """document: as documents of their own. insertion: inside documents of the corpus."""
    corpus: Annotated[Several, INPUT] = ()
    """The corpus, as in trapline prepare: the n-gram model is fitted to it, and no sentence shares 8 words with it."""
    text_column: Annotated[str, INPUT] = "text"
    """The corpus' column of texts."""
    tokenizer: Annotated[Several, INPUT] = ()
    """tokenizer.json files: candidates of a unit have equally many tokens under each. Default: words, or letters."""

    def __post_init__(self) -> None:
        """Check what can be checked without the data."""
        super().__post_init__()
        weights = self.weights()
        for name, weight in weights.items():
            if not 0 <= weight < float("inf"):
                raise ValueError(f"--{name} {weight}: give 0 or more")
        if not any(weights.values()):
            raise ValueError(f"--{' --'.join(STRATA)}: all are 0: give at least one stratum a weight")
        if set(self.doses) == {1} and not any(weight for name, weight in weights.items() if name != VARIED):
            raise ValueError(f"--varied {self.varied}: copies differ from the second on: give --doses 2 or more")
        for flag, value, least, most in (
            ("length", self.length, 10, 1_000),
            ("list-size", self.list_size, 100, 200_000),
        ):
            if not least <= value <= most:
                raise ValueError(f"--{flag} {value}: give {least} to {most}")
        if not self.corpus:
            raise ValueError("--corpus: sentences are made of its words: give at least one file")

    def weights(self) -> dict[str, float]:
        """Of the strata, by name."""
        given = (self.natural, self.near, self.words, self.letters, self.varied, self.paraphrase)
        return dict(zip(STRATA, given, strict=True))

    def units_by_stratum(self) -> dict[str, list[int]]:
        """By stratum the dose of each of its units; shares are rounded by largest remainders."""
        found: dict[str, list[int]] = {name: [] for name in STRATA}
        for dose, units in self.units_by_dose().items():
            weights = {name: Fraction(one) for name, one in self.weights().items() if dose > 1 or name != VARIED}
            whole = sum(weights.values())
            exact = {name: units * one / whole if whole else Fraction(0) for name, one in weights.items()}
            counts = {name: int(one) for name, one in exact.items()}
            by_rest = sorted(exact, key=lambda name: counts[name] - exact[name])
            for name in by_rest[: units - sum(counts.values()) if whole else 0]:
                counts[name] += 1
            for name, number in counts.items():
                found[name] += [dose] * number
        return {name: doses for name, doses in found.items() if doses}

    def corpus_inputs(self) -> Mapping[str, Sequence[str]]:
        """See `KindConfig`."""
        return {"--corpus": self.corpus}
