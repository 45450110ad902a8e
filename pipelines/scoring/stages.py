"""The Beam pipelines of a scoring run: score, generate and compute metrics."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transforms.scoring.tasks.family import FamilyJob
    from transforms.scoring.tasks.generate import GenerationJob
    from transforms.scoring.tasks.metric_rows import MetricJob
    from transforms.scoring.tasks.score import ScoreJob, ScoreTask


def build_score(root: Any, job: "ScoreJob", tasks: "Sequence[ScoreTask]") -> Any:
    """SCORE on `root`: rows of the input -> one file of token statistics per task."""
    from transforms.scoring.tasks.beam import RunCheckpoint

    return root | RunCheckpoint(job, tasks, "Score sequences")


def build_generation(root: Any, job: "GenerationJob", tasks: "Sequence[ScoreTask]") -> Any:
    """GENERATE on `root`: rows of the input and their token statistics -> continuations, and metrics of them."""
    from transforms.scoring.tasks.beam import RunCheckpoint

    return root | RunCheckpoint(job, tasks, "Generate continuations")


def build_families(root: Any, job: "FamilyJob", tasks: "Sequence[ScoreTask]") -> Any:
    """FAMILIES on `root`: fresh variants of the rows -> metrics of the rows with their variants."""
    from transforms.scoring.tasks.beam import RunCheckpoint

    return root | RunCheckpoint(job, tasks, "Score fresh variants")


def build_metrics(root: Any, job: "MetricJob", tasks: "Sequence[ScoreTask]", threads: int) -> Any:
    """METRICS on `root`: token statistics -> one file of scores per task and checkpoint."""
    from transforms.scoring.tasks.beam import ComputeMetrics

    return root | ComputeMetrics(job, tasks, threads)
