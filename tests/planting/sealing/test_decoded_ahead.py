"""The probes decoded ahead: they count only if they were made of the bytes that are checked."""

from pathlib import Path

import pyarrow as pa

from transforms.planting import folder as names
from transforms.planting.tables.decoded_ahead import DecodedAhead


def written(folder: Path, text: str) -> bytes:
    data = names.parquet(pa.table({"text": [text]}))
    (folder / names.PROBES).parent.mkdir(exist_ok=True)
    (folder / names.PROBES).write_bytes(data)
    return data


def test_the_table_is_that_of_the_bytes(tmp_path: Path) -> None:
    data = written(tmp_path, "as it was")
    decoded = DecodedAhead(tmp_path)
    assert decoded(data) == pa.table({"text": ["as it was"]})


def test_what_was_changed_meanwhile_is_decoded_again(tmp_path: Path) -> None:
    written(tmp_path, "as it was")
    decoded = DecodedAhead(tmp_path)
    assert decoded(names.parquet(pa.table({"text": ["as it is"]}))) == pa.table({"text": ["as it is"]})
    assert decoded(b"no table") is None


def test_without_a_file_nothing_is_decoded_ahead(tmp_path: Path) -> None:
    decoded = DecodedAhead(tmp_path)
    assert decoded(b"") is None
    assert decoded(names.parquet(pa.table({"text": ["later"]}))) == pa.table({"text": ["later"]})
