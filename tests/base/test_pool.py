import threading
import time
from itertools import accumulate
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from transforms.base.errors import CorpusError
from transforms.base.tasks import CommitOnce, RunTasks, task_message

LOCK = threading.Lock()
SEEN: dict[str, list[Any]] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    SEEN.clear()


def note(key: str, value: Any) -> None:
    with LOCK:
        SEEN.setdefault(key, []).append(value)


def square(number: int) -> dict[str, Any]:
    note("thread", threading.current_thread().name)
    time.sleep(0.001 * (number % 3))
    return {"task": number, "square": number * number}


def commit(results: list[dict[str, Any]]) -> dict[str, Any]:
    note("commits", [result["task"] for result in results])
    return {"sum": sum(result["square"] for result in results)}


def run(tasks: list[int], work: Any, threads: int, then: Any = commit) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as root:
        root | RunTasks(tasks, work, threads, "Square") | CommitOnce(then, "Sum")


@pytest.mark.parametrize("threads", [1, 3, 50])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_every_task_runs_once_and_one_commit_sees_all_in_order(count: int, threads: int) -> None:
    tasks = list(range(count))[::-1]
    with beam.Pipeline(runner=FnApiRunner()) as root:
        results = root | RunTasks(tasks, square, threads, "Square")
        assert_that(results, equal_to([square(number) for number in range(count)]))
        assert_that(results | CommitOnce(commit, "Sum"), equal_to([{"sum": sum(n * n for n in range(count))}]), "sum")
    assert SEEN["commits"] == [list(range(count))]


def slowly(number: int) -> dict[str, Any]:
    note("running", 1)
    time.sleep(0.02)
    note("running", -1)
    return {"task": number, "square": 0}


def test_tasks_run_side_by_side_but_no_more_than_asked_for() -> None:
    run(list(range(12)), slowly, 3)
    assert max(accumulate(SEEN["running"])) == 3


@pytest.mark.parametrize("error", [CorpusError("line 3\nof ü: 100 %"), OSError("the disk is on fire")], ids=repr)
def test_what_a_task_complains_of_comes_through_beam_as_it_was_said(error: Exception) -> None:
    def work(number: int) -> dict[str, Any]:
        note("begun", number)
        if number == 2:
            raise error
        time.sleep(0.01)
        return {"task": number, "square": 0}

    with pytest.raises(Exception, match="Square") as caught:
        run(list(range(100)), work, 1)
    assert task_message(caught.value) == str(error)
    assert len(SEEN["begun"]) < 50
    assert "commits" not in SEEN


def test_what_the_commit_complains_of_comes_through_too() -> None:
    def refuse(_: list[dict[str, Any]]) -> dict[str, Any]:
        raise CorpusError("one is missing")

    with pytest.raises(Exception, match="Sum") as caught:
        run([1, 2], square, 1, refuse)
    assert task_message(caught.value) == "one is missing"


def test_other_errors_are_left_as_they_are() -> None:
    def work(_: int) -> dict[str, Any]:
        raise ZeroDivisionError("a mistake of ours")

    with pytest.raises(ZeroDivisionError) as caught:
        run([1], work, 1)
    assert task_message(caught.value) is None


def test_a_task_that_finds_its_own_output_is_not_done_again(tmp_path: Path) -> None:
    def work(number: int) -> dict[str, Any]:
        path = tmp_path / str(number)
        if not path.exists():
            note("done", number)
            path.write_text("")
        return {"task": number, "square": 0}

    run([1, 2], work, 2)
    run([1, 2, 3], work, 2)
    assert sorted(SEEN["done"]) == [1, 2, 3]
