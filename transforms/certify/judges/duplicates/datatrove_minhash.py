"""MinHash over documents, as datatrove has it: 14 bands of 8 hashes over 5 words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from transforms.certify.judges.datatrove import deduplicated
from transforms.certify.judges.english import simple_texts
from transforms.certify.judges.grams import hashed_grams, least_permuted
from transforms.certify.judges.remembered import remembered

SETTINGS = {"n_grams": 5, "num_buckets": 14, "hashes_per_bucket": 8}


@dataclass(frozen=True)
class _Signed:
    """What stands for the shingles of a text: how many there are, and their signature if there are any."""

    size: int
    signature: list[list[int]]


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The documents that are left of each cluster."""
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
    )

    config, words_of = MinhashConfig(**SETTINGS), simple_texts().words

    class Buckets(MinhashDedupBuckets):
        """All buckets in one go: a task of datatrove's does one."""

        def run(self, data: object = None, rank: int = 0, world_size: int = 1) -> None:  # noqa: ARG002
            for bucket in range(config.num_buckets):
                super().run(None, bucket, config.num_buckets)

    def signatures(folder: Path) -> MinhashDedupSignature:
        step = MinhashDedupSignature(*names(folder, "signatures"), config=config)
        (a, b), hash_of = step.parameters, step._hash_func  # noqa: SLF001 - made of its settings

        def signed(text: str) -> _Signed:
            shingles = hashed_grams(words_of(text), config.n_grams, hash_of)
            if not shingles.size:
                return _Signed(0, [])
            own = least_permuted(shingles, a[0], b[0], config.hash_config.precision)
            return _Signed(shingles.size, own.reshape(config.num_buckets, -1).tolist())

        step.get_shingles = remembered(signed, "minhash")
        step.get_signature = lambda own: own.signature
        return step

    def names(folder: Path, *parts: str) -> list[str]:
        return [str(folder / part) for part in parts]

    return deduplicated(
        documents,
        [
            signatures,
            lambda folder: Buckets(*names(folder, "signatures", "pairs"), config=config),
            lambda folder: MinhashDedupCluster(*names(folder, "pairs", "clusters"), config=config),
        ],
        lambda folder: MinhashDedupFilter(*names(folder, "clusters")),
    )
