"""`trapline prepare` and `trapline restore` as a user runs them."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import regex

from pipelines.cli import main
from tests.pipelines.planting.planted import (
    SMALL_SHARDS,
    Planted,
    arguments,
    documents,
    prepare,
    probe_rows,
    seal_and_draw,
    write_corpus,
)
from transforms.planting import folder as secret_folder

LEFT = ("planted.json", "planting.json", "slots.parquet", "ledger/ledger.parquet")
NONCE, OTHER_NONCE = "c0ffee" * 8, "badcafe0" * 6


def digests(output: Path, *parts: str) -> dict[str, str]:
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in parts or ("data", "duplicates", "quarantine")
        for path in sorted((output / part).iterdir())
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "in")


@pytest.fixture(scope="module")
def planted(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `out`, `secrets` and the plain `dedup` of the same corpus; to be copied before it is changed."""
    folder = tmp_path_factory.mktemp("planted")
    rows = probe_rows(16) + probe_rows(4, doses=(2,), seed=8, planted_as="document")
    secrets = seal_and_draw(folder / "secrets", rows, NONCE)
    assert prepare(corpus, folder / "out", secrets) == 0
    assert main(["dedup", "--input", str(corpus), "--output", str(folder / "plain"), *SMALL_SHARDS]) == 0
    return folder


@pytest.fixture
def copy(planted: Path, tmp_path: Path) -> Path:
    """A copy of `planted` that a test may break."""
    for name in ("out", "secrets"):
        shutil.copytree(planted / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def fails(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail; returns what it said."""

    def run(code: int, *arguments: object) -> str:
        capfd.readouterr()
        assert main([str(one) for one in arguments]) == code
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return said.err + said.out

    return run


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


def test_restoring_gives_the_files_of_dedup_byte_for_byte(planted: Path, tmp_path: Path) -> None:
    flags = ["--input", planted / "out", "--secrets", planted / "secrets", "--output", tmp_path / "restored"]
    assert main(["restore", *map(str, flags)]) == 0
    assert digests(tmp_path / "restored") == digests(planted / "plain")
    assert digests(planted / "out", "data") != digests(planted / "plain", "data")
    assert main(["restore", *map(str, flags)]) == 0  # finished already
    manifest = (tmp_path / "restored" / "manifest.json").read_bytes()
    success = json.loads((tmp_path / "restored" / "_SUCCESS").read_text())
    assert success["manifest_sha256"] == hashlib.sha256(manifest).hexdigest()


PROCESSES = ("--threads", "1", "--direct_running_mode=multi_processing", "--direct_num_workers=2")


@pytest.mark.parametrize(
    "flags", [("--threads", "1"), ("--threads", "5"), PROCESSES], ids=["one thread", "five threads", "two processes"]
)
def test_the_same_bytes_however_the_work_is_spread(
    flags: tuple[str, ...], corpus: Path, planted: Path, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    shutil.copytree(planted / "secrets", secrets)
    for name in ("planted.json", "planting.json", "slots.parquet", "ledger/ledger.parquet"):
        (secrets / name).unlink()
    command = [sys.executable, "-m", "pipelines.cli", *arguments(corpus, tmp_path / "out", secrets, *flags)]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    assert digests(tmp_path / "out") == digests(planted / "out")
    for name in ("planted.json", "planting.json", "slots.parquet", "ledger/ledger.parquet"):
        assert (secrets / name).read_bytes() == (planted / "secrets" / name).read_bytes()


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


def test_json_lines_take_insertions_too(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "parquet", 60)
    (tmp_path / "in").mkdir()
    for part in sorted(corpus.iterdir()):
        lines = [json.dumps(row, ensure_ascii=False) for row in pq.read_table(part).to_pylist()]
        (tmp_path / "in" / f"{part.stem}.jsonl").write_text("\n".join(lines) + "\n{broken\n")
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(6))
    assert prepare(tmp_path / "in", tmp_path / "out", secrets) == 0
    flags = ["--input", tmp_path / "out", "--secrets", secrets, "--output", tmp_path / "back"]
    assert main(["restore", *map(str, flags)]) == 0
    assert main(["dedup", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "plain"), *SMALL_SHARDS]) == 0
    assert digests(tmp_path / "back") == digests(tmp_path / "plain")
    assert pq.read_metadata(next((tmp_path / "out" / "quarantine").iterdir())).num_rows == 3


def test_an_output_looks_like_one_of_dedup_and_its_sums_are_those_of_its_files(planted: Path) -> None:
    out, plain = ({}, {})
    for name, found in (("out", out), ("plain", plain)):
        for file in ("manifest.json", "metrics.json"):
            found[file] = json.loads((planted / name / file).read_text())
    for file in ("manifest.json", "metrics.json"):
        assert list(out[file]) == list(plain[file])
        assert out[file]["command"] == plain[file]["command"]
    assert out["manifest.json"]["content"]["config"] == plain["manifest.json"]["content"]["config"]
    files = {
        part: sum(pq.read_metadata(path).num_rows for path in (planted / "out" / part).iterdir())
        for part in ("data", "duplicates", "quarantine")
    }
    for counts, other in (
        (out["manifest.json"]["content"]["counts"], plain["manifest.json"]["content"]["counts"]),
        (out["metrics.json"]["counts"], plain["metrics.json"]["counts"]),
    ):
        assert list(counts) == list(other)
        assert counts["kept"] == files["data"]
        assert counts["documents_in"] == sum(files.values())
        assert counts["bytes_kept"] == sum(len(row["text"].encode()) for row in documents(planted / "out"))
        assert counts["bytes_in"] == counts["bytes_kept"] + sum(counts["removed_bytes"].values())
    stages = {stage["name"]: stage for stage in out["metrics.json"]["stages"]}
    assert stages["scan"]["documents"] == sum(files.values())
    assert stages["rewrite"]["documents"] == files["data"]
    for name in ("max_doc_share", "where", "placement", "secrets", "prepare"):
        assert name not in json.dumps(out)
        assert f">{name}" not in (planted / "out" / "report.html").read_text()
        assert f"trapline {name}" not in (planted / "out" / "README.md").read_text()


def test_texts_that_the_report_shows_stand_so_in_the_output(planted: Path) -> None:
    page = (planted / "out" / "report.html").read_text()
    changed = [row for row in Planted.read(planted / "out", planted / "secrets").ledger if row["before"]]
    assert changed
    originals = {row["id"]: row["text"] for row in documents(planted / "plain")}
    out = {row["text"] for row in documents(planted / "out")}
    for text in originals.values():
        if text not in out:
            assert text[:60] not in page or any(other.startswith(text[:60]) for other in out)


@pytest.mark.parametrize("stop", ["ledger/ledger.parquet", "slots.parquet", "planting.json", "planted.json"])
@pytest.mark.parametrize("replacing", [False, True], ids=["first", "overwrite"])
def test_stopped_between_the_files_of_the_secrets_the_same_command_finishes(
    stop: str, replacing: bool, corpus: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was written last, and also where an earlier planting is being replaced."""
    flags = ["--threshold", "0.99", "--overwrite"] if replacing else []
    secrets, output = copy / "secrets", copy / "out"
    if not replacing:
        shutil.rmtree(output)
        for name in LEFT:
            (secrets / name).unlink()
    write = secret_folder.write

    def write_and_stop(folder: Path, name: str, data: bytes) -> None:
        write(folder, name, data)
        if name == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(secret_folder, "write", write_and_stop)
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as stopped:
        prepare(corpus, output, secrets, *flags)
    assert stopped.value.code == 1
    monkeypatch.undo()
    assert not (output / "_SUCCESS").exists()
    assert prepare(corpus, output, secrets, *flags) == 0
    assert main(["check", "--secrets", str(secrets), "--corpus", str(output)]) == 0
    assert not (secrets / "work").exists()
    assert (secrets / "replaced").exists() == replacing


def test_a_refused_overwrite_keeps_the_ledger(corpus: Path, copy: Path) -> None:
    before = {name: (copy / "secrets" / name).read_bytes() for name in LEFT}
    assert prepare(corpus, copy / "out", copy / "secrets", "--where", "lang = 'xx'", "--overwrite") == 1
    assert {name: (copy / "secrets" / name).read_bytes() for name in LEFT} == before
    assert main(["check", "--secrets", str(copy / "secrets")]) == 0
    assert prepare(corpus, copy / "out", copy / "secrets", "--overwrite") == 0


def test_the_same_command_again_does_nothing_and_another_is_refused(
    corpus: Path, copy: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    before = digests(copy / "out")
    assert prepare(corpus, copy / "out", copy / "secrets") == 0
    assert digests(copy / "out") == before
    flags = ("--input", corpus, "--secrets", copy / "secrets", "--max-doc-share", ".4", "--max-corpus-share", ".2")
    said = fails(1, "prepare", *flags, "--output", tmp_path / "elsewhere")
    assert "planted already" in said
    assert not (tmp_path / "elsewhere").exists()


def test_overwrite_plants_again_into_the_same_output(corpus: Path, copy: Path) -> None:
    assert prepare(corpus, copy / "out", copy / "secrets", "--threshold", "0.99", "--overwrite") == 0
    assert main(["check", "--secrets", str(copy / "secrets")]) == 0
    restored = ["--input", copy / "out", "--secrets", copy / "secrets", "--output", copy / "back"]
    assert main(["restore", *map(str, restored)]) == 0


def test_a_planted_corpus_is_not_planted_again(copy: Path, fails: Callable[..., str]) -> None:
    """Also after the ledger is gone, the shards are merged and the columns are others."""
    for name in ("planted.json", "planting.json", "slots.parquet", "ledger/ledger.parquet"):
        (copy / "secrets" / name).unlink()
    merged = copy / "merged"
    merged.mkdir()
    pq.write_table(pa.table({"text": [row["text"] for row in documents(copy / "out")]}), merged / "all.parquet")
    flags = ("--secrets", copy / "secrets", "--max-doc-share", ".4", "--max-corpus-share", ".2")
    said = fails(1, "prepare", "--input", merged, "--output", copy / "twice", *flags)
    assert "hold the text of a sealed candidate" in said
    assert "xyzzy" not in said
    assert not (copy / "twice").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ledger/ledger.parquet", "ledger/ledger.parquet: is missing"),
        ("slots.parquet", "slots.parquet: is missing"),
        ("planting.json", "planting.json: is missing"),
        ("planted.json", "planted.json: is missing"),
        ("key", "key"),
    ],
)
def test_secrets_with_a_missing_file_are_refused(
    name: str, said: str, copy: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    (copy / "secrets" / name).unlink()
    flags = ("--input", copy / "out", "--secrets", copy / "secrets", "--output", tmp_path / "back")
    assert said in fails(1, "restore", *flags)
    assert not (tmp_path / "back").exists()


def test_another_key_is_refused(corpus: Path, copy: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    (copy / "secrets" / "key").write_bytes(bytes(32))
    flags = ("--secrets", copy / "secrets", "--output", tmp_path / "new")
    assert "not the key" in fails(1, "prepare", "--input", corpus, *flags)
    assert "not the key" in fails(1, "restore", "--input", copy / "out", *flags)
    assert not (tmp_path / "new").exists()


def test_a_ledger_of_another_corpus_is_refused(
    corpus: Path, copy: Path, planted: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    flags = ("--secrets", copy / "secrets", "--output", tmp_path / "back")
    assert "the ledger belongs to another output" in fails(1, "restore", "--input", planted / "plain", *flags)
    number = Planted.read(copy / "out", copy / "secrets").ledger[0]["shard"]
    shard = sorted((copy / "out" / "data").iterdir())[number]
    shutil.copy(sorted((planted / "plain" / "data").iterdir())[number], shard)
    assert f"data/{shard.name}" in fails(1, "restore", "--input", copy / "out", *flags)


def test_the_first_document_that_differs_is_named(copy: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    found = Planted.read(copy / "out", copy / "secrets")
    row = found.ledger[0]
    path = sorted((copy / "out" / "data").iterdir())[row["shard"]]
    table = pq.read_table(path, partitioning=None)
    texts = table["text"].to_pylist()
    texts[row["row"]] += "!"
    pq.write_table(table.set_column(1, "text", pa.array(texts)), path)
    said = fails(1, "restore", "--input", copy / "out", "--secrets", copy / "secrets", "--output", tmp_path / "back")
    assert f"data/{path.name}: row {row['row']:,}: the document is not the one that was planted" in said


def test_a_change_beside_what_was_planted_is_found_too(copy: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    path = sorted((copy / "out" / "data").iterdir())[0]
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.set_column(2, "lang", pa.array(["xx"] * table.num_rows)), path)
    said = fails(1, "restore", "--input", copy / "out", "--secrets", copy / "secrets", "--output", tmp_path / "back")
    assert f"data/{path.name}: is not the file that was planted" in said
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("trouble", ["changed", "missing", "link"])
@pytest.mark.parametrize("part", ["duplicates", "data"])
def test_a_planted_corpus_that_is_not_whole_is_refused_and_leaves_nothing(
    part: str, trouble: str, copy: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    path = sorted((copy / "out" / part).iterdir())[-1]
    if trouble == "changed":
        path.write_bytes(path.read_bytes()[:-7])
    elif trouble == "missing":
        path.unlink()
    else:
        shutil.move(path, tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    said = fails(1, "restore", "--input", copy / "out", "--secrets", copy / "secrets", "--output", tmp_path / "back")
    wanted = {"changed": "is not the file that was planted", "missing": "is missing", "link": "is a symbolic link"}
    complaint = [line for line in said.splitlines() if line.startswith("trapline: ")]
    assert len(complaint) == 1
    assert f"{part}/{path.name}" in complaint[0]
    assert wanted[trouble] in complaint[0]
    assert not (tmp_path / "back").exists()


def test_check_names_what_the_manifest_does_not_list(
    planted: Path, copy: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    corpus = copy / "out"
    fails(0, "check", "--corpus", planted / "plain")
    fails(0, "check", "--corpus", corpus)
    flags = ("--input", corpus, "--secrets", copy / "secrets", "--output", tmp_path / "back")
    fails(0, "restore", *flags)
    fails(0, "check", "--corpus", tmp_path / "back")
    (corpus / ".gitattributes").write_text("not read by anyone")
    fails(0, "check", "--corpus", corpus)
    for name in ("data/more.parquet", "data/deep/.hidden.parquet", "notes.txt"):
        (corpus / name).parent.mkdir(exist_ok=True)
        (corpus / name).write_text("x")
        assert f"{name}: is not listed in manifest.json" in fails(1, "check", "--corpus", corpus)
        (corpus / name).unlink()
    (corpus / "README.md").write_text("other words")
    assert "README.md: is not the one that belongs to manifest.json" in fails(1, "check", "--corpus", corpus)


def test_a_dose_that_the_corpus_cannot_hold_leaves_nothing(
    corpus: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(4, doses=(5000,)))
    flags = ("--input", corpus, "--output", tmp_path / "out", "--secrets", secrets)
    said = fails(1, "prepare", *flags)
    assert "the largest dose in place of 5,000 is" in said
    assert not (tmp_path / "out").exists()
    assert not (secrets / "work").exists()


def test_what_is_refused_before_anything_is_read(corpus: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    undrawn = tmp_path / "undrawn"
    pq.write_table(pa.Table.from_pylist(probe_rows(4)), tmp_path / "p.parquet")
    assert main(["seal", "--probes", str(tmp_path / "p.parquet"), "--secrets", str(undrawn)]) == 0
    flags = ("--input", corpus, "--output", tmp_path / "out")
    assert "nothing was drawn yet" in fails(1, "prepare", *flags, "--secrets", undrawn)
    assert main(["draw", "--secrets", str(undrawn), "--self"]) == 0
    (undrawn / "drawn.json").unlink()
    assert "drawn.json is missing" in fails(1, "prepare", *flags, "--secrets", undrawn)
    assert main(["draw", "--secrets", str(undrawn), "--self"]) == 0
    assert "overlap" in fails(2, "prepare", "--input", corpus, "--output", undrawn / "x", "--secrets", undrawn)
    assert "no such folder" in fails(1, "prepare", *flags, "--secrets", tmp_path / "none")
    assert "--max-doc-share 1.5" in fails(2, "prepare", *flags, "--secrets", undrawn, "--max-doc-share", "1.5")
    assert "no SQL expression" in fails(1, "prepare", *flags, "--secrets", undrawn, "--where", "lang = = 'x'")
    assert "'langue'" in fails(1, "prepare", *flags, "--secrets", undrawn, "--where", "langue = 'x'")
    assert "one truth value a document" in fails(1, "prepare", *flags, "--secrets", undrawn, "--where", "lang")
    assert not (tmp_path / "out").exists()


def test_a_column_that_would_betray_planting_is_refused(fails: Callable[..., str], tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "in", 60, parts=1)
    (path,) = corpus.iterdir()
    table = pq.read_table(path)
    pq.write_table(table.append_column("n_tokens", pa.array(range(table.num_rows))), path)
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(4))
    flags = ("--input", corpus, "--output", tmp_path / "out", "--secrets", secrets)
    assert "--unrelated-columns n_tokens" in fails(1, "prepare", *flags)
    assert not (tmp_path / "out").exists()
    assert prepare(corpus, tmp_path / "out", secrets, "--unrelated-columns", "n_tokens") == 0


def test_a_dry_run_writes_nothing_and_says_how_much_text_is_needed(
    corpus: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(4))
    before = sorted(path.name for path in secrets.rglob("*"))
    assert prepare(corpus, tmp_path / "out", secrets, "--dry-run") == 0
    said = capfd.readouterr().out
    assert "[prepare]" in said
    assert "4 units, 8 copies; they need about" in said
    assert sorted(path.name for path in secrets.rglob("*")) == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["ledger/ledger.parquet", "slots.parquet", "planting.json", "planted.json"])
def test_any_changed_byte_of_what_planting_left_is_found(name: str, copy: Path, fails: Callable[..., str]) -> None:
    path = copy / "secrets" / name
    whole = path.read_bytes()
    step = max(1, len(whole) // 60)
    for at in range(0, len(whole), step):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        said = fails(1, "check", "--secrets", copy / "secrets")
        assert name in said
        assert "xyzzy" not in said
    path.write_bytes(whole)
    assert main(["check", "--secrets", str(copy / "secrets")]) == 0
