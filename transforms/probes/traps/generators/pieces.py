"""Pieces: the words and punctuation marks of which the n-gram generator makes text.

A piece is a run of letters, marks and digits, with hyphens and apostrophes inside; a character of a script that is
written without spaces; or one of a few punctuation marks. Everything else, brackets, quotes and markup among it, ends a
stretch: text is never sampled across it, so that it never has to be closed again.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.texts import offsets_of

# Scripts written without spaces, as in `transforms.base.words`.
_DENSE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER, _INSIDE = rf"[\p{{L}}\p{{Nd}}--[{_DENSE}]]", rf"[\p{{L}}\p{{Nd}}\p{{M}}--[{_DENSE}]]"
_WORD = rf"{_LETTER}{_INSIDE}*(?:[-'\u2019]{_LETTER}{_INSIDE}*)*"
_DENSE_WORD = rf"[{_DENSE}]\p{{M}}*"
_MARKS = ",.;:!?\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f\u0964\u060c\u061f\u061b"
_PIECE = rf"{_DENSE_WORD}|{_WORD}|\S|\n\s*\n"
_LONGEST = 24  # characters: what is longer is a hash, an identifier or a pasted line

BOUNDARY = 0
"""The id of what ends a stretch."""


def split(texts: pa.Array) -> pl.Series:
    """All pieces of n texts, one after another and with an empty string behind each text; as a categorical series.

    What ends a stretch is there too: a character that is no piece, and an empty line.
    """
    found = pl.Series(texts).str.normalize("NFC").str.extract_all(_PIECE)
    ended = pl.concat([found, pl.Series([[""]] * len(found), dtype=pl.List(pl.String))])
    if not len(found):
        return ended.explode().cast(pl.Categorical)
    order = np.arange(2 * len(found)).reshape(2, -1).T.ravel()
    return ended.gather(order).explode().cast(pl.Categorical)


class Vocabulary:
    """The pieces that may be sampled, most frequent first; ids count from 1, `BOUNDARY` is what is no piece.

    Attributes:
        spaced: large_string[V + 1], the pieces with the space that stands before them; "" for the boundary.
        is_word: bool[V + 1], False for punctuation marks and the boundary.
    """

    def __init__(self, pieces: pa.Array) -> None:
        kinds = pl.Series(pieces)
        dense = kinds.str.contains(rf"^(?:{_DENSE_WORD})$")
        word = kinds.str.contains(rf"^(?:{_WORD})$")
        joined = pl.select(pl.when(word).then(pl.lit(" ") + kinds).otherwise(kinds)).to_series()
        self.pieces = pieces
        self.spaced = pa.concat_arrays([pa.array([""], pa.large_string()), joined.to_arrow().cast(pa.large_string())])
        self.is_word = np.concatenate([[False], (word | dense).to_numpy()])

    def __len__(self) -> int:
        return len(self.spaced)

    def join(self, ids: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64]) -> pa.Array:
        """Texts from pieces: the first `lengths[i]` of row i of `ids` (int32[n, width]); large_string[n]."""
        inside = np.arange(ids.shape[1]) < lengths[:, None]
        offsets = offsets_of(lengths)
        parts = self.spaced.take(pa.array(ids[inside]))
        rows = pa.LargeListArray.from_arrays(pa.array(offsets), parts)
        return pc.utf8_ltrim_whitespace(pc.binary_join(rows, pa.scalar("", pa.large_string())))


def vocabulary(pieces: pl.Series, most: int, least_count: int) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
    """The vocabulary of a sample, and the sample as ids: int32, `BOUNDARY` where a piece is not in the vocabulary.

    Args:
        pieces: from `split`.
        most: pieces in the vocabulary at most, the most frequent ones; ties in order of code points.
        least_count: occurrences that a piece needs.
    """
    counted = pieces.rename("piece").value_counts(name="count").with_columns(pl.col("piece").cast(pl.String))
    usable = rf"^(?:{_DENSE_WORD}|{_WORD}|[{_MARKS}])$"
    kept = (
        counted.filter(
            (pl.col("count") >= least_count)
            & pl.col("piece").str.contains(usable)
            & (pl.col("piece").str.len_chars() <= _LONGEST)
        )
        .sort(["count", "piece"], descending=[True, False])
        .head(most)
    )
    chosen = kept["piece"]
    ids = pieces.cast(pl.String).replace_strict(
        chosen, pl.Series(np.arange(1, len(chosen) + 1, dtype=np.int32)), default=BOUNDARY, return_dtype=pl.Int32
    )
    return Vocabulary(chosen.to_arrow().cast(pa.large_string())), ids.to_numpy()
