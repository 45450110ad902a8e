"""The process of judges that run one after the other: documents in, verdicts out.

    python -m transforms.certify.judges.serve ORDERS

ORDERS is a JSON file: the documents of training, and of each judge its module, the documents that it looks at, where
its verdicts go, and the distributions whose versions are recorded. Documents are Parquet files of
`schemas.working.verdicts.EXHIBITS`. When the verdicts of a judge are there, a line says how many bytes have been
written to stderr up to then: what is behind them, the next judge printed. Of the environment only pyarrow is needed
here.
"""

import functools
import importlib
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.working.verdicts import EXHIBITS, FACTS_KEY, VERDICTS
from transforms.certify.judges.remembered import forget

PACKAGE = "transforms.certify.judges"


def serve(order: Mapping[str, Any], training: Sequence[str]) -> None:
    """Let a judge look at each set of documents, and write what it says.

    Of its facts `seconds` is the wall time of the looking alone, `cpu_seconds` what this process and those that it
    waited for took of the cores for it; of the first judge since the process began. What judges of one process share,
    the first that needs it computes.

    Raises:
        ValueError: if it does not say one thing of each document.
    """
    began, before = time.perf_counter(), _cpu_seconds() if _ENDED else 0.0
    judge = importlib.import_module(f"{PACKAGE}.{order['module']}")
    kept: list[bool] = []
    left: list[str | None] = []
    for own in _sets(order["exhibits"]):
        said = list(judge.judge(own, training))
        if len(said) != len(own):
            raise ValueError(f"{order['module']} said {len(said)} things of {len(own)} documents")
        kept += [one is not None for one in said]
        left += [None if after == before else after for before, after in zip(own, said, strict=True)]
    forget()
    facts = {
        "settings": judge.SETTINGS,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in order["distributions"]},
        "seconds": time.perf_counter() - began,
        "cpu_seconds": _cpu_seconds() - before,
        "documents": len(kept),
    }
    metadata = {**VERDICTS.metadata, FACTS_KEY: json.dumps(facts).encode()}
    out = pa.table([pa.array(kept, pa.bool_()), pa.array(left, pa.large_string())], schema=VERDICTS)
    pq.write_table(out.replace_schema_metadata(metadata), order["verdicts"])
    _ENDED.append(order["module"])


_ENDED: list[str] = []


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


@functools.lru_cache(1)
def _sets(path: str) -> list[list[str]]:
    """The sets of documents of a file."""
    table = pq.read_table(path, schema=EXHIBITS)
    numbers = table["set"].unique().to_pylist()
    return [table.filter(pc.equal(table["set"], number))["text"].to_pylist() for number in numbers]


def _end_with_parent() -> None:
    """End this process when the one that began it is gone: nobody would read the verdicts."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _output() -> int:
    """A descriptor of the output, to which nothing else is written from now on: what judges print goes to stderr."""
    output = os.dup(1)
    os.dup2(2, 1)
    return output


if __name__ == "__main__":
    os.environ.setdefault("LOGURU_LEVEL", "WARNING")
    _end_with_parent()
    output = _output()
    orders = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    known: list[str] = pq.read_table(orders["training"], schema=EXHIBITS)["text"].to_pylist()
    for one in orders["judges"]:
        serve(one, known)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(output, f"{os.fstat(2).st_size}\n".encode())
