"""`trapline prepare` and `trapline restore` of a corpus in Arrow: the bytes that the same rows give in Parquet."""

from pathlib import Path

import datasets
import pyarrow.parquet as pq

from pipelines.cli import main
from tests.pipelines.planting.planted import prepare, probe_rows, seal_and_draw, write_corpus


def files(output: Path) -> dict[str, bytes]:
    parts = ("data", "duplicates", "quarantine")
    return {
        str(path.relative_to(output)): path.read_bytes() for part in parts for path in (output / part).glob("*.parquet")
    }


def test_a_saved_data_set_is_planted_and_restored_as_parquet_is(tmp_path: Path) -> None:
    parquet = write_corpus(tmp_path / "parquet", 90)
    parts = {path.stem: datasets.Dataset(pq.read_table(path)) for path in sorted(parquet.iterdir())}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "arrow")
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(6))
    (tmp_path / "again").mkdir()
    copied = seal_and_draw(tmp_path / "again/secrets", probe_rows(6))
    restored = {}
    for name, own in (("arrow", secrets), ("parquet", copied)):
        assert prepare(tmp_path / name, tmp_path / f"planted-{name}", own) == 0
        flags = ("--input", tmp_path / f"planted-{name}", "--secrets", own, "--output", tmp_path / f"restored-{name}")
        assert main(["restore", *map(str, flags)]) == 0
        restored[name] = files(tmp_path / f"restored-{name}")
    assert restored["arrow"] == restored["parquet"]
    assert files(tmp_path / "planted-arrow") != restored["arrow"]
