"""`trapline dedup` over the documents."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

SETTINGS = {"command": "trapline dedup, defaults"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The documents that it keeps."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "in").mkdir()
        table = pa.table({"id": list(map(str, range(len(documents)))), "text": pa.array(documents, pa.large_string())})
        pq.write_table(table, folder / "in" / "part.parquet")
        command = ["dedup", "--input", str(folder / "in"), "--output", str(folder / "out"), "--threads", "1"]
        # S603: this very program.
        subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pipelines.cli", *command], check=True, stdout=sys.stderr
        )
        kept = {
            int(one) for path in (folder / "out" / "data").iterdir() for one in pq.read_table(path)["id"].to_pylist()
        }
    yield from (text if at in kept else None for at, text in enumerate(documents))
