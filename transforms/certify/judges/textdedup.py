"""What judges of text-dedup share: its configuration file, and the rows that it keeps."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transforms.certify.judges.grams import grams_of, hashes_of, least_permuted
from transforms.certify.judges.remembered import remembered

Rows = Mapping[str, Any]


def fingerprinted_once(settings: Any, rows_of: Callable[[Any], Callable[[set[bytes]], Rows]], name: str) -> None:
    """Let a program of text-dedup compute the fingerprint of each text once in this process, and all at once.

    Args:
        settings: the class of its configuration, which makes the functions that split a text into words, into n-grams,
            and give the rows of one text: its bands or keys, and beside each of them the number of the text, which is
            all that differs between two corpora.
        rows_of: from a configuration to the function of a text's n-grams that gives these rows.
        name: of the program.
    """
    if hasattr(settings, "shared"):
        return
    words_as_it_has_them = settings._get_tokenize_func  # noqa: SLF001 - what both of its steps ask
    known: dict[str, list[str]] = {}

    def _get_tokenize_func(self: Any) -> "Named":
        """White space is no part of a word, so that the words of a text are those of its parts."""
        words_of = words_as_it_has_them(self)

        def of(text: str) -> list[str]:
            found: list[str] = []
            for part in text.split():
                own = known.get(part)
                if own is None:
                    own = known[part] = words_of(part)
                found += own
            return found

        return Named(of, f"{name}, words")

    def get_ngrams_func(self: Any) -> "Named":
        words_of, n, least = self._get_tokenize_func(), self.ngram_size, self.min_length

        def of(text: str) -> set[bytes]:
            words = words_of(text)
            return grams_of(words, min(n, len(words))) if len(words) >= least else set()

        return Named(of, f"{name}, n-grams")

    def get_embed_func(self: Any) -> "Named":
        of_grams, grams, number = rows_of(self), self.get_ngrams_func(), self.internal_index_column
        rows = remembered(lambda text: of_grams(grams(text)), name)

        def of(texts: list[str], numbers: list[int]) -> dict[str, Any]:
            own = rows(texts[0])
            return {**own, number: numbers * len(next(iter(own.values())))}

        return Named(of, f"{name}, rows")

    settings._get_tokenize_func = _get_tokenize_func  # noqa: SLF001
    settings.get_ngrams_func, settings.get_embed_func = get_ngrams_func, get_embed_func
    settings.shared = True


class Named:
    """A function that is pickled by its name alone: datasets hashes what it maps with, and all that it remembers."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function, self._name = function, name

    def __call__(self, *values: Any) -> Any:
        """What the function gives."""
        return self._function(*values)

    def __reduce__(self) -> tuple[Any, ...]:
        """Its name, which is all that a hash is wanted of; nothing loads it."""
        return str, (self._name,)


def bands_of(settings: Any) -> Callable[[set[bytes]], Rows]:
    """Its bands of a MinHash: of 32-bit hashes the least of each permutation, of which 32 bits count."""
    import numpy as np

    a, b = settings.permutations
    ranges = settings.hash_ranges

    def of(grams: set[bytes]) -> Rows:
        hashes = hashes_of(grams, settings.seed) & np.uint64(0xFFFFFFFF)
        own = least_permuted(hashes, a, b, 32)
        values = [own[begin:end].byteswap().tobytes() for begin, end in ranges]
        return {"__band_idx__": list(range(len(ranges))), "__band_val__": values}

    return of


def keys_of(settings: Any) -> Callable[[set[bytes]], Rows]:
    """Its keys of a SimHash: each bit is what most of the 64-bit hashes have."""
    import numpy as np
    from bitarray import bitarray

    def of(grams: set[bytes]) -> Rows:
        hashes, ones = hashes_of(grams, settings.seed).astype(">u8"), np.zeros(64, np.int64)
        for at in range(0, len(hashes), 1 << 16):
            some = hashes[at : at + (1 << 16)].view(np.uint8).reshape(-1, 8)
            ones += np.unpackbits(some, axis=1).sum(axis=0, dtype=np.int64)
        own = bitarray((2 * ones > len(hashes)).tolist())
        masks = [(one, one.search_mask) for one in settings._perms]  # noqa: SLF001 - made of its settings
        keys = [(mask.tobytes(), (one.permute(own) & mask).tobytes()) for one, mask in masks]
        return {"__key__": keys, "__val__": [own.tobytes()] * len(keys)}

    return of


def kept_by(main: Callable[[Any], None], settings: Mapping[str, Any], texts: Sequence[str]) -> Iterator[str | None]:
    """What one of its programs leaves of a corpus.

    Args:
        main: `main` of its module.
        settings: the table `algorithm` of its configuration.
        texts: a corpus.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import load_from_disk
    from text_dedup.config.base import load_config_from_toml

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        table = pa.table({"number": range(len(texts)), "text": pa.array(texts, pa.string())})
        pq.write_table(table, folder / "in.parquet")
        read = {"path": "parquet", "data_files": str(folder / "in.parquet"), "split": "train"}
        tables = {
            "input": {"input_type": "local_files", "file_type": "parquet"},
            "input.read_arguments": {**read, "cache_dir": str(folder / "cache")},
            "algorithm": {"text_column": "text", **settings},
            "output": {"output_dir": str(folder / "out"), "clean_cache": False},
            "debug": {},
        }
        # A value as JSON writes it is one of TOML, too.
        lines = [
            line
            for name, own in tables.items()
            for line in (f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in own.items()))
        ]
        (folder / "config.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.environ["HF_DATASETS_CACHE"] = str(folder / "cache")
        config = load_config_from_toml(folder / "config.toml")
        config.algorithm.num_proc = None  # in this process: a number, even 1, begins others
        main(config)
        kept = set(load_from_disk(str(folder / "out"))["number"])
    yield from (text if at in kept else None for at, text in enumerate(texts))
