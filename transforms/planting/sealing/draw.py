"""The draw: a uniform candidate for each unit, from the unit's seed and the public randomness."""

from transforms.base.keyed import digest, first_below
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.public_randomness import Randomness


def seed_of(key: Key, unit: str) -> bytes:
    """The secret from which the unit's arm is drawn, 32 bytes; revealing it proves the arm and nothing else."""
    return key.hmac("trapline/v1/seed", unit)


def salt_of(key: Key, unit: str) -> bytes:
    """What keeps the unit's leaf from being guessed, 32 bytes."""
    return key.hmac("trapline/v1/salt", unit)


def arm(seed: bytes, randomness: Randomness, root: bytes, candidates: int) -> int:
    """The candidate that is planted, uniform on 0 .. candidates - 1, by rejection.

    Args:
        seed: the unit's, 32 bytes.
        randomness: what became public after the seal.
        root: the commitment's, 32 bytes.
        candidates: of the unit (m + 1).
    """
    unit_key = Key(seed)
    counter = 0
    while True:
        found = first_below(unit_key.hmac("trapline/v1/draw", randomness.value, root, counter), candidates)
        if found is not None:
            return found
        counter += 1


def monte_carlo_seed(root: bytes, randomness: Randomness) -> bytes:
    """The seed of the analysis' redraws, 32 bytes: nobody could choose it once the probes were sealed."""
    return digest("trapline/v1/monte-carlo", root, randomness.value)
