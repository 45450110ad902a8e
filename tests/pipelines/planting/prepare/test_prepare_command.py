"""`trapline prepare` as a user runs it: where the copies stand."""

import hashlib
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import regex

from pipelines.cli import main
from tests.pipelines.planting.planted import (
    OTHER_NONCE,
    Planted,
    documents,
    prepare,
    probe_rows,
    seal_and_draw,
)


def test_every_copy_stands_where_the_ledger_says_and_doses_are_exact(planted: Path) -> None:
    found = Planted.read(planted / "out", planted / "secrets")
    doses = Counter(row["candidate"] for row in found.ledger)
    for candidate, copies in doses.items():
        assert copies == found.probes[candidate]["dose"]
    assert len(doses) == 20
    everything = "\0".join(one["text"] for one in documents(planted / "out"))
    for candidate, probe in found.probes.items():
        assert everything.count(probe["text"]) == doses[candidate]
    for row in found.ledger:
        document, text = found.document(row), found.probes[row["candidate"]]["text"]
        assert document.encode()[row["byte_offset"] :][: row["bytes"]].decode() == text
        assert document[row["char_offset"] :].startswith(text)
        assert hashlib.sha256(document.encode()).digest() == row["sha256_after"]


def test_copies_are_parted_from_their_neighbours_at_borders_of_graphemes(planted: Path) -> None:
    found = Planted.read(planted / "out", planted / "secrets")
    insertions = [row for row in found.ledger if row["boundary"] != "document"]
    assert {row["boundary"] for row in insertions} >= {"paragraph", "sentence", "word"}
    for row in insertions:
        document = found.document(row)
        begin, end = row["char_offset"], row["char_offset"] + len(found.probes[row["candidate"]]["text"])
        assert begin == 0 or document[begin - 1].isspace()
        assert end == len(document) or document[end].isspace()
        before, after = document[: begin - len(row["lead"])], document[end + len(row["tail"]) :]
        graphemes = regex.findall(r"\X", before[-20:] + after[:20])
        assert "".join(graphemes[: len(regex.findall(r"\X", before[-20:]))]) == before[-20:]
        # A neighbour that is itself another copy is not what stood there before.
        if "xyzzy" not in before[-80:]:
            assert before.endswith(row["before"])
        if "xyzzy" not in after[:80]:
            assert after.startswith(row["after"])


def test_documents_of_their_own_look_like_the_document_before_them(planted: Path) -> None:
    found = Planted.read(planted / "out", planted / "secrets")
    own = [row for row in found.ledger if row["boundary"] == "document"]
    assert len(own) == 8
    added = {(row["shard"], row["row"]) for row in own}
    for row in own:
        shard = found.shards[row["shard"]].to_pylist()
        at = row["row"]
        before = next(shard[k] for k in range(at - 1, -1, -1) if (row["shard"], k) not in added)
        text = found.probes[row["candidate"]]["text"]
        assert shard[at] == {"id": None, "text": text, "lang": before["lang"], "size": len(text.encode())}


def test_a_column_that_follows_the_text_is_made_again(planted: Path) -> None:
    for row in documents(planted / "out"):
        assert row["size"] == len(row["text"].encode())


def test_slots_are_the_same_whichever_candidate_is_drawn(corpus: Path, planted: Path, tmp_path: Path) -> None:
    """The same seal with another draw: other candidates, the same places and the same contexts for scoring."""
    secrets = tmp_path / "secrets"
    shutil.copytree(planted / "secrets", secrets)
    undrawn = (
        "draw.json",
        "draw.parquet",
        "drawn.json",
        "planted.json",
        "planting.json",
        "slots.parquet",
        "ledger/ledger.parquet",
    )
    for name in undrawn:
        (secrets / name).unlink()
    assert main(["draw", "--secrets", str(secrets), "--nonce", OTHER_NONCE]) == 0
    assert prepare(corpus, tmp_path / "out", secrets) == 0
    place = ("unit", "copy", "address", "boundary", "lead", "tail", "before", "after")
    one, other = (
        sorted(tuple(row[name] for name in place) for row in Planted.read(out, held).ledger)
        for out, held in ((planted / "out", planted / "secrets"), (tmp_path / "out", secrets))
    )
    assert one == other
    assert (secrets / "slots.parquet").read_bytes() == (planted / "secrets" / "slots.parquet").read_bytes()
    arms = [pq.read_table(held / "draw.parquet")["arm"].to_pylist() for held in (secrets, planted / "secrets")]
    assert arms[0] != arms[1]


def test_slots_hold_the_text_before_each_place_as_it_was(planted: Path) -> None:
    originals = {row["id"]: row["text"] for row in documents(planted / "plain")}
    found = Planted.read(planted / "out", planted / "secrets")
    slots = pq.read_table(planted / "secrets" / "slots.parquet").to_pylist()
    assert Counter(row["unit"] for row in slots) == Counter(
        {one["unit"]: min(4, one["dose"]) for one in found.probes.values() if one["planted_as"] != "document"}
    )
    for row in slots:
        assert "xyzzy" not in row["before"]
        if row["before"]:
            assert any(row["before"] in text for text in originals.values())


def test_where_chooses_the_documents(corpus: Path, tmp_path: Path) -> None:
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(8, doses=(2,)))
    assert prepare(corpus, tmp_path / "out", secrets, "--where", "lang = 'fr'") == 0
    found = Planted.read(tmp_path / "out", secrets)
    langs = {found.shards[row["shard"]]["lang"][row["row"]].as_py() for row in found.ledger}
    assert langs == {"fr"}


def test_all_copies_in_one_document(corpus: Path, tmp_path: Path) -> None:
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(3, doses=(4,)))
    assert prepare(corpus, tmp_path / "out", secrets, "--placement", "document") == 0
    rows = Planted.read(tmp_path / "out", secrets).ledger
    assert len({(row["unit"], row["address"]) for row in rows}) == 3
    assert len({(row["shard"], row["row"], row["byte_offset"]) for row in rows}) == 12
