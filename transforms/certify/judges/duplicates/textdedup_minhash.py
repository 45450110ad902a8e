"""MinHash over documents, as text-dedup has it; candidates are compared by their Jaccard similarity."""

from collections.abc import Iterator, Sequence

from transforms.certify.judges.textdedup import bands_of, fingerprinted_once, kept_by

SETTINGS = {"num_perm": 256, "threshold": 0.7, "ngram_size": 5, "check_false_positive": True}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The documents that are left of each cluster."""
    from text_dedup.config import MinHashAlgorithmConfig
    from text_dedup.minhash import main

    fingerprinted_once(MinHashAlgorithmConfig, bands_of, "text-dedup-minhash")
    return kept_by(main, {"algorithm_name": "minhash", **SETTINGS}, documents)
