"""Row numbers in `duplicates/` and `quarantine/` where documents of their own are planted: these count as rows too."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.folders import Folder
from transforms.base.runs import Work
from transforms.corpus.output.manifest import WrittenFile

Numbers = npt.NDArray[np.uint64]
Changes = Mapping[str, Callable[[Numbers], Numbers]]
"""How the numbers in a column are changed, uint64[n] -> uint64[n], by its name."""


def renumbered(source: Folder, output: Folder, name: str, changes: Changes, copy: str = "") -> WrittenFile:
    """Write a table of removed or quarantined records with other row numbers; everything else in it stays.

    Args:
        source: where the table is.
        output: where it goes, as `name`.
        name: of the table.
        changes: to its columns of row numbers.
        copy: its name in `source`, if that is another.
    """
    with source.open(copy or name) as stream:
        file = pq.ParquetFile(stream)
        schema = file.schema_arrow
        with output.create(name) as sink:
            with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
                for table in _groups(file):
                    writer.write_table(_changed(table, changes), row_group_size=max(1, table.num_rows))
            return WrittenFile(name, file.metadata.num_rows, sink.size, sink.sha256)


def count_added(work: Work, files: Sequence[WrittenFile], changes: Changes) -> tuple[WrittenFile, ...]:
    """Renumber the tables that a plan has put into the output.

    What the plan wrote is kept in the work folder, so that an interrupted run can do this again.
    """
    found = []
    for file in files:
        copy = f"plan/{file.path}"
        if not work.folder.exists(copy):
            renumbered(work.output, work.folder, copy, {}, file.path)
        found.append(renumbered(work.folder, work.output, file.path, changes, copy))
    return tuple(found)


def tables(source: Folder, name: str) -> Iterator[pa.Table]:
    """A table of removed or quarantined records, a part at a time."""
    with source.open(name) as stream:
        yield from _groups(pq.ParquetFile(stream))


def _groups(file: pq.ParquetFile) -> Iterator[pa.Table]:
    for group in range(file.num_row_groups):
        yield file.read_row_group(group, use_threads=False)


def _changed(table: pa.Table, changes: Changes) -> pa.Table:
    for column, change in changes.items():
        if column in table.column_names:
            at = table.column_names.index(column)
            table = table.set_column(at, table.schema.field(at), pa.array(change(table[column].to_numpy())))
    return table
