"""What an attack finds: precision and recall at several shares of the text that the attacker is ready to remove."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.certify.attacks.view import View
from transforms.certify.survival import Copies

BUDGETS = (0.001, 0.01, 0.05)
"""Shares of the corpus's text that the most suspicious sentences may make up."""


@dataclass(frozen=True, repr=False)
class Truth:
    """Where the copies are.

    Attributes:
        inside: int64[n], characters of each sentence that belong to a copy.
        sentences: for each copy the sentences that it overlaps, and its characters in each.
        copies: the copies.
        fuzzy: bool[units], whether the copies of a unit differ.
    """

    inside: npt.NDArray[np.int64]
    sentences: Sequence[Mapping[int, int]]
    copies: Copies
    fuzzy: npt.NDArray[np.bool_]


def truth_of(view: View, documents: Sequence[str], copies: Copies, fuzzy: npt.NDArray[np.bool_]) -> Truth:
    """Lay the copies over the sentences; copies of one text in one document are taken from left to right."""
    first = np.searchsorted(view.document, np.arange(len(documents) + 1))
    inside = np.zeros(len(view.sentences), np.int64)
    after: dict[tuple[int, str], int] = {}
    overlaps: list[Mapping[int, int]] = []
    for document, text in zip(copies.document.tolist(), copies.texts, strict=True):
        begin = documents[document].index(text, after.get((document, text), 0))
        end = after[document, text] = begin + len(text)
        low, high = int(first[document]), int(first[document + 1])
        own = {}
        at = low + int(np.searchsorted(view.begin[low:high], begin, side="right")) - 1
        for number in range(max(at, low), high):
            start = int(view.begin[number])
            shared = min(end, start + len(view.sentences[number])) - max(begin, start)
            if start >= end:
                break
            if shared > 0:
                own[number] = shared
                inside[number] += shared
        overlaps.append(own)
    return Truth(inside, overlaps, copies, fuzzy)


def found_by(suspicion: npt.NDArray[np.float64], floor: float, view: View, truth: Truth) -> dict[str, Any]:
    """What an attack finds, at each budget.

    A copy is found if at least half of its characters are in flagged sentences; precision is the share of the flagged
    characters that are planted.
    """
    sizes = np.array([len(one) for one in view.sentences], np.int64)
    order = np.argsort(-suspicion, kind="stable")
    order = order[suspicion[order] > floor]
    spent = np.cumsum(sizes[order])
    budgets = []
    for budget in BUDGETS:
        flagged = np.zeros(len(sizes), np.bool_)
        flagged[order[spent <= budget * sizes.sum()]] = True
        caught = np.array(
            [
                2 * sum(part for number, part in own.items() if flagged[number]) >= len(text)
                for own, text in zip(truth.sentences, truth.copies.texts, strict=True)
            ],
            np.bool_,
        )
        total = int(sizes[flagged].sum())
        budgets.append(
            {
                "budget": budget,
                "removed": total / int(sizes.sum()),
                "precision": int(truth.inside[flagged].sum()) / total if total else None,
                "recall": float(caught.mean()) if len(caught) else None,
                "groups": _groups(truth, caught),
            }
        )
    return {"auc": _auc(suspicion, truth.inside * 2 >= sizes), "budgets": budgets}


def _groups(truth: Truth, caught: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    fuzzy = truth.fuzzy[truth.copies.unit]
    found = []
    for kind, mask in (("exact", ~fuzzy), ("fuzzy", fuzzy)):
        for dose in np.unique(truth.copies.dose[mask]).tolist():
            own = mask & (truth.copies.dose == dose)
            found.append({"kind": kind, "dose": dose, "copies": int(own.sum()), "recall": float(caught[own].mean())})
    return found


def _auc(suspicion: npt.NDArray[np.float64], planted: npt.NDArray[np.bool_]) -> float | None:
    """Probability that a planted sentence is more suspicious than another; ties count half."""
    ours, theirs = suspicion[planted], np.sort(suspicion[~planted])
    if not len(ours) or not len(theirs):
        return None
    below = np.searchsorted(theirs, ours, side="left") + np.searchsorted(theirs, ours, side="right")
    return float(below.mean() / 2 / len(theirs))
