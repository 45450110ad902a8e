"""The command line: one table of commands. Our flags are read first, then Beam's; leftovers are errors."""

import atexit
import gc
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, NoReturn

from cyclopts import App, CycloptsError
from cyclopts.config import Dict

from pipelines import certify, check, dedup, draw, order, prepare, puzzles, report, restore, reveal, score, seal, verify
from pipelines.learning import dynamics
from pipelines.ordering import which
from pipelines.running.beam_flags import refuse_our_flags_misspelt, same_flag, suggest
from pipelines.running.config_file import read_config, take_config_flag
from pipelines.running.errors import RunError, UsageError
from pipelines.scoring import outside
from transforms.base.flags import EVERY_FLAG
from transforms.probes.kind import KINDS, config_class

if TYPE_CHECKING:
    from pipelines.running.context import Context

FAILED, BAD_USAGE = 1, 2


@dataclass(frozen=True)
class Command:
    """A command of `trapline`. The modules named here import Beam and Arrow only when they run: --help stays quick."""

    name: str
    config: type
    """Its settings: every field is a flag and a key in config files; the docstring is the command's help."""
    run: "Callable[[Any, Context], int]"
    """Does the work; returns the exit code."""
    beam: bool = False
    """Whether it runs Beam pipelines and so accepts Beam's own flags, such as --runner."""
    stopped: str = "run the same command again to continue"
    """What is said when the command is stopped."""


def _kind(name: str) -> Command:
    """The command that makes probes of a kind: its flags and its help are those of the kind's settings."""

    def run(config: Any, _: "Context") -> int:
        from pipelines.probes.run_kind import run as run_kind

        return run_kind(name, config)

    return Command(name, config_class(name), run, stopped="nothing was written")


COMMANDS = (
    Command("dedup", dedup.DedupConfig, dedup.run, beam=True),
    *map(_kind, KINDS),
    Command("puzzles", puzzles.PuzzlesConfig, puzzles.run, beam=True),
    Command("seal", seal.SealConfig, seal.run),
    Command("draw", draw.DrawConfig, draw.run),
    Command("prepare", prepare.PrepareConfig, prepare.run, beam=True),
    Command("certify", certify.CertifyConfig, certify.run, stopped="no report was written"),
    Command("report", report.ReportConfig, report.run),
    Command("order", order.OrderConfig, order.run, beam=True),
    Command("which", which.WhichConfig, which.run),
    Command("restore", restore.RestoreCommand, restore.run, beam=True),
    Command("score", score.ScoreConfig, score.run, beam=True),
    Command("outside", outside.OutsideConfig, outside.run, stopped="run the same command again"),
    Command("verify", verify.VerifyConfig, verify.run),
    Command("dynamics", dynamics.DynamicsConfig, dynamics.run, stopped="run the same command again"),
    Command("reveal", reveal.RevealConfig, reveal.run),
    Command("check", check.CheckConfig, check.run),
)
"""All commands, in the order in which a campaign uses them."""

_BY_NAME = {command.name: command for command in COMMANDS}


def _version() -> str:
    from importlib.metadata import version

    return version("trapline")


def _parser(config_class: type) -> Callable[..., Any]:
    """A function whose one argument cyclopts fills from the command line."""

    def parse(config: Any) -> Any:
        return config_class() if config is None else config

    parse.__annotations__ = {"config": config_class}
    if not any(one.default is MISSING and one.default_factory is MISSING for one in fields(config_class)):
        parse.__defaults__ = (None,)  # else cyclopts demands a flag where none is required
    return parse


def _help(config_class: type) -> str:
    """The docstring, each paragraph on one line: the terminal's width breaks them again."""
    paragraphs = inspect.cleandoc(config_class.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(one.split()) for one in paragraphs)


def _app() -> App:
    made = App(
        name="trapline",
        help="Prepare LLM training data, and test what a trained model memorised from it.",
        version=_version,
        help_format="plaintext",
        result_action="return_value",
        help_epilogue="Every command accepts --config FILE: TOML with one table per command, or the manifest.json of "
        "an earlier run. Commands that process a corpus, puzzles or scores also accept Apache Beam's own flags, such "
        "as --runner.",
    )
    for place, command in enumerate(COMMANDS):
        made.command(
            _parser(command.config),
            name=command.name,
            help=_help(command.config),
            sort_key=place,
            default_parameter=EVERY_FLAG,
        )
    return made


app = _app()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 (failed) or 2 (bad usage)."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _main(tokens)
    except UsageError as error:
        _complain(str(error))
        return BAD_USAGE
    except CycloptsError as error:
        error.verbose = False
        _complain(str(error))
        return BAD_USAGE
    except (RunError, OSError) as error:
        _complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        _stop("nothing was begun")


def _main(tokens: list[str]) -> int:
    for token in tokens:
        if any("\ud800" <= letter <= "\udfff" for letter in token):
            raise UsageError(f"{os.fsencode(token)!r}: arguments and file names must be UTF-8")
    left, path = take_config_flag(tokens)
    beam_tokens: list[str] = []
    app.config = ()
    if path is not None:
        settings, beam_tokens = read_config(path, tuple(_BY_NAME))
        app.config = (Dict(settings, source=path),)
    if not left or left[0] not in _BY_NAME:
        return _top_level(left)
    command, ours = _BY_NAME[left[0]], _flags(left[0])
    refuse_our_flags_misspelt([*left[1:], *beam_tokens], ours)
    if {"--help", "-h", "--version"} & set(left):
        app(left, exit_on_error=False, print_error=False)
        return 0
    try:
        parse, bound, unused, _ = app.parse_known_args(left)
        config = parse(*bound.args, **bound.kwargs)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not command.beam:
        if unused and same_flag(unused[0]) == "--runner":
            raise UsageError(f"trapline {left[0]} runs where it is called and takes no --runner: leave it out")
        if unused:
            raise UsageError(suggest(unused[0], ours, beam=False))
        beam_tokens = []  # [beam] in a config file that several commands share
    return _run(command, config, [*beam_tokens, *unused], ours)


def _top_level(tokens: list[str]) -> int:
    first, names = tokens[0] if tokens else "--help", ", ".join(_BY_NAME)
    if first.startswith("-") and first not in ("--help", "-h", "--version"):
        raise UsageError(f"{first} comes before the command: write the command first, one of {names}")
    if not first.startswith("-"):
        import difflib

        close = difflib.get_close_matches(first, _BY_NAME, 1)
        hint = f"did you mean {close[0]}?" if close else f"commands are {names}"
        raise UsageError(f"unknown command {first!r}: {hint}")
    app([first], exit_on_error=False, print_error=False)
    return 0


def _flags(command: str) -> list[str]:
    """All flags of a command, for suggestions."""
    names = [name for argument in app[command].assemble_argument_collection() for name in argument.names]
    return [name for name in names if name.startswith("--")] + ["--config"]


def _run(command: Command, config: Any, beam_flags: list[str], ours: list[str]) -> int:
    import logging

    # Beam warns at import about every missing optional package, and logs each failure that we report ourselves.
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    from transforms.base.errors import CorpusError

    if beam_flags and not beam_flags[0].startswith("-"):
        raise UsageError(suggest(beam_flags[0], ours))
    from pipelines.running.context import Context
    from pipelines.running.signals import stopped_by_signals

    context = Context(beam_flags, ours)
    if beam_flags:
        from pipelines.jobs.runners import refuse_what_cannot_start

        refuse_what_cannot_start(context.beam_options())  # and, before any work, what Beam itself would refuse
    # Inside a pipeline a ValueError is a defect, whose traceback is wanted; elsewhere it refuses a document or a value.
    refusals = (CorpusError,) if command.beam else (CorpusError, ValueError)
    try:
        with stopped_by_signals(lambda: _stop(command.stopped)):
            return command.run(config, context)
    except KeyboardInterrupt:
        _stop(command.stopped)
    except refusals as error:
        raise RunError(str(error)) from error


def _complain(message: str) -> None:
    from transforms.base.stores.address import shown

    print(f"trapline: {shown(message)}", file=sys.stderr, flush=True)


def _stop(message: str) -> NoReturn:
    """End at once: worker threads may be in the middle of a shard, whose temporary file the next run removes."""
    _complain(f"stopped; {message}")
    sys.stdout.flush()
    os._exit(FAILED)


def entry() -> NoReturn:
    """Run the command line as a process of its own.

    What was registered to run at exit runs; tearing down the interpreter with all that Beam and Numba hold is left
    to the operating system, which takes no time.
    """
    gc.disable()  # imports make half a million lasting objects; `launch` switches the collector on again
    code = main()
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public way to run them early
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    entry()
