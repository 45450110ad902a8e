"""The three Beam pipelines of a corpus run: scan, plan and rewrite."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelines.dedup import DedupConfig
    from transforms.base.runs import Work
    from transforms.corpus.input.pieces import Piece
    from transforms.corpus.output.rewrite import Editor, Expected, RewriteConfig
    from transforms.corpus.output.shards import Shard
    from transforms.dedup.scan import Watch


def import_stages() -> None:
    """Import what the stages need and starting a run does not: Beam and Numba, which take a second or two."""
    for name in (
        "apache_beam.runners.portability.fn_api_runner",
        "transforms.dedup.scan",
        "transforms.dedup.plan",
        "transforms.corpus.output.rewrite",
    ):
        import_module(name)


def build_scan(
    root: Any,
    config: "DedupConfig",
    pieces: "Sequence[Piece]",
    work: "Work",
    threads: int,
    watch: "Watch | None" = None,
) -> Any:
    """SCAN on `root`: pieces of the input -> one file of numbers per piece."""
    from transforms.dedup.scan import ScanCorpus

    return root | ScanCorpus(pieces, config.scan(), work, threads, watch)


def build_plan(
    root: Any,
    config: "DedupConfig",
    scan: dict[str, Any],
    work: "Work",
    compressed_files: "Sequence[int]",
    threads: int,
) -> Any:
    """PLAN on `root`: the scan's numbers -> survivors, shards, edits and `duplicates/`."""
    from transforms.dedup.plan import PlanDeduplication

    return root | PlanDeduplication(scan, config.plan_config(), work, compressed_files, threads)


def plan_partitioned(
    config: "DedupConfig",
    scan: dict[str, Any],
    work: "Work",
    compressed_files: "Sequence[int]",
    threads: int,
    launch: "Callable[..., None]",
) -> None:
    """PLAN in stages of many tasks, each a pipeline of its own that `launch` builds on a root and runs."""
    from transforms.dedup.partitioned.plan import PartitionedPlan

    def run(build: "Callable[[Any], Any]") -> None:
        # With the work, the watch on a job on other machines sees that tasks of the stage are finished.
        launch(lambda root, _: build(root), work)

    PartitionedPlan.of(scan, config.plan_config(), work, compressed_files, threads, run).run()


def build_rewrite(
    root: Any,
    shards: "Sequence[Shard]",
    config: "RewriteConfig",
    work: "Work",
    expected: "Expected",
    threads: int,
    editor: "Editor | None" = None,
) -> Any:
    """REWRITE on `root`: the plan and the text -> `data/`."""
    from transforms.corpus.output.rewrite import RewriteCorpus

    return root | RewriteCorpus(shards, config, work, expected, threads, editor)
