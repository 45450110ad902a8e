"""LSHBloom over documents (Khan et al. 2024), as datasketch has it: MinHash of words, a Bloom filter for each band."""

import tempfile
from collections.abc import Iterator, Sequence

SETTINGS = {"threshold": 0.8, "num_perm": 128, "fp": 1e-5, "shingles": "5 words in lower case"}

_WORDS = 5


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The documents that are new."""
    from datasketch import MinHash, MinHashLSHBloom

    with tempfile.TemporaryDirectory() as folder:
        index = MinHashLSHBloom(threshold=0.8, num_perm=128, n=max(1, len(documents)), fp=1e-5, save_dir=folder)
        for text in documents:
            words = text.lower().split()
            shingles = {" ".join(words[at : at + _WORDS]).encode() for at in range(max(1, len(words) - _WORDS + 1))}
            own = MinHash(num_perm=128, seed=1)
            own.update_batch(sorted(shingles))
            if index.query(own):
                yield None
                continue
            index.insert(own)
            yield text
