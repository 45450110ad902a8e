"""Tokenizers that a candidate must survive: their tokens, and whether decoding and encoding gives them back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tokenizers

from transforms.base.errors import CorpusError
from transforms.base.stores.copies import fetched
from transforms.base.texts import offsets_of


@dataclass(frozen=True)
class Tokens:
    """Tokens of n texts: text i has `ids[offsets[i]:offsets[i + 1]]` (int64; offsets int64[n + 1])."""

    ids: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]


def load_tokenizer(path: str) -> tokenizers.Tokenizer:
    """A `tokenizers` file, without the truncation and padding that it may ask for.

    Raises:
        CorpusError: if it cannot be read.
    """
    try:
        file = fetched(path)
        file = file / "tokenizer.json" if file.is_dir() else file
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:
        raise CorpusError(f"{path}: cannot be read as a tokenizers file ({error}); give a tokenizer.json") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def tokens_of(tokenizer: tokenizers.Tokenizer, texts: pa.Array) -> Tokens:
    """The tokens of n texts, without special ones."""
    encoded = tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)
    parts = [np.array(one.ids, np.int64) for one in encoded]
    offsets = offsets_of([len(part) for part in parts])
    return Tokens(np.concatenate([np.empty(0, np.int64), *parts]), offsets)


def stable(tokenizer: tokenizers.Tokenizer, texts: pa.Array) -> npt.NDArray[np.bool_]:
    """Which texts' tokens come back when they are decoded and encoded again, none of them unknown: bool[n].

    Special tokens are left out in decoding: a text that is read as one is not stable.
    """
    strings = texts.to_pylist()
    ids = [one.ids for one in tokenizer.encode_batch_fast(strings, add_special_tokens=False)]
    return given_back(tokenizer, strings, ids)


def given_back(tokenizer: tokenizers.Tokenizer, texts: list[str], ids: list[list[int]]) -> npt.NDArray[np.bool_]:
    """`stable` for n texts whose tokens are known. What is decoded to the text itself need not be encoded again."""
    unknown = _unknown(tokenizer)
    fine = np.array([unknown.isdisjoint(one) for one in ids], np.bool_)
    decoded = tokenizer.decode_batch(ids, skip_special_tokens=True)
    by_chance = bool(getattr(tokenizer.model, "dropout", None))
    changed = [at for at, back in enumerate(decoded) if by_chance or back != texts[at]]
    again = tokenizer.encode_batch_fast([decoded[at] for at in changed], add_special_tokens=False)
    for at, one in zip(changed, again, strict=True):
        fine[at] &= one.ids == ids[at]
    return fine


def _unknown(tokenizer: tokenizers.Tokenizer) -> frozenset[int]:
    name = getattr(tokenizer.model, "unk_token", None)
    found = tokenizer.token_to_id(name) if isinstance(name, str) else None
    return frozenset() if found is None else frozenset([found])
