"""SimHash over documents, as text-dedup has it: 64 bits, of which three may differ."""

from collections.abc import Iterator, Sequence

from transforms.certify.judges.textdedup import fingerprinted_once, kept_by, keys_of

SETTINGS = {"bit_diff": 3, "num_bucket": 4}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The documents that are left of each cluster."""
    from text_dedup.config import SimHashAlgorithmConfig
    from text_dedup.simhash import main

    fingerprinted_once(SimHashAlgorithmConfig, keys_of, "text-dedup-simhash")
    return kept_by(main, {"algorithm_name": "simhash", **SETTINGS}, documents)
