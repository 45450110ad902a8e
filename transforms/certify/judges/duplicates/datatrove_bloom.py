"""A Bloom filter of 13-grams, as datatrove has it: documents of which more than 80 % stood before are dropped.

Its mask takes the size in bytes for one less than a power of two: with a power of two itself, all n-grams would share
two bits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transforms.certify.judges.datatrove import deduplicated
from transforms.certify.judges.english import simple_texts
from transforms.certify.judges.grams import hashed_grams
from transforms.certify.judges.remembered import remembered

SETTINGS = {"m_bytes": (1 << 27) - 1, "k": 5, "n_grams": 13, "duplicate_threshold": 0.8}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The documents that are new."""
    from datatrove.pipeline.dedup.bloom_filter import BloomFilterConfig, SingleBloomFilter

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

    It sets the bits of a document after it has looked for all of them. What stands for a document is a row for each of
    its n-grams: the hash, and then the places in the filter.
    """
    import numpy as np
    from datatrove.pipeline.dedup.bloom_filter import _mersenne_prime

    bits, config, words_of = np.frombuffer(step.bit_vector, np.uint8), step.config, simple_texts().words
    a, b = step.parameters
    current: list[Any] = [None]

    def shingles_of(text: str) -> Any:
        return hashed_grams(words_of(text), config.n_grams, step.hash_fc).astype(np.uint32).reshape(-1, 1)  # of 32 bits

    def looked_up(shingles: Any) -> list[tuple[int, ...]]:
        """For each n-gram its number in the document, or nothing if it stood before."""
        places = (shingles.astype(np.uint64) * a + b) % _mersenne_prime & np.uint64(config.m_bytes)
        own = current[0] = places.astype(np.uint32)
        known = (bits[own >> 3] >> (own & 7).astype(np.uint8) & 1).all(axis=1)
        return [() if one else (number,) for number, one in enumerate(known.tolist())]

    def add(numbers: list[int]) -> None:
        own = current[0][numbers]
        np.bitwise_or.at(bits, own >> 3, (1 << (own & 7)).astype(np.uint8))

    step.get_shingles = remembered(shingles_of, "bloom")
    step.get_indexes, step.query, step.update_bf = looked_up, lambda found: not found, add
