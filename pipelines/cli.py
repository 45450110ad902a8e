"""The command line: our flags first, then Beam's; leftovers are errors."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError
from cyclopts.config import Dict

from pipelines.beam_flags import refuse_our_flags_misspelt, suggest
from pipelines.config_file import read_config, take_config_flag
from pipelines.dedup import DedupConfig
from pipelines.errors import RunError, UsageError

FAILED, BAD_USAGE = 1, 2


def _version() -> str:
    from importlib.metadata import version

    return version("trapline")


app = App(
    name="trapline",
    help="Prepare a training corpus, and later tell what a model remembers of it.",
    version=_version,
    help_format="plaintext",
    help_epilogue="Every command takes --config FILE (TOML with a table a command, or an earlier manifest.json) "
    "and Apache Beam's own flags, such as --runner.",
)


@app.command
def dedup(config: DedupConfig) -> DedupConfig:
    """Take near-duplicate documents out of a corpus and write Parquet shards.

    A document is removed only if a kept document is its verified neighbour; duplicates/ says which.
    """
    return config


COMMANDS = ("dedup",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 (failed) or 2 (bad usage)."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _main(tokens)
    except UsageError as error:
        _complain(str(error))
        return BAD_USAGE
    except CycloptsError as error:
        _complain(str(error))
        return BAD_USAGE
    except (RunError, OSError) as error:
        _complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        _stop_now()
    return FAILED


def _main(tokens: list[str]) -> int:
    left, path = take_config_flag(tokens)
    beam_tokens: list[str] = []
    if path is not None:
        settings, beam_tokens = read_config(path, COMMANDS)
        app.config = (Dict(settings, source=path),)
    if not left or left[0] not in COMMANDS:
        return _top_level(left)
    ours = _flags(left[0])
    refuse_our_flags_misspelt(left[1:], ours)
    if {"--help", "-h"} & set(left):
        app(left, exit_on_error=False, print_error=False)
        return 0
    command, bound, unused, _ = app.parse_known_args(left)
    config = command(*bound.args, **bound.kwargs)
    return _run(config, [*beam_tokens, *unused], ours)


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


def _run(config: DedupConfig, beam_tokens: list[str], ours: list[str]) -> int:
    from transforms.corpus.errors import CorpusError

    if beam_tokens and not beam_tokens[0].startswith("-"):
        raise UsageError(suggest(beam_tokens[0], ours))
    try:
        from pipelines.beam_flags import beam_options
        from pipelines.corpus_run import run
        from pipelines.progress import Progress

        if beam_tokens:
            beam_options(beam_tokens, ours)
        return run(config, lambda: beam_options(beam_tokens, ours), Progress())
    except CorpusError as error:
        raise RunError(str(error)) from error
    except ValueError as error:
        raise RunError(str(error)) from error


def _complain(message: str) -> None:
    print(f"trapline: {message}", file=sys.stderr, flush=True)


def _stop_now() -> None:
    """End at once: worker threads may be in the middle of a shard, whose temporary file the next run removes."""
    _complain("stopped; the same command goes on where this one was")
    sys.stdout.flush()
    os._exit(FAILED)


def _entry() -> Any:
    raise SystemExit(main())


if __name__ == "__main__":
    _entry()
