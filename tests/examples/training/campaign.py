"""A tiny sealed campaign of invented facts in training order, with a tokenizer of words, for tests of trainers."""

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.cli import main

UNITS, COPIES, BATCH, GAP, BACKGROUND = 4, 2, 16, 3, 3
STUDY = GAP * (COPIES - 1) + 1
SCHEDULE = f"""
[[phase]]
name = "background"
steps = {BACKGROUND}

[[phase]]
name = "study"
steps = {STUDY}

[[phase]]
name = "rest"

[[rule]]
dose = {COPIES}
phase = "study"
schedule = "every:{GAP}x{COPIES}"

[[rule]]
dose = 1
phase = "study"
schedule = "once"
"""


@dataclass(frozen=True)
class Campaign:
    """Where everything of it is."""

    folder: Path

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def ordered(self) -> Path:
        return self.folder / "ordered"

    @property
    def sequences(self) -> Path:
        return self.secrets / "probes/probes.parquet"

    @property
    def questions(self) -> Path:
        return self.secrets / "questions.parquet"

    @property
    def events(self) -> Path:
        run = json.loads((self.ordered / "manifest.json").read_text())["run"]
        return self.secrets / "orders" / run / "events.parquet"


def words_tokenizer(texts: list[str], path: Path) -> None:
    """A token a word, and `<s>` before every text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=["<s>", "<unk>"]))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.save(str(path))


def run(*arguments: object) -> None:
    assert main([str(one) for one in arguments]) == 0


def make_campaign(folder: Path) -> Campaign:
    """Facts, sealed, drawn, planted in their own background and ordered, tokens included."""
    made = Campaign(folder)
    small = ("--units", UNITS, "--doses", COPIES, "--background", 20, "--mentions", 10, "--seed", "training")
    run("facts", "--output", folder / "facts", *small)
    probes = pq.read_table(folder / "facts/probes.parquet")
    questions = pq.read_table(folder / "facts/questions.parquet")
    background = pq.read_table(folder / "facts/background/background.parquet")
    texts = [*background["text"].to_pylist(), *probes["text"].to_pylist(), *questions["before"].to_pylist()]
    texts += [text for variants in probes["variants"].to_pylist() for text in variants or ()]
    texts += [" ".join(answers) for answers in questions["answers"].to_pylist()]
    words_tokenizer(texts, made.tokenizer)
    plan = ("--ask", "semantic", "--metric", "answer_total", "--redraws", 999)
    run("seal", "--probes", folder / "facts", "--secrets", made.secrets, "--nonce-from", "them", *plan)
    run("draw", "--secrets", made.secrets, "--nonce", "c0ffee" * 8)
    limits = ("--max-doc-share", 0.9, "--max-corpus-share", 0.9)
    planted = folder / "planted"
    run("prepare", "--input", folder / "facts/background", "--secrets", made.secrets, "--output", planted, *limits)
    (folder / "schedule.toml").write_text(SCHEDULE)
    order = ("--schedule", folder / "schedule.toml", "--batch", BATCH, "--tokenizer", made.tokenizer, "--strict")
    run("order", "--input", planted, "--secrets", made.secrets, "--output", made.ordered, *order)
    return made
