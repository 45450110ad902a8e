from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.described import SchemaMismatchError
from transforms.base.folders import Folder
from transforms.corpus.input.addresses import address
from transforms.corpus.output.edits import Edits, read_edits, removals
from transforms.corpus.output.sink import write_table

ADDRESSES = st.lists(st.integers(0, 60), unique=True).map(sorted)


@given(ADDRESSES, ADDRESSES)
def test_kept_is_what_is_not_removed(present: list[int], removed: list[int]) -> None:
    keep = Edits(np.array(removed, np.uint64)).kept(np.array(present, np.uint64))
    assert keep.tolist() == [one not in removed for one in present]


def test_positions_are_those_of_one_file() -> None:
    edits = Edits(np.array([address(0, 7), address(1, 3), address(1, 9), address(2, 1)], np.uint64))
    assert [edits.positions(file).tolist() for file in range(4)] == [[7], [3, 9], [1], []]


def test_edits_survive_the_disk(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with folder.create("edits") as sink:
        write_table(sink, removals(np.array([1, 5], np.uint64)))
    assert read_edits(folder, "edits").removed.tolist() == [1, 5]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with folder.create("edits") as sink:
        write_table(sink, removals(np.array([1], np.uint64)).replace_schema_metadata(None))
    with pytest.raises(SchemaMismatchError, match="make it again"):
        read_edits(folder, "edits")
