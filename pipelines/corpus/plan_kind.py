"""By one task or by many: how it is decided which documents stay."""

from typing import TYPE_CHECKING

from pipelines.running.machine import memory_bytes

if TYPE_CHECKING:
    from pipelines.dedup import DedupConfig

MOST_DOCUMENTS = 100_000_000
"""Documents up to which one task decides, where its memory allows it."""
BYTES_PER_DOCUMENT = 250
"""What one task takes for each document of a corpus with many duplicates, rounded up; with few it is a third of it."""


def plan_kind(config: "DedupConfig", documents: int) -> str:
    """What `--plan` says, or what suits the size of the corpus and this machine: "one" or "partitioned"."""
    if config.plan != "auto":
        return config.plan
    fits = documents <= MOST_DOCUMENTS and documents * BYTES_PER_DOCUMENT <= memory_bytes() // 2
    return "one" if fits or config.method == "components" else "partitioned"
