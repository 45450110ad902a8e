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

_SHINGLES: dict[bytes, Any] = {}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The documents that are new."""
    from datatrove.pipeline.dedup.bloom_filter import BloomFilterConfig, SingleBloomFilter

    keep_words(sentences=False)
    config = BloomFilterConfig(**SETTINGS)

    def last(folder: Path) -> SingleBloomFilter:
        # It would make its bits from a list of as many numbers, which takes a gigabyte and seconds.
        step = SingleBloomFilter(str(folder), replace(config, m_bytes=1))
        step.config, step.bit_vector = config, bytearray(config.m_bytes)
        step.get_shingles = remembered(step.get_shingles, _SHINGLES)
        return step

    return deduplicated(documents, [], last)
