"""Run independent tasks: one pool of threads a worker, one committed file a task, one result a task."""

import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from transforms.base.errors import CorpusError

_OPEN, _CLOSE = "\u27e6", "\u27e7"
_MARKED = re.compile(f"{_OPEN}(.*?){_CLOSE}", re.DOTALL)


class RunTasks(beam.PTransform):
    """Sequence of picklable tasks -> PCollection of what `work` returns for each, one dict a task.

    Tasks are spread over the workers; on each, up to `threads` run at once. `work` commits its own output and
    finds it again on a rerun, so what flows here are paths and counts. A `CorpusError` or `OSError` of a task
    fails the pipeline with a message that `task_message` finds again, on any runner.
    """

    def __init__(self, tasks: Sequence[Any], work: Callable[[Any], dict[str, Any]], threads: int, label: str) -> None:
        super().__init__(label)
        self._tasks = list(tasks)
        self._work = work
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Create the tasks, spread them, run them."""
        return (
            pbegin
            | "Create tasks" >> beam.Create(self._tasks, reshuffle=False)
            | "Spread tasks" >> beam.Reshuffle()
            | "Run tasks" >> beam.ParDo(_dofn(self._work, self._threads)).with_output_types(dict[str, Any])
        )


def _dofn(work: Callable[[Any], dict[str, Any]], threads: int) -> beam.DoFn:
    return _OneByOne(work) if threads == 1 else _Pooled(work, threads)


class _OneByOne(beam.DoFn):
    """Do each task as it comes: the runner sees how far a bundle has got, and can divide what is left of it."""

    def __init__(self, work: Callable[[Any], dict[str, Any]]) -> None:
        self._work = work

    def process(self, element: Any) -> Iterator[dict[str, Any]]:
        try:
            result = _logged(self._work, element)
        except (CorpusError, OSError) as error:
            logging.getLogger(__name__).debug("task failed", exc_info=error)
            raise marked(error) from error
        finally:
            pa.default_memory_pool().release_unused()
        yield result


class _Pooled(beam.DoFn):
    """Queue a bundle's tasks on a pool of threads; a bundle itself runs on one thread only."""

    def __init__(self, work: Callable[[Any], dict[str, Any]], threads: int) -> None:
        self._work = work
        self._threads = threads

    def start_bundle(self) -> None:
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="trapline")
        self._futures: list[Future[dict[str, Any]]] = []

    def process(self, element: Any) -> None:
        self._futures.append(self._pool.submit(_logged, self._work, element))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        try:
            done, _ = wait(self._futures, return_when=FIRST_EXCEPTION)
            for future in done:
                _raise_marked(future)
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
            pa.default_memory_pool().release_unused()
        for future in self._futures:
            yield WindowedValue(future.result(), GlobalWindow().max_timestamp(), [GlobalWindow()])


def _logged(work: Callable[[Any], dict[str, Any]], task: Any) -> dict[str, Any]:
    """Do a task; the worker's log says which, where and for how long, and nothing of what is in it."""
    began = time.perf_counter()
    result = work(task)
    log_task(type(task).__name__, result.get("task", ""), time.perf_counter() - began)
    return result


def log_task(kind: str, number: object, seconds: float) -> None:
    """One line of a worker's log for a finished task."""
    logging.getLogger("trapline").info(
        "%s %s done in %.2f s by process %d on %s", kind, number, seconds, os.getpid(), socket.gethostname()
    )


def _raise_marked(future: Future[dict[str, Any]]) -> None:
    error = future.exception()
    if error is None:
        return
    if isinstance(error, CorpusError | OSError):
        logging.getLogger(__name__).debug("task failed", exc_info=error)
        raise marked(error) from error
    raise error


def marked(error: BaseException) -> CorpusError:
    """`error` as one whose message `task_message` finds again, whatever a runner wraps it in."""
    return CorpusError(f"{_OPEN}{error}{_CLOSE}")


def task_message(error: BaseException) -> str | None:
    """What went wrong in a task, out of the exception that a runner made of it; None for anything else."""
    found = _MARKED.search(str(error))
    return found.group(1) if found else None


class CommitOnce(beam.PTransform):
    """PCollection of task results -> one committed summary: `commit` gets all of them, in task order, once.

    Results carry their task's number under "task".
    """

    def __init__(self, commit: Callable[[list[dict[str, Any]]], dict[str, Any]], label: str) -> None:
        super().__init__(label)
        self._commit = commit

    def expand(self, pcoll: beam.PCollection[dict[str, Any]]) -> beam.PCollection[dict[str, Any]]:
        """Bring the results to one key and commit them."""
        return (
            pcoll.pipeline
            | "Begin" >> beam.Create([0], reshuffle=False)
            | "Commit" >> beam.Map(_in_order, beam.pvalue.AsList(pcoll), self._commit).with_output_types(dict[str, Any])
        )


def _in_order(
    _: int, results: list[dict[str, Any]], commit: Callable[[list[dict[str, Any]]], dict[str, Any]]
) -> dict[str, Any]:
    try:
        return commit(sorted(results, key=lambda result: result["task"]))
    except (CorpusError, OSError) as error:
        raise marked(error) from error
