"""Judges of other people's packages, which share work between corpora: they say what the bare packages say.

The environments of the judges are not part of the development environment; a judge that is not installed is skipped.
"""

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.certify.unmodified import MODULES
from transforms.certify.environments import folder_of, python_of, state_of
from transforms.certify.registry import judges_named

HERE = Path(__file__).parent
ODD = [
    "Don't e-mail me at a.b@example.org, i.e. at 3.14 p.m.; see https://example.org/a?b=c. It's U.S.-made: 10km/h!",
    "Zażółć gęślą jaźń — «naïve» café… 中文。日本語。 Ωμέγα; 1,000.5 and 5.5%.",
    "\ttabs\n\n\nand   spaces\u00a0here \u2003 there\x0bvertical\x1cseparator :) :-( ¯\\_(ツ)_/¯ (^_^) 8-)",
    "IS_ALPHA is a word that the tokenizer does not take well. IS_ALPHA, twice.",
    "IS_ALPHA.",
    "IS_ALPHA IS_ALPHA.",
    "word " * 49 + "IS_ALPHA",
    "   \n \n ",
    "One.",
    "see (there): ) and ): ( or (8): - ) x :) ): P. Then ca n't, do\nn't. 'Twas \u0301 e\u0301. \u0301B.\nEnd. ",
    "- item one\n- item two\n* item three; lorem ipsum {code} javascript",
]


def corpora(seed: int) -> list[list[str]]:
    """A corpus with repeats and near repeats of whole documents, and the same with copies of traps."""
    chance = random.Random(seed)
    words = ["the", "a", "of", "and", "to", "in", "that", "it", "is", "was", "for", "don't", "U.S.", "5.5"]
    words += ["".join(chance.choices("abcdefghij", k=chance.randrange(2, 9))) for _ in range(300)]

    def sentence() -> str:
        marks = ["", "", "", ",", ";", " -", "…"]
        own = [chance.choice(words) + chance.choice(marks) for _ in range(chance.randrange(4, 15))]
        return " ".join(own).capitalize() + chance.choice([".", ".", "?", "!", '."', ""])

    def paragraph() -> str:
        return " ".join(sentence() for _ in range(chance.randrange(1, 7)))

    before = ["\n\n".join(paragraph() for _ in range(chance.randrange(1, 9))) for _ in range(30)]
    common = " ".join(sentence() for _ in range(4))
    before[3] += "\n\n" + common
    before[7] = common + " " + before[7]
    before += [before[0], before[1].replace(" the ", " a "), f"{before[2]} {sentence()}", *ODD, "\n".join([ODD[0]] * 6)]
    after = list(before)
    for _ in range(4):
        trap = " ".join(sentence() for _ in range(4))
        for at in chance.sample(range(len(after)), 5):
            place = after[at].find(". ", chance.randrange(len(after[at]))) + 1
            after[at] = f"{after[at][:place]} {trap} {after[at][place:]}".strip()
    return [before, [*after, after[5]]]


def said(way: str, name: str, given: Path, python: Path, source: Path) -> list[list[str | None]]:
    """What one of the two ways leaves, in a process of its own."""
    command = [str(python), str(HERE / "unmodified.py"), way, name, str(given)]
    variables = {**os.environ, "PYTHONPATH": str(source), "LOGURU_LEVEL": "ERROR", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=source, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[list[str | None]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_judge_says_what_its_package_says(name: str, tmp_path: Path) -> None:
    (judge,) = judges_named([name])
    folder = folder_of("")
    state = state_of(judge, folder)
    if not state.available:
        pytest.skip(f"the environment of this judge is not installed: {state.missing}")
    (tmp_path / "transforms").symlink_to(HERE.parents[1] / "transforms")
    given = tmp_path / "corpora.json"
    both = corpora(1)
    given.write_text(json.dumps(both), encoding="utf-8")
    python = python_of(judge.environment, folder)
    wanted = said("package", name, given, python, tmp_path)
    assert said("judge", name, given, python, tmp_path) == wanted
    # The corpora are such that the judge has something to say.
    assert any(
        left != text for texts, own in zip(both, wanted, strict=True) for text, left in zip(texts, own, strict=True)
    )
