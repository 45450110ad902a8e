"""Judges in processes of their own: what is told of one that fails."""

from pathlib import Path

import pytest

from transforms.certify.registry import PER_DOCUMENT, Environment, Judge
from transforms.certify.running import Exhibits, Failure, run_judges

SECRET = "Seven purple engines wander quietly."


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (f"Traceback\nValueError: cannot parse {SECRET}", "it failed (exit 3, ValueError)"),
        (f"nltk.LookupError: {SECRET}", "it failed (exit 3, nltk.LookupError)"),
        (
            f"OSError: [Errno 36] File name too long: '{SECRET}'",
            "it failed (exit 3, OSError: [Errno 36] File name too long)",
        ),
        (f"OSError: {SECRET}", "it failed (exit 3, OSError)"),
        (f"ImportError: {SECRET}", "it failed (exit 3, ImportError)"),
        ("MemoryError", "it failed (exit 3, MemoryError)"),
        (SECRET, "it failed (exit 3)"),
        ("", "it failed (exit 3)"),
        (
            "ModuleNotFoundError: No module named 'punkt'",
            "it failed (exit 3, ModuleNotFoundError: No module named 'punkt')",
        ),
    ],
)
def test_what_is_told_of_a_judge_that_fails_quotes_no_document(printed: str, told: str, tmp_path: Path) -> None:
    python = tmp_path / "environments" / "broken" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{printed}\nEND\nexit 3\n")
    python.chmod(0o700)
    judge = Judge("broken", "breaks", "filters.broken", Environment("broken"), PER_DOCUMENT, repetition=False)
    (tmp_path / "scratch").mkdir()
    exhibits = Exhibits([[SECRET]], [], [])
    (found,) = run_judges([judge], exhibits, tmp_path / "environments", tmp_path / "scratch", 1, print)
    assert isinstance(found, Failure)
    assert (found.reason, found.said.strip()) == (told, printed)
