"""A folder as `trapline score` leaves it, from scores that a test makes up."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.public.scores import scores as scores_schema
from transforms.base.runs import pretty_json

SETTINGS: dict[str, Any] = {
    "bos": "checkpoint",
    "dtype": "float32",
    "context": 0,
    "slots": 0,
    "tokenizer": "checkpoint",
    "tokenizer_sha256": "70" * 32,
    "metrics": {"loss": 1},
}
Row = Mapping[str, Any]


def write_scores(
    folder: Path,
    rows: Sequence[Row],
    *,
    sequences: Path | None = None,
    checkpoints: Sequence[str] = ("model",),
    references: Sequence[str] = (),
    slots_sha256: str = "",
    **settings: Any,
) -> Path:
    """Rows are id and metrics; checkpoint, slots and tokens have defaults. Given settings replace the usual ones."""
    used = {**SETTINGS, **settings}
    metrics = list(used["metrics"])
    filled = [{"checkpoint": checkpoints[0], "slots": 0, "tokens": 25, **dict.fromkeys(metrics), **row} for row in rows]
    (folder / "scores").mkdir(parents=True)
    path = folder / "scores/part-00000.parquet"
    pq.write_table(pa.Table.from_pylist(filled, schema=scores_schema(metrics)), path)
    content = {
        "settings": used,
        "checkpoints": [{"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest()} for name in checkpoints],
        **({"slots_sha256": slots_sha256} if slots_sha256 else {}),
        "references": [{"name": "reference", "sha256": one} for one in references],
        "sequences": [{"path": sequences.name, "rows": len(rows), "sha256": sha256(sequences)}] if sequences else [],
        "files": [
            {
                "path": "scores/part-00000.parquet",
                "rows": len(rows),
                "bytes": path.stat().st_size,
                "sha256": sha256(path),
            }
        ],
    }
    seal(folder, {"schema": "trapline.manifest", "version": 1, "command": "score", "content": content})
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def seal(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest and the mark of a finished run."""
    data = pretty_json(dict(manifest))
    (folder / "manifest.json").write_bytes(data)
    (folder / "_SUCCESS").write_bytes(pretty_json({"manifest_sha256": hashlib.sha256(data).hexdigest()}))


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest as if the run had written it so."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    seal(folder, manifest)
