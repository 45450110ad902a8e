"""What the ledger says of removed documents and of those that were added; ledgers of both versions are read."""

from typing import Any

import pyarrow as pa
import pytest

from schemas.described import VERSION_KEY, SchemaMismatchError
from schemas.public.duplicates import DUPLICATES
from schemas.secret.ledger import LEDGER
from transforms.planting.ledger.covered import added_in_input, added_in_output, covered_bytes
from transforms.planting.ledger.ledger import check_ledger, has_row_numbers

SHARD = 1 << 40


def ledger(*rows: dict[str, Any]) -> pa.Table:
    nothing = {pa.string(): "", pa.uint64(): 0, pa.int64(): 0, pa.int32(): 0, pa.uint32(): 0, pa.binary(32): bytes(32)}
    filled = [{one.name: row.get(one.name, nothing[one.type]) for one in LEDGER} for row in rows]
    return pa.Table.from_pylist(filled, schema=LEDGER)


def duplicates(*pairs: tuple[int, str]) -> pa.Table:
    rows = [
        {"address": at, "kept_address": kept, "reason": reason, "similarity": 1.0}
        for at, (kept, reason) in enumerate(pairs)
    ]
    return pa.Table.from_pylist(rows, schema=DUPLICATES)


COPIES = ledger(
    {"boundary": "word", "shard": 0, "row": 4, "bytes": 10, "lead": " ", "tail": ""},
    {"boundary": "end", "shard": 0, "row": 4, "bytes": 20, "lead": "\n\n", "tail": "\u00a0"},
    {"boundary": "document", "shard": 0, "row": 5, "bytes": 99, "address": 7},
    {"boundary": "start", "shard": 2, "row": 0, "bytes": 1, "lead": "", "tail": "\n"},
    {"boundary": "document", "shard": 1, "row": 3, "bytes": 99, "address": 2},
)


def test_a_removed_document_counts_what_its_kept_one_took() -> None:
    parts = [
        duplicates((4, "exact"), (4, "near"), (5, "exact"), (3, "near")),
        duplicates((2 * SHARD, "near"), (SHARD + 4, "exact"), (3 * SHARD, "exact"), (4, "exact")),
    ]
    assert covered_bytes(COPIES, parts) == {"exact": 2 * (11 + 24), "near": 35 + 2}
    assert covered_bytes(COPIES, []) == {"exact": 0, "near": 0}
    only_documents = COPIES.filter(pa.array([False, False, True, False, True]))
    assert covered_bytes(only_documents, parts) == {"exact": 0, "near": 0}
    assert covered_bytes(LEDGER.empty_table(), parts) == {"exact": 0, "near": 0}


def test_added_documents_are_found_in_the_input_and_in_the_output() -> None:
    assert added_in_input(COPIES).tolist() == [2, 7]
    assert added_in_output(COPIES).tolist() == [5, SHARD + 3]


def test_ledgers_of_this_version_and_the_one_before_are_read_and_no_others() -> None:
    metadata = dict(LEDGER.metadata)
    for version, numbered in ((b"1", False), (b"2", True)):
        found = LEDGER.with_metadata(metadata | {VERSION_KEY: version})
        check_ledger(found)
        assert has_row_numbers(found) is numbered
    with pytest.raises(SchemaMismatchError, match="written by another version"):
        check_ledger(LEDGER.with_metadata(metadata | {VERSION_KEY: b"4"}))
    with pytest.raises(SchemaMismatchError):
        check_ledger(LEDGER.remove(0))
