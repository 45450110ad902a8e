"""`trapline order`: bring a corpus into training order."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelines.running.errors import UsageError
from pipelines.running.sizes import parse_size
from transforms.base.flags import INPUT, ORDER, OUTPUT, RUNNING, Several, Whole
from transforms.base.stores.address import canonical
from transforms.base.toml import table

if TYPE_CHECKING:
    from pipelines.running.context import Context
    from transforms.corpus.output.sink import ParquetFormat
    from transforms.ordering.planning.rules import ScheduleFile


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OrderConfig:
    """Write a corpus in training order: a keyed global shuffle, with planted copies where schedules want them.

    With --tokenizer the shards are written as tokens, too. The events (which copy is seen when) go to --secrets.
    """

    input: Annotated[Several, INPUT]
    """Files, folders or quoted globs of Parquet or Arrow, or an output folder of trapline, of which data/ is read."""
    output: Annotated[str, OUTPUT]
    """Folder for the shards and the manifest; it must be new, empty or an unfinished output."""
    secrets: Annotated[str, INPUT] = ""
    """The folder of secrets with which trapline prepare planted --input; the events go there."""
    schedule: Annotated[str, ORDER] = ""
    """One schedule for all planted units, such as every:100x10; a .toml file of phases and rules; input: no shuffle."""
    batch: Annotated[Whole, ORDER] = 1
    """Documents per training step; schedules count in steps."""
    seed: Annotated[str, ORDER] = "0"
    """Another seed gives another order. With --secrets the order depends on their key, too."""
    text_column: Annotated[str, INPUT] = "text"
    """The column that holds the text."""
    tokenizer: Annotated[str, OUTPUT] = ""
    """A tokenizer.json of the `tokenizers` library: tokens/ holds the ids of all documents, with an index."""
    end_token: Annotated[str, OUTPUT] = ""
    """A token of the vocabulary that ends each document in tokens/, such as <|endoftext|>; without it none does."""
    shard_bytes: Annotated[str, OUTPUT] = "auto"
    """Text per output shard, such as 128MB; auto: 1/64 of the text, between 32MB and 512MB."""
    row_group_bytes: Annotated[str, OUTPUT] = "32MB"
    """Text per row group of a shard."""
    compression: Annotated[str, OUTPUT] = "zstd"
    """Parquet codec of the shards, with an optional level: zstd, zstd:9, snappy, gzip, lz4, brotli, none."""
    split: Annotated[str, OUTPUT] = "train"
    """Name of the split, used in the names of the shards."""
    strict: Annotated[bool, RUNNING] = False
    """Stop if any scheduled copy would be seen in another step than its schedule wants."""
    overwrite: Annotated[bool, OUTPUT] = False
    """Replace a finished output in the same folder."""
    threads: Annotated[Whole, RUNNING] = 0
    """Threads per worker; 0: all cores. Give 1 on Dataflow, Flink or Spark."""
    dry_run: Annotated[bool, RUNNING] = False
    """Decide the order from metadata and secrets; print the settings and what they come to; write nothing."""
    no_space_check: Annotated[bool, RUNNING] = False
    """Start even if free disk space looks too small."""

    def __post_init__(self) -> None:
        """Check every value that can be checked without the data."""
        checks = (
            (bool(self.input), "--input: give at least one file, folder or glob"),
            (not self.secrets or len(self.input) == 1, "--secrets: give the one folder that was planted as --input"),
            (self.batch >= 1, f"--batch {self.batch}: give 1 or more documents per step"),
            (0 <= self.threads <= 1024, f"--threads {self.threads}: give 0 (all cores) to 1024"),
            (not self.end_token or bool(self.tokenizer), "--end-token needs --tokenizer"),
            (
                re.fullmatch(r"\w+(\.\w+)*", self.split) is not None,
                f"--split {self.split!r}: use letters, digits, _ and single dots only (it becomes part of file names)",
            ),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)
        shard_bytes = "1" if self.shard_bytes == "auto" else self.shard_bytes
        for flag, value in (("--shard-bytes", shard_bytes), ("--row-group-bytes", self.row_group_bytes)):
            try:
                parse_size(value)
            except ValueError as error:
                raise ValueError(f"{flag}: {error}") from error
        self.layout()

    def what_the_output_depends_on(self) -> dict[str, Any]:
        """The settings that change the output and are published: without paths, secrets and ways of running."""
        own = ("input", "output", "secrets", "schedule", "strict", "overwrite", "threads", "dry_run", "no_space_check")
        settings = {key: value for key, value in dataclasses.asdict(self).items() if key not in own}
        return {**settings, "tokenizer": Path(canonical(self.tokenizer)).name}

    def as_table(self) -> str:
        """All settings as the TOML table that a config file would hold."""
        places = {"input": list(self.input), "output": self.output, "secrets": self.secrets, "schedule": self.schedule}
        return table("order", {**places, **self.what_the_output_depends_on(), "tokenizer": self.tokenizer})

    def layout(self) -> "ParquetFormat":
        """How the shards are written."""
        from transforms.corpus.output.sink import ParquetFormat

        return ParquetFormat(self.compression, parse_size(self.row_group_bytes), self.text_column)

    def schedule_text(self) -> str:
        """The content of the file of the schedule, or the one schedule; empty for none.

        Raises:
            UsageError: if the file cannot be read.
        """
        if not self._schedule_is_file():
            return self.schedule
        from transforms.base.stores.copies import fetched

        try:
            return fetched(self.schedule).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--schedule {self.schedule}: cannot be read ({error})") from error

    def _schedule_is_file(self) -> bool:
        return canonical(self.schedule).endswith(".toml")

    def schedule_file(self) -> "ScheduleFile":
        """Phases and rules.

        Raises:
            UsageError: if they cannot be understood, or rules have no planted units to apply to.
        """
        from transforms.ordering.planning.rules import CORPUS, Repeat, ScheduleFile

        text = self.schedule_text()
        try:
            if not text:
                return ScheduleFile()
            if self._schedule_is_file():
                found = ScheduleFile.parse(text)
            elif text in CORPUS:
                found = ScheduleFile(corpus=text)
            elif text.startswith("repeat") and not self.secrets:
                found = ScheduleFile(repeat=Repeat.parse(text))
            else:
                found = ScheduleFile.single(text)
        except ValueError as error:
            raise UsageError(f"--schedule {self.schedule}: {error}") from error
        if found.rules and not self.secrets:
            raise UsageError("--schedule: rules are for planted units: give --secrets")
        return found


def run(config: OrderConfig, context: "Context") -> int:
    """Bring a corpus into order; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    from pipelines.ordering.run import run as run_order

    return run_order(config, context)
