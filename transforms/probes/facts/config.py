"""The settings of `trapline facts`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from transforms.base.flags import CANDIDATES, INPUT, UNITS, Several, SeveralNumbers, Whole
from transforms.probes.kind import KindConfig

CLASSES, IN_A_CLASS = 10, 3
"""Values of a relation are in classes; the candidates of a unit have values of different ones."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FactsConfig(KindConfig):
    """Make invented facts about invented people, with questions about them.

    Units are dealt by a keyed hash to three strata: `once` is planted once, `duplicate` as equal copies, and
    `paraphrase` as copies in other words. Each is asked for its values by the words of the text (memorisation), by
    words that are never planted (semantic), and for their classes (composition).
    """

    doses: Annotated[SeveralNumbers, UNITS] = (10,)
    """Copies to plant of duplicates and paraphrases: one number."""
    units: Annotated[SeveralNumbers, UNITS] = (200,)
    """Units in each of the three strata: one number."""
    background: Annotated[Whole, CANDIDATES] = 3_000
    """People in the background documents, which teach how such facts are said and which value is of which class."""
    mentions: Annotated[Whole, CANDIDATES] = 20
    """Background documents about each of them."""
    class_share: Annotated[float, CANDIDATES] = 0.4
    """Share of the facts in the background that a sentence on the value's class follows."""
    inferable: Annotated[float, CANDIDATES] = 0.5
    """Share of the facts in the background whose class no sentence about the person tells. Of the others, --class-share
    of the mentions tell the class in place of the value, in the words of the composition questions: without such
    examples a small model does not learn to infer."""
    corpus: Annotated[Several, INPUT] = ()
    """The corpus, as in trapline prepare: no name and no value stands in it, and passages get words sampled from it.
    Default: words of a small grammar."""
    text_column: Annotated[str, INPUT] = "text"
    """The corpus' column of texts."""
    tokenizer: Annotated[Several, INPUT] = ()
    """tokenizer.json files: all answers to a cue have equally many tokens under each. Default: equally many letters."""

    def __post_init__(self) -> None:
        """Check what can be checked without the data."""
        super().__post_init__()
        if len(self.doses) > 1:
            raise ValueError(f"--doses {' '.join(map(str, self.doses))}: give one; the stratum 'once' has a dose of 1")
        if self.doses[0] < 2:
            raise ValueError(f"--doses {self.doses[0]}: give 2 or more: copies differ, or are equal, only then")
        if self.controls >= CLASSES:
            most = f"give 1 to {CLASSES - 1}"
            raise ValueError(f"--controls {self.controls}: {most}: candidates are of different classes")
        for flag, value in (("--background", self.background), ("--mentions", self.mentions)):
            if not 0 <= value <= 1_000_000:
                raise ValueError(f"{flag} {value}: give 0 to 1000000")
        for flag, share in (("--class-share", self.class_share), ("--inferable", self.inferable)):
            if not 0 <= share <= 1:
                raise ValueError(f"{flag} {share}: give 0 to 1")

    def corpus_inputs(self) -> Mapping[str, Sequence[str]]:
        """See `KindConfig`."""
        return {"--corpus": self.corpus}
