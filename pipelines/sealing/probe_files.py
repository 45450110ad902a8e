"""The candidates that a user names, as one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.running.errors import RunError
from transforms.base.errors import cause_of

QUESTIONS = "questions.parquet"
"""What a kind that is asked about leaves beside its candidates."""

if TYPE_CHECKING:
    import pyarrow as pa

    from transforms.planting.tables.unit import Unit


def read_probes(sources: "Sequence[str]") -> "tuple[pa.Table, Sequence[Unit]]":
    """All probes of some files and folders as one table with its units.

    Raises:
        SealError, SchemaMismatchError, RunError: naming file, row and column of what cannot be used.
    """
    from schemas.probes import conform
    from transforms.base.stores.copies import fetched
    from transforms.planting.tables.units import units_of

    files: list[Path] = []
    for source in sources:
        try:
            path = fetched(source)
        except OSError as error:
            raise RunError(f"--probes {source}: cannot be read ({cause_of(error)})") from error
        inside = sorted(one for one in path.glob("*.parquet") if one.is_file()) if path.is_dir() else [path]
        inside = [one for one in inside if one.name != QUESTIONS or not path.is_dir()]
        if not inside:
            raise RunError(f"--probes {source}: this folder has no .parquet file")
        files += inside
    tables = [(str(path), _read("--probes", path)) for path in files]
    places = [f"{name}: row {row}" for name, table in tables for row in range(table.num_rows)]
    table = conform(tables)
    return table, units_of(table, places)


def read_questions(sources: "Sequence[str]", files: "Sequence[str]", units: "Sequence[Unit]") -> "pa.Table | None":
    """Questions about the units: those beside the probes in their folders, and those in files of their own.

    Args:
        sources: what `--probes` names.
        files: what `--questions` names.
        units: of the probes.

    Raises:
        SealError, SchemaMismatchError, RunError: naming file and row of what cannot be used.
    """
    from transforms.planting.sealing.questions import conform_questions

    beside = [path for source in sources if (path := Path(source) / QUESTIONS).is_file()]
    named = [Path(file) for file in files if Path(file).resolve() not in {path.resolve() for path in beside}]
    tables = [(str(path), _read("--questions", path)) for path in (*beside, *named)]
    return conform_questions(tables, units) if tables else None


def _read(flag: str, path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        detail = error.strerror if isinstance(error, OSError) and error.strerror else "not a Parquet file"
        raise RunError(f"{flag} {path}: cannot be read ({detail})") from error
