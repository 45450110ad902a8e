"""What judges of text-dedup share: its configuration file, and the rows that it keeps."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transforms.certify.judges.remembered import remembered

_ROWS: dict[bytes, Mapping[str, Any]] = {}


def fingerprinted_once(settings: Any) -> None:
    """Let a program of text-dedup compute the fingerprint of each text once in this process.

    Args:
        settings: the class of its configuration, which makes the function that gives the rows of one text: its bands
            or keys, and beside each of them the number of the text, which is all that differs between two corpora.
    """
    make = settings.get_embed_func
    if hasattr(make, "shared"):
        return

    def get_embed_func(self: Any) -> Callable[[list[str], list[int]], dict[str, Any]]:
        embed, number = make(self), self.internal_index_column

        def rows(text: str) -> Mapping[str, Any]:
            return {name: values for name, values in embed([text], [0]).items() if name != number}

        known = remembered(rows, _ROWS)

        def of(texts: list[str], numbers: list[int]) -> dict[str, Any]:
            own = known(texts[0])
            return {**own, number: numbers * len(next(iter(own.values())))}

        return of

    get_embed_func.shared = True  # type: ignore[attr-defined]
    settings.get_embed_func = get_embed_func


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
