"""Fixtures that every folder of tests may use, and what is done once for all tests."""

import contextlib
import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from hypothesis import settings

from pipelines.cli import main

if TYPE_CHECKING:
    from benchmarks.stores.emulators import Emulator

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/ and examples/ are not installed

gc.disable()  # until the tests are collected: what their imports make is not garbage

settings.register_profile("trapline", deadline=None)  # a first call compiles or loads; a shared machine pauses
settings.load_profile("trapline")

Record = dict[str, Any]


@pytest.hookimpl(trylast=True)  # when it is known which tests are left out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin each worker's share with files that have slow tests, so that none of them is waited for in the end.

    Workers get shares of equal number, one after the other, and later take from each other what stands last in a share.
    """
    workers: int = getattr(config, "workerinput", {}).get("workercount", 1)
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow = {path for path, own in files.items() if any(one.get_closest_marker("slow") for one in own)}
    others = [item for item in items if item.path not in slow]
    size, shares = len(items) // workers, list[pytest.Item]()
    for at in range(workers):
        first = [item for path in sorted(slow)[at::workers] for item in files[path]]
        room = max(0, size - len(first))
        shares += [*first, *others[:room]]
        del others[:room]
    items[:] = [*shares, *others]


def pytest_collection_finish() -> None:
    """Spare every garbage collection a look at what the imports of all tests have made: a million objects that stay."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 10, 10)  # the collector counts what it was spared, and would look more often for it


def pytest_runtest_setup() -> None:
    """Look at the parameters of a function once, as soon as Beam is there.

    Beam does so some thousand times for a pipeline, mostly at methods of its own: a fifth of a small pipeline's time.
    """
    core = sys.modules.get("apache_beam.transforms.core")
    if core is not None and not hasattr(core.get_function_args_defaults, "remembers"):
        _remember_parameters(core)


def _remember_parameters(core: Any) -> None:
    look, known = core.get_function_args_defaults, dict[Any, tuple[list[str], list[Any]]]()

    def remembered(function: Any) -> tuple[list[str], list[Any]]:
        key = (getattr(function, "__func__", function), hasattr(function, "__self__"))
        if key not in known:
            known[key] = look(function)
        names, defaults = known[key]
        return list(names), list(defaults)

    remembered.remembers = True  # type: ignore[attr-defined]
    core.get_function_args_defaults = remembered


@pytest.fixture(scope="session", autouse=True)
def _kernels(request: pytest.FixtureRequest) -> None:
    """Compile the commands' kernels once, where workers run side by side: all would begin with the same ones."""
    from pipelines.compiling.ahead import KernelsAhead
    from pipelines.compiling.compiled import cache_folder
    from pipelines.compiling.needed import ALL
    from pipelines.running.progress import Progress

    folder = cache_folder()
    if folder is None or not hasattr(request.config, "workerinput"):
        return
    with FileLock(folder / "tests.lock"):
        ahead = KernelsAhead()
        try:
            ahead.ask(ALL)
            ahead.wait(Progress(quiet=True))
        finally:
            ahead.close()


@pytest.fixture(scope="session")
def emulators() -> Iterator[dict[str, "Emulator"]]:
    """An S3 server and a Google Cloud Storage server on this machine, by scheme."""
    from benchmarks.stores.emulators import SERVERS

    with contextlib.ExitStack() as running:
        yield {scheme: running.enter_context(start()) for scheme, start in SERVERS.items()}


@pytest.fixture(params=["s3", "gs"])
def emulator(request: pytest.FixtureRequest, emulators: dict[str, "Emulator"]) -> "Emulator":
    """Each of the two servers."""
    return emulators[request.param]


@pytest.fixture
def write_parquet(tmp_path: Path) -> Callable[..., Path]:
    """Write records (or texts) to a Parquet file and return its path."""

    def write(records: Sequence[Record | str], name: str = "in/part.parquet", row_group_size: int = 100) -> Path:
        rows = [{"id": f"{name}:{at}", "text": one} if isinstance(one, str) else one for at, one in enumerate(records)]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table = (
            pa.Table.from_pylist(rows)
            if rows
            else pa.table({"id": pa.array([], "string"), "text": pa.array([], "string")})
        )
        pq.write_table(table, path, row_group_size=row_group_size)
        return path

    return write


@pytest.fixture
def dedup(tmp_path: Path) -> Callable[..., int]:
    """Run `trapline dedup` in this process on a folder; returns the exit code."""

    def run(source: object, output: object = None, *flags: str) -> int:
        target = tmp_path / "out" if output is None else output
        return main(["dedup", "--input", str(source), "--output", str(target), *flags])

    return run


@pytest.fixture
def read_output(tmp_path: Path) -> Callable[..., pa.Table]:
    """The documents of an output folder, in order."""

    def read(output: Path | None = None, part: str = "data") -> pa.Table:
        folder = (tmp_path / "out" if output is None else output) / part
        return pa.concat_tables([pq.read_table(path, partitioning=None) for path in sorted(folder.glob("*.parquet"))])

    return read


@pytest.fixture
def metrics(tmp_path: Path) -> Callable[..., Record]:
    """The metrics of an output folder."""

    def read(output: Path | None = None) -> Record:
        found: Record = json.loads(((tmp_path / "out" if output is None else output) / "metrics.json").read_text())
        return found

    return read
