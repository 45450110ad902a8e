"""What suggests words for places in texts."""

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from transforms.probes.traps.families.words import Place

MOST_WORDS = 100
"""Words that are suggested for a place at most."""


class Proposer(Protocol):
    """Suggests words."""

    name: str
    """What suggests them, with its version."""

    def propose(self, texts: pa.Array, places: Sequence[Place]) -> list[list[str]]:
        """For each place at most `MOST_WORDS` words of its group other than the one there, best first."""
        ...
