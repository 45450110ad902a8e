"""Kinds of flags that several commands have, and the headings under which `--help` lists them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from cyclopts import Token


def _whole_number(_: Any, tokens: "Sequence[Token]") -> int:
    """An integer as it was written; cyclopts itself would cut 64.5 to 64."""
    return _parsed(tokens[0].value)


def _whole_numbers(_: Any, tokens: "Sequence[Token]") -> tuple[int, ...]:
    return tuple(_parsed(token.value) for token in tokens)


def _parsed(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


Whole = Annotated[int, Parameter(converter=_whole_number)]
"""An integer flag."""
Several = Annotated[tuple[str, ...], Parameter(consume_multiple=True)]
"""One or more values after one flag."""
SeveralNumbers = Annotated[tuple[int, ...], Parameter(consume_multiple=True, converter=_whole_numbers)]
"""One or more integers after one flag."""


class WholeByDefault(int):
    """A default of an integer flag that can be told from the same number given by hand; see `was_given`."""


class SeveralByDefault(tuple[Any, ...]):
    """The same for flags of several values."""


def was_given(value: Any) -> bool:
    """Whether a setting was given, for flags that only some ways of running a command have.

    A flag that would be ignored is refused. For that its default is `WholeByDefault`, `SeveralByDefault`, None, False
    or an empty text.
    """
    by_default = isinstance(value, WholeByDefault | SeveralByDefault)
    return not by_default and value is not None and value is not False and value not in ("", ())


def _heading(name: str) -> Parameter:
    return Parameter(group=Group.create_ordered(name))


# In the order in which --help shows them.
INPUT = _heading("Input")
PUBLISHED = _heading("Published documents")
MODEL = _heading("Model")
SELECTION = _heading("Selection")
CANDIDATES = _heading("Candidates")
PUZZLES = _heading("Puzzles")
UNITS = _heading("Units to seal")
DEDUPLICATION = _heading("Deduplication")
PLANTING = _heading("Planting")
ORDER = _heading("Training order")
RANDOMNESS = _heading("Public randomness")
ANALYSIS_PLAN = _heading("Analysis plan")
METRICS = _heading("Metrics")
JUDGES = _heading("Judges")
GENERATION = _heading("Text generation")
OUTPUT = _heading("Output")
RUNNING = _heading("Running")


def _shown_default(value: Any) -> str | None:
    """A default as `--help` shows it; None where it says nothing, since the flag's text tells what happens then."""
    if value is False or value is None or value in ("", ()):
        return None
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


EVERY_FLAG = Parameter(negative=(), show_default=_shown_default)
"""Applies to every flag: no `--no-` form unless the flag names one, and no empty default in `--help`."""
