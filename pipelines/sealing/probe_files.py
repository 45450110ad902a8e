"""The candidates that a user names, as one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.running.errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa

    from transforms.planting.sealing.units import Unit


def read_probes(sources: "Sequence[str]") -> "tuple[pa.Table, list[Unit]]":
    """All probes of some files and folders as one table with its units.

    Raises:
        SealError, SchemaMismatchError, RunError: naming file, row and column of what cannot be used.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from schemas.probes import conform
    from transforms.base.stores.copies import fetched
    from transforms.planting.sealing.units import units_of

    files: list[Path] = []
    for source in sources:
        try:
            path = fetched(source)
        except OSError as error:
            raise RunError(f"--probes {source}: cannot be read ({error.strerror or error})") from error
        inside = sorted(one for one in path.glob("*.parquet") if one.is_file()) if path.is_dir() else [path]
        if not inside:
            raise RunError(f"--probes {source}: this folder has no .parquet file")
        files += inside
    tables = []
    for path in files:
        try:
            tables.append((str(path), pq.ParquetFile(path).read()))
        except (OSError, pa.ArrowException) as error:
            detail = error.strerror if isinstance(error, OSError) and error.strerror else "not a Parquet file"
            raise RunError(f"--probes {path}: cannot be read ({detail})") from error
    places = [f"{name}: row {row}" for name, table in tables for row in range(table.num_rows)]
    table = conform(tables)
    return table, units_of(table, places)
