"""Score a model in memory with Trapline's scorer, at any step: no checkpoint is written for it.

Each call leaves a folder of scores for each kind of question, which `trapline dynamics` and `trapline verify` take.
The sequences are prepared once. Scores are those of `trapline score` on the saved checkpoint, up to rounding.
"""

from __future__ import annotations

import copy
import io
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from examples.training.shape import save, weights_sha256

TEXTS = "texts"
"""Folder of the scores of whole texts, where nothing is asked."""


@dataclass(frozen=True)
class _Prepared:
    """One kind of question, ready to be scored: what the run knows, its settings, and the sequences of each task."""

    found: Any
    settings: Mapping[str, Any]
    asked: Sequence[Any]
    tasks: Sequence[tuple[Any, Any, pa.Array]]


class Asking:
    """Sealed candidates, or any probes, and the questions about them."""

    def __init__(
        self,
        model: Any,
        tokenizer: Path,
        sequences: Path,
        questions: Path | None = None,
        asks: Sequence[str] = ("",),
        *,
        metrics: Sequence[str] = (),
        bos: str = "checkpoint",
        context: int = 512,
    ) -> None:
        """Read and encode everything.

        Args:
            model: of the shape that will be scored.
            tokenizer: its `tokenizer.json`.
            sequences: `probes.parquet`.
            questions: `questions.parquet`; needed where something is asked.
            asks: kinds of questions; an empty one scores the texts of the candidates themselves.
            metrics: of token statistics, as in `trapline score --metrics`. Default: all of answers, and of texts
                `loss`.
            bos: as in `trapline score --bos`.
            context: as in `trapline score --context`.
        """
        with tempfile.TemporaryDirectory() as scratch, redirect_stdout(io.StringIO()):
            checkpoint = Path(scratch) / "model"
            save(model, checkpoint, tokenizer)
            self._kinds = {
                ask: _prepare(
                    checkpoint, sequences, questions, ask, metrics or (() if ask else ("loss",)), bos, context
                )
                for ask in asks
            }

    def tables(self, model: Any, name: str) -> dict[str, pa.Table]:
        """Scores of the model as it is, by kind of question, with the columns of `schemas.public.scores`.

        Args:
            model: on any device; it is not changed, a copy is scored.
            name: of the checkpoint.
        """
        from transforms.scoring.model.scorer import Scorer
        from transforms.scoring.tasks.metric_rows import score_table
        from transforms.scoring.tasks.table import token_table

        scorer = Scorer.of(copy.deepcopy(model).float().eval().requires_grad_(False))
        found = {}
        for ask, kind in self._kinds.items():
            parts = []
            for (task, prepared, ids), asked in zip(kind.tasks, kind.asked, strict=True):
                tokens = token_table(prepared, scorer.score(prepared.sequences), ids, task.first, name)
                parts.append(score_table(tokens, None, None, {}, task.first, list(kind.settings["metrics"]), asked))
            found[ask] = pa.concat_tables(parts)
        return found

    def write(self, model: Any, step: int, output: Path) -> list[Path]:
        """Score the model and write `OUTPUT/KIND/step-000123`, secret like all scores of probes; returns the folders.

        Texts themselves are in `OUTPUT/texts`. The checkpoint's hash is that of the weights in memory.
        """
        name = f"step-{step:06d}"
        folders = []
        for ask, table in self.tables(model, name).items():
            folders.append(output / (ask or TEXTS) / name)
            kind = self._kinds[ask]
            write_scores(folders[-1], table, name, weights_sha256(model), kind.found, kind.settings)
        return folders


def _prepare(
    checkpoint: Path, sequences: Path, questions: Path | None, ask: str, metrics: Sequence[str], bos: Any, context: int
) -> _Prepared:
    from pipelines.score import ScoreConfig
    from pipelines.scoring.input import look_at_scoring
    from transforms.base.folders import Folder
    from transforms.base.runs import Work
    from transforms.scoring.cues import read_cues
    from transforms.scoring.metrics.registry import METRICS, answers_only
    from transforms.scoring.tasks.metric_rows import Asked
    from transforms.scoring.tasks.score import ScoreJob, preparing, read_rows

    output = Folder.of(str(checkpoint.parent / "scores"))
    config = ScoreConfig(
        checkpoint=(str(checkpoint),),
        sequences=(str(sequences),),
        output=output.uri,
        questions=str(questions) if ask else "",
        ask=ask,
        metrics=tuple(metrics),
        bos=bos,
        context=context,
        device="cpu",
    )
    found = look_at_scoring(config, output)
    beyond = sorted(one for one in found.metrics if set(METRICS[one].needs) - {"tokens", "text_bytes", "cues"})
    if beyond:
        raise ValueError(f"metrics {beyond[0]}: needs more than the tokens' log-probabilities; use trapline score")
    model = found.models[0]
    job = ScoreJob(
        checkpoint=model.checkpoint,
        tokenizer=model.tokenizer,
        bos=model.bos,
        columns=found.columns,
        slots=config.questions,
        context=config.context,
        dtype=config.dtype,
        device="cpu",
        max_tokens=0,
        threads=1,
        compiled=False,
        work=Work(output, ""),
        mode=0o600,
        ask=ask,
        equal=bool(ask) and bool(set(found.metrics) - set(answers_only(found.metrics))),
    )
    assert model.tokenizer is not None
    ready = preparing(job, model.tokenizer.make())
    cues = read_cues(config.questions, ask) if ask else None
    asked = [cues and Asked(cues, read_rows(task, found.columns)["unit"].to_pylist()) for task in found.tasks]
    return _Prepared(found, found.settings(config), asked, [(task, *ready(task)) for task in found.tasks])


def write_scores(
    folder: Path, table: pa.Table, name: str, weights: str, found: Any, settings: Mapping[str, Any]
) -> None:
    """A finished folder of scores, as `trapline score` leaves it, without statistics of tokens.

    Args:
        folder: a new one.
        table: with the columns of `schemas.public.scores`.
        name: of the checkpoint.
        weights: its SHA-256.
        found: what `look_at_scoring` found of the sequences, and of a checkpoint of the same shape.
        settings: how was scored.
    """
    import pyarrow.parquet as pq

    from pipelines.running import output as outputs
    from pipelines.running.versions import versions
    from pipelines.scoring.input import private, sequences_listed
    from transforms.base.folders import Folder, sha256
    from transforms.base.runs import Work, run_name

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    data, file = buffer.getvalue(), f"scores/{name}-00000-of-00001.parquet"
    listed = found.models[0].listed()
    content = {
        "config": {"made_by": "examples.training, of a model in memory"},
        "settings": dict(settings),
        "versions": versions(),
        "checkpoints": [{**listed, "name": name, "sha256": weights}],
        "references": [],
        "sequences": sequences_listed(found),
        "counts": {"sequences": table.num_rows},
        "files": [{"path": file, "rows": table.num_rows, "bytes": len(data), "sha256": sha256(data)}],
    }
    output = Folder.of(str(folder))
    work = Work(output, run_name(content, versions(), []))
    outputs.refuse_foreign(output)
    private(output)
    with outputs.locked(output):
        if outputs.enter(work, overwrite=True, say=lambda _: None):
            return
        outputs.announce_outputs(work, [file])
        output.child("scores").write(file.rpartition("/")[2], data, 0o600)
        head = {"schema": "trapline.manifest", "version": 1, "command": "score", "run": work.run}
        outputs.succeed(work, {**head, "content": content}, {})
