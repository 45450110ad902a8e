"""A Bloom filter of 13-grams, as datatrove has it: documents of which more than 80 % stood before are dropped.

Its mask takes the size in bytes for one less than a power of two: with a power of two itself, all n-grams would share
two bits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transforms.certify.judges.datatrove import deduplicated, keep_words
from transforms.certify.judges.remembered import remembered

SETTINGS = {"m_bytes": (1 << 27) - 1, "k": 5, "n_grams": 13, "duplicate_threshold": 0.8}

_PLACES: dict[bytes, Any] = {}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The documents that are new."""
    from datatrove.pipeline.dedup.bloom_filter import BloomFilterConfig, SingleBloomFilter

    keep_words(sentences=False)
    config = BloomFilterConfig(**SETTINGS)

    def last(folder: Path) -> SingleBloomFilter:
        # It would make its bits from a list of as many numbers, which takes a gigabyte and seconds.
        step = SingleBloomFilter(str(folder), replace(config, m_bytes=1))
        step.config, step.bit_vector = config, bytearray(config.m_bytes)
        _look_up_in_bulk(step)
        return step

    return deduplicated(documents, [], last)


def _look_up_in_bulk(step: Any) -> None:
    """Look up all n-grams of a document at once, and set their bits at once, where datatrove does one after the other.

    It sets the bits of a document after it has looked for all of them. What a document is asked for, places in the
    filter in place of n-grams, follows from its text alone.
    """
    import numpy as np

    bits = np.frombuffer(step.bit_vector, np.uint8)
    shingles_of, places_of = step.get_shingles, step.get_indexes
    current: list[Any] = [None]

    def places(text: str) -> Any:
        shingles = shingles_of(text)
        return np.array(places_of(shingles), np.uint32).reshape(len(shingles), step.config.k)

    def looked_up(own: Any) -> list[tuple[int, ...]]:
        """For each n-gram its number in the document, or nothing if it stood before."""
        current[0] = own
        known = (bits[own >> 3] >> (own & 7) & 1).all(axis=1)
        return [() if one else (number,) for number, one in enumerate(known.tolist())]

    def add(numbers: list[int]) -> None:
        own = current[0][numbers]
        np.bitwise_or.at(bits, own >> 3, (1 << (own & 7)).astype(np.uint8))

    step.get_shingles = remembered(places, _PLACES)
    step.get_indexes, step.query, step.update_bf = looked_up, lambda found: not found, add
