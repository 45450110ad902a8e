"""The flags that are not ours: Beam's own, all of them, without abbreviations."""

import argparse
import difflib
from collections.abc import Sequence
from typing import Any

from pipelines.errors import UsageError


def same_flag(token: str) -> str:
    """A flag's name without its value, with `_` as `-`."""
    return token.split("=", 1)[0].replace("_", "-")


def refuse_our_flags_misspelt(tokens: Sequence[str], ours: Sequence[str]) -> None:
    """Refuse `--dry_run` where we have `--dry-run`: Beam has a flag of that name which means something else.

    Raises:
        UsageError: naming both spellings.
    """
    for token in tokens:
        name = token.split("=", 1)[0]
        if name.startswith("--") and name not in ours and same_flag(name) in ours:
            raise UsageError(f"{name} is not a flag; write {same_flag(name)} for trapline's own")


def beam_options(tokens: Sequence[str], ours: Sequence[str]) -> Any:
    """Beam's `PipelineOptions` for `tokens`.

    Raises:
        UsageError: for a flag that neither Beam nor trapline knows, or a value that Beam refuses.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = _Parser(allow_abbrev=False, add_help=False)
    for group in PipelineOptions.__subclasses__():
        group._add_argparse_args(parser)  # noqa: SLF001 - Beam has no other list of its flags
    _, unknown = parser.parse_known_args(list(tokens))
    if unknown:
        raise UsageError(_unknown(unknown[0], [*ours, *parser.flags()]))
    return PipelineOptions(list(tokens))


def suggest(token: str, flags: Sequence[str]) -> str:
    """`unknown flag --thresold: did you mean --threshold?`."""
    return _unknown(token, flags)


def _unknown(token: str, flags: Sequence[str]) -> str:
    name = token.split("=", 1)[0]
    if not name.startswith("-"):
        return f"unexpected argument {token!r}: values follow a flag, as in --input FILE"
    close = difflib.get_close_matches(name, flags, 1)
    hint = f": did you mean {close[0]}?" if close else ": see --help; Beam's own flags are accepted too"
    return f"unknown flag {name}{hint}"


class _Parser(argparse.ArgumentParser):
    """Beam's option groups share some flags; the first one wins, as in Beam itself."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(conflict_handler="resolve", **settings)

    def flags(self) -> list[str]:
        """All long flags."""
        return [flag for flag in self._option_string_actions if flag.startswith("--")]

    def error(self, message: str) -> Any:
        """Turn a refusal into ours."""
        raise UsageError(f"Beam refuses the options: {message}")
