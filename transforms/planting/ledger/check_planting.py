"""Hold what planting left among the secrets against the two commitments, and say what differs."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from schemas.described import SchemaMismatchError
from schemas.documents import DocumentError
from transforms.base.errors import SealError
from transforms.planting import folder as names
from transforms.planting.ledger.ledger import check_ledger, ledger_root
from transforms.planting.ledger.planted import Planted, PlantingRecord, file_sha256, planting_hash
from transforms.planting.mirror import WORK
from transforms.planting.sealing.commitment import Commitment
from transforms.planting.sealing.key import Key

_T = TypeVar("_T")


def check_planting(
    path: Path, key: Key, commitment: Commitment, published: bytes | None = None, announced: bytes = b""
) -> tuple[PlantingRecord | None, list[str]]:
    """The record of the planting, if there is one, and what does not hold.

    Args:
        path: the folder of secrets.
        key: the campaign's.
        commitment: the first commitment.
        published: `planted.json` as it was published; the folder's own copy by default.
        announced: SHA-256 of `drawn.json`; empty where there is none.
    """
    present = [name for name in (names.PLANTING, names.PLANTED, names.LEDGER, names.SLOTS) if (path / name).exists()]
    if not present:
        return None, [] if published is None else [f"{names.PLANTED}: is missing: these secrets were not planted"]
    problems: list[str] = []

    def read(name: str, parser: Callable[[bytes], _T]) -> tuple[bytes, _T | None]:
        try:
            data = (path / name).read_bytes()
            return data, parser(data)
        except FileNotFoundError:
            problems.append(f"{name}: is missing")
        except OSError as error:
            problems.append(f"{name}: cannot be read ({error.strerror})")
        except (DocumentError, SealError, SchemaMismatchError) as error:
            problems.append(f"{name}: {error}")
        return b"", None

    record_bytes, record = read(names.PLANTING, PlantingRecord.parse)
    planted_bytes, planted = read(names.PLANTED, Planted.parse)
    ledger_bytes, ledger = read(names.LEDGER, _ledger)
    slots_bytes, _ = read(names.SLOTS, bytes)
    if published is not None and published != planted_bytes:
        problems.append(f"the published {names.PLANTED} and the one here differ")
    if record is not None:
        for name, data in ((names.LEDGER, ledger_bytes), (names.SLOTS, slots_bytes)):
            if data and record.files.get(name) != file_sha256(data):
                problems.append(f"{name}: its bytes are not those that planting wrote (sha256)")
    if problems and (path / WORK).is_dir():
        problems[0] += " (a trapline prepare was stopped before its end: the same command finishes it)"
    if planted is None:
        return record, problems
    if planted.commitment != commitment.sha256:
        problems.append(f"{names.PLANTED}: does not go with this {names.COMMITMENT}")
    if planted.drawn and planted.drawn != announced:
        problems.append(f"{names.DRAWN}: is not the statement of the draw that {names.PLANTED} binds")
    if record is not None:
        if planted.record_hash != planting_hash(record_bytes, key):
            problems.append(f"{names.PLANTING}: is not what {names.PLANTED} binds")
        if planted.manifest != record.manifest:
            problems.append(f"{names.PLANTED}, {names.PLANTING}: do not name the same manifest")
    if ledger is not None and planted.ledger_root != ledger_root(key, ledger):
        problems.append(f"{names.LEDGER}: is not what {names.PLANTED} binds")
    return record, problems


def _ledger(data: bytes) -> pa.Table:
    table = names.read_parquet(data)
    if table is None:
        raise SealError("cannot be read as Parquet")
    check_ledger(table.schema)
    return table
