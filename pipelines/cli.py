"""The command line: our flags first, then Beam's; leftovers are errors."""

import atexit
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from cyclopts import App, CycloptsError
from cyclopts.config import Dict

from pipelines.check import CheckConfig
from pipelines.check import run as run_check
from pipelines.dedup import DedupConfig
from pipelines.draw import DrawConfig
from pipelines.draw import run as run_draw
from pipelines.prepare import PrepareConfig
from pipelines.puzzles import PuzzlesConfig
from pipelines.report import ReportConfig
from pipelines.report import run as run_report
from pipelines.restore import RestoreCommand
from pipelines.restore import run as run_restore
from pipelines.reveal import RevealConfig
from pipelines.reveal import run as run_reveal
from pipelines.running.beam_flags import refuse_our_flags_misspelt, suggest
from pipelines.running.config_file import read_config, take_config_flag
from pipelines.running.errors import RunError, UsageError
from pipelines.score import ScoreConfig
from pipelines.seal import SealConfig
from pipelines.seal import run as run_seal
from pipelines.verify import VerifyConfig
from pipelines.verify import run as run_verify
from transforms.probes.kind import KINDS, config_class

FAILED, BAD_USAGE = 1, 2


def _version() -> str:
    from importlib.metadata import version

    return version("trapline")


app = App(
    name="trapline",
    help="Prepare a training corpus, and later tell what a model remembers of it.",
    version=_version,
    help_format="plaintext",
    result_action="return_value",
    help_epilogue="Every command takes --config FILE (TOML with a table a command, or an earlier manifest.json) "
    "and those that rewrite a corpus Apache Beam's own flags, such as --runner.",
)


@app.command
def dedup(config: DedupConfig) -> DedupConfig:
    """Take near-duplicate documents out of a corpus and write Parquet shards.

    A document is removed only if a kept document is its verified neighbour; duplicates/ says which.
    """
    return config


@app.command
def prepare(config: PrepareConfig) -> PrepareConfig:
    """Deduplicate a corpus, plant what was drawn, and write Parquet shards: one run, with a secret ledger."""
    return config


@app.command
def restore(config: RestoreCommand) -> RestoreCommand:
    """Take out what prepare planted: the corpus as it was before, bit for bit."""
    return config


@app.command
def report(config: ReportConfig) -> ReportConfig:
    """Say, among the secrets, what was planted, what it can detect, and which tokens came out intact."""
    return config


@app.command
def puzzles(config: PuzzlesConfig) -> PuzzlesConfig:
    """Make Knights-and-Knaves puzzles with certified perturbations: probes to seal, or a data set."""
    return config


@app.command
def seal(config: SealConfig) -> SealConfig:
    """Seal probes and an analysis plan under a new secret key, and make the commitment to publish."""
    return config


@app.command
def draw(config: DrawConfig) -> DrawConfig:
    """Draw which candidate of each unit is planted, from public randomness that nobody could know at the seal."""
    return config


@app.command
def reveal(config: RevealConfig) -> RevealConfig:
    """Write proofs of single units, a tranche or all of them, which tell nothing of the others."""
    return config


@app.command
def score(config: ScoreConfig) -> ScoreConfig:
    """Run checkpoints over sequences: log-probabilities token by token, and metrics of memorisation.

    Probes, or any Parquet of texts or token ids. It is told neither what was drawn nor how often it was planted.
    """
    return config


@app.command
def check(config: CheckConfig | None = None) -> CheckConfig:
    """Hold secrets or a reveal against the published commitment and say what differs."""
    return config or CheckConfig()


@app.command
def verify(config: VerifyConfig) -> VerifyConfig:
    """Tell whether a model saw what was planted, by the analysis that was sealed, with an exact error rate."""
    return config


def _add_kind(name: str) -> None:
    """The command that makes probes of a kind: its flags and its help are those of the kind's settings."""

    def command(config: Any) -> Any:
        return config

    settings = config_class(name)
    command.__annotations__, command.__doc__ = {"config": settings, "return": settings}, settings.__doc__
    app.command(command, name=name)


for _name in KINDS:
    _add_kind(_name)


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
        _stop_now()
    return FAILED


def _main(tokens: list[str]) -> int:
    for token in tokens:
        if any("\ud800" <= letter <= "\udfff" for letter in token):
            raise UsageError(f"{os.fsencode(token)!r}: arguments and file names must be UTF-8")
    left, path = take_config_flag(tokens)
    beam_tokens: list[str] = []
    app.config = ()
    if path is not None:
        settings, beam_tokens = read_config(path, tuple(COMMANDS))
        app.config = (Dict(settings, source=path),)
    if not left or left[0] not in COMMANDS:
        return _top_level(left)
    ours = _flags(left[0])
    refuse_our_flags_misspelt([*left[1:], *beam_tokens], ours)
    if {"--help", "-h", "--version"} & set(left):
        app(left, exit_on_error=False, print_error=False)
        return 0
    try:
        command, bound, unused, _ = app.parse_known_args(left)
        config = command(*bound.args, **bound.kwargs)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return COMMANDS[left[0]](config, beam_tokens, unused, ours)


def _top_level(tokens: list[str]) -> int:
    first = tokens[0] if tokens else "--help"
    if first.startswith("-") and first not in ("--help", "-h", "--version"):
        raise UsageError(f"{first} stands before a command; commands are {', '.join(COMMANDS)}: see trapline --help")
    if not first.startswith("-"):
        import difflib

        close = difflib.get_close_matches(first, COMMANDS, 1)
        hint = f"did you mean {close[0]}?" if close else f"commands are {', '.join(COMMANDS)}"
        raise UsageError(f"unknown command {first!r}: {hint}")
    app([first], exit_on_error=False, print_error=False)
    return 0


def _flags(command: str) -> list[str]:
    """All flags of a command, for suggestions."""
    names = [name for argument in app[command].assemble_argument_collection() for name in argument.names]
    return [name for name in names if name.startswith("--")] + ["--config"]


def _run_on_beam(run: Callable[[Any, Callable[[], Any], Any], int]) -> "Runner":
    """A command whose work are Beam pipelines: what is not ours among the flags is Beam's."""

    def runner(config: Any, from_file: list[str], unused: list[str], ours: list[str]) -> int:
        import logging

        # Beam warns at import of every optional package that is not there, and logs each failure that is told here.
        logging.getLogger().setLevel(logging.ERROR)
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        from transforms.base.errors import CorpusError

        beam_tokens = [*from_file, *unused]
        if beam_tokens and not beam_tokens[0].startswith("-"):
            raise UsageError(suggest(beam_tokens[0], ours))
        try:
            from pipelines.running.beam_flags import beam_options
            from pipelines.running.progress import Progress
            from pipelines.running.signals import stopped_by_signals

            if beam_tokens:
                beam_options(beam_tokens, ours)  # refuses before any work what Beam would refuse
            with stopped_by_signals(_stop_now):
                return run(config, lambda: beam_options(beam_tokens, ours), Progress())
        except CorpusError as error:
            raise RunError(str(error)) from error

    return runner


def _run_corpus(config: Any, options: Callable[[], Any], progress: Any) -> int:
    from pipelines.corpus.run import run

    return run(config, options, progress)


def _run_puzzles(config: Any, options: Callable[[], Any], progress: Any) -> int:
    from pipelines.probes.puzzles_dataset import run

    return run(config, options, progress)


def _run_score(config: Any, options: Callable[[], Any], progress: Any) -> int:
    from pipelines.scoring.run import run

    return run(config, options, progress)


def _run_kind(name: str) -> Callable[[Any], int]:
    def run(config: Any) -> int:
        from pipelines.probes.run_kind import run

        return run(name, config)

    return run


def _run_here(run: Callable[[Any], int]) -> "Runner":
    """A command that runs in this process, without Beam: [beam] in a shared config file does not concern it."""

    def runner(config: Any, _: list[str], unused: list[str], ours: list[str]) -> int:
        from transforms.base.errors import CorpusError

        if unused:
            raise UsageError(suggest(unused[0], ours, beam=False))
        try:
            return run(config)
        except (CorpusError, ValueError) as error:
            raise RunError(str(error)) from error

    return runner


def _run_to_the_end(run: Callable[[Any], int]) -> "Runner":
    """A command of this process that makes its output whole or not at all, and says so when it is stopped."""
    here = _run_here(run)

    def runner(config: Any, from_file: list[str], unused: list[str], ours: list[str]) -> int:
        import logging

        logging.getLogger().setLevel(logging.ERROR)
        from pipelines.running.signals import stopped_by_signals

        def stop() -> None:
            _complain("stopped; nothing was written")
            os._exit(FAILED)

        try:
            with stopped_by_signals(stop):
                return here(config, from_file, unused, ours)
        except KeyboardInterrupt:
            stop()
        return FAILED

    return runner


Runner = Callable[[Any, list[str], list[str], list[str]], int]
"""Config, Beam's flags from the config file, flags on the command line that are not ours, and our flags."""

COMMANDS: dict[str, Runner] = {
    "dedup": _run_on_beam(_run_corpus),
    "prepare": _run_on_beam(_run_corpus),
    "restore": _run_on_beam(run_restore),
    "puzzles": _run_on_beam(_run_puzzles),
    "report": _run_here(run_report),
    **{name: _run_to_the_end(_run_kind(name)) for name in KINDS},
    "seal": _run_here(run_seal),
    "draw": _run_here(run_draw),
    "reveal": _run_here(run_reveal),
    "score": _run_on_beam(_run_score),
    "check": _run_here(run_check),
    "verify": _run_here(run_verify),
}
"""How each command is run."""


def _complain(message: str) -> None:
    print(f"trapline: {message}", file=sys.stderr, flush=True)


def _stop_now() -> None:
    """End at once: worker threads may be in the middle of a shard, whose temporary file the next run removes."""
    _complain("stopped; the same command goes on where this one was")
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
