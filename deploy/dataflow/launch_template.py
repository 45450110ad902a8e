"""The entry of the flex template: parameters of the template become the command line of `trapline dedup`.

A run is three jobs, and some twenty more with a partitioned plan; the launcher stays until the last one has ended.
Dataflow gives a template's launcher the name of one job: the first stage takes that name, and Beam makes names for the
others.
"""

import sys
from collections.abc import Sequence

from pipelines.cli import main

_OURS = ("input", "output", "text_column", "threshold", "shard_bytes", "plan")


def arguments(given: Sequence[str]) -> list[str]:
    """The command line of `trapline` for the flags that Dataflow passes, `--name=value` each.

    An empty value stands for a parameter that was not given. Flags that are not the template's are Beam's.
    """
    ours, beam = [], []
    for token in given:
        name, _, value = token.removeprefix("--").partition("=")
        if name in _OURS:
            flag = f"--{name.replace('_', '-')}"
            ours += [part for one in value.split() for part in (flag, one)] if value else []
        elif name not in ("runner", "sdk_location"):
            beam.append(token)
    return ["dedup", *ours, "--threads", "1", "--runner", "DataflowRunner", "--sdk_location", "container", *beam]


if __name__ == "__main__":
    sys.exit(main(arguments(sys.argv[1:])))
