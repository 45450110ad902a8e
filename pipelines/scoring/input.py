"""What `trapline score` is given, looked at before any model is loaded."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.running.errors import UsageError
from transforms.base.errors import CorpusError
from transforms.base.folders import Folder, resolve
from transforms.corpus.input.formats import format_for
from transforms.corpus.input.sources import Source, list_sources, names, would_list
from transforms.scoring.contexts import read_slots
from transforms.scoring.generation.plan import GENERATED, GenerationPlan
from transforms.scoring.metrics.registry import chosen, versions
from transforms.scoring.model.checkpoint import Checkpoint, look_at_checkpoint, names_of
from transforms.scoring.model.tokenizer import Tokenizer, bos_token, find_tokenizer
from transforms.scoring.tasks.family import FAMILY, family_metrics
from transforms.scoring.tasks.generate import FOLDER
from transforms.scoring.tasks.metric_rows import fields_present
from transforms.scoring.tasks.score import Columns, ScoreTask, choose_columns, divide_rows, shard_name

if TYPE_CHECKING:
    from pipelines.score import ScoreConfig

FRESH = "fresh"
_COMPILED_FROM_FLOP = 2e16
_SAME_TOKENS = ("ratio_nll", "difference_nll")


@dataclass(frozen=True)
class Model:
    """A checkpoint with the tokenizer for it, and the hash of all its files."""

    checkpoint: Checkpoint
    tokenizer: Tokenizer | None
    bos: int | None
    sha256: str
    weight_bytes: int

    def listed(self) -> dict[str, Any]:
        """As the manifest lists it."""
        tokenizer = {"tokenizer_sha256": self.tokenizer.sha256} if self.tokenizer else {}
        return {"name": self.checkpoint.name, "sha256": self.sha256, **tokenizer}


@dataclass(frozen=True)
class ScoreInput:
    """All that is known before a model is loaded.

    Attributes:
        sources: the files of sequences.
        rows: sequences of each file.
        hashes: SHA-256 of each file.
        columns: the columns that are read.
        tasks: rows, divided.
        models: the checkpoints that are scored, and the reference last if there is one.
        has_reference: whether there is.
        slots_sha256: of the slots file; None without.
        most_slots: slots of the unit that has most; 0 without.
        metrics: names.
        generation: what is generated; None for nothing.
        secret: whether the sequences are probes.
    """

    sources: tuple[Source, ...]
    rows: tuple[int, ...]
    hashes: tuple[str, ...]
    columns: Columns
    tasks: tuple[ScoreTask, ...]
    models: tuple[Model, ...]
    has_reference: bool
    slots_sha256: str | None
    most_slots: int
    metrics: tuple[str, ...]
    generation: GenerationPlan | None
    secret: bool

    @property
    def scored(self) -> tuple[Model, ...]:
        """The checkpoints without the reference."""
        return self.models[:-1] if self.has_reference else self.models

    @property
    def text_bytes(self) -> int:
        """About what is read, in bytes."""
        wanted = (self.columns.text or self.columns.ids).partition(".")[0]
        return sum(format_for(source).text_bytes(source, wanted) for source in self.sources)

    def compiled(self, model: Model, context: int) -> bool:
        """Whether the work is large enough to compile for: by its size alone, so that a rerun decides alike."""
        tokens = self.text_bytes / 4
        if self.most_slots:
            tokens = self.most_slots * (tokens + context * sum(self.rows))
        return model.weight_bytes * tokens > _COMPILED_FROM_FLOP

    def settings(self, config: "ScoreConfig") -> dict[str, Any]:
        """What a plan binds, as `verify` compares it."""
        tokenizer = self.models[0].tokenizer
        generation = {"generation": self.generation.settings()} if self.generation else {}
        return {
            "bos": config.bos,
            "dtype": config.dtype,
            "context": config.context if self.most_slots else 0,
            "slots": self.most_slots,
            "tokenizer": "given" if config.tokenizer else "checkpoint",
            "tokenizer_sha256": tokenizer.sha256 if tokenizer else None,
            "metrics": versions(self.metrics),
            **generation,
        }


def look_at_scoring(config: "ScoreConfig", output: Folder, *, hashed: bool = True) -> ScoreInput:
    """List files and checkpoints and read their metadata; nothing of a model is loaded or run.

    Args:
        config: the settings.
        output: where the run will write.
        hashed: whether to hash files and checkpoints, which reads all of them.

    Raises:
        UsageError, CorpusError: with what to change or mend.
    """
    try:
        sources = list_sources(config.sequences)
    except CorpusError as error:
        raise CorpusError(str(error).replace("--input", "--sequences")) from error
    inside = would_list(
        config.sequences, output.uri, [f"{folder}/a.parquet" for folder in ("token_scores", "scores", FOLDER)]
    )
    if inside is not None:
        raise UsageError(
            f"--output {output.uri} lies inside --sequences {inside}: what is written would become input; "
            "choose an output elsewhere"
        )
    columns = choose_columns(sources, config.text_column, config.id_column, in_context=bool(config.slots))
    models = _models(config, columns, hashed=hashed)
    most_slots = read_slots(str(Path(config.slots).absolute())).most if config.slots else 0
    metrics = _metrics(config, columns, models)
    columns = _with_fresh(columns, metrics, sources)
    generation = _generation(config, columns)
    found = ScoreInput(
        tuple(sources),
        tuple(format_for(source).rows(source) or 0 for source in sources),
        tuple(_sha256(source.uri) if hashed else "" for source in sources),
        columns,
        tuple(divide_rows(sources, in_context=bool(config.slots), generating=generation is not None)),
        models,
        bool(config.reference),
        _sha256(config.slots) if config.slots and hashed else None,
        most_slots,
        metrics,
        generation,
        bool(config.slots)
        or any({"unit", "candidate"} <= set(format_for(source).schema(source).names) for source in sources),
    )
    if not found.tasks:
        raise CorpusError(f"--sequences {sources[0].uri}: there is no row in it")
    return found


def _models(config: "ScoreConfig", columns: Columns, *, hashed: bool) -> tuple[Model, ...]:
    folders = [*config.checkpoint, *([config.reference] if config.reference else [])]
    models = []
    for folder, name in zip(folders, names_of(folders), strict=True):
        checkpoint = look_at_checkpoint(
            folder, name, allow_pickle=config.allow_pickle, trust_remote_code=config.trust_remote_code
        )
        if columns.text:
            tokenizer: Tokenizer | None = find_tokenizer(checkpoint, config.tokenizer, config.bos)
            bos = tokenizer.bos if tokenizer else None
        else:
            tokenizer, bos = None, bos_token(checkpoint, None, config.bos)
        weights = sum(file.stat().st_size for file in Path(folder).iterdir() if file.suffix in (".safetensors", ".bin"))
        models.append(Model(checkpoint, tokenizer, bos, checkpoint.sha256() if hashed else "", weights))
    return tuple(models)


def _metrics(config: "ScoreConfig", columns: Columns, models: Sequence[Model]) -> tuple[str, ...]:
    present = fields_present(columns, reference=bool(config.reference))
    if config.metrics:
        present |= {*GENERATED, FAMILY}
    try:
        wanted = [metric.name for metric in chosen(config.metrics, present)]
    except ValueError as error:
        raise UsageError(f"--metrics: {error}") from None
    if len({model.tokenizer.sha256 if model.tokenizer else "" for model in models}) > 1:
        refused = [name for name in _SAME_TOKENS if name in config.metrics]
        if refused:
            raise UsageError(
                f"--metrics {refused[0]}: the checkpoints have different tokenizers; take "
                f"{refused[0].partition('_')[0]}_total_nll_per_byte"
            )
        wanted = [name for name in wanted if name not in _SAME_TOKENS]
    return tuple(wanted)


def _with_fresh(columns: Columns, metrics: Sequence[str], sources: Sequence[Source]) -> Columns:
    """The columns with that of the fresh variants, where a metric needs them.

    Raises:
        UsageError: if the sequences have none.
    """
    wanted = family_metrics(metrics)
    if not wanted:
        return columns
    for source in sources:
        schema = format_for(source).schema(source)
        if not columns.text or FRESH not in schema.names or not pa.types.is_list(schema.field(FRESH).type):
            raise UsageError(
                f"--metrics {wanted[0]}: {source.uri} has no lists of texts in a column {FRESH!r}: it needs candidates "
                "made by trapline traps --fuzzy BLOCKS --fresh NUMBER"
            )
    return replace(columns, fresh=FRESH)


def _generation(config: "ScoreConfig", columns: Columns) -> GenerationPlan | None:
    plan = config.generation()
    if config.keep_generations and (plan is None or not plan.kept):
        raise UsageError(
            "--keep-generations: no metric that generates is asked for; name one with --metrics, such as recall or "
            "cdd_peak, or leave it out"
        )
    if config.stop and not columns.text:
        raise UsageError("--stop: the sequences are token ids, which nothing decodes; give texts, or leave it out")
    return plan


def _sha256(uri: str) -> str:
    filesystem, path = resolve(uri)
    whole = hashlib.sha256()
    try:
        with filesystem.open_input_stream(path) as stream:
            while block := stream.read(8 << 20):
                whole.update(block)
    except OSError as error:
        raise CorpusError(f"{uri}: cannot be read ({error})") from error
    return whole.hexdigest()


def sequences_listed(found: ScoreInput) -> list[dict[str, Any]]:
    """The files of sequences as the manifest lists them."""
    return [
        {"path": name, "rows": rows, "sha256": sha256}
        for name, rows, sha256 in zip(names(found.sources), found.rows, found.hashes, strict=True)
    ]


def shard_names(found: ScoreInput) -> list[str]:
    """All files that the run will leave in its folders."""
    scored = [model.checkpoint.name for model in found.scored]
    every = [model.checkpoint.name for model in found.models]
    folders = ("scores", FOLDER) if found.generation and found.generation.kept else ("scores",)
    return [shard_name(name, task) for name in every for task in found.tasks] + [
        shard_name(name, task, folder) for folder in folders for name in scored for task in found.tasks
    ]


def identity(config: "ScoreConfig", found: ScoreInput, device: str) -> dict[str, Any]:
    """What names the run: a rerun with the same goes on where it stopped."""
    listed = [
        (model.checkpoint.name, model.sha256, model.tokenizer and model.tokenizer.sha256) for model in found.models
    ]
    return {
        **config.what_the_output_depends_on(),
        "models": json.loads(json.dumps(listed)),
        "reference": found.has_reference,
        "slots_sha256": found.slots_sha256,
        "sequences": list(found.hashes),
        "device": device,
    }


def private(output: Folder) -> None:
    """Make the output folder one that only its owner can enter."""
    if output.local:
        path = output.local_path()
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(path, 0o700)  # noqa: PTH101 - a folder that was there before
