"""LSHBloom over documents (Khan et al. 2024), as datasketch has it: MinHash of words, a Bloom filter for each band."""

import functools
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from transforms.certify.judges.grams import grams_of
from transforms.certify.judges.remembered import remembered

SETTINGS = {"threshold": 0.8, "num_perm": 128, "fp": 1e-5, "shingles": "5 words in lower case"}

_WORDS = 5
_AT_ONCE = 512
"""Shingles of which the permuted hashes are computed together, so that they stay in the cache of a core."""


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The documents that are new."""
    from datasketch import MinHashLSHBloom

    with tempfile.TemporaryDirectory() as folder:
        index = MinHashLSHBloom(threshold=0.8, num_perm=128, n=max(1, len(documents)), fp=1e-5, save_dir=folder)
        signature_of = remembered(_signature, "lshbloom")
        for text in documents:
            own = signature_of(text)
            if index.query(own):
                yield None
                continue
            index.insert(own)
            yield text


def _signature(text: str) -> Any:
    words = text.lower().split()
    shingles = list(grams_of(words, min(_WORDS, len(words))) or {b""})
    own = _empty().copy()
    for at in range(0, len(shingles), _AT_ONCE):
        own.update_batch(shingles[at : at + _AT_ONCE])
    return own


@functools.cache
def _empty() -> Any:
    """A signature of nothing, whose copies share its permutations: to draw them takes a millisecond."""
    from datasketch import MinHash

    return MinHash(num_perm=128, seed=1)
