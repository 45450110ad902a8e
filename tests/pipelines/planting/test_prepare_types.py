"""Columns of every kind through `trapline dedup`, and through `prepare` and `restore`, to the same bytes."""

import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.cli import main
from tests.corpus.types.arrow_types import LEAVES, array_of, nested_types
from tests.corpus.types.test_kept_values import FORMATS, shown, types, writable
from tests.pipelines.planting.planted import SMALL_SHARDS, prepare, probe_rows, prose, seal_and_draw
from tests.pipelines.planting.test_prepare_formats import files

ROWS = 120


def write_corpus(folder: Path) -> pa.Table:
    """Two files of rows with a column of most types, in folders that name a third column, and metadata."""
    chance = random.Random(3)
    table = pa.table({"text": [prose(chance, 150) for _ in range(ROWS)]})
    kinds = [*LEAVES[::2], *(one for leaf in LEAVES[::9] for one in nested_types(leaf))]
    for at, dtype in enumerate(kinds):
        table = table.append_column(f"c{at}", array_of(dtype, ROWS, at))
    table = writable(table)
    for half, lang in enumerate(("de", "en")):
        place = folder / f"lang={lang}"
        place.mkdir(parents=True)
        part = table.slice(half * ROWS // 2, ROWS // 2).replace_schema_metadata({"license": "cc-by", "half": lang})
        pq.write_table(part, place / "a.parquet", row_group_size=25)
    return table.append_column("lang", pa.array(np.repeat(["de", "en"], ROWS // 2)))


@pytest.mark.slow
def test_columns_of_all_types_are_deduplicated_planted_and_restored(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], read_output: Callable[..., pa.Table]
) -> None:
    table = write_corpus(tmp_path / "in")
    source, out = str(tmp_path / "in"), str(tmp_path / "out")
    assert main(["dedup", "--input", source, "--output", out, *SMALL_SHARDS]) == 0
    assert "not kept: the metadata 'half', on which the input files do not agree" in capfd.readouterr().err
    found = read_output(tmp_path / "out")
    assert shown(found) == shown(table)
    assert found.schema.metadata[b"license"] == b"cc-by"
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(4))
    flags = [flag for name in table.column_names[1:] for flag in ("--unrelated-columns", name)]
    assert prepare(tmp_path / "in", tmp_path / "planted", secrets, *flags) == 0
    places = ("--input", tmp_path / "planted", "--secrets", secrets, "--output", tmp_path / "restored")
    assert main(["restore", *map(str, places)]) == 0
    assert files(tmp_path / "restored") == files(tmp_path / "out")
    assert files(tmp_path / "planted") != files(tmp_path / "out")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Secrets that nothing was planted from, to be copied."""
    return seal_and_draw(tmp_path_factory.mktemp("types") / "secrets", probe_rows(3))


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(LEAVES) | types, min_size=1, max_size=4), st.integers(0, 2**32), st.booleans())
def test_any_columns_pass_through_dedup_prepare_and_restore(
    sealed: Path, kinds: list[pa.DataType], seed: int, nulls: bool
) -> None:
    """A file of each format, with columns of any types, one within another."""
    chance = random.Random(seed)
    table = pa.table({"text": [prose(chance, 60) for _ in range(40)]})
    for at, dtype in enumerate(kinds):
        table = table.append_column(f"c{at}", array_of(dtype, table.num_rows, seed + at, nulls=nulls))
    table = writable(table)
    unrelated = [flag for name in table.column_names[1:] for flag in ("--unrelated-columns", name)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(sealed, folder / "secrets")
        (folder / "in").mkdir()
        for half, (kind, write) in enumerate(FORMATS.items()):
            write(table.slice(half * 20, 20), folder / "in" / f"{half}.{kind}")
        assert main(["dedup", "--input", str(folder / "in"), "--output", str(folder / "out"), *SMALL_SHARDS]) == 0
        found = [pq.read_table(path, partitioning=None) for path in sorted((folder / "out/data").iterdir())]
        assert shown(pa.concat_tables(found)) == shown(table)
        assert prepare(folder / "in", folder / "planted", folder / "secrets", *unrelated) == 0
        assert files(folder / "planted") != files(folder / "out")
        places = ("--input", folder / "planted", "--secrets", folder / "secrets", "--output", folder / "back")
        assert main(["restore", *map(str, places)]) == 0
        assert files(folder / "back") == files(folder / "out")
