"""What planting costs beside a deduplication, whether it is undone exactly, and whether it is fair over many keys.

    python -m benchmarks.planting cost    --corpus DIR... [--scale 4] [--repeat 5] [--fuzzy 0 8]
    python -m benchmarks.planting restore --corpus DIR
    python -m benchmarks.planting keys    --corpus DIR [--keys 100]    or --probes FILE

`cost` runs `trapline dedup` and `trapline prepare` in turn on the same files and gives the ratio turn by turn.
`restore` plants 3,000 units in 20,000 copies and compares every restored file with those of `trapline dedup`.
`keys` seals the same candidates under many keys: chi-square of the draws, area under the curve of a bag of words.
Candidates are random words of the corpus, or for `keys` those of a file; of a family all texts that are planted count.
With `--fuzzy BLOCKS`, for `cost` and `restore`, every copy of a candidate differs from it by a word in each block; 0
means copies that are alike. `cost` takes several numbers, which then stand beside the same run of `dedup` in each turn.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import random
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.dedup.corpus import parquet_files
from benchmarks.measuring import measure

TRAPLINE = [sys.executable, "-m", "pipelines.cli"]
SHARES = ["--max-doc-share", ".25", "--max-corpus-share", ".05"]


def candidates(
    corpus: Sequence[Path], path: Path, units: int, m: int, doses: Sequence[int], seed: int = 5, fuzzy: int = 0
) -> None:
    """Probes of 25, 50 and 100 words of the corpus, with the doses in turn; with `fuzzy` blocks, one text per copy.

    They have the form of sentences, as those of `trapline traps` have it by default.
    """
    texts = pq.read_table(parquet_files(corpus)[0], columns=["text"])["text"].to_pylist()[:300]
    words = [word for text in texts if text for word in text.split() if word.isalpha()]
    chance = random.Random(seed)
    rows = [
        {
            "id": f"c{unit:05d}x{at}",
            "kind": "trap",
            "unit": f"u{unit:05d}",
            "candidate": at,
            "stratum": str((25, 50, 100)[unit % 3]),
            "dose": doses[unit % len(doses)],
            "text": sentence(chance.choices(words, k=(25, 50, 100)[unit % 3])),
        }
        for unit in range(units)
        for at in range(m + 1)
    ]
    for at, row in enumerate(rows if fuzzy else ()):
        row["variants"] = [
            varied(str(row["text"]), fuzzy, words, chance) for _ in range(doses[at // (m + 1) % len(doses)] - 1)
        ]
    pq.write_table(pa.Table.from_pylist(rows), path)


def sentence(words: Sequence[str]) -> str:
    """The words with a capital letter before them and a full stop behind."""
    text = " ".join(words)
    return f"{text[0].upper()}{text[1:]}."


def varied(text: str, blocks: int, words: Sequence[str], chance: random.Random) -> str:
    """The text with a random word in each of so many equal blocks."""
    own = text[:-1].split()
    for block in range(blocks):
        lo, hi = block * len(own) // blocks, (block + 1) * len(own) // blocks
        own[chance.randrange(lo, hi)] = chance.choice(words)
    return sentence(own)


def trapline(log: Path, *arguments: object) -> measure.Measured:
    """Run one command as a user does."""
    return measure.run([*TRAPLINE, *map(str, arguments)], log)


def sealed(folder: Path, probes: Path, name: str = "secrets") -> Path:
    """Secrets of which the draw is made."""
    secrets = folder / name
    trapline(folder / "log", "seal", "--probes", probes, "--secrets", secrets)
    trapline(folder / "log", "draw", "--secrets", secrets, "--self")
    return secrets


def digests(output: Path) -> dict[str, str]:
    """SHA-256 of every shard."""
    found = {}
    for path in sorted((output / "data").iterdir()):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def cost(given: argparse.Namespace, folder: Path) -> None:
    """Time of `prepare` over that of `dedup`, in turn."""
    inputs = folder / "in"
    inputs.mkdir()
    for copy in range(given.scale):
        for at, file in enumerate(parquet_files(given.corpus)):
            table = pq.read_table(file)
            if copy:  # other words, so that copies are no duplicates
                marked = pc.replace_substring_regex(table["text"], r"(\w+) ", rf"\1{copy} ")
                table = table.set_column(table.column_names.index("text"), "text", marked)
            pq.write_table(table, inputs / f"{copy:02d}-{at:05d}.parquet", compression="zstd")
    secrets = {}
    for fuzzy in given.fuzzy:
        probes = folder / f"probes{fuzzy}.parquet"
        candidates(given.corpus, probes, given.units, given.controls, given.doses, fuzzy=fuzzy)
        secrets[fuzzy] = sealed(folder, probes, f"secrets{fuzzy}")
    plain: list[measure.Measured] = []
    planting: dict[int, list[measure.Measured]] = {fuzzy: [] for fuzzy in given.fuzzy}
    for turn in range(given.repeat + 1):
        shutil.rmtree(folder / "dedup", ignore_errors=True)
        one = trapline(folder / "log", "dedup", "--input", inputs, "--output", folder / "dedup")
        others = {fuzzy: prepared(folder, inputs, own, f"{fuzzy}_{turn}") for fuzzy, own in secrets.items()}
        if turn:  # the first turn compiles kernels
            plain.append(one)
            for fuzzy, other in others.items():
                planting[fuzzy].append(other)
                print(f"turn {turn}, {likeness(fuzzy)}: {other.wall_s:.2f} s beside {one.wall_s:.2f} s", flush=True)
    texts = sum(pc.sum(pc.binary_length(pq.read_table(file)["text"])).as_py() for file in inputs.iterdir())
    print(f"{texts / 1e6:,.0f} MB of text, {given.units:,} units of {given.controls + 1}")
    print_runs("dedup", plain)
    for fuzzy, runs in planting.items():
        ledger = pq.read_table(folder / f"used{fuzzy}_{given.repeat}" / "ledger" / "ledger.parquet")
        planted = pc.sum(ledger["bytes"]).as_py()
        name = f"prepare, {likeness(fuzzy)}"
        print(f"{name}: {len(ledger):,} copies of {planted / 1e6:.2f} MB in all, {planted / texts:.1%} of the text")
        print_runs(name, runs)
        for part in ("wall_s", "cpu_s"):
            pairs = zip(runs, plain, strict=True)
            ratios = [getattr(other, part) / getattr(one, part) for other, one in pairs]
            print(f"  ratio of {part[:-2]:4} {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


def likeness(fuzzy: int) -> str:
    """How copies of a candidate resemble each other, in words."""
    return f"copies that differ in {fuzzy} blocks" if fuzzy else "copies that are alike"


def prepared(folder: Path, inputs: Path, secrets: Path, name: str) -> measure.Measured:
    """Plant with a fresh copy of the secrets, which stays as used`name`."""
    shutil.rmtree(folder / "prepare", ignore_errors=True)
    fresh = folder / f"used{name}"
    shutil.copytree(secrets, fresh)
    flags = ["--input", inputs, "--output", folder / "prepare", "--secrets", fresh, *SHARES]
    return trapline(folder / "log", "prepare", *flags)


def print_runs(name: str, runs: Sequence[measure.Measured]) -> None:
    """Median, least and most time, and the highest peak."""
    walls, cpus = ([getattr(run, part) for run in runs] for part in ("wall_s", "cpu_s"))
    peak = max(run.peak_rss for run in runs) / 1e9
    print(
        f"{name}: {statistics.median(walls):.2f} s ({min(walls):.2f} to {max(walls):.2f}), "
        f"CPU {statistics.median(cpus):.2f} s, peak {peak:.2f} GB"
    )


def restore(given: argparse.Namespace, folder: Path) -> None:
    """Plant 20,000 copies and take them out again."""
    candidates(given.corpus, folder / "probes.parquet", 3000, 9, (1, 2, 4, 20), fuzzy=given.fuzzy[0])
    secrets = sealed(folder, folder / "probes.parquet")
    flags = ["--input", *given.corpus, "--output"]
    trapline(folder / "log", "dedup", *flags, folder / "dedup")
    trapline(folder / "log", "prepare", *flags, folder / "prepare", "--secrets", secrets, *SHARES)
    took = trapline(
        folder / "log", "restore", "--input", folder / "prepare", "--secrets", secrets, "--output", folder / "restored"
    )
    copies = pq.read_metadata(secrets / "ledger" / "ledger.parquet").num_rows
    same = digests(folder / "restored") == digests(folder / "dedup")
    other = digests(folder / "prepare") != digests(folder / "dedup")
    print(f"3,000 units, {copies:,} copies; planted files differ: {other}; restored files are those of dedup: {same}")
    print(f"restore took {took.wall_s:.1f} s")
    if not (same and other):
        raise SystemExit("restoration is not exact")


def keys(given: argparse.Namespace, folder: Path) -> None:
    """Draws, bag of words and the ledger's promises, over many keys."""
    from scipy.stats import chisquare, kstest

    from pipelines.running.context import Context
    from pipelines.seal import SealConfig
    from pipelines.seal import run as seal
    from transforms.planting.ledger.check_secrets import open_secrets
    from transforms.verification.bag_of_words import bag_of_words

    if given.probes:
        shutil.copy(given.probes, folder / "probes.parquet")
    else:
        candidates(given.corpus, folder / "probes.parquet", 1000, 9, (1,))
    p_values, areas, arms = [], [], Counter[int]()
    for number in range(given.keys):
        secrets = folder / f"key{number}"
        with contextlib.redirect_stdout(io.StringIO()):
            seal(SealConfig(probes=(str(folder / "probes.parquet"),), secrets=str(secrets)), Context())
        trapline(folder / "log", "draw", "--secrets", secrets, "--self")
        held = open_secrets(secrets)
        own = Counter(held.arms)
        arms += own
        p_values.append(float(chisquare([own[arm] for arm in range(10)]).pvalue))
        drawn, others = (
            [" ".join(unit.candidates[(arm + by) % 10].copies) for unit, arm in zip(held.units, held.arms, strict=True)]
            for by in (0, 1)
        )
        names = [unit.id for unit in held.units]
        found = bag_of_words(pa.array(drawn + others), np.repeat([True, False], len(names)), names * 2)
        areas.append(found.auc)
        shutil.rmtree(secrets)
    whole = chisquare([arms[arm] for arm in range(10)])
    print(f"{given.keys} keys, {len(names):,} units of 10 candidates: arms {[arms[arm] for arm in range(10)]}")
    each = kstest(p_values, "uniform").pvalue
    print(
        f"chi-square of all draws: p {whole.pvalue:.3f}; p of each key against uniform (Kolmogorov-Smirnov): {each:.3f}"
    )
    print(
        f"bag of words, {len(names):,} pairs, folds by unit: mean area {statistics.mean(areas):.4f}, "
        f"standard deviation {statistics.stdev(areas):.4f}, {min(areas):.3f} to {max(areas):.3f}"
    )


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("cost", "restore", "keys"))
    parser.add_argument("--corpus", nargs="+", type=Path, default=[], help="folders of Parquet files")
    parser.add_argument("--probes", type=Path, help="keys: these candidates, ten a unit, in place of random words")
    parser.add_argument("--scale", type=int, default=1, help="cost: how many times the corpus, each with other words")
    parser.add_argument("--repeat", type=int, default=5, help="cost: pairs that count")
    parser.add_argument("--units", type=int, default=3000)
    parser.add_argument("--controls", type=int, default=9)
    parser.add_argument("--doses", type=int, nargs="+", default=[1, 2, 4, 20])
    parser.add_argument(
        "--fuzzy", type=int, nargs="+", default=[0], help="cost, restore: blocks in which copies differ; 0: alike"
    )
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--work", type=Path, help="where to work; a temporary folder by default")
    given = parser.parse_args()
    if not given.corpus and not (given.part == "keys" and given.probes):
        parser.error("--corpus: give folders of Parquet files")
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        {"cost": cost, "restore": restore, "keys": keys}[given.part](given, Path(folder))


if __name__ == "__main__":
    main()
