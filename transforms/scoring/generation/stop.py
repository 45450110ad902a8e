"""When a continuation ends: an end-of-sequence token, a stop string, its number of tokens, or the model's context."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class Stop(enum.IntEnum):
    """Why a continuation ended."""

    LENGTH = 0
    """It has as many tokens as it may have."""
    EOS = 1
    """An end-of-sequence token came; it is not part of the continuation."""
    STRING = 2
    """A stop string is complete; its tokens are part of the continuation, its text is cut off."""
    CONTEXT = 3
    """Prompt and continuation fill the model's context, or the prompt alone does: then there is no continuation."""
    EMPTY = 4
    """There was no prompt to continue."""


@dataclass(frozen=True)
class StopRules:
    """Stop rules of a batch; how many tokens a row may have is its own matter.

    Attributes:
        eos_ids: token ids that end a sequence.
        stop_strings: texts that end a sequence.
        tokenizer: decodes tokens for the stop strings; None without such strings.
        max_length: most tokens of prompt and continuation together; 0 for no bound.
    """

    eos_ids: tuple[int, ...] = ()
    stop_strings: tuple[str, ...] = ()
    tokenizer: Tokenizer | None = None
    max_length: int = 0

    def watch(self, rows: int) -> list["StopStringWatch"]:
        """A watch for each row, in order; none at all without stop strings."""
        if not self.stop_strings or self.tokenizer is None:
            return []
        return [StopStringWatch(self.tokenizer, self.stop_strings) for _ in range(rows)]

    def ended(
        self, new: Ints, rows: Ints, producing: Bools, watch: list["StopStringWatch"]
    ) -> Iterator[tuple[Stop, Bools]]:
        """Which lines of a batch end with this token, rule by rule.

        Args:
            new: int64[lines], the token of each line.
            rows: int64[lines], the row of each line: its place in `watch`.
            producing: bool[lines], lines whose token is a produced one.
            watch: as `watch` gave it.
        """
        ends = producing & np.isin(new, self.eos_ids)
        yield Stop.EOS, ends
        if watch:
            found = np.zeros(len(new), np.bool_)
            for line in np.flatnonzero(producing & ~ends):
                found[line] = watch[rows[line]].ends_with(int(new[line]))
            yield Stop.STRING, found


class StopStringWatch:
    """Watches one row's tokens; a character that takes several tokens is waited for."""

    def __init__(self, tokenizer: Tokenizer, stop_strings: tuple[str, ...]) -> None:
        self._tokenizer = tokenizer
        self._strings = stop_strings
        self._reach = max(map(len, stop_strings)) - 1
        self._stream = DecodeStream(skip_special_tokens=True)
        self._tail = ""

    def ends_with(self, token: int) -> bool:
        """Take the next token, and say whether a stop string is complete."""
        text = self._stream.step(self._tokenizer, token)
        if not text:
            return False
        seen = self._tail + text
        self._tail = seen[max(0, len(seen) - self._reach) :]
        return any(one in seen for one in self._strings)


def before_stop_string(text: str, stop_strings: tuple[str, ...]) -> str:
    """The text up to the first stop string in it."""
    found = [at for at in map(text.find, stop_strings) if at >= 0]
    return text[: min(found)] if found else text
