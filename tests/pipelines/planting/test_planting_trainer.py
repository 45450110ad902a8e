"""What a trainer sees of a planted corpus is what plain deduplication publishes of a corpus that held these texts.

The trainer has every public file. From the ledger, which the trainer lacks, the tests make that other corpus: the
planted documents stand in it, and duplicates hold what the documents that cover them hold.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import LIMITS, documents, probe_rows, seal_and_draw

Row = dict[str, Any]
TABLES = ("duplicates/duplicates-00000-of-00001.parquet", "quarantine/quarantine-00000-of-00001.parquet")
FORMATS = ("parquet", "jsonl", "jsonl.gz")


def text_of(number: int) -> str:
    return "\n\n".join(
        " ".join(f"w{number}x{line}y{at}" for at in range(15)) + "." for line in range(3 + number * 7 % 9)
    )


def corpus_rows(near: bool) -> list[list[Row]]:
    """Two files. Every other document is followed by a copy; some are repeated with a change; some are null."""
    files: list[list[Row]] = [[], []]
    for number in range(120):
        own, text = files[number % 2], text_of(number)
        own.append({"id": f"d{number}", "text": text})
        if number % 4 < 2:
            own.append({"id": f"d{number}-copy", "text": text})
        if near and number % 5 == 0:
            own.append({"id": f"d{number}-near", "text": f"{text} And so on."})
        if number % 10 == 3:
            own.append({"id": f"d{number}-null", "text": None})
    return files


def write_rows(folder: Path, files: Sequence[Sequence[Row]], kind: str) -> Path:
    folder.mkdir(parents=True)
    for number, rows in enumerate(files):
        path = folder / f"part{number}.{kind}"
        if kind == "parquet":
            schema = pa.schema({"id": pa.string(), "text": pa.string()})
            pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path, row_group_size=30)
            continue
        lines = [json.dumps(row, ensure_ascii=at % 3 > 0) + "\n" * (1 + (at % 7 == 0)) for at, row in enumerate(rows)]
        data = ("\n" + "".join(lines)).encode()
        path.write_bytes(gzip.compress(data) if kind.endswith(".gz") else data)
    return folder


def dedup(folder: Path, output: Path) -> Path:
    assert main(["dedup", "--input", str(folder), "--output", str(output), "--threads", "1"]) == 0
    return output


def prepare(folder: Path, output: Path, secrets: Path) -> Path:
    flags = ["--input", folder, "--output", output, "--secrets", secrets, "--threads", "1", *LIMITS]
    assert main(["prepare", *map(str, flags)]) == 0
    return output


def manifest(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "manifest.json").read_bytes())
    return found


def as_if_never_planted(files: list[list[Row]], output: Path, secrets: Path) -> list[list[Row]]:
    """The corpus of which plain deduplication would have published `output`."""
    ledger = pq.read_table(secrets / "ledger/ledger.parquet").to_pylist()
    published = documents(output)
    added: dict[tuple[int, int], list[Row]] = {}
    for row in ledger:
        if row["boundary"] == "document":
            place = row["address"] >> 40, row["address"] & ((1 << 40) - 1)
            added.setdefault(place, []).append(published[row["row"]])
    changed = {row["id"]: row["text"] for row in published if row["id"]}
    made: list[list[Row]] = []
    for number, rows in enumerate(files):
        made.append([])
        for at, row in enumerate(rows):
            text = changed.get(row["id"].removesuffix("-copy"), row["text"])
            made[-1].append(row | {"text": None if row["text"] is None else text})
            made[-1].extend(added.get((number, at), []))
    return made


@pytest.fixture(scope="module", params=FORMATS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def campaign(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Insertions and documents of their own, near and exact duplicates: `in`, `secrets`, `planted` and `plain`."""
    folder = tmp_path_factory.mktemp("campaign")
    rows = probe_rows(20, doses=(2,)) + probe_rows(6, doses=(2,), seed=3, planted_as="document")
    secrets = seal_and_draw(folder / "secrets", rows)
    corpus = write_rows(folder / "in", corpus_rows(near=True), kind)
    prepare(corpus, folder / "planted", secrets)
    dedup(corpus, folder / "plain")
    return folder


def test_it_is_what_plain_deduplication_gives_of_a_corpus_with_these_texts(kind: str, tmp_path: Path) -> None:
    rows = probe_rows(9, doses=(1, 3)) + probe_rows(6, doses=(1,), seed=3, planted_as="document")
    secrets = seal_and_draw(tmp_path / "secrets", rows)
    files = corpus_rows(near=False)
    planted = prepare(write_rows(tmp_path / "in", files, kind), tmp_path / "planted", secrets)
    other = as_if_never_planted(files, planted, secrets)
    assert sum(map(len, other)) == sum(map(len, files)) + 6
    plain = dedup(write_rows(tmp_path / "other", other, kind), tmp_path / "plain")
    assert manifest(planted)["content"] == manifest(plain)["content"]
    for name in (*TABLES, "README.md"):
        assert (planted / name).read_bytes() == (plain / name).read_bytes(), name
    theirs, ours = (json.loads((folder / "metrics.json").read_bytes()) for folder in (plain, planted))
    varies = ("seconds", "compile_seconds", "stages", "peak_rss_bytes", "mb_per_second", "input", "output")
    assert {key: value for key, value in ours.items() if key not in varies} == {
        key: value for key, value in theirs.items() if key not in varies
    }
    assert list(ours) == list(theirs)


def test_what_is_inserted_changes_nothing_but_the_texts(tmp_path: Path) -> None:
    """Near-duplicates too: what is said of them, and the examples that are shown, are those of the plain run."""
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(30, doses=(2,)))
    folder = write_rows(tmp_path / "in", corpus_rows(near=True), "jsonl.gz")
    planted, plain = prepare(folder, tmp_path / "planted", secrets), dedup(folder, tmp_path / "plain")
    for name in TABLES:
        assert (planted / name).read_bytes() == (plain / name).read_bytes(), name
    ours, theirs = (manifest(one)["content"] for one in (planted, plain))
    for content in (ours, theirs):
        for shard in content["shards"]:
            shard.update(bytes=0, text_bytes=0, sha256="")
        for name in ("bytes_in", "bytes_kept", "removed_bytes"):
            content["counts"][name] = 0
    assert ours == theirs
    examples = [one.read_text().partition("<h2>Examples")[2].partition("<h2>")[0] for one in reports(planted, plain)]
    assert examples[0] == examples[1] != ""


def reports(*outputs: Path) -> Iterator[Path]:
    return (output / "report.html" for output in outputs)


# What a trainer can do with the public files alone.


def rows_fit(output: Path) -> None:
    """Numbers of records: the listed ones and the kept documents together are all records, each where it must stand."""
    removed = pq.read_table(output / TABLES[0]).to_pylist()
    quarantined = pq.read_table(output / TABLES[1]).to_pylist()
    kept = documents(output)
    listed = [row["address"] for row in (*removed, *quarantined)]
    assert len(set(listed)) == len(listed)
    counts = manifest(output)["content"]["counts"]
    assert counts["documents_in"] == len(listed) + len(kept)
    assert max(address & ((1 << 40) - 1) for address in listed) < counts["documents_in"]
    for row in removed:
        shard, at = row["kept_address"] >> 40, row["kept_address"] & ((1 << 40) - 1)
        assert (shard, kept[at]["id"]) == (0, row["kept_id"])
    # Each document is put between the listed ones: a copy follows its original, wherever copies are planted.
    first, second = (sorted(one & ((1 << 40) - 1) for one in listed if one >> 40 == file) for file in (0, 1))
    begin = next(at for at, row in enumerate(kept) if row["id"] == "d1")
    for file, gone, own in ((0, first, kept[:begin]), (1, second, kept[begin:])):
        free = [at for at in range(len(own) + len(gone)) if at not in set(gone)]
        place = {row["id"]: at for row, at in zip(own, free, strict=True) if row["id"]}
        for row in removed:
            if row["address"] >> 40 == file and row["id"].endswith("-copy"):
                assert (row["address"] & ((1 << 40) - 1)) - place[row["kept_id"]] >= 1


def sums_fit(output: Path) -> None:
    """Bytes: exact copies are as long as the published documents that cover them; no other size is told."""
    content = manifest(output)["content"]
    counts = content["counts"]
    sizes = {row["id"]: len(row["text"].encode()) for row in documents(output)}
    exact = [row for row in pq.read_table(output / TABLES[0]).to_pylist() if row["reason"] == "exact"]
    assert exact
    assert counts["removed_bytes"]["exact"] == sum(sizes[row["kept_id"]] for row in exact)
    assert counts["bytes_in"] == counts["bytes_kept"] + sum(counts["removed_bytes"].values())
    assert [set(one) for one in content["input"]] == [{"path"}, {"path"}]


@pytest.mark.parametrize("trick", [rows_fit, sums_fit])
def test_the_public_files_hold_no_contradiction(trick: Callable[[Path], None], campaign: Path) -> None:
    trick(campaign / "planted")
    trick(campaign / "plain")


def test_every_public_file_and_column_is_one_that_was_thought_of(campaign: Path) -> None:
    """A file or a column that comes new must be looked at as a trainer would, and entered here."""
    planted = campaign / "planted"
    files = {path.relative_to(planted).as_posix() for path in planted.rglob("*") if path.is_file()}
    described = {"README.md", "_SUCCESS", "manifest.json", "metrics.json", "report.html"}
    assert files == {*described, *TABLES, "data/train-00000-of-00001.parquet"}
    assert pq.read_schema(planted / TABLES[0]).names == [
        *("address", "kept_address", "reason", "similarity", "id", "kept_id")
    ]
    assert pq.read_schema(planted / TABLES[1]).names == ["address", "reason", "detail", "raw"]
    content = manifest(planted)["content"]
    assert set(content) == {"config", "counts", "files", "input", "schema", "shards", "versions"}
    counts = {"bytes_in", "bytes_kept", "documents_in", "kept", "quarantined", "removed", "removed_bytes"}
    assert set(content["counts"]) == counts
    metrics = json.loads((planted / "metrics.json").read_bytes())
    assert set(metrics) == {
        *("clusters", "command", "comparisons", "compile_seconds", "config", "counts", "input", "left_out"),
        *("mb_per_second", "not_utf8", "output", "planned"),
        *("peak_rss_bytes", "resumed", "seconds", "similarity", "stages", "threads", "versions"),
    }


def test_restored_it_is_the_plain_output_with_its_sums(campaign: Path, tmp_path: Path) -> None:
    planted, plain, back = campaign / "planted", campaign / "plain", tmp_path / "back"
    flags = ["--input", planted, "--secrets", campaign / "secrets", "--output", back, "--threads", "1"]
    assert main(["restore", *map(str, flags)]) == 0
    assert manifest(back)["content"] == manifest(plain)["content"]
    assert (planted / TABLES[0]).read_bytes() != (plain / TABLES[0]).read_bytes()
    for name in (*TABLES, "data/train-00000-of-00001.parquet"):
        assert (back / name).read_bytes() == (plain / name).read_bytes(), name
