"""Watch a corpus for the probes' own texts: one that holds them was planted before, or they leaked."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.texts import Texts, buffers_of
from transforms.planting.folder import PROBES, parquet
from transforms.planting.insertion.watch_kernel import LONG, SHORT, filter_of, heads_of, rows_with_phrase
from transforms.planting.tables.texts import FAMILY_TEXTS
from transforms.planting.work import SecretWork, read_secret, secret_columns

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class _OfOneHead:
    """Phrases with heads of the same length, in the order of the heads, as `rows_with_phrase` takes them."""

    head: int
    bits: npt.NDArray[np.uint64]
    heads: npt.NDArray[np.uint64]
    body: npt.NDArray[np.uint8]
    begins: _Ints
    ends: _Ints

    @classmethod
    def of(cls, head: int, body: npt.NDArray[np.uint8], begins: _Ints, ends: _Ints) -> "_OfOneHead":
        heads = heads_of(body, begins, head)
        order = np.argsort(heads, kind="stable")
        heads = heads[order]
        return cls(head, filter_of(heads), heads, body, begins[order], ends[order])


@dataclass(frozen=True, repr=False)
class Phrases:
    """Phrases ready to be looked for; those of fewer than `SHORT` bytes are left out: they may stand anywhere."""

    by_head: tuple[_OfOneHead, ...]

    @classmethod
    def of(cls, texts: pa.Array) -> "Phrases":
        """Prepare phrases: `string` or `large_string`, without nulls."""
        body, offsets = buffers_of(texts)
        sizes = np.diff(offsets)
        found = []
        for head, fits in ((LONG, sizes >= LONG), (SHORT, (sizes >= SHORT) & (sizes < LONG))):
            if fits.any():
                found.append(_OfOneHead.of(head, body, offsets[:-1][fits], offsets[1:][fits]))
        return cls(tuple(found))

    def rows(self, text: pa.Array, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """int64[k]: rows of a `string` or `large_string` array, of the valid ones, that hold a phrase."""
        texts = Texts.of(text)
        found = np.zeros(len(valid), np.bool_)
        for one in self.by_head:
            phrases = (one.head, one.bits, one.heads, one.body, one.begins, one.ends)
            found |= rows_with_phrase(texts.data, texts.offsets, valid & ~found, *phrases)
        return np.flatnonzero(found)


TEXTS = "watch.parquet"
"""The file, in the secret work folder, of the texts to look for, where workers do not share the secrets."""


@functools.lru_cache(maxsize=1)
def _phrases(work: SecretWork, _folder: str) -> Phrases:
    if not work.local:
        return Phrases.of(work.read(TEXTS)["text"].combine_chunks())
    path = work.secrets / PROBES
    known = [name for name in ("text", *FAMILY_TEXTS) if name in secret_columns(path, PROBES)]
    table = read_secret(path, PROBES, known)
    lists = [pc.list_flatten(table[name]) for name in known[1:]]
    chunks = [chunk.cast(pa.large_string()) for texts in (table["text"], *lists) for chunk in texts.chunks]
    return Phrases.of(pa.concat_arrays(chunks))


def write_phrases(work: SecretWork, texts: Iterable[str]) -> None:
    """Write the texts of all candidates for workers in a bucket: in an order that tells neither units nor arms."""
    work.write(TEXTS, parquet(pa.table({"text": pa.array(sorted(set(texts)), pa.large_string())})))


@dataclass(frozen=True)
class WatchForProbes:
    """The rows of a batch that hold a candidate's text; it travels to the workers and holds no secret."""

    work: SecretWork

    def __call__(self, text: pa.Array, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """int64[k] rows of `text` (string or large_string[n]), of the `valid` ones (bool[n])."""
        return _phrases(self.work, self.work.folder.uri).rows(text, valid)
