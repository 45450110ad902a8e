"""After planting: the documents of the real output that hold copies, as they are and as they were, and others."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from pipelines.certifying.sampled import chosen
from pipelines.certifying.units import words_in
from pipelines.running import output as outputs
from pipelines.running.errors import RunError
from transforms.base.errors import SealError
from transforms.base.folders import Folder
from transforms.certify.certificate import Scene
from transforms.certify.survival import Copies, Planted
from transforms.corpus.input.columns import as_strings
from transforms.planting.insertion.editor import DOCUMENT
from transforms.planting.ledger.check_secrets import Sealed
from transforms.planting.ledger.restoration import read_ledger


def planted_scene(path: Path, sealed: Sealed, source: str, most_bytes: int) -> tuple[Scene, float]:
    """Read the planted documents, and others of about `most_bytes`; the share of the others that this is.

    Args:
        path: the folder of secrets.
        sealed: what it holds.
        source: the output of `trapline prepare`.
        most_bytes: of other documents.

    Raises:
        SealError, RunError: if this is not the corpus that these secrets were planted into.
    """
    if sealed.planting is None:
        raise SealError(f"--secrets {path}: nothing was planted yet: trapline prepare")
    corpus = Folder.of(source)
    manifest = outputs.finished(corpus)
    if manifest is None or outputs.sha256_of_manifest(corpus) != sealed.planting.manifest.hex():
        raise RunError(f"--input {source}: is not the corpus that these secrets were planted into")
    rows: dict[int, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in read_ledger(str(path)).to_pylist():
        rows[row["shard"]][row["row"]].append(row)
    shards = manifest["content"]["shards"]
    share = min(1.0, most_bytes / max(1, sum(shard["text_bytes"] for shard in shards)))
    key = sealed.key.hmac("trapline/v1/certify-sample")
    gathered = _Gathered({unit.id: number for number, unit in enumerate(sealed.units)})
    first = 0
    for number, shard in enumerate(shards):
        with corpus.open(shard["path"]) as stream:
            column = pq.read_table(stream, columns=[sealed.planting.text_column]).column(0)
        texts = as_strings(column)
        taken = chosen(key, share, number, len(texts))
        for at in sorted({*rows[number], *np.flatnonzero(taken).tolist()}):
            text = texts[at].as_py() or ""
            if at in rows[number]:
                gathered.add(first + at, text, rows[number][at], shard["path"])
            elif text:
                gathered.add_other(first + at, text)
        first += len(texts)
    return gathered.scene(), share


class _Gathered:
    """Documents as they are read, in the order of the corpus."""

    def __init__(self, units: dict[str, int]) -> None:
        self._units = units
        self._before: list[str] = []
        self._after: list[str] = []
        self._beside: list[str] = []
        self._position: list[int] = []
        self._others: list[str] = []
        self._other_position: list[int] = []
        self._inside: list[tuple[int, str, dict[str, Any]]] = []
        self._own: list[tuple[int, str, dict[str, Any]]] = []

    def add_other(self, position: int, text: str) -> None:
        """A document without copies."""
        self._other_position.append(position)
        self._others.append(text)

    def add(self, position: int, text: str, rows: Sequence[dict[str, Any]], where: str) -> None:
        """A document with copies, which are cut out of it again.

        Raises:
            SealError: if it is not the one of the ledger.
        """
        data = text.encode()
        if hashlib.sha256(data).digest() != rows[0]["sha256_after"]:
            raise SealError(f"{where}: row {rows[0]['row']:,}: the document is not the one that was planted")
        spans = [(row, row["byte_offset"], row["byte_offset"] + row["bytes"]) for row in rows]
        if rows[0]["boundary"] == DOCUMENT:
            self._own.append((len(self._beside), text, rows[0]))
            self._beside.append(text)
            return
        rest, at = [], 0
        for row, begin, end in sorted(spans, key=lambda span: int(span[1])):
            rest.append(data[at : begin - len(row["lead"].encode())])
            at = end + len(row["tail"].encode())
            self._inside.append((len(self._before), data[begin:end].decode(), row))
        self._before.append(b"".join([*rest, data[at:]]).decode())
        self._after.append(text)
        self._position.append(position)

    def scene(self) -> Scene:
        """All of it, as one world."""
        copies = [*self._inside, *((len(self._before) + at, text, row) for at, text, row in self._own)]
        texts = [text for _, text, _ in copies]
        own = Copies(
            np.array([document for document, _, _ in copies], np.int64),
            np.array([self._units[row["unit"]] for _, _, row in copies], np.int64),
            np.array([row["dose"] for _, _, row in copies], np.int64),
            words_in(texts),
            texts,
        )
        planted = Planted(self._before, [[*self._after, *self._beside]], [own])
        return Scene(planted, self._others, np.array([*self._position, *self._other_position], np.int64))
