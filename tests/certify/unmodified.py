"""What packages themselves make of a corpus, and what our judges say: run in the environment of a judge.

    python unmodified.py package|judge NAME CORPORA

CORPORA is JSON: a list of corpora, each a list of texts. Printed is JSON: of each corpus what is left of each text.
`package` calls the package as its documentation has it, for one corpus after the other: nothing is shared.
"""

import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Left = list[str | None]

MODULES = {
    "c4": "filters.c4",
    "fineweb": "filters.fineweb",
    "gopher-quality": "filters.gopher_quality",
    "gopher-repetition": "filters.gopher_repetition",
    "minhash": "duplicates.datatrove_minhash",
    "sentences": "duplicates.datatrove_sentences",
    "bloom": "duplicates.datatrove_bloom",
    "text-dedup-minhash": "duplicates.textdedup_minhash",
    "text-dedup-simhash": "duplicates.textdedup_simhash",
    "lshbloom": "duplicates.lshbloom",
    "trafilatura": "filters.trafilatura",
}


def judged(name: str, corpora: Sequence[Sequence[str]]) -> list[Left]:
    """By our judge, in one process as `trapline certify` has it."""
    module = importlib.import_module(f"transforms.certify.judges.{MODULES[name]}")
    if name == "bloom":
        module.SETTINGS["m_bytes"] = _FEW_BYTES
    return [list(module.judge(texts, texts)) for texts in corpora]


_FEW_BYTES = (1 << 20) - 1
"""The package takes a gigabyte and many seconds for as many as the judge's settings have."""


def _documents(texts: Sequence[str]) -> Any:
    from datatrove.data import Document

    return (Document(text=text, id=str(number)) for number, text in enumerate(texts))


def _in_turn(texts: Sequence[str], steps: Sequence[Any]) -> Left:
    """What datatrove's steps, of which the last filters, leave of each text."""
    for step in steps[:-1]:
        list(step.run(_documents(texts), 0, 1) or ())
    kept = {document.id: document.text for document in steps[-1].run(_documents(texts), 0, 1)}
    return [kept.get(str(number)) for number in range(len(texts))]


def _filtered(name: str, texts: Sequence[str], folder: Path) -> Left:
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    filters = {
        "c4": C4QualityFilter,
        "fineweb": FineWebQualityFilter,
        "gopher-quality": GopherQualityFilter,
        "gopher-repetition": GopherRepetitionFilter,
    }
    return _in_turn(texts, [filters[name]()])


def _minhash(_: str, texts: Sequence[str], folder: Path) -> Left:
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
    )

    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    list(MinhashDedupSignature(str(folder / "a"), config=config).run(_documents(texts), 0, 1) or ())
    for bucket in range(14):
        MinhashDedupBuckets(str(folder / "a"), str(folder / "b"), config=config).run(None, bucket, 14)
    MinhashDedupCluster(str(folder / "b"), str(folder / "c"), config=config).run(None, 0, 1)
    return _in_turn(texts, [MinhashDedupFilter(str(folder / "c"))])


def _sentences(_: str, texts: Sequence[str], folder: Path) -> Left:
    from datatrove.pipeline.dedup import SentenceDedupFilter, SentenceDedupSignature, SentenceFindDedups
    from datatrove.pipeline.dedup.sentence_dedup import SentDedupConfig

    config = SentDedupConfig(n_sentences=3, min_doc_words=50, min_num_sentences=3)
    steps = [
        SentenceDedupSignature(str(folder / "a"), config=config),
        SentenceFindDedups(str(folder / "a"), str(folder / "b"), config=config),
        SentenceDedupFilter(str(folder / "b"), config=config),
    ]
    return _in_turn(texts, steps)


def _bloom(_: str, texts: Sequence[str], folder: Path) -> Left:
    from datatrove.pipeline.dedup.bloom_filter import BloomFilterConfig, SingleBloomFilter

    config = BloomFilterConfig(m_bytes=_FEW_BYTES, k=5, n_grams=13, duplicate_threshold=0.8)
    return _in_turn(texts, [SingleBloomFilter(str(folder), config)])


def _lshbloom(_: str, texts: Sequence[str], folder: Path) -> Left:
    from datasketch import MinHash, MinHashLSHBloom

    index = MinHashLSHBloom(threshold=0.8, num_perm=128, n=max(1, len(texts)), fp=1e-5, save_dir=str(folder))
    left: Left = []
    for text in texts:
        own, words = MinHash(num_perm=128, seed=1), text.lower().split()
        for at in range(max(1, len(words) - 4)):
            own.update(" ".join(words[at : at + 5]).encode())
        again = index.query(own)
        if not again:
            index.insert(own)
        left.append(None if again else text)
    return left


def _trafilatura(_: str, texts: Sequence[str], folder: Path) -> Left:
    from datatrove.pipeline.extractors import Trafilatura
    from trafilatura.meta import reset_caches

    from transforms.certify.judges.filters.trafilatura import _page

    reset_caches()
    extractor = Trafilatura()
    return [extractor.extract(_page(text)) or None for text in texts]


def _text_dedup(name: str, texts: Sequence[str], folder: Path) -> Left:
    from transforms.certify.judges.textdedup import kept_by

    kind = name.removeprefix("text-dedup-")
    program = importlib.import_module(f"text_dedup.{kind}")
    settings = importlib.import_module(f"transforms.certify.judges.{MODULES[name]}").SETTINGS
    return list(kept_by(program.main, {"algorithm_name": kind, **settings}, texts))


_PACKAGES: dict[str, Callable[[str, Sequence[str], Path], Left]] = {
    "minhash": _minhash,
    "sentences": _sentences,
    "bloom": _bloom,
    "text-dedup-minhash": _text_dedup,
    "text-dedup-simhash": _text_dedup,
    "lshbloom": _lshbloom,
    "trafilatura": _trafilatura,
}


def by_package(name: str, corpora: Sequence[Sequence[str]]) -> list[Left]:
    """By the package alone."""
    found = []
    for texts in corpora:
        with tempfile.TemporaryDirectory() as folder:
            found.append(_PACKAGES.get(name, _filtered)(name, texts, Path(folder)))
    return found


if __name__ == "__main__":
    way, asked, path = sys.argv[1:]
    given = json.loads(Path(path).read_text(encoding="utf-8"))
    print(json.dumps(judged(asked, given) if way == "judge" else by_package(asked, given)))
