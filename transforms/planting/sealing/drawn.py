"""The draw on disk: `draw.json` says what decided, `draw.parquet` the arm of each unit."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from schemas.documents import DocumentError, fields, hexadecimal, parse, to_bytes
from schemas.secret.draw import DRAW
from transforms.base.errors import SealError
from transforms.planting.folder import DRAW as DRAW_FILE
from transforms.planting.folder import DRAW_RECORD, parquet, read_parquet
from transforms.planting.sealing.draw import arm, seed_of
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.public_randomness import Randomness
from transforms.planting.tables.unit import Unit
from transforms.planting.tables.units import columns_of

_METADATA = b"trapline.randomness"
MOST_DETAILS = 20
"""Differing leaves that are listed one by one."""


def arms(key: Key, units: Sequence[Unit], randomness: Randomness, root: bytes) -> list[int]:
    """The arm of each unit."""
    own = columns_of(units)
    pairs = zip(own.ids, own.sizes.tolist(), strict=True)
    return [arm(seed_of(key, unit), randomness, root, candidates) for unit, candidates in pairs]


@dataclass(frozen=True, repr=False)
class DrawRecord:
    """The content of `draw.json`."""

    randomness: Randomness
    root: bytes
    draw_sha256: bytes

    def to_bytes(self) -> bytes:
        """The document."""
        content = {"kind": self.randomness.kind, "value": self.randomness.value.hex()}
        return to_bytes("draw", 1, {**content, "root": self.root.hex(), "draw_sha256": self.draw_sha256.hex()})

    @classmethod
    def parse(cls, data: bytes) -> "DrawRecord":
        """Read the document.

        Raises:
            DocumentError: if it is none.
        """
        content = parse("draw", 1, data)
        fields(content, dict.fromkeys(("kind", "value", "root", "draw_sha256"), str))
        value = hexadecimal(content["value"], "value", len(content["value"]) // 2)
        try:
            randomness = Randomness(content["kind"], value)
        except SealError:
            raise DocumentError("field 'value' does not suit its kind") from None
        return cls(
            randomness, hexadecimal(content["root"], "root", 32), hexadecimal(content["draw_sha256"], "draw_sha256", 32)
        )


def draw_files(
    key: Key, units: Sequence[Unit], randomness: Randomness, root: bytes
) -> tuple[DrawRecord, bytes, list[int]]:
    """The record of the draw, the file `draw.parquet`, and the arms."""
    drawn = arms(key, units, randomness, root)
    metadata = {**DRAW.metadata, _METADATA: _decided(randomness, root)}
    table = pa.table([columns_of(units).ids, drawn], schema=DRAW.with_metadata(metadata))
    data = parquet(table)
    return DrawRecord(randomness, root, hashlib.sha256(data).digest()), data, drawn


def draw_problems(
    record: DrawRecord, data: bytes, key: Key, units: Sequence[Unit], root: bytes
) -> tuple[list[str], list[int]]:
    """What in `draw.json` and `draw.parquet` is not the draw of these units, and the arms as they should be."""
    expected = arms(key, units, record.randomness, root)
    problems = [] if record.root == root else [f"{DRAW_RECORD}: field 'root' is not the root of the commitment"]
    if hashlib.sha256(data).digest() != record.draw_sha256:
        problems.append(f"{DRAW_RECORD}, {DRAW_FILE}: the sha256 in the one is not that of the other")
    table = read_parquet(data)
    if table is None or not table.schema.equals(DRAW) or table.num_rows != len(units):
        return [*problems, f"{DRAW_FILE}: cannot be read as a draw of these units"], expected
    if (table.schema.metadata or {}).get(_METADATA) != _decided(record.randomness, root):
        return [*problems, f"{DRAW_RECORD}, {DRAW_FILE}: do not state the same randomness and root"], expected
    for name, values in (("unit", columns_of(units).ids), ("arm", expected)):
        pairs = zip(table.column(name).to_pylist(), values, strict=True)
        rows = [row for row, (found, wanted) in enumerate(pairs) if found != wanted]
        problems += [f"{DRAW_FILE}: leaf {row}: field {name!r} differs" for row in rows[:MOST_DETAILS]]
    return problems, expected


def _decided(randomness: Randomness, root: bytes) -> bytes:
    return json.dumps([randomness.kind, randomness.value.hex(), root.hex()]).encode()
