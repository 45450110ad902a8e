"""Kinds of flags that several commands have."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from cyclopts import Token


def _whole_number(_: Any, tokens: "Sequence[Token]") -> int:
    """An integer as it stands there; cyclopts itself would cut 64.5 to 64."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


Whole = Annotated[int, Parameter(converter=_whole_number)]
"""An integer flag."""
