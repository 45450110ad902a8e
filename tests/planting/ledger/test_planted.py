"""The record of a planting, of this version and of those before."""

import json
from pathlib import Path

import pytest

from schemas.documents import DocumentError
from transforms.planting.ledger.planted import VERSION, PlantingRecord

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
