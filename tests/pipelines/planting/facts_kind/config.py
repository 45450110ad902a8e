"""The settings of `trapline toy`."""

from dataclasses import dataclass

from cyclopts import Parameter

from transforms.probes.kind import KindConfig


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FactsConfig(KindConfig):
    """Make invented facts, of which a draw will later pick those that are planted."""

    popular: float = 0.5
    """Share of the facts that are about popular subjects, 0 to 1."""

    def __post_init__(self) -> None:
        """Check what can be checked without the data."""
        super().__post_init__()
        if not 0 <= self.popular <= 1:
            raise ValueError(f"--popular {self.popular}: give 0 to 1")
