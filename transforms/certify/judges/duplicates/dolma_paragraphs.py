"""Deduplication of paragraphs by a Bloom filter, as Dolma's toolkit has it (Soldaini et al. 2024).

Paragraphs are what line breaks part. Those that stood before are cut out; a document of which nothing is left is
dropped.
"""

import gzip
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

SETTINGS = {"separator": "\n", "false_positives": 1e-6, "skip_empty": True}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """Documents without the paragraphs that stood before."""
    from dolma import deduper

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in ("documents", "work/input", "work/output"):
            (folder / name).mkdir(parents=True)
        source = folder / "documents" / "part.json.gz"
        with gzip.open(source, "wt", encoding="utf-8", compresslevel=1) as file:
            for at, text in enumerate(documents):
                file.write(json.dumps({"id": str(at), "text": text, "source": "corpus"}) + "\n")
        lines = sum(text.count("\n") + 1 for text in documents)
        deduper(
            {
                "documents": [str(source)],
                "work_dir": {"input": str(folder / "work/input"), "output": str(folder / "work/output")},
                "dedupe": {
                    "name": "repeated",
                    "paragraphs": {"attribute_name": "repeated", "paragraph_separator": "\n"},
                    "skip_empty": True,
                    "min_length": 0,
                    "min_words": 0,
                    "num_partitions": 1,
                    "partition_index": 0,
                    "file_partition": False,
                    "document_dir": "documents",
                },
                "bloom_filter": {
                    "file": str(folder / "bloom"),
                    "read_only": False,
                    "size_in_bytes": 0,
                    "estimated_doc_count": max(1000, lines),
                    "desired_false_positive_rate": 1e-6,
                },
                "processes": 1,
                "compression": {"input": None, "output": None},
                "is_s3_volume": False,
            }
        )
        found = next((folder / "attributes" / "repeated").rglob("*.json.gz"))
        with gzip.open(found, "rt", encoding="utf-8") as file:
            spans = [json.loads(line)["attributes"]["repeated"] for line in file]
    for text, own in zip(documents, spans, strict=True):
        yield _without(text, own)


def _without(text: str, spans: Sequence[Sequence[float]]) -> str | None:
    """The text without spans [first character, behind the last, share that stood before]."""
    parts, at = [], 0
    for begin, end, share in spans:
        if share >= 1:
            parts.append(text[at : int(begin)])
            at = int(end)
    left = "".join([*parts, text[at:]])
    return left if left.strip() else None
