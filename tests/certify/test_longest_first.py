"""Judges that run at once: the longest begin first, and what they say stays in the order in which they were asked."""

from pathlib import Path

from transforms.certify.registry import PER_DOCUMENT, Environment, Judge
from transforms.certify.running import Exhibits, Failure, run_judges


def test_the_longest_judge_begins_first(tmp_path: Path) -> None:
    python = tmp_path / "environments" / "noted" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$3" >> {tmp_path}/began\nexit 3\n')
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
