"""Make trap candidates: a generator, rules, a search of the corpus, and what was made of them."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow.fs as pafs

from transforms.base.errors import CorpusError
from transforms.base.folders import canonical, resolve
from transforms.base.readable import count, counted, size
from transforms.corpus.input.pieces import Piece
from transforms.probes.corpus.finder import finder
from transforms.probes.corpus.pieces import corpus_pieces
from transforms.probes.corpus.tokens import load_tokenizer
from transforms.probes.kind import Environment, Looked, Made, SettingError
from transforms.probes.ngram.generator import Generator
from transforms.probes.traps.assemble import assemble
from transforms.probes.traps.config import TrapsConfig
from transforms.probes.traps.design import absolute_edges
from transforms.probes.traps.facts import facts_of
from transforms.probes.traps.families.kept import keep_units, refuse_few_families, spare_units
from transforms.probes.traps.families.make import make_families
from transforms.probes.traps.families.suggesting.proposer import Proposer
from transforms.probes.traps.families.told import families_in_words, family_facts
from transforms.probes.traps.fill import fill, refuse_short
from transforms.probes.traps.rules import SEPARATORS, Rules

if TYPE_CHECKING:
    from transforms.probes.ngram.ngram import NgramGenerator


def look(config: TrapsConfig) -> Looked:
    """Check that every named file can be opened, and divide the corpus into pieces by its metadata.

    Raises:
        SettingError, CorpusError: naming the flag and the file.
    """
    design, pieces = config.design(), _pieces(config)
    cells, copies = len(design.lengths) * design.buckets, design.copies
    lines = [
        f"{counted(cells, 'cell')} of {count(design.cell_candidates)} candidates: {count(design.candidates)} in all",
        f"{count(copies)} {'copy' if copies == 1 else 'copies'} to plant of each length and bucket",
    ]
    if pieces:
        lines.append(f"about {size(sum(piece.size for piece in pieces))} of text in the corpus")
    return Looked(lines, pieces)


def make(config: TrapsConfig, key: bytes, environment: Environment) -> Made:
    """Fill the cells of the design, and make units of what fills them.

    Raises:
        SettingError, CorpusError: with what to change.
    """
    began, design, pieces = time.perf_counter(), config.design(), environment.found
    rules = _rules(config)
    generator = _generator(config, rules, pieces, key, environment.threads)
    proposer = _proposer(config, generator, rules, pieces, key, environment.threads)
    environment.say(
        f"{counted(design.candidates, 'candidate')} wanted, from {generator.name}, ready in "
        f"{time.perf_counter() - began:.1f} s"
    )
    scans: list[dict[str, Any]] = []
    find = finder(pieces, config.text_column, environment, scans) if pieces else None
    edges = absolute_edges(design.buckets) if config.generator == "lm" else None
    made = replace(design, spare=spare_units(design)) if proposer else design
    filled = fill(generator, made, rules, find, key, edges)
    if not config.allow_short:
        refuse_short(filled, design)
    table = assemble(filled, made, generator.name, key)
    if not table.num_rows:
        raise CorpusError("no unit can be made of what was found: see --units, --controls and --perplexity-buckets")
    families = None
    if proposer:
        families = make_families(table, config.family(), proposer, rules, find, key)
        table = keep_units(table, families, filled, design)
        if not config.allow_short:
            refuse_few_families(table, families, design)
        environment.say(families_in_words(families, config.family(), design.doses))
    facts = facts_of(design, generator.name, config.form, filled, table, scans) | environment.running()
    if families:
        facts["families"] = family_facts(families, config.family(), design.doses)
    scanned = f", {size(scans[0]['bytes'])} of corpus searched" if scans else ""
    summary = (
        f"{counted(filled.made, 'candidate')} made, {count(table.num_rows)} kept in "
        f"{counted(table.num_rows // (config.controls + 1), 'unit')}{scanned}; {facts['seconds']:.1f} s"
    )
    return Made(table, facts, {"length_tokens": "number", "perplexity": "number"}, summary)


def _pieces(config: TrapsConfig) -> list[Piece]:
    for flag, files in (("--tokenizer", config.tokenizer), ("--candidates", config.candidates)):
        for file in files:
            if not _is_there(file):
                raise SettingError(f"{flag} {file}: there is no such file")
    from transforms.probes.traps.generators.lm_checkpoint import check_checkpoint

    if config.fuzzy_model:
        if not _is_there(config.fuzzy_model):
            raise SettingError(f"--fuzzy-model {config.fuzzy_model}: there is no such folder")
        check_checkpoint(config.fuzzy_model, max(config.design().lengths), "--fuzzy-model")
    if config.generator == "lm":
        if not _is_there(config.model):
            raise SettingError(f"--model {config.model}: there is no such folder")
        check_checkpoint(config.model, max(config.design().lengths))
    return corpus_pieces(config.corpus, config.text_column)


def _is_there(path: str) -> bool:
    """Whether a file or folder exists, in a store too."""
    filesystem, inside = resolve(canonical(path))
    return bool(filesystem.get_file_info(inside).type != pafs.FileType.NotFound)


def _rules(config: TrapsConfig) -> Rules:
    given = tuple(load_tokenizer(file) for file in config.tokenizer)
    counts_by = config.model if config.generator == "lm" else next(iter(config.tokenizer), "")
    counting = load_tokenizer(counts_by) if counts_by else None
    return Rules((*SEPARATORS, *config.separator), given, counting, config.form)


def _generator(config: TrapsConfig, rules: Rules, pieces: list[Piece], key: bytes, threads: int) -> Generator:
    if config.generator == "ngram":
        return _ngram(config, rules, pieces, key, threads)
    if config.generator == "lm":
        from transforms.probes.traps.generators.lm_checkpoint import load_generator

        return load_generator(config.model, max(config.design().lengths), key, config.form)
    from transforms.probes.traps.generators.brought import BroughtCandidates, read_candidates

    texts, perplexity = read_candidates(config.candidates, config.text_column)
    if config.design().buckets > 1 and perplexity.null_count:
        raise SettingError(
            f"--perplexity-buckets {config.perplexity_buckets}: {perplexity.null_count} of the candidates come without "
            "a perplexity; give them one, or one bucket"
        )
    return BroughtCandidates(texts, perplexity, rules, key)


def _ngram(config: TrapsConfig, rules: Rules, pieces: list[Piece], key: bytes, threads: int) -> "NgramGenerator":
    from transforms.probes.ngram.documents import sample_documents
    from transforms.probes.ngram.ngram import NgramGenerator, NoSentencesError

    texts = sample_documents(pieces, config.text_column, key, threads)
    try:
        return NgramGenerator(texts, key, rules.counting, threads, as_sentences=config.form == "sentence")
    except NoSentencesError as error:
        raise CorpusError(f"--corpus: {error}: --form line makes candidates without") from None
    except ValueError as error:
        raise CorpusError(f"--corpus: {error}") from None


def _proposer(
    config: TrapsConfig, generator: Generator, rules: Rules, pieces: list[Piece], key: bytes, threads: int
) -> Proposer | None:
    """What suggests words for variants; None if all copies are to be alike."""
    if not config.fuzzy:
        return None
    if config.fuzzy_model:
        try:
            from transforms.probes.traps.families.suggesting.masked import load_masked
        except ImportError as error:
            raise CorpusError(f"--fuzzy-model needs {error.name}: pip install 'trapline[score]'") from error
        return load_masked(config.fuzzy_model, max(config.design().lengths), rules.counting)
    from transforms.probes.ngram.ngram import NgramGenerator
    from transforms.probes.traps.families.suggesting.neighbours import Neighbours

    if not isinstance(generator, NgramGenerator):
        generator = _ngram(config, rules, pieces, key, threads)
    return Neighbours(generator.vocabulary, generator.model, rules.counting, threads)
