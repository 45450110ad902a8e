"""Plant copies with default settings and run the filters that trainers use: what is left, and what it costs.

    python -m benchmarks.survival --work WORK [--corpus NAME=FOLDER ...] [--judges PYTHON] [--form line]

Without `--corpus` the corpus is the text of this environment's distributions. Each corpus is planted with candidates of
25, 50 and 100 words and marks in four buckets of perplexity, ten copies a unit, and judged by datatrove 0.10.1 in an
environment of its own. `NAME=FOLDER:mail` makes mail of the documents: wrapped at 72 columns, below a header.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.dedup import environments
from benchmarks.dedup.corpus import parquet_files
from benchmarks.dedup.installed import installed_corpus
from benchmarks.measuring import measure
from benchmarks.survival.perplexity import QUANTILES, compared

TRAPLINE = [sys.executable, "-m", "pipelines.cli"]
SHARES = ("--max-corpus-share", ".05")


def as_mail(text: str, number: int) -> str:
    """A document as the text of a mail: header, paragraphs of 72 columns, a signature."""
    paragraphs = [textwrap.fill(" ".join(one.split()), 72) for one in text.split("\n\n") if one.strip()]
    head = f"From: writer{number % 97}@list.example\nSubject: Re: number {number}\n\nHello all,"
    return "\n\n".join([head, *paragraphs, "-- \nW."])


def documents(folder: Path, most: int, *, mail: bool) -> list[str]:
    """At most so many documents of 1,000 to 100,000 characters, spread over the files."""
    found = []
    files = parquet_files([folder])
    for file in files:
        texts = [text for text in pq.read_table(file, columns=["text"])["text"].to_pylist() if text]
        fit = [text for text in texts if 1000 <= len(text) <= 100_000]
        step = max(1, len(fit) * len(files) // most)
        found += fit[::step][: -(-most // len(files))]
    return [as_mail(text, number) for number, text in enumerate(found)] if mail else found


def shards(output: Path) -> list[Path]:
    """The files of an output with text."""
    return sorted((output / "data").iterdir())


def planted(texts: list[str], folder: Path, form: str, units: int) -> Path:
    """Plant into the documents as a user does; returns a file of pairs for the judges."""
    folder.mkdir(parents=True)
    (folder / "in").mkdir()
    pq.write_table(pa.table({"text": texts}), folder / "in/part.parquet")

    def run(*arguments: object) -> None:
        measure.run([*TRAPLINE, *map(str, arguments)], folder / "log")

    run(
        *("traps", "--corpus", folder / "in", "--output", folder / "probes", "--doses", 10, "--units", units),
        *("--seed", "survival", "--allow-short", "--form", form),
    )
    run("seal", "--probes", folder / "probes", "--secrets", folder / "secrets")
    run("draw", "--secrets", folder / "secrets", "--self")
    run(
        *("prepare", "--input", folder / "in", "--output", folder / "planted", "--secrets", folder / "secrets"),
        *SHARES,
    )
    run(
        *("restore", "--input", folder / "planted", "--secrets", folder / "secrets"),
        *("--output", folder / "restored"),
    )
    sides = {
        name: [text for file in shards(folder / name) for text in pq.read_table(file)["text"].to_pylist()]
        for name in ("planted", "restored")
    }
    sizes = [pq.read_metadata(file).num_rows for file in shards(folder / "planted")]
    copies: dict[int, list[str]] = defaultdict(list)
    for row in pq.read_table(folder / "secrets/ledger/ledger.parquet").to_pylist():
        number = sum(sizes[: row["shard"]]) + row["row"]
        data = sides["planted"][number].encode()
        copies[number].append(data[row["byte_offset"] : row["byte_offset"] + row["bytes"]].decode())
    pairs = [
        {"before": sides["restored"][number], "after": sides["planted"][number], "copies": own}
        for number, own in sorted(copies.items())
    ]
    pq.write_table(pa.Table.from_pylist(pairs), folder / "pairs.parquet")
    return folder / "pairs.parquet"


def boundaries(folder: Path) -> dict[str, int]:
    """Copies by what they stand between."""
    found = pq.read_table(folder / "secrets/ledger/ledger.parquet")["boundary"].value_counts().to_pylist()
    return {one["values"]: one["counts"] for one in found}


def candidates(folder: Path) -> dict[int, list[str]]:
    """All candidates by length."""
    out: dict[int, list[str]] = defaultdict(list)
    for row in pq.read_table(folder / "probes/probes.parquet", columns=["text", "length_tokens"]).to_pylist():
        out[row["length_tokens"]].append(row["text"])
    return out


def show(name: str, facts: dict[str, dict[str, int]]) -> None:
    """The table of one corpus."""
    print(f"\n{name}\n| judge | copies | alive | in documents kept before | of these alive | documents lost |")
    print("|---|---|---|---|---|---|")
    for judge, one in facts.items():
        if "documents_kept" not in one:
            dose = f"median dose {one['median_dose']:g} | {one['median_left']:g} left"
            print(f"| {judge} | {one['copies']} | {one['alive'] / one['copies']:.3f} | {dose} | |")
            continue
        share = one.get("alive_in_kept", 0) / max(1, one.get("copies_in_kept", 0))
        lost = one["documents_lost"] / max(1, one["documents_kept"])
        print(
            f"| {judge} | {one['copies']} | {one['alive'] / one['copies']:.3f} | {one.get('copies_in_kept', 0)} | "
            f"{share:.3f} | {one['documents_lost']} of {one['documents_kept']} ({lost:.4f}) |"
        )


def main() -> None:
    """Judge every corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a folder to work in; runs in it are replaced")
    parser.add_argument("--corpus", nargs="*", default=[], help="NAME=FOLDER of Parquet files, NAME=FOLDER:mail")
    parser.add_argument("--documents", type=int, default=1500)
    parser.add_argument("--units", type=int, default=8, help="in each of the twelve cells")
    parser.add_argument("--form", default="sentence")
    parser.add_argument("--judges", type=Path, help="a Python with datatrove, spaCy and pyarrow; made if not given")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    python = given.judges or environments.prepare(environments.DATATROVE, given.work / "venvs")
    named = dict(one.split("=", 1) for one in given.corpus)
    named = named or {"installed text": str(installed_corpus(given.work / "installed"))}
    results = {}
    for name, place in named.items():
        mail = place.endswith(":mail")
        texts = documents(Path(place.removesuffix(":mail")), given.documents, mail=mail)
        folder = given.work / f"{name.replace(' ', '_')}_{given.form}"
        subprocess.run(["rm", "-rf", str(folder)], check=True)
        pairs = planted(texts, folder, given.form, given.units)
        judged = subprocess.run(
            [python, Path(__file__).with_name("judges.py"), pairs], capture_output=True, text=True, check=True
        )
        facts = json.loads(judged.stdout.splitlines()[-1])
        show(name, facts)
        report = json.loads((folder / "probes/report.json").read_text())
        results[name] = {
            "documents": len(texts),
            "bytes": sum(len(text.encode()) for text in texts),
            "made": report["candidates"],
            "boundaries": boundaries(folder),
            "judges": facts,
            "perplexity": compared(texts, candidates(folder)),
        }
        print(json.dumps({key: results[name][key] for key in ("documents", "bytes", "made", "boundaries")}))
        print(f"perplexity at {QUANTILES}:")
        for length, one in results[name]["perplexity"].items():
            print(f"  {length}: corpus {one['corpus']}, candidates {one['candidates']}, above {one['above_99th']}")
        (given.work / f"survival_{given.form}.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
