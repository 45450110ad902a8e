"""What families are made of, as the settings say it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """What families are made of.

    Attributes:
        blocks: R, blocks of a text, in each of which a word is replaced.
        variants: most variants that are planted; 0: one for each copy but the first.
        fresh: variants that are never planted.
    """

    blocks: int
    variants: int
    fresh: int

    def planted(self, dose: int) -> int:
        """Variants that are planted of a candidate with so many copies."""
        return min(dose - 1, self.variants or dose - 1)
