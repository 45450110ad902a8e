"""The command line that benchmarks of kinds share, and how their trainings say what they do."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path


def parsed(description: str | None, arguments: Sequence[str] | None) -> argparse.Namespace:
    """What is given: work, output, threads, tiny. The folder for the work exists then, and torch uses the threads."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--output", type=Path, required=True, help="JSON with all figures")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tiny", action="store_true", help="a rehearsal of seconds")
    given = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(given.threads)
    given.work.mkdir(parents=True, exist_ok=True)
    return given


def saying(name: str) -> Callable[[str], None]:
    """Prints a line with the name of what says it in front."""
    return lambda line: print(f"{name}: {line}", flush=True)
