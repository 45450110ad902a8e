"""The steps of `trapline order`: look at the input, plan the order, spread, gather, publish."""

import contextlib
import hashlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipelines.corpus.input import refuse_input_in_output
from pipelines.corpus.summaries import RewriteSummary
from pipelines.jobs.launch import build_and_launch
from pipelines.ordering.campaign import Campaign
from pipelines.ordering.input import OrderInput, look_at
from pipelines.ordering.stages import build_gather, build_spread
from pipelines.ordering.telling import what_order_tells
from pipelines.running import output as outputs
from pipelines.running.errors import RunError, UsageError
from pipelines.running.machine import cores, peak_rss_bytes
from pipelines.running.sizes import parse_size
from pipelines.running.versions import versions
from schemas.working.placed import PLACED
from transforms.base.errors import cause_of
from transforms.base.folders import Folder
from transforms.base.keyed import new_key
from transforms.base.readable import count, counted, size
from transforms.base.runs import Work, pretty_json, run_name
from transforms.base.stores.copies import fetched
from transforms.corpus.input.sources import names, would_list
from transforms.corpus.output.manifest import Column, InputFile, WrittenFile, entry
from transforms.corpus.output.names import shard_name
from transforms.corpus.output.shards import default_shard_bytes
from transforms.corpus.output.sink import write_table
from transforms.ordering.card import OrderedCorpus, ordered_card
from transforms.ordering.copying.gather import documents_name
from transforms.ordering.copying.job import OrderJob, Tokenizing, placed_name
from transforms.ordering.copying.layout import Layout, cut
from transforms.ordering.copying.tokens import open_tokenizer, tokens_name
from transforms.ordering.planning.plan import Plan, plan_order
from transforms.ordering.planning.record import moved
from transforms.ordering.planning.rules import ScheduleFile
from transforms.planting.folder import locked, secrets_path

if TYPE_CHECKING:
    from pipelines.order import OrderConfig
    from pipelines.running.context import Context

_PACKED = 0.75
"""Bytes of the work folder per byte of text, at most: English text packed by LZ4 takes about .45."""


def run(config: "OrderConfig", context: "Context") -> int:
    """Do what `config` says; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    output = Folder.of(config.output)
    schedule = config.schedule_file()
    tokenizing, tokenizer_sha256 = _tokenizing(config)
    found = look_at(config)
    _refuse_overlap(config, output, found)
    with contextlib.ExitStack() as stack:
        campaign = None
        if config.secrets:
            path = secrets_path(config.secrets)
            stack.enter_context(locked(path))
            campaign = Campaign.open(config, path, output, found)
        plan = _plan(config, schedule, found, campaign)
        if config.dry_run:
            _describe(config, schedule, found, plan, campaign)
            return 0
        identity = {
            **config.what_the_output_depends_on(),
            "tokenizer_sha256": tokenizer_sha256,
            **(campaign.identity() if campaign else {"order": config.schedule_text()}),
        }
        work = Work(output, run_name(identity, versions(), found.sources))
        outputs.refuse_foreign(output)
        stack.enter_context(outputs.locked(output))
        if outputs.enter(
            work, overwrite=config.overwrite, say=context.progress.say, before=lambda: _check_space(config, found, work)
        ):
            return 0
        one = _Run(config, context, found, campaign, schedule, plan, work, tokenizing, tokenizer_sha256)
        return one.all_stages()


def _tokenizing(config: "OrderConfig") -> tuple[Tokenizing | None, str | None]:
    """How texts become tokens, and the SHA-256 of the tokenizer's file."""
    if not config.tokenizer:
        return None, None
    try:
        data = fetched(config.tokenizer).read_bytes()
    except OSError as error:
        raise UsageError(
            f"--tokenizer {config.tokenizer}: cannot be read ({cause_of(error)}); give a tokenizer.json"
        ) from error
    return open_tokenizer(config.tokenizer, data, config.end_token), hashlib.sha256(data).hexdigest()


def _refuse_overlap(config: "OrderConfig", output: Folder, found: OrderInput) -> None:
    pattern = would_list(found.patterns, output.uri, (shard_name(config.split, 0, 1),))
    if pattern is not None:
        raise UsageError(
            f"--output {output.uri} is inside --input {pattern}, so the files written would become input; "
            "choose an output elsewhere"
        )
    refuse_input_in_output(output, found.sources)


def _plan(config: "OrderConfig", schedule: ScheduleFile, found: OrderInput, campaign: Campaign | None) -> Plan:
    """Decide the order.

    Raises:
        RunError: with --strict, if a copy cannot be seen in the step that its schedule wants.
    """
    key, units = (new_key(config.seed), []) if campaign is None else (campaign.key(), campaign.units)
    plan = plan_order(found.rows, schedule, units, config.batch, key)
    elsewhere = moved(plan, config.batch) if config.strict else 0
    if elsewhere:
        raise RunError(
            f"--strict: {_moved(elsewhere, plan)}; give more documents per step, fewer units, or leave --strict out"
        )
    return plan


def _moved(elsewhere: int, plan: Plan) -> str:
    return (
        f"{count(elsewhere)} of {count(len(plan.wanted.step))} scheduled copies are seen in another step than their "
        "schedule wants, since that step is full or their document holds a copy that is wanted earlier"
    )


def _describe(
    config: "OrderConfig", schedule: ScheduleFile, found: OrderInput, plan: Plan, campaign: Campaign | None
) -> None:
    """The resolved settings as TOML, then what they come to, on standard output."""
    with contextlib.suppress(BrokenPipeError):
        print(config.as_table())
        print(f"# {counted(len(found.sources), 'file')}, {counted(found.rows, 'document')}, {size(found.text_bytes)}")
        steps = -(-len(plan.order) // config.batch)
        print(f"# {counted(len(plan.order), 'document')} in training order, {counted(steps, 'step')}")
        if campaign is not None:
            scheduled = sum(rule is not None for rule in plan.rules)
            print(f"# {counted(len(campaign.units), 'unit')}, {count(scheduled)} of them with a schedule")
            if elsewhere := moved(plan, config.batch):
                print(f"# {_moved(elsewhere, plan)}")
            for told in what_order_tells(schedule, plan, campaign.units):
                print(f"# {told}")
        print("# nothing was written")


def _check_space(config: "OrderConfig", found: OrderInput, work: Work) -> None:
    if not config.no_space_check:
        packed = sum(source.size for source in found.sources)
        outputs.check_space(work.output, packed + int(_PACKED * found.text_bytes))


@dataclass(frozen=True)
class _Run:
    """One run in its entered output folder."""

    config: "OrderConfig"
    context: "Context"
    found: OrderInput
    campaign: Campaign | None
    schedule: ScheduleFile
    plan: Plan
    work: Work
    tokenizing: Tokenizing | None
    tokenizer_sha256: str | None

    @property
    def threads(self) -> int:
        return self.config.threads or cores()

    def all_stages(self) -> int:
        """Plan, spread, gather and publish; what an earlier, interrupted run has committed is not done again."""
        began, progress = time.perf_counter(), self.context.progress
        files, documents = counted(len(self.found.sources), "file"), counted(self.found.rows, "document")
        progress.say(
            f"{files}, {documents}, about {size(self.found.text_bytes)} of text, {counted(self.threads, 'thread')}"
        )
        if self.campaign is not None:
            for told in what_order_tells(self.schedule, self.plan, self.campaign.units):
                progress.say(told)
            self.campaign.refuse_changed()
        seen = self.found.text_bytes * len(self.plan.order) // max(1, self.found.rows)
        own = self.config.shard_bytes
        layout = cut(len(self.plan.order), seen, default_shard_bytes(seen) if own == "auto" else parse_size(own))
        job = OrderJob(
            self.work,
            self.found.pieces,
            self.found.schema.serialize().to_pybytes(),
            self.config.layout(),
            self.config.split,
            layout,
            self.tokenizing,
        )
        self._announce(layout)
        spread = self._spread(job)
        gathered = self._gather(job, spread)
        self.found.refuse_changed()
        self._publish(layout, gathered, time.perf_counter() - began)
        progress.say(f"done: {self.work.output.uri}")
        return 0

    def _announce(self, layout: Layout) -> None:
        shards, split = len(layout.shards) - 1, self.config.split
        written = [name(split, shard, shards) for name in (shard_name, documents_name) for shard in range(shards)]
        if self.tokenizing is not None:
            written += [tokens_name(split, shard, shards, end) for end in (".bin", ".idx") for shard in range(shards)]
        outputs.announce_outputs(self.work, written)

    def _write_places(self) -> None:
        """Write down for each piece where its rows go."""
        order = np.argsort(self.plan.order, kind="stable")
        rows = self.plan.order[order]
        pieces, starts = self.found.pieces, self.found.piece_starts()
        edges = np.append(np.searchsorted(rows, starts), len(rows))
        for task, piece in enumerate(pieces):
            own = slice(edges[task], edges[task + 1])
            local = rows[own] - self.found.starts[piece.source.ordinal]
            with self.work.folder.create(placed_name(task)) as sink:
                write_table(sink, pa.table([local, order[own]], schema=PLACED))
        self.work.commit("placed", {"rows": len(rows)})

    def _spread(self, job: OrderJob) -> dict[str, Any]:
        folder = self.work.folder
        sizes = {f"{task:06d}.json": piece.size for task, piece in enumerate(self.found.pieces)}
        with self.context.progress.stage("spread", folder.child("spread"), sizes) as stage:
            stage.resumed = folder.exists("spread.json")
            self.work.once("placed", self._write_places)
            spread = self.work.once("spread", lambda: self._launch(build_spread, job, self.threads))
            stage.documents, stage.bytes = spread["rows"], self.found.text_bytes
        return spread

    def _gather(self, job: OrderJob, spread: dict[str, Any]) -> dict[str, Any]:
        folder, shards = self.work.folder, len(job.layout.shards) - 1
        sizes = {f"{shard:06d}.json": self.found.text_bytes // shards for shard in range(shards)}
        with self.context.progress.stage("gather", folder.child("gather"), sizes) as stage:
            stage.resumed = folder.exists("gather.json")
            gathered = self.work.once("gather", lambda: self._launch(build_gather, job, spread, self.threads))
            written = RewriteSummary.parse(gathered)
            stage.documents, stage.bytes = written.rows, written.text_bytes
        return gathered

    def _launch(self, build: Any, *arguments: Any) -> None:
        build_and_launch(self.context.beam_options, build, *arguments)

    def _publish(self, layout: Layout, gathered: dict[str, Any], seconds: float) -> None:
        config, written = self.config, RewriteSummary.parse(gathered)
        settings = config.what_the_output_depends_on()
        if self.campaign is None:  # else it is secret; without planted units there is no more to it
            corpus, repeat = self.schedule.corpus, self.schedule.repeat
            settings["schedule"] = repeat.text if repeat is not None else corpus
        ordered = OrderedCorpus(
            run=self.work.run,
            config=settings,
            versions=versions(),
            input=tuple(InputFile(name) for name in names(self.found.sources)),
            schema=tuple(Column(field.name, str(field.type)) for field in self.found.schema),
            counts={
                "documents_in": self.found.rows,
                "rows": written.rows,
                "text_bytes": written.text_bytes,
                "steps": -(-written.rows // config.batch),
            },
            row_hash=gathered["row_hash"],
            shards=written.shards,
            files=tuple(entry(WrittenFile, file) for file in gathered["files"]),
            tokens=self.tokenizing and replace(self.tokenizing, serialised=self.tokenizer_sha256 or ""),
        )
        metrics = {
            "command": "order",
            "seconds": seconds,
            "threads": self.threads,
            "peak_rss_bytes": peak_rss_bytes(),
            "stages": [vars(stage) for stage in self.context.progress.stages],
        }
        outputs.succeed(
            self.work,
            ordered.to_json(),
            {outputs.METRICS: pretty_json(metrics), outputs.CARD: ordered_card(ordered).encode()},
            before=lambda manifest: self._finish(manifest, layout),
        )

    def _finish(self, manifest: bytes, layout: Layout) -> None:
        if self.campaign is None:
            return
        self.campaign.finish(self.work.run, manifest, self.plan, self.schedule, layout.shard_starts)
        say, path = self.context.progress.say, self.campaign.events_path(self.work.run)
        say(f"when each copy is seen: {path}")
        if elsewhere := moved(self.plan, self.config.batch):
            say(_moved(elsewhere, self.plan))
