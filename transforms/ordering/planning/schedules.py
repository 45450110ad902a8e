"""Schedules: at which steps of training the copies of a unit are seen.

A schedule is a function of the number of copies, a window of steps and uniform words of the unit's own: it returns a
step for each copy, in the order of the copies, never falling. A new one is a function here and an entry in `SCHEDULES`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.errors import CorpusError


@dataclass(frozen=True)
class Window:
    """Steps in which a unit may be seen: first <= step < end, and its first copy before `first_end`.

    Attributes:
        first: see above.
        first_end: see above; the end of the block of the unit's task, where there are tasks.
        end: see above.
        later: ends of the blocks of the tasks that follow, in order.
    """

    first: int
    first_end: int
    end: int
    later: tuple[int, ...] = ()


Words = Sequence[int]
"""Uniform numbers of 64 bits, one per copy."""


class _NoRoomError(Exception):
    """The window is too short; the message says how many steps are needed."""


def _step(word: int, lo: int, hi: int) -> int:
    """A uniform step, lo <= step < hi; the bias is below (hi - lo) / 2**64."""
    return lo + (word * (hi - lo) >> 64)


def _start(word: int, window: Window, span: int) -> int:
    """A uniform first step from which `span` steps fit into the window."""
    last = min(window.first_end, window.end - span + 1)
    if last <= window.first:
        raise _NoRoomError(f"{span:,} steps from the first copy to the last")
    return _step(word, window.first, last)


def _once(copies: int, window: Window, words: Words) -> list[int]:
    return [_start(words[0], window, 1)] * copies


def _every(copies: int, window: Window, words: Words, gap: int, _: int) -> list[int]:
    first = _start(words[0], window, (copies - 1) * gap + 1)
    return [first + copy * gap for copy in range(copies)]


def _massed(copies: int, window: Window, words: Words) -> list[int]:
    return _every(copies, window, words, 1, copies)


def _spaced(copies: int, window: Window, words: Words) -> list[int]:
    """Equal gaps, as wide as the window allows: it is cut into as many parts as there are copies."""
    part = (window.end - window.first) // copies
    if part < 1:
        raise _NoRoomError(f"{copies:,} steps, one for each copy")
    first = _step(words[0], window.first, min(window.first_end, window.first + part))
    gap = (window.end - first) // copies
    return [first + copy * gap for copy in range(copies)]


def _interleaved(copies: int, window: Window, words: Words) -> list[int]:
    """As many passes as copies, one after the other; in each of them the unit is seen once."""
    length = window.end - window.first
    if length < copies:
        raise _NoRoomError(f"{copies:,} steps, one for each copy")
    edges = [window.first + length * part // copies for part in range(copies + 1)]
    return [_step(word, edges[part], edges[part + 1]) for part, word in enumerate(words)]


def _blocked(copies: int, window: Window, words: Words) -> list[int]:
    """All copies within the block of the unit's task."""
    return sorted(_step(word, window.first, window.first_end) for word in words[:copies])


def _rehearsed(copies: int, window: Window, words: Words, rehearsals: int, law: str, parameter: float) -> list[int]:
    """The last copies are rehearsals, in the blocks of later tasks; the others, one at least, in the unit's own block.

    The age of a rehearsal counts tasks since the unit's own, the next one being 1; its mass is 1, age**-d or r**age,
    and its step is uniform in the block. Rehearsal c of n takes the quantile (c + u) / n, as in `_aged`; where it lies
    within its age's share of the quantiles says where in the block. Units of the last task have no rehearsals.
    """
    rehearsals = min(rehearsals, copies - 1)
    if not window.later or not rehearsals:
        return _blocked(copies, window, words)
    ages = np.arange(1, len(window.later) + 1, dtype=np.float64)
    mass = {"uniform": np.ones(len(ages)), "power": ages**-parameter, "exponential": parameter**ages}[law]
    edges = np.append(0.0, np.cumsum(mass) / mass.sum())
    blocks = (window.first_end, *window.later)
    found = _blocked(copies - rehearsals, window, words)
    for number, word in enumerate(words[copies - rehearsals : copies]):
        quantile = (number + word / 2**64) / rehearsals
        age = min(int(np.searchsorted(edges, quantile, side="right")) - 1, len(ages) - 1)
        within = (quantile - edges[age]) / (edges[age + 1] - edges[age])
        lo, hi = blocks[age], blocks[age + 1]
        found.append(min(lo + int(within * (hi - lo)), hi - 1))
    return found


def _power(copies: int, window: Window, words: Words, exponent: float) -> list[int]:
    return _aged(copies, window, words, lambda most: _power_mass(exponent, most))


def _exponential(copies: int, window: Window, words: Words, ratio: float) -> list[int]:
    return _aged(copies, window, words, lambda most: _exponential_mass(ratio, most))


def _aged(copies: int, window: Window, words: Words, mass: Callable[[int], npt.NDArray[np.float64]]) -> list[int]:
    """The first copy anywhere; the others at ages (steps since the first) that are drawn by their mass, stratified.

    Copy c of n further ones takes the quantile (c + u) / n, u uniform in [0, 1): no two draws fall into the same n-th.
    """
    first = _start(words[0], window, 1 if copies == 1 else 2)
    if copies == 1:
        return [first]
    longest, more = window.end - 1 - first, copies - 1
    summed = mass(window.end - window.first)[:longest]
    quantiles = np.array([(copy + word / 2**64) / more for copy, word in enumerate(words[1:copies])])
    ages = np.minimum(np.searchsorted(summed, quantiles * summed[-1], side="right"), longest - 1) + 1
    return [first, *(first + ages).tolist()]


@lru_cache(maxsize=16)
def _power_mass(exponent: float, most: int) -> npt.NDArray[np.float64]:
    """Summed masses of the ages 1 to `most`, float64[most]: age**-exponent each."""
    return np.cumsum(np.arange(1, most + 1, dtype=np.float64) ** -exponent)


@lru_cache(maxsize=16)
def _exponential_mass(ratio: float, most: int) -> npt.NDArray[np.float64]:
    """Summed masses of the ages 1 to `most`, float64[most]: ratio**age each."""
    return np.cumsum(np.float64(ratio) ** np.arange(1, most + 1))


@dataclass(frozen=True)
class Kind:
    """A kind of schedule.

    Attributes:
        form: how it is written, for messages.
        steps: the function; it takes the parameters behind copies, window and words.
        pattern: of the text behind the colon; empty where there is none.
        types: of the parameters in the pattern's groups.
        fine: what the parameters must fulfil.
        copies: the one number of copies for which it is defined; None for any.
        tasks: whether the strata of its units may be tasks that follow each other, must be, or must not be.
    """

    form: str
    steps: Callable[..., list[int]]
    pattern: str = ""
    types: tuple[Callable[[str], Any], ...] = ()
    fine: Callable[..., bool] = lambda *_: True
    copies: Callable[..., int | None] = lambda *_: None
    tasks: str = "may"


_NUMBER = r"(\d+(?:\.\d+)?)"
_LAW = rf"(\d+),(uniform|power|exponential)(?::{_NUMBER})?"


def _sane_law(rehearsals: int, law: str, parameter: float) -> bool:
    fine = {"uniform": parameter == 0, "power": 0 < parameter <= 16, "exponential": 0 < parameter < 1}
    return rehearsals >= 1 and fine[law]


SCHEDULES: Mapping[str, Kind] = {
    "once": Kind("once", _once, copies=lambda: 1),
    "every": Kind(
        "every:NxK",
        _every,
        r"(\d+)x(\d+)",
        (int, int),
        lambda gap, copies: gap >= 1 <= copies,
        lambda _, copies: copies,
    ),
    "massed": Kind("massed", _massed),
    "spaced": Kind("spaced", _spaced),
    "power": Kind("power:d", _power, _NUMBER, (float,), lambda exponent: 0 < exponent <= 16),
    "exponential": Kind("exponential:r", _exponential, _NUMBER, (float,), lambda ratio: 0 < ratio < 1),
    "blocked": Kind("blocked", _blocked, tasks="must"),
    "rehearsed": Kind(
        "rehearsed:N,LAW",
        _rehearsed,
        _LAW,
        (int, str, lambda text: float(text or 0)),
        _sane_law,
        tasks="must",
    ),
    "interleaved": Kind("interleaved", _interleaved, tasks="must not"),
}
"""By the name before the colon. `repeat:f,E` is none of them: it shows documents several times (`repeats`)."""


@dataclass(frozen=True)
class Schedule:
    """A schedule with its parameters."""

    text: str
    """As it is written, such as 'every:100x10'."""
    name: str
    parameters: tuple[Any, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """From its text.

        Raises:
            ValueError: with what is allowed.
        """
        name, colon, rest = text.partition(":")
        kind = SCHEDULES.get(name)
        found = re.fullmatch(kind.pattern, rest, re.ASCII) if kind else None
        parameters = (
            tuple(convert(part) for convert, part in zip(kind.types, found.groups(), strict=True))
            if (kind and found)
            else ()
        )
        if not kind or not found or bool(colon) != bool(kind.pattern) or not kind.fine(*parameters):
            forms = ", ".join(one.form for one in SCHEDULES.values())
            laws = "LAW is uniform, power:d or exponential:r"
            raise ValueError(f"schedule {text!r} is unknown: give one of {forms}, repeat:f,E ({laws})")
        return cls(text, name, parameters)

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return SCHEDULES[self.name]

    def steps(self, copies: int, window: Window, words: Words) -> list[int]:
        """The step of each copy, int[copies].

        Args:
            copies: of the unit, 1 or more.
            window: where they may be.
            words: `copies` uniform numbers of 64 bits.

        Raises:
            CorpusError: if the schedule is made for another number of copies, or the window is too short.
        """
        wanted = self.kind.copies(*self.parameters)
        if wanted not in (None, copies):
            raise CorpusError(
                f"schedule {self.text}: is for units of dose {wanted:,}, and a unit has dose {copies:,}: "
                "name the units by their dose, or take another schedule"
            )
        try:
            return self.kind.steps(copies, window, words, *self.parameters)
        except _NoRoomError as error:
            raise CorpusError(
                f"schedule {self.text}: a unit of dose {copies:,} needs {error}, and its window has "
                f"{window.end - window.first:,} steps: fewer documents per step make more steps"
            ) from None
