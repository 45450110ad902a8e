"""`trapline which`: the documents of a step and of a range of tokens."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.cli import main
from tests.pipelines.ordering.corpora import order, rows, write_corpus
from tests.scoring.tiny_checkpoints import tiny_tokenizer


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("which")
    tiny_tokenizer().backend_tokenizer.save(str(folder / "tokenizer.json"))
    corpus = write_corpus(folder / "in")
    assert order(corpus, folder / "out", "--batch", "8", "--tokenizer", str(folder / "tokenizer.json")) == 0
    assert order(corpus, folder / "plain", "--batch", "8") == 0
    return folder / "out"


def asked(output: Path, capfd: pytest.CaptureFixture[str], *flags: str) -> list[dict[str, str]]:
    capfd.readouterr()
    assert main(["which", "--input", str(output), *flags]) == 0
    head, *lines = capfd.readouterr().out.splitlines()
    return [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_a_step_has_its_documents_in_their_order(ordered: Path, capfd: pytest.CaptureFixture[str]) -> None:
    every = rows(ordered / "data")
    for flags, own in (
        (("--step", "3"), every[24:32]),
        (("--step", "2:4"), every[16:32]),
        (("--step", "18"), every[144:]),
        (("--documents", "0"), every[:1]),
        (("--documents", "5:90"), every[5:90]),
    ):
        assert [one["id"] for one in asked(ordered, capfd, *flags)] == [row["id"] for row in own]


def test_each_line_names_the_row_of_the_input(ordered: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for one in asked(ordered, capfd, "--documents", "0:150"):
        number = int(one["id"][3:])
        assert one["file"] == f"part{number % 3}.parquet"
        assert int(one["file_row"]) == number // 3


def test_tokens_belong_to_the_documents_whose_tokens_they_are(ordered: Path, capfd: pytest.CaptureFixture[str]) -> None:
    every = rows(ordered / "data")
    tokenizer = tiny_tokenizer().backend_tokenizer
    lengths = [len(tokenizer.encode(row["text"], add_special_tokens=False).ids) for row in every]
    owner = np.repeat(np.arange(len(every)), lengths)
    total = len(owner)
    for lo, hi in ((0, 1), (0, 700), (total // 2, total // 2 + 5000), (total - 1, total), (0, total)):
        wanted = [every[at]["id"] for at in np.unique(owner[lo:hi])]
        assert [one["id"] for one in asked(ordered, capfd, "--tokens", f"{lo}:{hi}")] == wanted
    found = asked(ordered, capfd, "--step", "2", "--batch-tokens", "1000")
    assert [one["id"] for one in found] == [every[at]["id"] for at in np.unique(owner[2000:3000])]
    assert int(found[0]["first_token"]) <= 2000 < int(found[0]["first_token"]) + int(found[0]["tokens"])


@pytest.mark.parametrize(
    ("output", "flags", "said"),
    [
        ("out", ("--step", "19"), "has 150 documents, and number 152 is behind them"),
        ("out", ("--step", "5:5"), "--step 5:5: give a number, or A:B with A below B"),
        ("out", (), "give one of --step, --documents and --tokens"),
        ("out", ("--documents", "1", "--batch-tokens", "8"), "--batch-tokens 8: 1 or more, and it needs --step"),
        ("plain", ("--tokens", "0"), "has no tokens: trapline order --tokenizer writes them"),
        ("in", ("--step", "0"), "is not a finished output of trapline order"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    ordered: Path, capfd: pytest.CaptureFixture[str], output: str, flags: tuple[str, ...], said: str
) -> None:
    capfd.readouterr()
    assert main(["which", "--input", str(ordered.parent / output), *flags]) in (1, 2)
    found = capfd.readouterr().err
    assert said in found
    assert found.count("\n") == 1
