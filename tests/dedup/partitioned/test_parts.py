"""Files with parts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.working.partitioned import links, sketches
from transforms.base.errors import CorpusError
from transforms.base.folders import Folder
from transforms.dedup.partitioned.parts import Parts, PartsFile, PartsWriter, slice_of

SECTIONS = st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**64 - 1)), max_size=20), max_size=4)


@settings(max_examples=40, deadline=None)
@given(tables=st.tuples(SECTIONS, SECTIONS))
def test_each_part_has_its_rows_in_the_order_in_which_they_were_written(
    tables: tuple[list[list[tuple[int, int]]], ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = Parts(Folder.of(str(tmp_path_factory.mktemp("parts"))), "stage", 1)
    schemas = (links("one"), links("other"))

    def fill(writer: PartsWriter) -> dict[str, int]:
        for schema, sections in zip(schemas, tables, strict=True):
            for rows in sections:
                part, value = (np.array([row[at] for row in rows], np.uint64) for at in range(2))
                writer.write(schema, part.astype(np.uint32), 5, [value, ~value])
        return {"a": 1}

    assert files.once(0, fill) == {"task": 0, "a": 1}
    assert files.once(0, lambda _: pytest.fail("done twice")) == {"task": 0, "a": 1}
    for schema, sections in zip(schemas, tables, strict=True):
        for part in range(5):
            wanted = [value for rows in sections for own, value in rows if own == part]
            values, inverted = files.read(schema, part)
            assert values.tolist() == wanted
            assert (~inverted).tolist() == wanted


def test_rows_of_bytes_stay_rows_of_bytes(tmp_path: Path) -> None:
    files, schema = Parts(Folder.of(str(tmp_path)), "stage", 1), sketches(3)
    rows = np.arange(12, dtype=np.uint8).reshape(4, 3)

    def fill(writer: PartsWriter) -> dict[str, int]:
        writer.write(schema, np.array([1, 0, 1, 0], np.uint32), 2, [np.arange(4, dtype=np.uint64), np.zeros(4), rows])
        return {}

    files.once(0, fill)
    assert files.read(schema, 1)[2].tolist() == rows[[0, 2]].tolist()
    assert files.read(sketches(3), 0)[2].shape == (2, 3)
    assert files.read(links("absent"), 0)[0].shape == (0,)


@pytest.mark.parametrize("left", [0, 7, 40])
def test_a_file_that_is_cut_off_is_refused(left: int, tmp_path: Path) -> None:
    files = Parts(Folder.of(str(tmp_path)), "stage", 1)
    files.once(0, lambda _: {"what": "was counted" * 9})
    path = tmp_path / files.name(0)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(CorpusError, match="cut off or was changed; remove it"):
        PartsFile(files.folder, files.name(0))


@given(st.lists(st.integers(0, 2**64 - 1)), st.integers(1, 10_000))
def test_slices_are_in_range_and_in_order(hashes: list[int], slices: int) -> None:
    found = slice_of(np.array(sorted(hashes), np.uint64), slices).tolist()
    assert found == sorted(found)
    assert all(0 <= one < slices for one in found)
