"""What is compared: how each tool is called, on which corpora, and which documents it kept."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.dedup import environments
from benchmarks.dedup.corpus import parquet_files
from benchmarks.dedup.judge import kept_by_number, removed_by_trapline
from pipelines.dedup import DedupConfig
from pipelines.running.sizes import parse_size

HERE = Path(__file__).resolve().parent
NUM_PERM, BANDS, ROWS, NGRAM, THRESHOLD = 256, 28, 9, 5, 0.8

Flags = tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Tool:
    """One competitor.

    Attributes:
        name: as on the command line.
        version: of its distribution.
        does: one sentence for the report.
        command: (folders of Parquet, output folder) -> what to run.
        flags: (folders, output folder) -> (kept, removed) by document; None if it removes nothing.
        environment: variables to set.
        whole: runs on whole corpora and their copies, not only on the sample.
        up_to: the largest size it runs at, in corpora.
    """

    name: str
    version: str
    does: str
    command: Callable[[Sequence[Path], Path], list[str | Path]]
    flags: Callable[[Sequence[Path], Path], Flags] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    up_to: int = 1 << 30


def copy_tool(threads: int) -> Tool:
    """Read and write, with the codec and row groups that trapline writes by default."""
    defaults = DedupConfig(input=("in",), output="out")
    codec, _, level = defaults.compression.partition(":")
    fixed = ["--threads", threads, "--codec", codec, *(["--level", level] if level else [])]
    fixed += ["--row-group-bytes", parse_size(defaults.row_group_bytes)]

    def command(folders: Sequence[Path], output: Path) -> list[str | Path]:
        script = [sys.executable, HERE / "parquet_copy.py", "--input", *parquet_files(folders), "--output", output]
        return [*script, *map(str, fixed)]

    does = "reads all columns and writes them again, SHA-256 of each file: no deduplication"
    return Tool("copy", f"pyarrow {pa.__version__}", does, command, whole=True)


def trapline_tool(threads: int, venvs: Path) -> Tool:
    """The command line as a user types it, with default settings, of this checkout, without the optional extras.

    Raises:
        InstallationError: if it cannot be installed.
    """
    python = environments.prepare(environments.TRAPLINE, venvs)
    program = python.parent / "trapline"

    def command(folders: Sequence[Path], output: Path) -> list[str | Path]:
        where = ["--input", *(folder.absolute() for folder in folders), "--output", output]
        return [program, "dedup", *where, "--threads", str(threads)]

    version = environments.version(python, "trapline")
    does = "`trapline dedup` with its defaults: deduplicated shards, duplicates, report"
    return Tool("trapline", version, does, command, removed_by_trapline, whole=True)


def _kept(folders: Sequence[Path], numbers: list[str]) -> Flags:
    return kept_by_number(sum(pq.read_metadata(file).num_rows for file in parquet_files(folders)), numbers)


def datatrove_tool(threads: int, venvs: Path) -> Tool:
    """The four MinHash stages of datatrove.

    Raises:
        InstallationError: if it cannot be installed.
    """
    python = environments.prepare(environments.DATATROVE, venvs)

    def command(folders: Sequence[Path], output: Path) -> list[str | Path]:
        (folder,) = folders
        fixed = ["--threads", threads, "--bands", BANDS, "--rows", ROWS, "--ngram", NGRAM]
        script = [python, HERE / "peers" / "datatrove_minhash.py", "--input", folder, "--output", output]
        return [*script, *map(str, fixed)]

    def flags(folders: Sequence[Path], output: Path) -> Flags:
        return _kept(folders, pq.read_table(output / "kept", columns=["id"]).column(0).to_pylist())

    version = environments.version(python, "datatrove")
    does = f"MinHash pipeline, {BANDS} bands of {ROWS}, {NGRAM}-word shingles: signatures, buckets, clusters, filter"
    return Tool("datatrove", version, does, command, flags)


def daft_tool(venvs: Path) -> Tool:
    """The signatures of daft; its threads are the cores it may run on.

    Raises:
        InstallationError: if it cannot be installed.
    """
    python = environments.prepare(environments.DAFT, venvs)

    def command(folders: Sequence[Path], output: Path) -> list[str | Path]:
        del output  # it writes nothing
        script = [python, HERE / "peers" / "daft_signatures.py", "--input", *parquet_files(folders)]
        return [*script, "--num-perm", str(NUM_PERM), "--ngram", str(NGRAM)]

    version = environments.version(python, "daft")
    does = f"MinHash signatures alone, {NUM_PERM} minima of {NGRAM}-word shingles: nothing is written or removed"
    quiet = {"DO_NOT_TRACK": "true", "SCARF_NO_ANALYTICS": "true", "DAFT_PROGRESS_BAR": "0"}
    return Tool("daft", version, does, command, environment=quiet, whole=True, up_to=4)


def text_dedup_tool(threads: int, venvs: Path, scratch: Path) -> Tool:
    """text-dedup's MinHash command.

    Raises:
        InstallationError: if it cannot be installed.
    """
    python = environments.prepare(environments.TEXT_DEDUP, venvs)
    cache = scratch / "text-dedup-cache"

    def command(folders: Sequence[Path], output: Path) -> list[str | Path]:
        (folder,) = folders
        shutil.rmtree(cache, ignore_errors=True)  # a cached fingerprint is no measurement
        data = ["--path", "parquet", "--data_files", f"{folder.absolute()}/*.parquet", "--split", "train"]
        places = ["--cache_dir", cache, "--output", output, "--column", "text"]
        bands = ["--num_perm", BANDS * ROWS, "--b", BANDS, "--r", ROWS, "--ngram", NGRAM, "--threshold", THRESHOLD]
        more = ["--min_length", 1, "--num_proc", threads]
        return [python, "-m", "text_dedup.minhash", *data, *map(str, [*places, *bands, *more])]

    def flags(folders: Sequence[Path], output: Path) -> Flags:
        numbers: list[str] = []
        for file in sorted(output.glob("*.arrow")):
            with pa.ipc.open_stream(file) as reader:
                numbers += reader.read_all().column("id").to_pylist()
        return _kept(folders, numbers)

    version = environments.version(python, "text-dedup")
    does = f"MinHash command, {BANDS} bands of {ROWS}, {NGRAM}-word shingles, union of all pairs of a bucket"
    quiet = {"HF_HOME": str(scratch / "huggingface"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    return Tool("text-dedup", version, does, command, flags, quiet)


def make(name: str, threads: int, work: Path) -> Tool:
    """The tool called `name`, installed below `work` if it needs that.

    Raises:
        InstallationError: if it cannot be installed.
    """
    venvs = work / "venvs"
    makers: dict[str, Callable[[], Tool]] = {
        "copy": lambda: copy_tool(threads),
        "trapline": lambda: trapline_tool(threads, venvs),
        "daft": lambda: daft_tool(venvs),
        "datatrove": lambda: datatrove_tool(threads, venvs),
        "text-dedup": lambda: text_dedup_tool(threads, venvs, work / "scratch"),
    }
    return makers[name]()


NAMES = ("copy", "trapline", "daft", "datatrove", "text-dedup")
