"""What the command line gives to a command besides its settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.running.progress import Progress


@dataclass(frozen=True)
class Context:
    """How a command is run: Apache Beam's flags, and where progress is shown."""

    beam_flags: Sequence[str] = ()
    """Flags for Beam, from the command line and the `[beam]` table."""
    own_flags: Sequence[str] = ()
    """All flags of the command itself, to suggest where one is misspelt."""
    progress: Progress = field(default_factory=Progress)

    def beam_options(self) -> Any:
        """Beam's `PipelineOptions`; Beam is imported here at the earliest, since that takes seconds.

        Raises:
            UsageError: for flags that Beam refuses.
        """
        from pipelines.running.beam_flags import beam_options

        return beam_options(self.beam_flags, self.own_flags)
