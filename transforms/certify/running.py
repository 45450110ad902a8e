"""Run judges in processes, several at once; read what they say."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.described import check
from schemas.working.verdicts import EXHIBITS, FACTS_KEY, VERDICTS
from transforms.certify.environments import python_of
from transforms.certify.registry import PER_DOCUMENT, Judge

_SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")
_TOP = Path(__file__).resolve().parents[2]
_KEPT = 2_000  # characters of what a judge printed before it failed
_ERROR = re.compile(r"([A-Za-z_][\w.]*(?:Error|Exception))(?::|$)")
_ABOUT_THE_MACHINE = re.compile(r"No module named '[\w.]+'|\[Errno \d+\] [A-Z][a-z]+(?: [a-z]+)*")
"""What of a message may be told: it names no file and quotes no document."""


@dataclass(frozen=True, repr=False)
class Exhibits:
    """What judges are shown: a list of sets of documents for each way of looking, and documents to train on."""

    per_document: Sequence[Sequence[str]]
    whole_corpus: Sequence[Sequence[str]]
    training: Sequence[str]

    def of(self, judge: Judge) -> Sequence[Sequence[str]]:
        """The sets that a judge is shown."""
        return self.per_document if judge.looks_at == PER_DOCUMENT else self.whole_corpus


@dataclass(frozen=True)
class Failure:
    """Why a judge said nothing: `reason` quotes no document; `said` is the end of what it printed, and may."""

    judge: Judge
    reason: str
    said: str


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a judge said: for each set, what is left of each document, None for one that is dropped.

    `facts` has its settings, versions and time.
    """

    judge: Judge
    left: Sequence[Sequence[str | None]]
    facts: Mapping[str, Any]


def run_judges(
    judges: Sequence[Judge], exhibits: Exhibits, folder: Path, scratch: Path, threads: int, say: Callable[[str], None]
) -> list[Verdict | Failure]:
    """Show the exhibits to all judges.

    Args:
        judges: whose environments are there.
        exhibits: what they look at.
        folder: of their environments.
        scratch: a folder that only its owner can read, for the files between the processes.
        threads: judges that run at once.
        say: tells the person at the terminal.

    Returns:
        Of each judge what it said, or why it failed.
    """
    said: dict[str, Verdict | Failure] = {}
    mask = os.umask(0o077)  # what a killed run leaves is its owner's alone
    try:
        _lay_out(exhibits, scratch)
        with ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(_run, group, exhibits, folder, scratch, say) for group in groups(judges, threads)]
            try:
                for future in futures:
                    said |= {one.judge.name: one for one in future.result()}
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        os.umask(mask)
    return [said[judge.name] for judge in judges]


def groups(judges: Sequence[Judge], threads: int) -> list[list[Judge]]:
    """Judges by the process that they run in, in the order in which the processes begin.

    Judges of an environment that share work run one after the other in one process, or with four threads or more in
    half as many as there are threads. The longest begins first, so that no core waits for one that began late.
    """
    found = [[judge] for judge in judges if not judge.environment.shared]
    for environment in {judge.environment: None for judge in judges if judge.environment.shared}:
        own = sorted((one for one in judges if one.environment == environment), key=lambda one: -one.cost)
        own.sort(key=lambda one: one.looks_at)  # so that each file is read once
        parts: list[list[Judge]] = [[] for _ in range(min(len(own), max(1, threads // 2)))]
        for judge in own:
            min(parts, key=_cost).append(judge)
        found += parts
    return sorted(found, key=_cost, reverse=True)


def _cost(group: Sequence[Judge]) -> float:
    return sum(judge.cost for judge in group)


def _lay_out(exhibits: Exhibits, scratch: Path) -> None:
    """Write the exhibits, and a folder in which a judge's Python finds trapline's source and nothing else."""
    source = scratch / "source"
    source.mkdir()
    for name in ("schemas", "transforms", "pipelines"):
        (source / name).symlink_to(_TOP / name)
    for name, sets in (("document", exhibits.per_document), ("corpus", exhibits.whole_corpus)):
        numbers = [number for number, own in enumerate(sets) for _ in own]
        texts = [text for own in sets for text in own]
        _write(scratch / f"{name}.parquet", numbers, texts)
    _write(scratch / "training.parquet", [0] * len(exhibits.training), exhibits.training)


def _write(path: Path, numbers: Sequence[int], texts: Sequence[str]) -> None:
    columns = [pa.array(numbers, pa.int32()), pa.array(texts, pa.large_string())]
    pq.write_table(pa.table(columns, schema=EXHIBITS), path, compression="lz4")


def _error_in(said: str) -> str:
    """The error at the end of what a judge printed, without what of its message may quote a document."""
    last = (said.strip().splitlines() or [""])[-1]
    error = _ERROR.match(last)
    if error is None:
        return ""
    told = _ABOUT_THE_MACHINE.match(last, error.end() + 1)
    return f", {error[1]}: {told[0]}" if told else f", {error[1]}"


def _run(
    group: Sequence[Judge], exhibits: Exhibits, folder: Path, scratch: Path, say: Callable[[str], None]
) -> list[Verdict | Failure]:
    """Run judges of one environment one after the other; behind one that fails in another process."""
    found: list[Verdict | Failure] = []
    while len(found) < len(group):
        rest = group[len(found) :]
        found += _process(rest, exhibits, folder, scratch, say)
    return found


def _process(
    group: Sequence[Judge], exhibits: Exhibits, folder: Path, scratch: Path, say: Callable[[str], None]
) -> list[Verdict | Failure]:
    """Run one process: what judges said, up to the first that failed."""
    own = scratch / group[0].name
    own.mkdir()
    outs = [own / f"{judge.name}.parquet" for judge in group]
    orders = {
        "training": str(scratch / "training.parquet"),
        "judges": [
            {
                "module": judge.module,
                "exhibits": str(scratch / f"{judge.looks_at}.parquet"),
                "verdicts": str(out),
                "distributions": judge.packages,
            }
            for judge, out in zip(group, outs, strict=True)
        ],
    }
    (own / "orders.json").write_text(json.dumps(orders), encoding="utf-8")
    python = str(python_of(group[0].environment, folder))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        **dict.fromkeys(_SINGLE, "1"),
        "PYTHONPATH": str(scratch / "source"),
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(own),
    }
    found: list[Verdict | Failure] = []
    printed_before = 0
    with (own / "said").open("wb") as said:
        # S603: the Python is one that the user has set up.
        with subprocess.Popen(  # noqa: S603
            [python, "-m", "transforms.certify.judges.serve", str(own / "orders.json")],
            cwd=own,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as process:
            for line in process.stdout or ():
                judge, printed_before = group[len(found)], int(line)
                found.append(_read(judge, exhibits.of(judge), outs[len(found)], say))
        if len(found) < len(group):
            printed = _behind(own / "said", printed_before)
            reason = f"it failed (exit {process.returncode}{_error_in(printed)})"
            found.append(Failure(group[len(found)], reason, printed[-_KEPT:]))
    return found


def _behind(path: Path, begin: int) -> str:
    """The text of a file from a byte on."""
    return path.read_bytes()[begin:].decode(errors="replace")


def _read(judge: Judge, sets: Sequence[Sequence[str]], path: Path, say: Callable[[str], None]) -> Verdict:
    """What a judge wrote."""
    table = pq.read_table(path)
    check(table.schema, VERDICTS, f"verdicts of {judge.name}")
    facts = json.loads(table.schema.metadata[FACTS_KEY])
    say(f"  {judge.name:<20} {facts['seconds']:7.1f} s, {facts['cpu_seconds']:7.1f} s of CPU")
    left, at = [], 0
    kept, texts = table["kept"].to_pylist(), table["text"].to_pylist()
    for documents in sets:
        rows = range(at, at + len(documents))
        left.append(
            [
                None if not kept[row] else texts[row] if texts[row] is not None else before
                for row, before in zip(rows, documents, strict=True)
            ]
        )
        at += len(documents)
    path.unlink()
    return Verdict(judge, left, facts)
