"""Watch a corpus for the probes' own texts: one that holds them was planted before, or they leaked."""

import threading
from collections.abc import Sequence
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
    begins: _Ints
    ends: _Ints

    @classmethod
    def of(cls, head: int, begins: _Ints, ends: _Ints) -> "_OfOneHead":
        heads = heads_of(begins, head)
        order = np.argsort(heads, kind="stable")
        heads = heads[order]
        return cls(head, filter_of(heads), heads, begins[order], ends[order])


@dataclass(frozen=True, repr=False)
class Phrases:
    """Phrases ready to be looked for; those of fewer than `SHORT` bytes are left out: they may stand anywhere."""

    by_head: tuple[_OfOneHead, ...]
    texts: tuple[pa.Array, ...]
    """Where the phrases are: addresses lead into these arrays."""

    @classmethod
    def of(cls, *texts: pa.Array) -> "Phrases":
        """Prepare the phrases of some arrays: `string` or `large_string`, without nulls."""
        buffers = [buffers_of(array) for array in texts]
        begins, ends = (
            np.concatenate([data.ctypes.data + offsets[side] for data, offsets in buffers] or [np.empty(0, np.int64)])
            for side in (slice(None, -1), slice(1, None))
        )
        found = []
        for head, fits in (
            (LONG, ends - begins >= LONG),
            (SHORT, (ends - begins >= SHORT) & (ends - begins < LONG)),
        ):
            if fits.any():
                found.append(_OfOneHead.of(head, begins[fits], ends[fits]))
        return cls(tuple(found), texts)

    def rows(self, text: pa.Array, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """int64[k]: rows of a `string` or `large_string` array, of the valid ones, that hold a phrase."""
        texts = Texts.of(text)
        found = np.zeros(len(valid), np.bool_)
        for one in self.by_head:
            phrases = (one.head, one.bits, one.heads, one.begins, one.ends)
            found |= rows_with_phrase(texts.data, texts.offsets, valid & ~found, *phrases)
        return np.flatnonzero(found)


TEXTS = "watch.parquet"
"""The file, in the secret work folder, of the texts to look for, where workers do not share the secrets."""

_lock = threading.Lock()
_lent: dict[tuple[SecretWork, str], Sequence[pa.Array]] = {}
_ready: dict[tuple[SecretWork, str], Phrases] = {}


def lend_phrases(work: SecretWork, texts: Sequence[pa.Array]) -> None:
    """Let workers in this process look for texts that it has read already, until `forget_phrases`."""
    _lent[work, work.folder.uri] = texts


def forget_phrases(work: SecretWork) -> None:
    """Keep nothing of a run that has ended."""
    with _lock:
        for held in (_lent, _ready):
            held.pop((work, work.folder.uri), None)


def _phrases(work: SecretWork) -> Phrases:
    """The phrases of a run, made ready once in each process."""
    own = work, work.folder.uri
    with _lock:
        if own not in _ready:
            _ready.clear()
            _ready[own] = Phrases.of(*(_lent[own] if own in _lent else _read_texts(work)))
        return _ready[own]


def _read_texts(work: SecretWork) -> list[pa.Array]:
    if not work.local:
        return list(work.read(TEXTS)["text"].chunks)
    path = work.secrets / PROBES
    known = [name for name in ("text", *FAMILY_TEXTS) if name in secret_columns(path, PROBES)]
    table = read_secret(path, PROBES, known)
    lists = [pc.list_flatten(table[name]) for name in known[1:]]
    return [chunk for texts in (table["text"], *lists) for chunk in texts.chunks]


def write_phrases(work: SecretWork, texts: Sequence[pa.Array]) -> None:
    """Write the texts of all candidates for workers in a bucket: in an order that tells neither units nor arms."""
    distinct = {text for array in texts for text in array.to_pylist()}
    work.write(TEXTS, parquet(pa.table({"text": pa.array(sorted(distinct), pa.large_string())})))


@dataclass(frozen=True)
class WatchForProbes:
    """The rows of a batch that hold a candidate's text; it travels to the workers and holds no secret."""

    work: SecretWork

    def __call__(self, text: pa.Array, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """int64[k] rows of `text` (string or large_string[n]), of the `valid` ones (bool[n])."""
        return _phrases(self.work).rows(text, valid)
