"""A keyed sample of a corpus's documents, of bounded size, to fit the n-gram model to."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.errors import CorpusError
from transforms.base.keyed import keyed
from transforms.base.streams import stream_key
from transforms.corpus.input.pieces import Piece
from transforms.probes.corpus.pieces import texts_of
from transforms.probes.ngram.ngram_kernel import uniforms

SAMPLE_BYTES = 24 << 20
_PIECES = 16
_LONGEST_DOCUMENT = 200_000  # characters of it that are used


def sample_documents(
    pieces: Sequence[Piece], text_column: str, key: bytes, threads: int, most_bytes: int = SAMPLE_BYTES
) -> pa.Array:
    """About `most_bytes` of text: large_string, in the order of addresses, without nulls.

    Of a large corpus some pieces are read, chosen by their keyed hashes; of these each document is taken with the same
    probability, by the keyed hash of its address. Very long documents are cut.

    Raises:
        CorpusError: if no document has any text.
    """
    by_hash = sorted(pieces, key=lambda piece: keyed(key, "piece", piece.source.ordinal, piece.lo))
    chosen = sorted(by_hash[:_PIECES], key=lambda piece: (piece.source.ordinal, piece.lo))
    share = min(1.0, most_bytes / max(1, sum(piece.size for piece in chosen)))
    own = stream_key(key, "sample of the corpus")

    def read(piece: Piece) -> list[pa.Array]:
        taken, left = [], 2 * share * piece.size + (1 << 20)  # sizes are estimates
        for where_at, texts in texts_of(piece, text_column):
            inside = pa.array(uniforms(own, where_at) < share)
            some = _usable(texts.filter(inside))
            taken.append(some)
            left -= some.nbytes
            if left < 0:
                break
        return taken

    with ThreadPoolExecutor(threads) as pool:
        parts = [part for found in pool.map(read, chosen) for part in found]
    texts = pa.concat_arrays([pa.array([], pa.large_string()), *parts])
    if not len(texts) and share < 1 and pieces:
        # So few and so long documents that none was taken.
        return sample_documents(pieces, text_column, key, threads, 1 << 62)
    if not pc.any(pc.match_substring_regex(texts, r"\w")).as_py():
        raise CorpusError(
            f"--corpus: no document has any text in column {text_column!r}: name another column or corpus"
        )
    return texts


def _usable(texts: pa.Array) -> pa.Array:
    """Without nulls and what is not UTF-8, cut to length."""
    texts = texts.cast(pa.large_string()).drop_null()
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = texts.cast(pa.large_binary()).to_pylist()
        texts = pa.array([one.decode(errors="replace") for one in raw], pa.large_string())
    return pc.utf8_slice_codeunits(texts, 0, _LONGEST_DOCUMENT)
