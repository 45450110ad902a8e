"""Pieces: the words and punctuation marks of which the n-gram generator makes text, and the sentences they stand in.

A piece is a run of letters, marks and digits, with hyphens and apostrophes inside; a character of a script that is
written without spaces; or one of a few punctuation marks. Everything else, brackets, quotes and markup among it, is no
piece: text is never sampled across it, so that it never has to be closed again.

Sentences end as in Unicode Standard Annex 29, as far as pieces show it: with a mark that white space follows (none is
needed behind ideographic marks), unless a small letter comes next. A full stop behind an initial, or behind a short
word with a capital letter that nearly always has one, is an abbreviation.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.texts import offsets_of
from transforms.probes.ngram.ngram_kernel import BEGINS, ENDS, WORD

# Scripts written without spaces, as in `transforms.base.words`.
_DENSE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER, _INSIDE = rf"[\p{{L}}\p{{Nd}}--[{_DENSE}]]", rf"[\p{{L}}\p{{Nd}}\p{{M}}--[{_DENSE}]]"
_WORD = rf"{_LETTER}{_INSIDE}*(?:[-'\u2019]{_LETTER}{_INSIDE}*)*"
_DENSE_WORD = rf"[{_DENSE}]\p{{M}}*"
_WIDE_ENDS = "\u3002\uff01\uff1f\uff61"
_SPACED_ENDS = ".!?\u0589\u061f\u06d4\u0964\u0965\u104b\u1362\u1367\u17d4\u2e2e"
_CLOSES = "\"')\\]\u2019\u201d\u00bb\u300d\u300f\uff09"
_END = rf"[{_WIDE_ENDS}][{_CLOSES}]*\s*|[{_SPACED_ENDS}][{_CLOSES}]*(?:\s+|$)"
_MARKS = ",;:\u3001\uff0c\uff1b\uff1a\u060c\u061b\u055d\u1363\u104a"
_PIECE = rf"{_DENSE_WORD}|{_WORD}|{_END}|\S|\n\s*\n"
_CODE = r"[{}<>=|\\_@#/~^*`$%\[\]]"
_CAMEL_CASE = r"\p{Ll}\p{Lu}"
_LONGEST = 24  # characters: what is longer is a hash, an identifier or a pasted line

BOUNDARY = 0
"""The id of what stands between sentences."""

UNKNOWN, _CODE_LIKE, _BREAK = -1, -2, -3

_FEWEST, _MOST_UNKNOWN = 3, 5  # pieces of a sentence; one unknown among so many of them
_SHORT, _OFTEN, _ABBREVIATED = 4, 5, 0.8  # letters of an abbreviation, times that it occurs, share with a full stop


def split(texts: pa.Array) -> pl.Series:
    """All pieces of n texts, one after another and with an empty string behind each text; as a categorical series.

    What is no piece is there too: other characters, and empty lines. A mark that may end a sentence has what closes
    behind it, and the white space.
    """
    found = pl.Series(texts).str.normalize("NFC").str.extract_all(_PIECE)
    ended = pl.concat([found, pl.Series([[""]] * len(found), dtype=pl.List(pl.String))])
    if not len(found):
        return ended.explode().cast(pl.Categorical)
    order = np.arange(2 * len(found)).reshape(2, -1).T.ravel()
    return ended.gather(order).explode().cast(pl.Categorical)


class Vocabulary:
    """The pieces that may be sampled, most frequent first; ids count from 1.

    Attributes:
        spaced: large_string[V + 1], the pieces with the space that stands before them; "" for the boundary.
        kinds: uint8[V + 1], `WORD`, `BEGINS` and `ENDS` of `ngram_kernel` added up; 0 for the boundary.
        small: bool[V + 1], whether a piece begins with a small letter.
        short: bool[V + 1], whether it is a short word with a capital letter, which may be an abbreviation.
        initial: bool[V + 1], whether it is a single capital letter.
        camel_case: bool[V + 1], whether a capital letter follows a small one, as in names of code.
    """

    def __init__(self, pieces: pa.Array) -> None:
        kinds = pl.Series(pieces, dtype=pl.String)
        dense = kinds.str.contains(rf"^(?:{_DENSE_WORD})$")
        word = kinds.str.contains(rf"^(?:{_WORD})$")
        begins = kinds.str.contains(r"^[\p{Lu}\p{Lt}\p{Lo}]")
        ends = kinds.str.contains(rf"^[{_WIDE_ENDS}{_SPACED_ENDS}]$")
        joined = pl.select(pl.when(word).then(pl.lit(" ") + kinds).otherwise(kinds)).to_series()
        self.pieces = pieces
        self.spaced = pa.concat_arrays([pa.array([""], pa.large_string()), joined.to_arrow().cast(pa.large_string())])
        flags = WORD * (word | dense).to_numpy() + BEGINS * begins.to_numpy() + ENDS * ends.to_numpy()
        self.kinds = np.concatenate([[0], flags]).astype(np.uint8)
        self.small = _flags(kinds.str.contains(r"^\p{Ll}"))
        self.short = _flags(kinds.str.contains(rf"^\p{{Lu}}\p{{L}}{{0,{_SHORT - 1}}}$"))
        self.initial = _flags(kinds.str.contains(r"^\p{Lu}$"))
        self.camel_case = _flags(kinds.str.contains(_CAMEL_CASE))

    def __len__(self) -> int:
        return len(self.spaced)

    def join(self, ids: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64]) -> pa.Array:
        """Texts from pieces: the first `lengths[i]` of row i of `ids` (int32[n, width]); large_string[n]."""
        inside = np.arange(ids.shape[1]) < lengths[:, None]
        offsets = offsets_of(lengths)
        parts = self.spaced.take(pa.array(ids[inside]))
        rows = pa.LargeListArray.from_arrays(pa.array(offsets), parts)
        return pc.utf8_ltrim_whitespace(pc.binary_join(rows, pa.scalar("", pa.large_string())))


def _flags(series: pl.Series) -> npt.NDArray[np.bool_]:
    return np.concatenate([[False], series.to_numpy()])


@dataclass(frozen=True)
class Sample:
    """The pieces of a sample as ids, int32; negative for what is in no vocabulary and for ends of paragraphs."""

    vocabulary: Vocabulary
    ids: npt.NDArray[np.int32]


def sample_of(pieces: pl.Series, most: int, least_count: int) -> Sample:
    """The vocabulary of a sample, and the sample as ids.

    Args:
        pieces: from `split`.
        most: pieces in the vocabulary at most, the most frequent ones; ties in order of code points.
        least_count: occurrences that a piece needs.
    """
    counted = pieces.rename("piece").value_counts(name="count").with_columns(pl.col("piece").cast(pl.String))
    end = pl.col("piece").str.contains(rf"^(?:{_END})$")
    counted = counted.with_columns(
        pl.when(end).then(pl.col("piece").str.head(1)).otherwise(pl.col("piece")).alias("plain"),
        (pl.col("piece").str.contains(rf"^(?:{_DENSE_WORD}|{_WORD}|[{_MARKS}])$") | end).alias("usable"),
    )
    kept = (
        counted.filter(pl.col("usable") & (pl.col("piece").str.len_chars() <= _LONGEST) | end)
        .group_by("plain")
        .agg(pl.col("count").sum())
        .filter(pl.col("count") >= least_count)
        .sort(["count", "plain"], descending=[True, False])
        .head(most)
    )
    vocabulary = Vocabulary(kept["plain"].to_arrow().cast(pa.large_string()))
    numbered = kept.select("plain", pl.Series("id", np.arange(1, len(kept) + 1, dtype=np.int32)))
    known = counted.join(numbered, on="plain", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("usable") & pl.col("id").is_not_null())
        .then(pl.col("id"))
        .when(pl.col("piece").str.contains(r"^\s*$"))
        .then(pl.lit(_BREAK))
        .when(pl.col("piece").str.contains(_CODE))
        .then(pl.lit(_CODE_LIKE))
        .otherwise(pl.lit(UNKNOWN))
        .cast(pl.Int32)
        .alias("id")
    )
    ids = pieces.cast(pl.String).replace_strict(known["piece"], known["id"], return_dtype=pl.Int32)
    return Sample(vocabulary, ids.to_numpy())


def stretches(sample: Sample) -> npt.NDArray[np.int32]:
    """All text: int32, `BOUNDARY` at both ends and in place of what is no piece."""
    ids = np.concatenate([[BOUNDARY], np.maximum(sample.ids, BOUNDARY), [BOUNDARY]]).astype(np.int32)
    kept: npt.NDArray[np.int32] = ids[np.concatenate([[True], (ids[1:] != BOUNDARY) | (ids[:-1] != BOUNDARY)])]
    return kept


def sentences(sample: Sample) -> npt.NDArray[np.int32]:
    """The sentences that are prose: int32, `BOUNDARY` at both ends and between them, `UNKNOWN` where no piece is.

    A sentence begins with a capital letter, or one of a script that has none, and ends with a mark; nothing in it looks
    like code, and of its pieces at most one in five is not in the vocabulary.
    """
    own, vocabulary = sample.ids, sample.vocabulary
    plain = np.maximum(own, 0)
    mark = vocabulary.kinds[plain] & ENDS != 0
    before, behind = np.append(0, plain[:-1]), np.append(plain[1:], 0)
    size = len(vocabulary)
    stopped = np.bincount(before[mark], minlength=size) / np.maximum(np.bincount(plain, minlength=size), 1)
    often = np.bincount(plain, minlength=size) >= _OFTEN
    abbreviated = (vocabulary.short & often & (stopped > _ABBREVIATED)) | vocabulary.initial
    inside = mark & (vocabulary.small[behind] | abbreviated[before])
    own = np.where(inside, UNKNOWN, own)
    last = (mark & ~inside) | (own == _BREAK)
    ends = np.flatnonzero(last)
    if not len(ends):
        return np.array([BOUNDARY], np.int32)
    begins = np.append(0, ends[:-1] + 1)
    lengths = ends - begins + 1

    def among(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        sums = np.concatenate([[0], np.cumsum(flags)])
        found: npt.NDArray[np.int64] = sums[ends + 1] - sums[begins]
        return found

    fine = (own[ends] > 0) & (own[begins] > 0) & (vocabulary.kinds[np.maximum(own[begins], 0)] & BEGINS != 0)
    fine &= (lengths >= _FEWEST) & (among(own == _CODE_LIKE) == 0)
    fine &= among(own < 0) * _MOST_UNKNOWN <= lengths
    chosen = np.repeat(fine, lengths)
    kept = own[: ends[-1] + 1][chosen]
    # A boundary behind each sentence.
    borders = np.cumsum(lengths[fine])
    return np.concatenate([[BOUNDARY], np.insert(kept, borders, BOUNDARY)]).astype(np.int32)


def are_words(pieces: pl.Series) -> npt.NDArray[np.bool_]:
    """Which of n pieces are words or characters of a script without spaces: bool[n]."""
    return np.asarray(pieces.cast(pl.String).str.contains(rf"^(?:{_DENSE_WORD}|{_WORD})$").to_numpy(), np.bool_)


def stands_alone(words: pa.Array) -> npt.NDArray[np.bool_]:
    """Which of n words begin with a character of a script that is written without spaces: bool[n]."""
    return np.asarray(pl.Series(words, dtype=pl.String).str.contains(rf"^[{_DENSE}]").to_numpy(), np.bool_)
