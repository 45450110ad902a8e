"""The flags that are not ours: Beam's own, all of them, without abbreviations."""

import argparse
import difflib
from collections.abc import Sequence
from typing import Any

from pipelines.running.errors import UsageError


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
        UsageError: for a flag that neither Beam nor trapline knows, a value that Beam refuses, or a runner that
            does not exist or that needs further flags.
    """
    from apache_beam.options.pipeline_options import StandardOptions
    from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
    from apache_beam.runners.runner import create_runner

    from pipelines.running.beam_views import RememberedViews

    if tokens:
        _refuse_unknown(tokens, ours)
    options = RememberedViews(list(tokens))
    runner = options.view_as(StandardOptions).runner
    if runner:
        try:
            problems = PipelineOptionsValidator(options, create_runner(runner)).validate()
        except (ValueError, ImportError, AttributeError) as error:
            raise UsageError(f"--runner {runner}: {error}") from error
        if problems:
            raise UsageError(f"--runner {runner}: {' '.join(problem.strip() for problem in problems)}")
    return options


def _refuse_unknown(tokens: Sequence[str], ours: Sequence[str]) -> None:
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = _Parser(allow_abbrev=False, add_help=False)
    for group in PipelineOptions.__subclasses__():
        group._add_argparse_args(parser)  # noqa: SLF001 - Beam has no other list of its flags
    _, unknown = parser.parse_known_args(list(tokens))
    if unknown:
        raise UsageError(_unknown(unknown[0], [*ours, *parser.flags()]))


def suggest(token: str, flags: Sequence[str], *, beam: bool = True) -> str:
    """`unknown flag --thresold: did you mean --threshold?`; `beam` says whether Beam's flags are taken, too."""
    return _unknown(token, flags, "; Beam's own flags are accepted too" if beam else "")


def _unknown(token: str, flags: Sequence[str], more: str = "; Beam's own flags are accepted too") -> str:
    name = token.split("=", 1)[0]
    if not name.startswith("-"):
        return f"unexpected argument {token!r}: values follow a flag, as in --input FILE"
    if name in flags:
        return f"{name} is trapline's own flag: in a config file it belongs in the command's table, not in [beam]"
    close = difflib.get_close_matches(name, flags, 1)
    hint = f": did you mean {close[0]}?" if close else f": see --help{more}"
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
