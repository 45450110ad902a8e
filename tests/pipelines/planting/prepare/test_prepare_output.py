"""What `trapline prepare` puts out looks like an output of `trapline dedup`, however the work is spread."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.pipelines.forked import Forked
from tests.pipelines.planting.planted import (
    LEFT,
    Planted,
    arguments,
    digests,
    documents,
)

PROCESSES = ("--threads", "1", "--direct_running_mode=multi_processing", "--direct_num_workers=2")


@pytest.mark.parametrize(
    "flags", [("--threads", "1"), ("--threads", "5"), PROCESSES], ids=["one thread", "five threads", "two processes"]
)
def test_the_same_bytes_however_the_work_is_spread(
    flags: tuple[str, ...], corpus: Path, planted: Path, tmp_path: Path, forked: Forked
) -> None:
    secrets = tmp_path / "secrets"
    shutil.copytree(planted / "secrets", secrets)
    for name in LEFT:
        (secrets / name).unlink()
    command = arguments(corpus, tmp_path / "out", secrets, *flags)
    if flags == PROCESSES:
        subprocess.run([sys.executable, "-m", "pipelines.cli", *command], check=True, capture_output=True, timeout=200)
    else:
        assert forked.run(*command).code == 0
    assert digests(tmp_path / "out") == digests(planted / "out")
    for name in LEFT:
        assert (secrets / name).read_bytes() == (planted / "secrets" / name).read_bytes()


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
