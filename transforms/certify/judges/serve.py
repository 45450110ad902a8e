"""The process of one judge: documents in, verdicts out.

    python -m transforms.certify.judges.serve MODULE EXHIBITS CORPUS VERDICTS [DISTRIBUTION ...]

EXHIBITS and CORPUS are Parquet files of `schemas.working.verdicts.EXHIBITS`; VERDICTS is written. Of the environment
only pyarrow is needed here.
"""

import contextlib
import importlib
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.working.verdicts import EXHIBITS, FACTS_KEY, VERDICTS

PACKAGE = "transforms.certify.judges"


def serve(module: str, exhibits: str, corpus: str, verdicts: str, distributions: Sequence[str]) -> None:
    """Let the judge in `module` look at each set of documents, and write what it says.

    Of its facts `seconds` is the wall time of the looking alone, `cpu_seconds` what this process and those that it
    waited for took of the cores since it began.

    Raises:
        ValueError: if it does not say one thing of each document.
    """
    judge = importlib.import_module(f"{PACKAGE}.{module}")
    table = pq.read_table(exhibits, schema=EXHIBITS)
    training: list[str] = pq.read_table(corpus, schema=EXHIBITS)["text"].to_pylist()
    began = time.perf_counter()
    kept: list[bool] = []
    left: list[str | None] = []
    for number in table["set"].unique().to_pylist():
        own: list[str] = table.filter(pc.equal(table["set"], number))["text"].to_pylist()
        said = list(judge.judge(own, training))
        if len(said) != len(own):
            raise ValueError(f"{module} said {len(said)} things of {len(own)} documents")
        kept += [one is not None for one in said]
        left += [None if after == before else after for before, after in zip(own, said, strict=True)]
    facts = {
        "settings": judge.SETTINGS,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in distributions},
        "seconds": time.perf_counter() - began,
        "cpu_seconds": sum(os.times()[:4]),
        "documents": table.num_rows,
    }
    metadata = {**VERDICTS.metadata, FACTS_KEY: json.dumps(facts).encode()}
    out = pa.table([pa.array(kept, pa.bool_()), pa.array(left, pa.large_string())], schema=VERDICTS)
    pq.write_table(out.replace_schema_metadata(metadata), verdicts)


def _end_with_parent() -> None:
    """End this process when the one that began it is gone: nobody would read the verdicts."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What judges print goes to the errors' stream."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


if __name__ == "__main__":
    os.environ.setdefault("LOGURU_LEVEL", "WARNING")
    _end_with_parent()
    with _quiet():
        module, exhibits, corpus, verdicts, *distributions = sys.argv[1:]
        serve(module, exhibits, corpus, verdicts, distributions)
