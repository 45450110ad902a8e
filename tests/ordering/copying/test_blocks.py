"""Rows come back from their blocks in their order, and a block that is missing or changed is noticed."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.base.errors import CorpusError
from transforms.base.folders import Folder
from transforms.ordering.copying.blocks import (
    BlockReader,
    BlockWriter,
    blocks_name,
    blocks_of,
    gather_indexes,
    write_index,
)
from transforms.ordering.copying.rearrange import Scratch

BINS, SHARDS = (0, 4, 4, 9, 12), (0, 2, 4)


def spread(folder: Folder, order: list[int], tasks: int) -> pa.Table:
    """Write rows 0 to 11, each with the place that `order` gives it, as blocks of several tasks."""
    table = pa.table(
        {
            "text": [f"row {row}" for row in range(12)],
            "kind": pa.array([f"k{row % 5}" for row in range(12)]).dictionary_encode(),
        }
    )
    for task in range(tasks):
        own = np.arange(task, 12, tasks)
        places = np.array(order, np.int64)[own]
        inner = np.argsort(places)
        with folder.create(blocks_name(task)) as sink:
            writer = BlockWriter(sink, task, BINS)
            writer.write(table.take(pa.array(own[inner])), own[inner].astype(np.uint64), places[inner])
        write_index(folder, task, writer.index())
    gather_indexes(folder, tasks, SHARDS)
    return table


@settings(max_examples=5)
@given(st.permutations(range(12)), st.integers(1, 4))
def test_rows_come_back_in_their_order(tmp_path_factory: pytest.TempPathFactory, order: list[int], tasks: int) -> None:
    folder = Folder(str(tmp_path_factory.mktemp("blocks")))
    table = spread(folder, order, tasks)
    rows = np.argsort(order)
    for shard in range(2):
        blocks = blocks_of(folder, shard)
        for number in range(SHARDS[shard], SHARDS[shard + 1]):
            lo, hi = BINS[number], BINS[number + 1]
            if lo == hi:
                assert number not in blocks
                continue
            found = BlockReader(folder).read(blocks[number], lo, hi, table.column_names)
            assert found.addresses.tolist() == rows[lo:hi].tolist()
            assert found.rows.table(Scratch()).to_pylist() == table.take(pa.array(rows[lo:hi])).to_pylist()


def test_a_missing_block_and_a_cut_one_are_noticed(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    spread(folder, list(range(12)), 3)
    blocks = blocks_of(folder, 1)[2]
    with pytest.raises(CorpusError, match="not as the plan has them"):
        BlockReader(folder).read(blocks[1:], 4, 9, ["text", "kind"])
    with pytest.raises(CorpusError, match="not as the plan has them"):
        BlockReader(folder).read([*blocks, blocks[0]], 4, 9, ["text", "kind"])
    path = tmp_path / blocks_name(blocks[0].task)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CorpusError, match="not as the plan has them"):
        BlockReader(folder).read(blocks_of(folder, 1)[3], 9, 12, ["text", "kind"])
