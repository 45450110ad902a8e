"""Resource hints: what a stage needs of its workers, for runners that choose machines by it."""

from collections.abc import Sequence
from typing import Any

from pipelines.jobs.runners import runner_name

_KNOWING = ("DataflowRunner",)
"""Runners that act on hints. To the others a hint would only be one environment, and so one worker process, more."""

GPU = "accelerator=type:nvidia-l4;count:1;install-nvidia-driver"
"""One GPU that holds models of a few billion parameters; `--resource_hint accelerator=...` names another."""

_GIB = 1 << 30
_PLAN_BYTES_A_DOCUMENT = 208
_PLAN_BASE = 4 * _GIB


def plan_memory(documents: int) -> str:
    """Memory for the element of the plan that chooses survivors of `documents`: 208 bytes each over 4 GiB."""
    return f"min_ram={-(-(_PLAN_BASE + _PLAN_BYTES_A_DOCUMENT * documents) // _GIB)}GiB"


def with_hints(options: Any, hints: Sequence[str]) -> Any:
    """`options` with hints that the user has not given; as they were for a runner that makes nothing of them."""
    from apache_beam.options.pipeline_options import StandardOptions

    if not hints or runner_name(options) not in _KNOWING:
        return options
    standard = options.view_as(StandardOptions)
    given = list(standard.resource_hints or [])
    names = {one.partition("=")[0].rpartition(":")[2] for one in given}
    standard.resource_hints = given + [one for one in hints if one.partition("=")[0] not in names]
    return options
