"""The two Beam pipelines of an order: spread and gather."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transforms.ordering.copying.job import OrderJob


def build_spread(root: Any, job: "OrderJob", threads: int) -> Any:
    """SPREAD on `root`: pieces of the input -> their rows, sorted into bins of the output."""
    from transforms.ordering.copying.spread import SpreadRows

    return root | SpreadRows(job, threads)


def build_gather(root: Any, job: "OrderJob", spread: dict[str, Any], threads: int) -> Any:
    """GATHER on `root`: bins -> `data/`, `documents/` and `tokens/`."""
    from transforms.ordering.copying.gather import GatherShards

    return root | GatherShards(job, spread, threads)
