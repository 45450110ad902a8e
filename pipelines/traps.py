"""`trapline traps`: candidates for copyright traps, in a new secret folder."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from pipelines.running.flags import CANDIDATES, INPUT, OUTPUT, RUNNING, UNITS, Several, SeveralNumbers, Whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from pipelines.running.context import Context
    from transforms.corpus.input.pieces import Piece
    from transforms.probes.traps.design import Design
    from transforms.probes.traps.generators.generator import Generator
    from transforms.probes.traps.rules import Rules

PROBES, REPORT_PAGE, REPORT = "probes.parquet", "report.html", "report.json"

_MOST_TOKENS, _MOST_CANDIDATES = 100_000, 20_000_000
_MOST_DOSE = 2**31 - 1
_BUCKETS = {"ngram": 4, "lm": 10, "file": 1}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrapsConfig:
    """Make candidates for copyright traps; a later draw picks which of them are planted."""

    output: Annotated[str, OUTPUT]
    """A new local folder for the candidates and their report, which are secret."""
    corpus: Annotated[Several, INPUT] = ()
    """The corpus: files, folders or quoted globs. No candidate shares 8 words in a row with it."""
    generator: Annotated[Literal["ngram", "lm", "file"], CANDIDATES] = "ngram"
    """ngram: a trigram model of the corpus. lm: a checkpoint in --model. file: your own candidates."""
    model: Annotated[str, INPUT] = ""
    """lm: a causal language model in the Hugging Face layout, with safetensors."""
    candidates: Annotated[Several, INPUT] = ()
    """file: Parquet or JSONL with a text column (and perplexity, if wanted), or text with one candidate per line."""
    lengths: Annotated[SeveralNumbers, CANDIDATES] = ()
    """Lengths in tokens. Default: 25 50 100; for file, any length. file: use only candidates of these lengths."""
    doses: Annotated[SeveralNumbers, UNITS] = (1, 10, 100, 1000)
    """Copies to plant of the candidate that is drawn."""
    units: Annotated[SeveralNumbers, UNITS] = ()
    """Units per length and bucket: one number, or one per dose. Default for the default doses: 700 200 60 24."""
    controls: Annotated[Whole, UNITS] = 9
    """Candidates per unit that are held out."""
    tokenizer: Annotated[Several, INPUT] = ()
    """Files (tokenizer.json) whose tokens must survive decoding and encoding; lengths are in tokens of the first."""
    separator: Annotated[Several, INPUT] = ()
    """Texts that separate documents of the corpus, besides the common ones."""
    perplexity_buckets: Annotated[Whole, CANDIDATES] = 0
    """Buckets of perplexity; 0: 10 for lm ([1,11) to [91,101)), 4 for ngram (quantiles), 1 for file."""
    seed: Annotated[str | None, CANDIDATES] = None
    """Repeat a run: whoever knows the seed can make the candidates again. Default: from the operating system."""
    allow_short: Annotated[bool, CANDIDATES] = False
    """Make fewer units where a cell cannot be filled."""
    text_column: Annotated[str, INPUT] = "text"
    """Column or field with the text."""
    threads: Annotated[Whole, RUNNING] = 0
    """Threads; 0: all cores."""
    dry_run: Annotated[bool, RUNNING] = False
    """Read metadata only; print the resolved settings and sizes; write nothing."""

    def __post_init__(self) -> None:
        """Check what can be checked without the data."""
        from_file = self.generator == "file"
        checks = (
            (bool(self.corpus) or self.generator != "ngram", "--corpus: ngram is fitted to it: give at least one file"),
            (bool(self.model) == (self.generator == "lm"), "--model DIR goes with --generator lm"),
            (bool(self.candidates) == from_file, "--candidates FILE... goes with --generator file"),
            (bool(self.doses), "--doses: give at least one"),
            (self.controls >= 1, f"--controls {self.controls}: give 1 or more"),
            (0 <= self.perplexity_buckets <= 99, f"--perplexity-buckets {self.perplexity_buckets}: give 1 to 99"),
            (0 <= self.threads <= 1024, f"--threads {self.threads}: give 0 (all cores) to 1024"),
            (all(self.separator), "--separator: an empty text is in every candidate"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)
        for flag, values, most in (
            ("--lengths", self.lengths, _MOST_TOKENS),
            ("--doses", self.doses, _MOST_DOSE),
            ("--units", self.units, _MOST_CANDIDATES),
        ):
            for value in values:
                if not 1 <= value <= most:
                    raise ValueError(f"{flag} {value}: give 1 to {most}")
            if flag != "--units" and len(set(values)) < len(values):
                raise ValueError(f"{flag} {' '.join(map(str, values))}: give each once")
        if self.design().candidates > _MOST_CANDIDATES:
            raise ValueError(
                f"{self.design().candidates} candidates: {_MOST_CANDIDATES} are the most; lower --units or --controls"
            )

    def design(self) -> "Design":
        """Cells and what they need.

        Raises:
            ValueError: if --units does not fit --doses.
        """
        from transforms.probes.traps.design import Design, units_for

        lengths = self.lengths or ((0,) if self.generator == "file" else (25, 50, 100))
        buckets = self.perplexity_buckets or _BUCKETS[self.generator]
        return Design(lengths, self.doses, units_for(self.doses, self.units), self.controls, buckets)


def run(config: TrapsConfig, context: "Context") -> int:
    """Make candidates; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError, SealError: with what to change or mend.
    """
    from pipelines.pages.traps_page import facts_of, report_html
    from pipelines.running.machine import cores, peak_rss_bytes
    from transforms.base.folders import Folder
    from transforms.base.keyed import new_key
    from transforms.base.readable import count, counted, size
    from transforms.base.runs import pretty_json
    from transforms.planting import folder as secret_folder
    from transforms.probes.traps.design import absolute_edges
    from transforms.probes.traps.fill import fill, refuse_short
    from transforms.probes.traps.make import assemble

    path = secret_folder.secrets_path(config.output, "--output")
    secret_folder.refuse_existing(path, "--output")
    _refuse_public(config, path)
    design, pieces = config.design(), _look_at(config)
    if config.dry_run:
        _describe(config, design, pieces)
        return 0
    began, progress, threads = time.perf_counter(), context.progress, config.threads or cores()
    key = new_key(config.seed)
    rules = _rules(config)
    with secret_folder.new_secrets(path, "--output") as draft:
        scans: list[dict[str, Any]] = []
        generator = _generator(config, rules, pieces, key, threads)
        progress.say(
            f"{counted(design.candidates, 'candidate')} wanted, from {generator.name}, ready in "
            f"{time.perf_counter() - began:.1f} s"
        )
        find = _finder(config, pieces, Folder(str(draft)).child("scan"), threads, scans) if pieces else None
        edges = absolute_edges(design.buckets) if config.generator == "lm" else None
        filled = fill(generator, design, rules, find, key, edges)
        if not config.allow_short:
            refuse_short(filled, design)
        table = assemble(filled, design, generator.name, key)
        if not table.num_rows:
            raise RunError("no unit can be made of what was found: see --units, --controls and --perplexity-buckets")
        Folder(str(draft)).remove_folder("scan")
        running = {"seconds": time.perf_counter() - began, "threads": threads, "peak_rss_bytes": peak_rss_bytes()}
        facts = facts_of(_resolved(config, design), design, generator.name, filled, table, scans, running)
        secret_folder.write(draft, PROBES, secret_folder.parquet(table))
        secret_folder.write(draft, REPORT, pretty_json(facts))
        secret_folder.write(draft, REPORT_PAGE, report_html(facts).encode())
    scanned = f", {size(scans[0]['bytes'])} of corpus searched" if scans else ""
    progress.say(
        f"{counted(filled.made, 'candidate')} made, {count(table.num_rows)} kept in "
        f"{counted(table.num_rows // (config.controls + 1), 'unit')}{scanned}; {facts['seconds']:.1f} s"
    )
    progress.say(f"done: {path / PROBES}  (secret: it tells what is planted)")
    return 0


def _refuse_public(config: TrapsConfig, path: Path) -> None:
    """Candidates are secret: they stand neither in a public output nor where they would be read as corpus."""
    from transforms.corpus.input.sources import would_list

    for parent in path.parents:
        if (parent / "manifest.json").exists() or (parent / "_SUCCESS").exists():
            raise UsageError(f"--output {path} lies inside the public output {parent}: choose a folder elsewhere")
    pattern = would_list(config.corpus, str(path), (PROBES,))
    if pattern is not None:
        raise UsageError(f"--output {path} lies inside --corpus {pattern}: choose a folder elsewhere")


def _look_at(config: TrapsConfig) -> "list[Piece]":
    """The corpus in pieces, from its metadata; and whether files that were named can be opened."""
    from transforms.base.errors import CorpusError
    from transforms.corpus.input.columns import check_text_column
    from transforms.corpus.input.divide import divide
    from transforms.corpus.input.formats import format_for
    from transforms.corpus.input.sources import list_sources

    for flag, files in (("--tokenizer", config.tokenizer), ("--candidates", config.candidates)):
        for file in files:
            if not Path(file).exists():
                raise UsageError(f"{flag} {file}: there is no such file")
    if config.generator == "lm":
        from transforms.probes.traps.generators.lm_checkpoint import check_checkpoint

        if not Path(config.model).is_dir():
            raise UsageError(f"--model {config.model}: there is no such folder")
        check_checkpoint(config.model, max(config.design().lengths))
    if not config.corpus:
        return []
    try:
        sources = list_sources(config.corpus)
    except CorpusError as error:
        raise CorpusError(str(error).replace("--input", "--corpus")) from error
    for source in sources:
        if format_for(source).knows_schema:
            check_text_column(format_for(source).schema(source), config.text_column, source.uri)
    return divide(sources, config.text_column)


def _rules(config: TrapsConfig) -> "Rules":
    from transforms.probes.traps.rules import SEPARATORS, Rules
    from transforms.probes.traps.tokens import load_tokenizer

    given = tuple(load_tokenizer(file) for file in config.tokenizer)
    counts_by = config.model if config.generator == "lm" else next(iter(config.tokenizer), "")
    return Rules((*SEPARATORS, *config.separator), given, load_tokenizer(counts_by) if counts_by else None)


def _generator(config: TrapsConfig, rules: "Rules", pieces: "Sequence[Piece]", key: bytes, threads: int) -> "Generator":
    if config.generator == "ngram":
        from transforms.probes.traps.generators.documents import sample_documents
        from transforms.probes.traps.generators.ngram import NgramGenerator

        texts = sample_documents(pieces, config.text_column, key, threads)
        return NgramGenerator(texts, key, rules.counting, threads)
    if config.generator == "lm":
        from transforms.probes.traps.generators.lm_checkpoint import load_generator

        return load_generator(config.model, max(config.design().lengths), key)
    from transforms.probes.traps.generators.brought import BroughtCandidates, read_candidates

    texts, perplexity = read_candidates(config.candidates, config.text_column)
    if config.design().buckets > 1 and perplexity.null_count:
        raise UsageError(
            f"--perplexity-buckets {config.perplexity_buckets}: {perplexity.null_count} of the candidates come without "
            "a perplexity; give them one, or one bucket"
        )
    return BroughtCandidates(texts, perplexity, rules, key)


def _finder(
    config: TrapsConfig, pieces: "Sequence[Piece]", folder: Any, threads: int, scans: list[dict[str, Any]]
) -> "Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.uint64]]":
    """Look n-grams up in the corpus; what was read each time is added to `scans`."""
    import json
    import logging

    from pipelines.running.beam_flags import beam_options
    from pipelines.running.launch import launch
    from transforms.probes.traps.corpus_search import SUMMARY, FindSharedNgrams, read_found, write_members

    # Beam warns at import of every optional package that is not there, and logs each failure that is told here.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)

    def find(members: "npt.NDArray[np.uint64]") -> "npt.NDArray[np.uint64]":
        round_folder = folder.child(f"{len(scans):02d}")
        write_members(round_folder, members)
        scan = FindSharedNgrams(pieces, config.text_column, round_folder, threads)
        launch(lambda root: root | scan, beam_options([], []))
        scans.append(json.loads(round_folder.read(SUMMARY)))
        return read_found(round_folder)

    return find


def _resolved(config: TrapsConfig, design: "Design") -> dict[str, Any]:
    """The settings as TOML and JSON hold them; of the seed only whether there was one."""
    settings = dataclasses.asdict(config)
    del settings["seed"], settings["dry_run"]
    chosen = {"lengths": list(config.lengths or design.lengths), "units": list(design.units)}
    if design.lengths == (0,):
        chosen["lengths"] = []
    lists = {name: list(value) for name, value in settings.items() if isinstance(value, tuple)}
    return {**settings, **lists, **chosen, "perplexity_buckets": design.buckets}


def _describe(config: TrapsConfig, design: "Design", pieces: "Sequence[Piece]") -> None:
    """The resolved settings as TOML, then the size of the work, on standard output."""
    from transforms.base.readable import count, counted, size
    from transforms.base.toml import table as toml_table

    print(toml_table("traps", _resolved(config, design)))
    cells = len(design.lengths) * design.buckets
    print(
        f"# {counted(cells, 'cell')} of {count(design.cell_candidates)} candidates: {count(design.candidates)} in all"
    )
    print(f"# {counted(design.copies, 'copy').replace('copys', 'copies')} to plant of each length and bucket")
    if pieces:
        print(f"# about {size(sum(piece.size for piece in pieces))} of text in the corpus")
    print("# nothing was written")
