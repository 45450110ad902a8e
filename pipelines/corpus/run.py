"""The steps of a corpus command: look at the input, enter the output, scan, plan, rewrite, publish."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.compiling.ahead import KernelsAhead
from pipelines.compiling.needed import needed_to_read
from pipelines.corpus.facts import Timing
from pipelines.corpus.hooks import NothingPlanted, Planting
from pipelines.corpus.input import (
    Input,
    check_space,
    left_out,
    look_at,
    not_utf8,
    output_schema,
    refuse_changed_input,
    refuse_input_in_output,
    refuse_output_as_input,
)
from pipelines.corpus.plan_kind import plan_kind
from pipelines.corpus.publish import Finished, publish
from pipelines.corpus.renumber import count_added
from pipelines.corpus.stages import build_plan, build_rewrite, build_scan, import_stages, plan_partitioned
from pipelines.corpus.summaries import PlanSummary, RewriteSummary, ScanSummary
from pipelines.jobs.hints import plan_memory
from pipelines.jobs.launch import build_and_launch
from pipelines.running import output as outputs
from pipelines.running.errors import RunError, UsageError
from pipelines.running.machine import cores, peak_rss_bytes
from pipelines.running.progress import Progress
from pipelines.running.versions import versions
from transforms.base.errors import CorpusError
from transforms.base.folders import Folder
from transforms.base.readable import count, counted, reason, size
from transforms.base.runs import FOLDER as WORK_FOLDER
from transforms.base.runs import Work, run_name
from transforms.corpus.output.names import shard_name
from transforms.corpus.output.rewrite import Expected, RewriteConfig
from transforms.corpus.row_numbers import with_added
from transforms.corpus.scan_numbers import scan_name

if TYPE_CHECKING:
    from pipelines.dedup import DedupConfig

_NOTHING = NothingPlanted()


def run(
    config: "DedupConfig",
    options: Callable[[], Any],
    progress: Progress,
    planting: Planting = _NOTHING,
    kernels: KernelsAhead | None = None,
) -> int:
    """Do what `config` says, and plant on the way; returns the exit code.

    Args:
        config: the settings.
        options: makes the options of a Beam pipeline.
        progress: tells the person at the terminal.
        planting: what is planted.
        kernels: what is being compiled; None: each kernel is compiled when it is first called.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    output = Folder.of(config.output)
    refuse_output_as_input(config, output)
    found = look_at(config)
    refuse_input_in_output(output, found.sources)
    if config.dry_run:
        _describe(config, found, planting)
        return 0
    if kernels is not None:
        kernels.ask(needed_to_read({source.kind for source in found.sources}))
    identity = {
        **config.what_the_output_depends_on(),
        "tokenizer_sha256": found.tokenizer_sha256,
        **planting.identity(),
    }
    work = Work(output, run_name(identity, versions(), found.sources))
    outputs.refuse_foreign(output)
    planting.begin(work, found)
    with outputs.locked(output):
        if _enter(config, found, work, progress, planting):
            planting.close()
            return 0
        return _Run(config, options, progress, planting, kernels, found, work).all_stages()


def _enter(config: "DedupConfig", found: Input, work: Work, progress: Progress, planting: Planting) -> bool:
    """Make the output folder ready; true when this very run is finished already."""
    planting.enter()
    try:
        return outputs.enter(
            work, overwrite=config.overwrite, say=progress.say, before=lambda: check_space(config, found, work)
        )
    except (UsageError, RunError, CorpusError):
        planting.close()
        raise


@dataclass(frozen=True)
class _Run:
    """One run in its entered output folder: what all of its stages need."""

    config: "DedupConfig"
    options: Callable[[], Any]
    progress: Progress
    planting: Planting
    kernels: KernelsAhead | None
    found: Input
    work: Work

    @property
    def threads(self) -> int:
        return self.config.threads or cores()

    def all_stages(self) -> int:
        """Scan, plan, rewrite and publish; stages that an earlier, interrupted run has committed are not repeated."""
        began, resumed = time.perf_counter(), bool(self.work.folder.names())
        self._say_size()
        import_stages()
        compiling = self.kernels.wait(self.progress) if self.kernels is not None else 0.0
        scan = self._scan()
        schema = output_schema(self.config.text_column, self.found.sources, scan)
        plan, added = self._place(scan, self._plan(scan))
        if self.config.until == "plan":
            self._say_stopped(scan, plan)
            return 0
        rewriting = self._rewrite_config(schema, len(plan.shards))
        rewrite = self._rewrite(scan, plan, rewriting, added)
        refuse_changed_input(self.config, self.found)
        self._say_counts(scan, plan)
        for line in not_utf8(rewrite.not_utf8, self.found.sources):
            self.progress.say(line)
        timing = self._timing(began, compiling, resumed=resumed)
        columns = rewriting.arrow_schema()
        publish(Finished(self.config, self.work, self.found, columns, scan, plan, rewrite, timing), self.planting)
        self._end()
        return 0

    def _say_size(self) -> None:
        files, threads = counted(len(self.found.sources), "file"), counted(self.threads, "thread")
        self.progress.say(f"{files}, about {size(self.found.text_bytes)} of text, {threads}")
        self._say_left_out()

    def _say_left_out(self) -> None:
        if self.found.left_out:
            self.progress.say(left_out(self.found.left_out))

    def _launch(self, build: Callable[..., Any], *arguments: Any, hints: Sequence[str] = ()) -> None:
        build_and_launch(self.options, build, *arguments, hints=hints)

    def _scan(self) -> ScanSummary:
        """Read the text once; refuse an input that must not be planted."""
        pieces, work = self.found.pieces, self.work
        sizes = {scan_name(task).rpartition("/")[2]: piece.size for task, piece in enumerate(pieces)}
        with self.progress.stage("scan", work.folder.child("scan"), sizes) as stage:
            stage.resumed = work.folder.exists("scan.json")
            arguments = (self.config, pieces, work, self.threads, self.planting.watch())
            scan = ScanSummary.parse(work.once("scan", lambda: self._launch(build_scan, *arguments)))
            stage.documents, stage.bytes = scan.documents_in, scan.bytes
        with self._clean_after_refusal():
            self.planting.refuse(scan, self.found.sources)
        return scan

    def _plan(self, scan: ScanSummary) -> PlanSummary:
        """Decide which documents stay, and where the shards begin."""
        work = self.work
        compressed = [source.ordinal for source in self.found.sources if source.compression]
        with self.progress.stage("plan", work.folder.child("buckets"), {}) as stage:
            stage.resumed = work.folder.exists("plan.json")
            plan = PlanSummary.parse(work.once("plan", lambda: self._make_plan(scan, compressed)))
            stage.documents = scan.rows
        return plan

    def _make_plan(self, scan: ScanSummary, compressed: Sequence[int]) -> None:
        config, work = self.config, self.work
        if plan_kind(config, scan.rows) == "one":
            hints = (plan_memory(scan.rows),)
            self._launch(build_plan, config, scan.committed, work, compressed, self.threads, hints=hints)
            return
        self.progress.say(f"plan     partitioned: {counted(scan.rows, 'document')} by tasks of bounded memory")
        plan_partitioned(config, scan.committed, work, compressed, self.threads, self._launch)

    def _place(self, scan: ScanSummary, plan: PlanSummary) -> tuple[PlanSummary, int]:
        """Decide what is planted where; the plan with row numbers that count added documents, and their number."""
        with self._clean_after_refusal():
            added = self.planting.plan(self.work, scan, plan)
        if len(added.in_input):
            in_input, in_output = (partial(with_added, added=one) for one in (added.in_input, added.in_output))
            files = count_added(self.work, plan.files, {"address": in_input, "kept_address": in_output})
            plan = plan.renumbered(files, partial(_one, in_input), partial(_one, in_output))
        return plan, len(added.in_input)

    @contextlib.contextmanager
    def _clean_after_refusal(self) -> Iterator[None]:
        """Leave nothing behind of a run that is refused once the numbers are known."""
        try:
            yield
        except (RunError, CorpusError):
            self.planting.close()
            self.work.output.remove_folder("duplicates")
            self.work.output.remove_folder("quarantine")
            self.work.output.child(WORK_FOLDER).remove_folder(self.work.run)
            raise

    def _say_stopped(self, scan: ScanSummary, plan: PlanSummary) -> None:
        self._say_counts(scan, plan)
        self.progress.say(
            f"stopped after the plan: {self.work.folder.at('plan.json')} and {self.work.output.at('duplicates')}; "
            "the same command without --until continues from there"
        )

    def _rewrite_config(self, schema: pa.Schema, shards: int) -> RewriteConfig:
        from transforms.corpus.output.features import as_written

        serialised = as_written(schema).serialize().to_pybytes()
        config = self.config
        return RewriteConfig(
            self.found.sources, serialised, config.layout(), config.split, shards, strict=config.strict
        )

    def _rewrite(self, scan: ScanSummary, plan: PlanSummary, rewriting: RewriteConfig, added: int) -> RewriteSummary:
        """Write the shards in a second pass over the text."""
        work, shards = self.work, plan.shards
        names = [shard_name(rewriting.split, shard.ordinal, len(shards)) for shard in shards]
        outputs.announce_outputs(work, [file.path for file in plan.files] + names)
        expected = Expected(documents_in=scan.documents_in, kept=plan.kept, added=added)
        arguments = (shards, rewriting, work, expected, self.threads, self.planting.editor())
        receipts = {f"{shard.ordinal:06d}.json": shard.text_bytes for shard in shards}
        with self.progress.stage("rewrite", work.folder.child("rewrite"), receipts) as stage:
            stage.resumed = work.folder.exists("rewrite.json")
            rewrite = RewriteSummary.parse(work.once("rewrite", lambda: self._launch(build_rewrite, *arguments)))
            stage.documents, stage.bytes = plan.kept, plan.bytes_kept
        return rewrite

    def _say_counts(self, scan: ScanSummary, plan: PlanSummary) -> None:
        for line in self.found.not_kept:
            self.progress.say(line)
        reasons = ", ".join(f"{reason(code)} {count(found)}" for code, found in scan.quarantined.items())
        self.progress.say(
            f"{counted(scan.documents_in, 'document')} in: {count(plan.kept)} kept, "
            f"{count(plan.removed['exact'])} exact and {count(plan.removed['near'])} near duplicates removed, "
            f"{count(sum(scan.quarantined.values()))} quarantined{f' ({reasons})' if reasons else ''}"
        )
        self._say_left_out()
        if plan.comparisons.capped_documents:
            self.progress.say(
                f"{count(plan.comparisons.capped_documents)} documents met a bucket with more kept documents than "
                "--bucket-cap: a few of their duplicates may remain"
            )

    def _timing(self, began: float, compiling: float, *, resumed: bool) -> Timing:
        seconds = time.perf_counter() - began
        return Timing(seconds, compiling, resumed, self.threads, tuple(self.progress.stages), peak_rss_bytes())

    def _end(self) -> None:
        self.planting.close()
        for line in self.planting.results():
            self.progress.say(line)
        self.progress.say(f"done: {self.work.output.at('report.html')}")


def _one(change: Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.uint64]], row: int) -> int:
    return int(change(np.array([row], np.uint64))[0])


def _describe(config: "DedupConfig", found: Input, planting: Planting) -> None:
    """The resolved settings as TOML, then the size of the work, on standard output."""
    with contextlib.suppress(BrokenPipeError):
        print(config.as_table())
        documents = "an unknown number of" if found.documents is None else count(found.documents)
        files, tasks = counted(len(found.sources), "file"), counted(len(found.pieces), "task")
        print(f"# {files}, {documents} documents, about {size(found.text_bytes)} of text")
        if found.left_out:
            print(f"# {left_out(found.left_out)}")
        for line in (*found.not_kept, *planting.describe()):
            print(f"# {line}")
        print(f"# {tasks}; nothing was written")
