"""Watch a corpus for the probes' own texts: one that holds them was planted before, or they leaked."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.texts import Texts
from transforms.planting.folder import PROBES
from transforms.planting.insertion.watch_kernel import HEAD, bitmap_of, heads_of, rows_with_phrase
from transforms.planting.sealing.units import FAMILY_TEXTS
from transforms.planting.work import SecretWork, read_secret


@dataclass(frozen=True, repr=False)
class Phrases:
    """Phrases ready to be looked for; shorter than `HEAD` bytes are left out: those may stand anywhere."""

    bits: npt.NDArray[np.uint8]
    heads: npt.NDArray[np.uint64]
    body: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Phrases":
        """Prepare phrases."""
        encoded = [text for text in (text.encode() for text in texts) if len(text) >= HEAD]
        order = np.argsort(heads_of(*_joined(encoded)), kind="stable")
        body, offsets = _joined([encoded[at] for at in order.tolist()])
        heads = heads_of(body, offsets)
        return cls(bitmap_of(heads), heads, body, offsets)

    def rows(self, text: pa.Array, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """int64[k]: rows of a `string` or `large_string` array, of the valid ones, that hold a phrase."""
        texts = Texts.of(text)
        found = rows_with_phrase(texts.data, texts.offsets, valid, self.bits, self.heads, self.body, self.offsets)
        return np.flatnonzero(found)


def _joined(texts: Sequence[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    lengths = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return np.frombuffer(b"".join(texts), np.uint8), np.concatenate([np.zeros(1, np.int64), lengths])


@functools.lru_cache(maxsize=1)
def _phrases(folder: str) -> Phrases:
    table = read_secret(Path(folder) / PROBES, PROBES)
    lists = [table[name].combine_chunks().flatten() for name in FAMILY_TEXTS if name in table.column_names]
    return Phrases.of([text for column in (table["text"], *lists) for text in column.to_pylist()])


@dataclass(frozen=True)
class WatchForProbes:
    """The rows of a batch that hold a candidate's text; it travels to the workers and holds no secret."""

    work: SecretWork

    def __call__(self, text: pa.Array, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """int64[k] rows of `text` (string or large_string[n]), of the `valid` ones (bool[n])."""
        return _phrases(str(self.work.secrets)).rows(text, valid)
