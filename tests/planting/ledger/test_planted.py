"""The record of a planting, of this version and of those before."""

import hashlib
import json
from pathlib import Path

import pytest

from schemas.documents import DocumentError
from transforms.planting.ledger.planted import VERSION, Planted, PlantingRecord

OLD = Path(__file__).with_name("planting_version_1.json").read_bytes()


def test_a_record_reads_back() -> None:
    record = PlantingRecord.parse(OLD)
    written = record.to_bytes()
    assert json.loads(written)["version"] == VERSION
    assert PlantingRecord.parse(written) == record


def test_secrets_that_were_planted_with_blake2b_are_still_read() -> None:
    record = PlantingRecord.parse(OLD)
    assert (record.run, record.text_column) == ("0" * 32, "text")
    assert record.counts["copies"] == 3
    assert set(record.files) == {"ledger/ledger.parquet", "slots.parquet"}


def test_a_record_of_a_later_version_is_refused_with_what_to_do() -> None:
    later = OLD.replace(b'"version": 1', b'"version": 3')
    with pytest.raises(DocumentError, match=r"is not version 1 or 2 of trapline\.planting: use the trapline that"):
        PlantingRecord.parse(later)


HASHES = {name: bytes([at]) * 32 for at, name in enumerate(("commitment", "manifest", "ledger_root", "record_hash"), 1)}


@pytest.mark.parametrize(("drawn", "version"), [(b"", 1), (b"\x09" * 32, 2)])
def test_the_second_commitment_reads_back_with_and_without_the_statement_of_the_draw(
    drawn: bytes, version: int
) -> None:
    planted = Planted(**HASHES, drawn=drawn)
    data = planted.to_bytes()
    assert (json.loads(data)["version"], "drawn" in json.loads(data)) == (version, bool(drawn))
    assert Planted.parse(data) == planted


def test_the_root_of_the_second_commitment_binds_the_statement_of_the_draw() -> None:
    data = Planted(**HASHES, drawn=b"\x09" * 32).to_bytes()
    with pytest.raises(DocumentError, match="its root is not that of its other fields"):
        Planted.parse(data.replace(b"09" * 32, b"08" * 32))
    assert Planted(**HASHES).root != Planted(**HASHES, drawn=bytes(32)).root


def test_the_root_of_version_1_is_what_it_was() -> None:
    packed = b"".join(len(one).to_bytes(8, "big") + one for one in (b"trapline/v1/planted", *HASHES.values()))
    assert Planted(**HASHES).root == hashlib.sha256(packed).digest()
