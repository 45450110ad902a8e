"""Texts whose log-probabilities tell a model's answer without letting it write one.

Two people have four assignments, so ten puzzles of two people have forty conclusions to score:

    >>> assignments(2).tolist()
    [[False, False], [True, False], [False, True], [True, True]]
    >>> from transforms.probes.puzzles.language.language import load
    >>> from transforms.probes.puzzles.language.wording import draw
    >>> texts = assignment_texts(draw(np.arange(10), 2, load("en"), b"a seed"))
    >>> len(texts)
    40
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.probes.puzzles.language.text import render_solution
from transforms.probes.puzzles.language.wording import Wording

_MOST_PEOPLE = 12  # 4096 texts per puzzle


def assignments(people: int) -> npt.NDArray[np.bool_]:
    """All ways to give n people a role, bool[2^n, n]: number k says of person i whether bit i of k is set.

    Raises:
        ValueError: for more than 12 people; take `two_way_texts` there.
    """
    if not 1 <= people <= _MOST_PEOPLE:
        raise ValueError(f"{people} people have 2^{people} assignments; enumerate them for 1 to {_MOST_PEOPLE}")
    return (np.arange(1 << people)[:, None] >> np.arange(people) & 1).astype(np.bool_)


def assignment_texts(wording: Wording) -> pa.LargeStringArray:
    """The conclusion of every assignment, large_string[size * 2^n]; those of a puzzle in the order of `assignments`.

    The one with the highest log-probability after the question is the model's answer; the solution's share of the sum
    of probabilities is how sure the model is of it.

    Raises:
        ValueError: for more than 12 people.
    """
    size, people = wording.names.shape
    every = assignments(people)
    rows = np.repeat(np.arange(size), len(every))
    return render_solution(np.tile(every, (size, 1)), wording.take(rows))


@dataclass(frozen=True)
class TwoWayTexts:
    """For each puzzle and person, in that order, the conclusion up to that person's line, with either role in it.

    The lines before are the solution's, and equal in both texts: the difference of the two texts' log-probabilities is
    that of the person's line, the person's margin. The solution is reached by choosing the better line n times if all
    margins have the right sign.

    Attributes:
        person: int64[size * n].
        right: large_string[size * n], with the role that the solution gives.
        wrong: large_string[size * n], with the other one.
    """

    person: npt.NDArray[np.int64]
    right: pa.LargeStringArray
    wrong: pa.LargeStringArray


def two_way_texts(solution: npt.NDArray[np.bool_], wording: Wording) -> TwoWayTexts:
    """The 2 n texts of each puzzle that give every person's margin.

    Args:
        solution: bool[size, n].
        wording: of the puzzles.

    Raises:
        ValueError: if solution and wording differ in shape.
    """
    size, people = wording.names.shape
    right, wrong = [], []
    for last in range(people):
        first = wording.first_people(last + 1)
        turned = solution[:, : last + 1].copy()
        right.append(render_solution(turned, first))
        turned[:, last] ^= True
        wrong.append(render_solution(turned, first))
    by_puzzle = pa.array(np.arange(size * people).reshape(people, size).T.ravel())
    return TwoWayTexts(
        np.tile(np.arange(people), size),
        pa.concat_arrays(right).take(by_puzzle),
        pa.concat_arrays(wrong).take(by_puzzle),
    )
