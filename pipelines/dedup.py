"""`trapline dedup`: remove near-duplicates and write Parquet shards."""

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipelines.running.errors import UsageError
from pipelines.running.sizes import parse_size
from transforms.base.errors import cause_of
from transforms.base.flags import DEDUPLICATION, INPUT, OUTPUT, RUNNING, Several, Whole
from transforms.base.stores.address import canonical
from transforms.base.toml import table

if TYPE_CHECKING:
    from pipelines.running.context import Context
    from transforms.corpus.output.sink import ParquetFormat
    from transforms.dedup.minhash import MinHashConfig
    from transforms.dedup.plan import PlanConfig
    from transforms.dedup.scan import ScanConfig


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DedupConfig:
    """Remove near-duplicate documents from a corpus and write the rest as Parquet shards.

    A document is removed only if a document that is kept is its verified near-duplicate; duplicates/ lists the pairs.
    """

    input: Annotated[Several, INPUT]
    """Files, folders or quoted globs: Parquet, Arrow or JSONL (also .gz, .zst, .bz2, .xz, .lz4), local, gs:// or s3://."""
    output: Annotated[str, OUTPUT]
    """Folder for the shards, the report and the manifest; it must be new, empty or an unfinished output."""
    text_column: Annotated[str, INPUT] = "text"
    """The column that holds the text."""
    id_column: Annotated[str, INPUT] = "id"
    """A column of ids, shown next to removed documents; it may be missing, and ids may repeat."""
    threshold: Annotated[float, DEDUPLICATION] = 0.8
    """Estimated Jaccard similarity from which a document counts as a duplicate."""
    num_perm: Annotated[Whole, DEDUPLICATION] = 256
    """Permutations of the MinHash sketch."""
    ngram: Annotated[Whole, DEDUPLICATION] = 5
    """Words (or tokens) per shingle."""
    bands: Annotated[Whole | None, DEDUPLICATION] = None
    """Bands of the sketch; chosen for recall unless given together with --rows."""
    rows: Annotated[Whole | None, DEDUPLICATION] = None
    """Rows (MinHash values) per band; chosen for recall unless given together with --bands."""
    tokenizer: Annotated[str, DEDUPLICATION] = ""
    """A tokenizer.json of the `tokenizers` library: shingles of its tokens instead of words."""
    words: Annotated[Literal["text", "code"], DEDUPLICATION] = "text"
    """text: words without case and punctuation. code: words as written, and every other sign is a word of its own."""
    keep: Annotated[str, DEDUPLICATION] = "first"
    """Which of two near-duplicates is kept: first, longest, or max:COLUMN (the larger number)."""
    method: Annotated[Literal["survivors", "components"], DEDUPLICATION] = "survivors"
    """survivors: remove a document only if a verified near-duplicate stays. components: transitive, as other tools."""
    bucket_cap: Annotated[Whole, DEDUPLICATION] = 512
    """Maximum number of kept documents per bucket that a document is compared with."""
    shard_bytes: Annotated[str, OUTPUT] = "auto"
    """Text per output shard, such as 128MB; auto: 1/64 of the kept text, between 32MB and 512MB."""
    row_group_bytes: Annotated[str, OUTPUT] = "32MB"
    """Text per row group of a shard."""
    compression: Annotated[str, OUTPUT] = "zstd"
    """Parquet codec of the shards, with an optional level: zstd, zstd:9, snappy, gzip, lz4, brotli, none."""
    split: Annotated[str, OUTPUT] = "train"
    """Name of the split, used in the names of the shards."""
    strict: Annotated[bool, RUNNING] = False
    """Stop at the first bad record instead of quarantining it, and at a file that would be left out."""
    overwrite: Annotated[bool, OUTPUT] = False
    """Replace a finished output in the same folder."""
    until: Annotated[Literal["plan", "end"], RUNNING] = "end"
    """plan: stop when everything is decided and can be inspected, before any text is written."""
    plan: Annotated[Literal["auto", "one", "partitioned"], RUNNING] = "auto"
    """How it is decided which documents stay, with the same result: by one task that holds a few numbers of every
    document, by many tasks of bounded memory, or (auto) by one where the corpus is small enough for it."""
    threads: Annotated[Whole, RUNNING] = 0
    """Threads per worker; 0: all cores. Give 1 on Dataflow, Flink or Spark."""
    dry_run: Annotated[bool, RUNNING] = False
    """Read metadata only; print the resolved settings and the size of the work; write nothing."""
    no_space_check: Annotated[bool, RUNNING] = False
    """Start even if free disk space looks too small."""

    def __post_init__(self) -> None:
        """Check every value that can be checked without the data."""
        checks = (
            (0 < self.threshold <= 1, f"--threshold {self.threshold}: give a number above 0 and at most 1"),
            (1 <= self.ngram <= 64, f"--ngram {self.ngram}: give 1 to 64"),
            (16 <= self.num_perm <= 4096, f"--num-perm {self.num_perm}: give 16 to 4096"),
            (self.bucket_cap >= 1, f"--bucket-cap {self.bucket_cap}: give 1 or more"),
            (0 <= self.threads <= 1024, f"--threads {self.threads}: give 0 (all cores) to 1024"),
            (
                re.fullmatch(r"first|longest|max:.+", self.keep, re.DOTALL) is not None,
                f"--keep {self.keep!r}: give first, longest or max:COLUMN",
            ),
            (
                re.fullmatch(r"\w+(\.\w+)*", self.split) is not None,
                f"--split {self.split!r}: use letters, digits, _ and single dots only (it becomes part of file names)",
            ),
            ((self.bands is None) == (self.rows is None), "--bands and --rows: give both or neither"),
            (
                self.words == "text" or not self.tokenizer,
                f"--words {self.words} and --tokenizer: give one of them, both say what a shingle is made of",
            ),
            (
                self.plan != "partitioned" or self.method == "survivors",
                f"--plan {self.plan} and --method {self.method}: components are found by one task; leave --plan out",
            ),
            (bool(self.input), "--input: give at least one file, folder or glob"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)
        bands, rows = self.bands or 1, self.rows or 1
        if min(bands, rows) < 1 or bands * rows > self.num_perm or 0 in (self.bands, self.rows):
            raise ValueError(
                f"--bands {self.bands} x --rows {self.rows}: each at least 1, and together at most "
                f"--num-perm {self.num_perm}"
            )
        shard_bytes = "1" if self.shard_bytes == "auto" else self.shard_bytes
        for flag, value in (("--shard-bytes", shard_bytes), ("--row-group-bytes", self.row_group_bytes)):
            try:
                parse_size(value)
            except ValueError as error:
                raise ValueError(f"{flag}: {error}") from error
        self.layout()

    def what_the_output_depends_on(self) -> dict[str, Any]:
        """The settings that change the output, resolved: without paths, threads and ways of running.

        The tokenizer appears by its file name only; what counts is its content, by `tokenizer_sha256`.
        """
        own = ("input", "output", "overwrite", "until", "plan", "threads", "dry_run", "no_space_check")
        chosen = self.minhash()
        settings = {key: value for key, value in dataclasses.asdict(self).items() if key not in own}
        tokenizer = Path(canonical(self.tokenizer)).name
        return {**settings, "tokenizer": tokenizer, "bands": chosen.bands, "rows": chosen.rows}

    def as_table(self) -> str:
        """All settings as the TOML table that a config file would hold."""
        return table("dedup", self._resolved())

    def _resolved(self) -> dict[str, Any]:
        settings = {**self.what_the_output_depends_on(), "tokenizer": self.tokenizer}
        return {"input": list(self.input), "output": self.output, **settings}

    def tokenizer_sha256(self) -> str | None:
        """Of the tokenizer's file; None for shingles of words.

        Raises:
            UsageError: if the file cannot be read.
        """
        if not self.tokenizer:
            return None
        from transforms.base.stores.copies import fetched

        try:
            return hashlib.sha256(fetched(self.tokenizer).read_bytes()).hexdigest()
        except OSError as error:
            raise UsageError(
                f"--tokenizer {self.tokenizer}: cannot be read ({cause_of(error)}); give a tokenizer.json"
            ) from error

    def minhash(self) -> "MinHashConfig":
        """Shingles, permutations and bands."""
        from transforms.dedup.bands import choose_bands
        from transforms.dedup.minhash import MinHashConfig

        if self.bands is not None and self.rows is not None:
            bands, rows = self.bands, self.rows
        else:
            bands, rows = choose_bands(self.threshold, self.num_perm)
        return MinHashConfig(num_perm=self.num_perm, ngram=self.ngram, bands=bands, rows=rows)

    def scan(self) -> "ScanConfig":
        """Settings of the scan."""
        from transforms.dedup.scan import ScanConfig

        return ScanConfig(
            self.text_column,
            self.id_column,
            self.keep,
            self.minhash(),
            self.tokenizer,
            strict=self.strict,
            words=self.words,
        )

    def layout(self) -> "ParquetFormat":
        """How the shards are written."""
        from transforms.corpus.output.sink import ParquetFormat

        return ParquetFormat(self.compression, parse_size(self.row_group_bytes), self.text_column)

    def plan_config(self) -> "PlanConfig":
        """Settings of the plan."""
        from transforms.dedup.plan import PlanConfig

        return PlanConfig(
            self.minhash(),
            self.threshold,
            self.method,
            self.bucket_cap,
            0 if self.shard_bytes == "auto" else parse_size(self.shard_bytes),
            self.split,
        )


def run(config: DedupConfig, context: "Context") -> int:
    """Deduplicate; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    from pipelines.compiling.ahead import kernels_ahead
    from pipelines.compiling.needed import needed

    with kernels_ahead(needed(config, planting=False), context.beam_flags) as kernels:
        from pipelines.corpus.run import run as run_corpus

        return run_corpus(config, context.beam_options, context.progress, kernels=kernels)
