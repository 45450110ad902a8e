"""The course of `trapline score`: look at the input, enter the output, score each checkpoint, compute, publish."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pipelines.jobs.hints import GPU
from pipelines.jobs.launch import build_and_launch
from pipelines.jobs.runners import is_remote
from pipelines.running import output as outputs
from pipelines.running.errors import RunError
from pipelines.running.machine import cores, peak_rss_bytes
from pipelines.running.progress import LOCAL_SECONDS, REMOTE_SECONDS, Progress, repeated
from pipelines.running.versions import versions
from pipelines.scoring.input import (
    Model,
    ScoreInput,
    identity,
    look_at_scoring,
    private,
    sequences_listed,
    shard_names,
)
from pipelines.scoring.stages import build_families, build_generation, build_metrics, build_score
from transforms.base.folders import Folder
from transforms.base.readable import count, counted, size
from transforms.base.runs import Work, pretty_json, run_name
from transforms.base.stores.address import shown
from transforms.base.toml import table as toml_table
from transforms.scoring.metrics.registry import answers_only
from transforms.scoring.tasks.family import FamilyJob, family_metrics
from transforms.scoring.tasks.generate import GenerationJob
from transforms.scoring.tasks.metric_rows import RECEIPTS, MetricJob
from transforms.scoring.tasks.score import ScoreJob, receipt_name

if TYPE_CHECKING:
    from pipelines.score import ScoreConfig

_BYTES_A_TEXT_BYTE = 5


def run(config: "ScoreConfig", options: Callable[[], Any], progress: Progress) -> int:
    """Do what `config` says; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    output = Folder.of(config.output)
    if config.dry_run:
        _describe(config, look_at_scoring(config, output, hashed=False))
        return 0
    found = look_at_scoring(config, output)
    device = _device(config, options)
    work = Work(output, run_name(identity(config, found, device), _versions(), found.sources))
    outputs.refuse_foreign(output)
    if found.secret:
        private(output)
    with outputs.locked(output):
        if _enter(config, found, work, progress):
            return 0
        return _work(config, options, found, work, device, progress)


def _device(config: "ScoreConfig", options: Callable[[], Any]) -> str:
    """Where the model runs; "auto" stays what it is for workers on other machines, which decide for themselves."""
    if config.device != "auto" or is_remote(options()):
        return config.device
    from transforms.scoring.model.device import default_device

    return default_device()


def _versions() -> dict[str, str]:
    return {**versions(), **{name: version(name) for name in ("torch", "transformers")}}


def _enter(config: "ScoreConfig", found: ScoreInput, work: Work, progress: Progress) -> bool:
    """Make the output folder ready; true when this very run is finished already."""

    def check_space() -> None:
        if not config.no_space_check:
            outputs.check_space(work.output, found.text_bytes * _BYTES_A_TEXT_BYTE * len(found.models))

    return outputs.enter(work, overwrite=config.overwrite, say=progress.say, before=check_space)


def _work(
    config: "ScoreConfig",
    options: Callable[[], Any],
    found: ScoreInput,
    work: Work,
    device: str,
    progress: Progress,
) -> int:
    began, threads = time.perf_counter(), config.threads or cores()
    mode = 0o600 if found.secret else 0o666
    outputs.announce_outputs(work, shard_names(found))
    where = "what each worker has" if device == "auto" else device
    what = f"{counted(sum(found.rows), 'sequence')}, {counted(len(found.models), 'checkpoint')}, on {where}"
    progress.say(f"{what}, {counted(threads, 'thread')}")
    if device == "cpu" and config.dtype == "bfloat16":
        progress.say(
            "bfloat16 on the CPU rounds by the shape of a batch: every sequence is run alone, so that its score is "
            "its own; float32 is faster here"
        )
    summaries, generated, families = {}, {}, family_metrics(found.metrics)
    for model in found.models:
        job = _job(config, found, model, work, device, threads, mode)
        summaries[model.checkpoint.name] = _score(options, job, found, progress)
        if found.generation and model in found.scored:
            continued = GenerationJob(job, found.generation)
            generated[model.checkpoint.name] = _generate(options, continued, found, progress)
        if families and model in found.scored:
            _families(options, FamilyJob(job, families), found, progress)
    metric_job = MetricJob(
        tuple(model.checkpoint.name for model in found.scored),
        found.models[-1].checkpoint.name if found.has_reference else "",
        found.metrics,
        (*(found.generation.metrics if found.generation else ()), *families),
        found.columns,
        work,
        mode,
        Folder.of(config.questions).uri if config.ask else "",
        config.ask,
    )
    with progress.stage("metrics", work.folder.child(RECEIPTS), {}):
        computed = work.once(
            "metrics", lambda: build_and_launch(options, build_metrics, metric_job, found.tasks, threads)
        )
    used = {_one_device(one["tasks"], name) for name, one in summaries.items()} - {""}
    facts = {"seconds": time.perf_counter() - began, "device": ", ".join(sorted(used)) or device}
    _publish(config, found, work, summaries, generated, computed, facts)
    _say_reasons(progress, summaries)
    progress.say(f"done: {work.output.uri}")
    return 0


def _job(
    config: "ScoreConfig", found: ScoreInput, model: Model, work: Work, device: str, threads: int, mode: int
) -> ScoreJob:
    return ScoreJob(
        checkpoint=model.checkpoint,
        tokenizer=model.tokenizer,
        bos=model.bos,
        columns=found.columns,
        slots=Folder.of(slots).uri if (slots := config.slots or config.questions) else "",
        context=config.context,
        dtype=config.dtype,
        device=device,
        max_tokens=config.max_tokens,
        threads=threads,
        compiled=device in ("cuda", "auto") and found.compiled(model, config.context),
        work=work,
        mode=mode,
        ask=config.ask,
        equal=bool(config.ask) and bool(set(found.metrics) - set(answers_only(found.metrics))),
    )


def _score(options: Callable[[], Any], job: ScoreJob, found: ScoreInput, progress: Progress) -> dict[str, Any]:
    left = [task for task in found.tasks if not job.done_before(task)]
    began = time.perf_counter()
    with _shown(job.work, job.receipts, job.checkpoint.name, found, progress, _scoring_speed):
        summary = job.work.once(job.receipts, lambda: _launch(options, build_score, job, found))
    _one_device(summary["tasks"], job.checkpoint.name)
    total = totals(summary["tasks"])
    rate = f"  {count(total['tokens_per_second'])} tokens/s" if left else "  (done before)"
    mfu = f"  MFU {total['mfu']:.2f}" if left and total["mfu"] else ""
    progress.say(
        f"{job.checkpoint.name:<8} {time.perf_counter() - began:7.1f} s  {count(total['tokens'])} tokens{rate}{mfu}"
    )
    if total["splits"]:
        progress.say(
            f"memory ended at {total['splits']} batches, which were done in parts: --max-tokens {total['max_tokens']} "
            "fits here"
        )
    return {"tasks": summary["tasks"], "totals": total}


def _generate(options: Callable[[], Any], job: GenerationJob, found: ScoreInput, progress: Progress) -> dict[str, Any]:
    left = [task for task in found.tasks if not job.done_before(task)]
    name, began = job.scored.checkpoint.name, time.perf_counter()
    with _shown(job.work, job.receipts, name, found, progress, _generating_speed):
        summary = job.work.once(job.receipts, lambda: _launch(options, build_generation, job, found))
    total = {key: sum(one[key] for one in summary["tasks"]) for key in ("sequences", "tokens", "seconds")}
    note = "" if left else "  (done before)"
    progress.say(f"{name:<8} {time.perf_counter() - began:7.1f} s  {count(total['tokens'])} tokens generated{note}")
    return {"tasks": summary["tasks"], "totals": total}


def _families(options: Callable[[], Any], job: FamilyJob, found: ScoreInput, progress: Progress) -> None:
    name, began = job.scored.checkpoint.name, time.perf_counter()
    with _shown(job.work, job.receipts, name, found, progress, _family_speed):
        job.work.once(job.receipts, lambda: build_and_launch(options, build_families, job, found.tasks))
    progress.say(f"{name:<8} {time.perf_counter() - began:7.1f} s  fresh variants")


def _family_speed(receipts: Sequence[Mapping[str, Any]]) -> str:
    sequences, seconds = (sum(one[key] for one in receipts) for key in ("sequences", "seconds"))
    return f"{count(sequences / (seconds or 1e-9))} families/s"


def _launch(options: Callable[[], Any], build: Callable[..., Any], job: Any, found: ScoreInput) -> None:
    """Run a checkpoint over all tasks, on workers with a GPU where --device cuda asks for one."""
    scored: ScoreJob = getattr(job, "scored", job)
    build_and_launch(options, build, job, found.tasks, hints=(GPU,) if scored.device == "cuda" else ())


def _one_device(found: Sequence[Mapping[str, Any]], name: str) -> str:
    """The device on which all tasks of a checkpoint were scored.

    Raises:
        RunError: if there were several: the last digits of scores differ between devices.
    """
    devices = sorted({one["device"] for one in found})
    if len(devices) > 1:
        raise RunError(
            f"{name}: some workers scored on {devices[0]} and some on {devices[1]}, whose scores differ in their last "
            "digits; give --device cpu or --device cuda"
        )
    return str(devices[0]) if devices else ""


def _scoring_speed(receipts: Sequence[Mapping[str, Any]]) -> str:
    total = totals(receipts)
    return f"{count(total['tokens_per_second'])} tokens/s  MFU {total['mfu']:.2f}"


def _generating_speed(receipts: Sequence[Mapping[str, Any]]) -> str:
    tokens, seconds = (sum(one[key] for one in receipts) for key in ("tokens", "seconds"))
    return f"{count(tokens / (seconds or 1e-9))} new tokens/s"


def totals(receipts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sums over tasks, with tokens a second and utilisation of the time that the model was at work."""
    names = ("tokens", "scored", "flop", "seconds", "batches", "splits", "task_seconds", "sequences", "rows")
    sums: dict[str, Any] = {name: sum(one[name] for one in receipts) for name in names}
    rate = max((one["matrix_rate"] for one in receipts), default=0.0)
    seconds = sums["seconds"] or 1e-9
    reasons: dict[str, int] = {}
    for one in receipts:
        for name, times in one["reasons"].items():
            reasons[name] = reasons.get(name, 0) + times
    return {
        **sums,
        "matrix_rate": rate,
        "tokens_per_second": sums["tokens"] / seconds,
        "mfu": sums["flop"] / seconds / rate if rate else 0.0,
        "max_tokens": min((one["max_tokens"] for one in receipts), default=0),
        "packed": any(one["packed"] for one in receipts),
        "alone": any(one["alone"] for one in receipts),
        "reasons": reasons,
    }


@contextlib.contextmanager
def _shown(
    work: Work,
    receipts: str,
    name: str,
    found: ScoreInput,
    progress: Progress,
    speed: Callable[[Sequence[Mapping[str, Any]]], str],
) -> Iterator[None]:
    """On a terminal, a bar with the speed that the receipts tell as they come."""
    if progress.quiet or not sys.stderr.isatty():
        yield
        return
    import json

    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    folder = work.folder.child(receipts)
    known: dict[str, dict[str, Any]] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    expected = {receipt_name(task) for task in found.tasks}
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task(name, total=sum(found.rows), speed="")

        def show() -> None:
            for new in set(folder.names()) & expected - set(known):
                known[new] = json.loads(folder.read(new))
            if known:
                done = list(known.values())
                bar.update(shown, completed=sum(one["sequences"] for one in done), speed=speed(done))

        with repeated(show, LOCAL_SECONDS if folder.local else REMOTE_SECONDS):
            yield


def _publish(
    config: "ScoreConfig",
    found: ScoreInput,
    work: Work,
    summaries: Mapping[str, Mapping[str, Any]],
    generated: Mapping[str, Mapping[str, Any]],
    computed: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> None:
    listed = ("path", "rows", "bytes", "sha256")
    files = [{key: task[key] for key in listed} for one in summaries.values() for task in one["tasks"]]
    made = [file for task in computed["tasks"] for file in task["files"]]
    if found.generation and found.generation.kept:
        files += [{key: task[key] for key in listed} for one in generated.values() for task in one["tasks"]]
    files += [{key: file[key] for key in listed} for file in sorted(made, key=lambda file: file["path"])]
    missing = {name: sum(file["missing"][name] for file in made) for name in found.metrics}
    counts = {
        "sequences": sum(found.rows),
        "without_scores": {name: one["totals"]["reasons"] for name, one in summaries.items()},
        "metrics_missing": missing,
    }
    if config.ask:
        counts["uneven_answers"] = sum(task["uneven_answers"] for task in computed["tasks"])
    manifest = {
        "schema": "trapline.manifest",
        "version": 1,
        "command": "score",
        "run": work.run,
        "content": {
            "config": {
                name: value for name, value in config.what_the_output_depends_on().items() if value not in ((), None)
            },
            "settings": found.settings(config),
            "versions": _versions(),
            "checkpoints": [model.listed() for model in found.scored],
            "references": [model.listed() for model in found.models[len(found.scored) :]],
            "sequences": sequences_listed(found),
            **({"slots_sha256": found.slots_sha256} if found.slots_sha256 and not config.ask else {}),
            "counts": counts,
            "files": files,
        },
    }
    metrics = {
        "command": "score",
        "counts": counts,
        "checkpoints": {name: one["totals"] for name, one in summaries.items()},
        **({"generated": {name: one["totals"] for name, one in generated.items()}} if generated else {}),
        "versions": _versions(),
        "output": shown(work.output.uri),
        "peak_rss_bytes": peak_rss_bytes(),
        **facts,
    }
    outputs.succeed(work, manifest, {outputs.METRICS: pretty_json(metrics)})


def _say_reasons(progress: Progress, summaries: Mapping[str, Mapping[str, Any]]) -> None:
    words = {
        "null": "null",
        "empty": "empty",
        "single_token": "of one token with nothing before it",
        "too_long": "longer than the model's context (with --context)",
    }
    for name, one in summaries.items():
        for reason, times in one["totals"]["reasons"].items():
            progress.say(f"{name}: {counted(times, 'row')} without scores: {words[reason]}")


def _describe(config: "ScoreConfig", found: ScoreInput) -> None:
    """The resolved settings as TOML, then the size of the work, on standard output."""
    settings = {
        "checkpoint": list(config.checkpoint),
        "sequences": list(config.sequences),
        "output": config.output,
        **{
            name: getattr(config, name)
            for name in ("slots", "questions", "reference", "tokenizer", "device")
            if getattr(config, name)
        },
        **config.what_the_output_depends_on(),
        "metrics": list(found.metrics),
    }
    with contextlib.suppress(BrokenPipeError):
        print(toml_table("score", settings))
        files, rows = counted(len(found.sources), "file"), counted(sum(found.rows), "sequence")
        print(f"# {files}, {rows}, about {size(found.text_bytes)}; {counted(len(found.tasks), 'task')} a checkpoint")
        if found.most_slots:
            print(f"# up to {counted(found.most_slots, 'cue' if config.ask else 'slot')} a unit")
        if found.generation:
            print(f"# generated for each: {', '.join(found.generation.settings())}")
        print("# nothing was written")
