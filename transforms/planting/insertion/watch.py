"""Watch a corpus for the probes' own texts: one that holds them was planted before, or they leaked."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.texts import Texts, buffers_of
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
    def of(cls, texts: pa.Array) -> "Phrases":
        """Prepare phrases: `string` or `large_string`, without nulls."""
        long = texts.filter(pc.greater_equal(pc.binary_length(texts), HEAD))
        order = np.argsort(heads_of(*_buffers(long)), kind="stable")
        # Taken, they stand in order in a buffer of their own.
        body, offsets = _buffers(long.take(pa.array(order)))
        heads = heads_of(body, offsets)
        return cls(bitmap_of(heads), heads, body, offsets)

    def rows(self, text: pa.Array, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """int64[k]: rows of a `string` or `large_string` array, of the valid ones, that hold a phrase."""
        texts = Texts.of(text)
        found = rows_with_phrase(texts.data, texts.offsets, valid, self.bits, self.heads, self.body, self.offsets)
        return np.flatnonzero(found)


def _buffers(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    data, offsets = buffers_of(texts)
    return data, offsets.copy()


@functools.lru_cache(maxsize=1)
def _phrases(folder: str) -> Phrases:
    table = read_secret(Path(folder) / PROBES, PROBES)
    lists = [pc.list_flatten(table[name]) for name in FAMILY_TEXTS if name in table.column_names]
    chunks = [chunk.cast(pa.large_string()) for texts in (table["text"], *lists) for chunk in texts.chunks]
    return Phrases.of(pa.concat_arrays(chunks))


@dataclass(frozen=True)
class WatchForProbes:
    """The rows of a batch that hold a candidate's text; it travels to the workers and holds no secret."""

    work: SecretWork

    def __call__(self, text: pa.Array, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """int64[k] rows of `text` (string or large_string[n]), of the `valid` ones (bool[n])."""
        return _phrases(str(self.work.secrets)).rows(text, valid)
