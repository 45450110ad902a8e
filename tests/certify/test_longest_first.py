"""Processes of judges: which begin first, which run together, and what becomes of those behind one that fails."""

import sys
import time
from pathlib import Path

import pytest

from transforms.certify.registry import PER_DOCUMENT, Environment, Judge
from transforms.certify.running import Exhibits, Failure, Verdict, groups, run_judges


def test_the_longest_judge_begins_first(tmp_path: Path) -> None:
    python = tmp_path / "environments" / "noted" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ndirname "$3" | xargs basename >> {tmp_path}/began\nexit 3\n')
    python.chmod(0o700)
    (tmp_path / "scratch").mkdir()
    judges = [
        Judge(name, name, name, Environment("noted"), PER_DOCUMENT, repetition=False, cost=cost)
        for name, cost in (("short", 0.1), ("long", 3.0), ("middle", 1.0))
    ]
    found = run_judges(
        judges, Exhibits([["A text."]], [], []), tmp_path / "environments", tmp_path / "scratch", 1, print
    )
    assert (tmp_path / "began").read_text().split() == ["long", "middle", "short"]
    assert [one.judge.name for one in found if isinstance(one, Failure)] == ["short", "long", "middle"]


def judge(name: str, cost: float, environment: Environment, module: str = "filters.none") -> Judge:
    return Judge(name, name, module, environment, PER_DOCUMENT, repetition=False, cost=cost)


@pytest.mark.parametrize(
    ("threads", "wanted"),
    [
        (1, [["d", "c", "b", "a"], ["long"], ["short"]]),
        (3, [["d", "c", "b", "a"], ["long"], ["short"]]),
        (4, [["d", "a"], ["c", "b"], ["long"], ["short"]]),
        (64, [["d"], ["c"], ["long"], ["b"], ["short"], ["a"]]),
    ],
)
def test_judges_that_share_work_run_together(threads: int, wanted: list[list[str]]) -> None:
    shared, own = Environment("shared", shared=True), Environment("own")
    judges = [judge(name, cost, shared) for name, cost in (("a", 1), ("b", 2), ("c", 3), ("d", 4.0))]
    judges += [judge("short", 1.5, own), judge("long", 2.5, own)]
    assert [[one.name for one in group] for group in groups(judges, threads)] == wanted


def test_behind_a_judge_that_fails_the_others_go_on(tmp_path: Path) -> None:
    """Four judges of one process, of which the third names a module that is not there.

    What is said of the first is read when the third has failed already, as on a machine that has much else to do.
    """
    shared = Environment("trapline", shared=True)
    python = tmp_path / "trapline" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\necho once $(stat -c %a "$3") >> {tmp_path}/began\necho "ValueError: $$" >&2\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o700)
    (tmp_path / "scratch").mkdir()
    judges = [
        judge("first", 3, shared, "duplicates.lines"),
        judge("second", 2.5, shared, "duplicates.lines"),
        judge("broken", 2, shared, "filters.absent"),
        judge("last", 1, shared, "duplicates.lines"),
    ]
    texts, said = ["One line.\nAnother line.", "One line.\nA third line."], list[str]()

    def say(line: str) -> None:
        said.append(line)
        printed, until = tmp_path / "scratch" / "first" / "said", time.monotonic() + 60
        while "ModuleNotFoundError" not in printed.read_text() and time.monotonic() < until:
            time.sleep(0.05)

    exhibits = Exhibits([texts], [], [])
    first, second, broken, last = run_judges(judges, exhibits, tmp_path, tmp_path / "scratch", 1, say)
    for one in (first, second, last):
        assert isinstance(one, Verdict)
        assert one.left == [["One line.\nAnother line.", "A third line."]]
    assert isinstance(broken, Failure)
    assert "exit 1, ModuleNotFoundError: No module named 'transforms.certify.judges.filters.absent'" in broken.reason
    assert [line.split()[0] for line in said] == ["first", "second", "last"]
    # What is among the secrets is its owner's alone, and a judge is not blamed for what another printed.
    assert (tmp_path / "began").read_text().splitlines() == ["once 600", "once 600"]
    assert "ValueError" not in broken.said
