"""What judges leave of planted documents: the exhibits, and the facts about each judge."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.certify.counting import facts_of, worst_shares
from transforms.certify.registry import PER_DOCUMENT
from transforms.certify.running import Exhibits, Verdict
from transforms.certify.survival import Copies, Fates, Planted, documents, fates


@dataclass(frozen=True, repr=False)
class Scene:
    """Planted documents among others.

    Attributes:
        planted: documents with copies, before and after.
        others: documents without copies, in the order of the corpus.
        position: int64[before + others], the place in the corpus of the documents with copies, then of the others.
    """

    planted: Planted
    others: Sequence[str]
    position: npt.NDArray[np.int64]

    def exhibits(self) -> Exhibits:
        """Everything judges look at.

        Judges of single documents see those with copies, without and with them; the others, which they would treat
        as before, are only trained on. Judges of a corpus see a corpus without copies, then one for each world.
        """
        before = self.planted.before
        training = [*self.others, *before]
        corpora = [self._corpus(own) for own in (before, *self.planted.after)]
        return Exhibits([before, *self.planted.after], corpora, training)

    def _corpus(self, own: Sequence[str]) -> list[str]:
        """The documents of one world, and the others among them; documents that are copies themselves come last."""
        pool = [*own[: len(self.planted.before)], *self.others]
        return [*(pool[at] for at in self._order()), *own[len(self.planted.before) :]]

    def _order(self) -> list[int]:
        order: list[int] = np.argsort(self.position, kind="stable").tolist()
        return order

    def left(self, verdict: Verdict, number: int) -> list[str | None]:
        """What a judge left of the documents with copies in set `number` of its exhibits."""
        said = verdict.left[number]
        if verdict.judge.looks_at == PER_DOCUMENT:
            return list(said)
        own = len(self.planted.before)
        place = np.empty(len(self.position), np.int64)
        place[self._order()] = np.arange(len(self.position))
        return [*(said[at] for at in place[:own].tolist()), *said[len(self.position) :]]


@dataclass(frozen=True, repr=False)
class Certified:
    """What one judge leaves.

    Attributes:
        facts: all numbers.
        worst: float64[units], the share of alive copies of each unit's worst candidate, see `worst_shares`.
        untried: bool[units], whether the judge keeps no document of a unit.
    """

    facts: dict[str, Any]
    worst: npt.NDArray[np.float64]
    untried: npt.NDArray[np.bool_]


def certify(scene: Scene, verdict: Verdict, units: int, rho: npt.NDArray[np.float64]) -> Certified:
    """What one judge makes of the scene."""
    planted = scene.planted
    before = scene.left(verdict, 0)
    kept = [one is not None for one in before]
    worlds: list[tuple[Copies, Fates]] = []
    seen = []
    for number, copies in enumerate(planted.copies, 1):
        left = scene.left(verdict, number)
        worlds.append((copies, fates(copies, kept, left)))
        seen.append((copies, left))
    judge = verdict.judge
    about = {
        "judge": judge.name,
        "title": judge.title,
        "looks_at": judge.looks_at,
        "repetition": judge.repetition,
        "environment": asdict(judge.environment),
        **verdict.facts,
    }
    worst, tried = worst_shares(worlds, units)
    return Certified(about | facts_of(worlds, documents(kept, seen), units, rho), worst, ~tried)
