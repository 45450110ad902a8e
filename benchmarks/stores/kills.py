"""Kill a run on an object store again and again, at random moments, and see that the rerun leaves the same bytes.

    python -m benchmarks.stores.kills [--kills 20] [--seed 1] [--documents 300] [--store s3 gs]

A corpus is deduplicated into a bucket of moto's S3 server, and of fake-gcs-server. One run is left alone. Others get a
SIGKILL at a random moment after their first write; the same command then goes on, until it is killed again or finished.
After each kill, where `_SUCCESS` is, every file that the manifest lists must be there with its sha256. At the end every
output must have the bytes of the one that was left alone.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from benchmarks.stores.emulators import SERVERS, Emulator

COMMAND = [sys.executable, "-m", "pipelines.cli", "dedup", "--shard-bytes", "20KB", "--row-group-bytes", "8KB"]
PARTS = ("data", "duplicates", "quarantine")


@dataclass
class Found:
    """What came of the kills in one store; `seconds` from the first write to the end of the run left alone."""

    store: str
    kills: int = 0
    finished: int = 0
    shards: int = 0
    seconds: float = 0.0
    stages: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def write_corpus(path: Path, documents: int, seed: int) -> None:
    """Texts of random words; every eighth one nearly repeats an earlier one."""
    chance = random.Random(seed)
    texts: list[str] = []
    for at in range(documents):
        words = " ".join(f"word{chance.randrange(3000)}" for _ in range(80))
        texts.append(f"{chance.choice(texts)} again" if at % 8 == 7 else words)
    path.mkdir(parents=True)
    for part in range(4):
        pq.write_table(pa.table({"text": texts[part::4]}), path / f"{part}.parquet", row_group_size=20)


def kill_at_random(emulator: Emulator, corpus: Path, kills: int, seed: int) -> Found:
    """Kill runs so many times; says what was wrong afterwards, which should be nothing."""
    chance, found, bucket = random.Random(seed), Found(emulator.scheme), emulator.bucket()
    alone = _run(emulator, corpus, f"{bucket}/alone")
    _wait_for_a_write(emulator, alone, f"{bucket}/alone")
    began = time.perf_counter()
    if alone.wait() != 0:
        raise RuntimeError("the run that is left alone has failed")
    found.seconds = time.perf_counter() - began
    wanted = _outcome(emulator.files(f"{bucket}/alone"))
    found.shards = sum(name.startswith("data/") for name in wanted)
    outputs = [f"{bucket}/killed-0"]
    while found.kills < kills:
        process = _run(emulator, corpus, outputs[-1])
        _wait_for_a_write(emulator, process, outputs[-1])
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.0, 1.0) * found.seconds)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            found.kills += 1
        elif process.returncode == 0:
            found.finished += 1
        else:
            found.wrong.append(f"{outputs[-1]}: exit code {process.returncode}")
        files = emulator.files(outputs[-1])
        found.wrong += _incomplete(files, outputs[-1])
        stage = _stage(files)
        found.stages[stage] = found.stages.get(stage, 0) + 1
        if process.returncode == 0:
            outputs.append(f"{bucket}/killed-{len(outputs)}")
    if _run(emulator, corpus, outputs[-1]).wait() != 0:
        found.wrong.append(f"{outputs[-1]}: the rerun has failed")
    for output in outputs:
        files = emulator.files(output)
        if _outcome(files) != wanted or "_SUCCESS" not in files:
            found.wrong.append(f"{output}: has other bytes than the run that was left alone")
    return found


def _run(emulator: Emulator, corpus: Path, output: str) -> subprocess.Popen[bytes]:
    flags = ["--input", str(corpus), "--output", emulator.uri(output), "--threads", "1"]
    return subprocess.Popen([*COMMAND, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for_a_write(emulator: Emulator, process: subprocess.Popen[bytes], output: str) -> None:
    """Wait until a run has written its claim on the output, or has ended."""
    filesystem = emulator.filesystem()
    before = _claims(filesystem, output)
    while process.poll() is None and _claims(filesystem, output) <= before:
        time.sleep(0.05)


def _claims(filesystem: pafs.FileSystem, output: str) -> set[str]:
    selector = pafs.FileSelector(f"{output}/.work", allow_not_found=True)
    return {info.base_name for info in filesystem.get_file_info(selector) if info.base_name.startswith("lock")}


def _outcome(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name.partition("/")[0] in PARTS}


def _incomplete(files: dict[str, bytes], output: str) -> list[str]:
    """Files that are not what a finished output says of them."""
    if "_SUCCESS" not in files:
        return []
    content = json.loads(files["manifest.json"])["content"]
    return [
        f"{output}: _SUCCESS over {entry['path']}"
        for entry in (*content["shards"], *content["files"])
        if hashlib.sha256(files.get(entry["path"], b"")).hexdigest() != entry["sha256"]
    ]


def _stage(files: dict[str, bytes]) -> str:
    """How far a run had come."""
    if "_SUCCESS" in files:
        return "finished"
    committed = {name.rpartition("/")[2] for name in files if name.startswith(".work/")}
    for summary, stage in (("rewrite.json", "publish"), ("plan.json", "rewrite"), ("scan.json", "plan")):
        if summary in committed:
            return stage
    return "scan" if any("/scan/" in name for name in files) else "start"


def main() -> int:
    """Kill, and print one line of JSON for each store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--store", nargs="+", default=list(SERVERS), choices=list(SERVERS))
    given = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "in"
        write_corpus(corpus, given.documents, given.seed)
        for store in given.store:
            with SERVERS[store]() as emulator:
                found = kill_at_random(emulator, corpus, given.kills, given.seed)
            print(json.dumps(vars(found)), flush=True)
            wrong += len(found.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
