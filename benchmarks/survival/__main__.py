"""Plant copies with default settings and let `trapline certify` judge them: what is left, and what it costs.

    python -m benchmarks.survival --work WORK [--corpus NAME=FOLDER ...] [--environments FOLDER] [--fuzzy R] [--attack]

Without `--corpus` the corpus is the text of this environment's distributions. Candidates have 25, 50 and 100 words and
marks in four buckets of perplexity, and ten copies a unit, unless `--lengths` and `--doses` say otherwise.
`NAME=FOLDER:mail` makes mail of the documents: wrapped at 72 columns, below a header. The environments of the judges
are made as `trapline certify --list` says; judges that are not installed are skipped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

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


def planted(texts: list[str], folder: Path, given: argparse.Namespace) -> None:
    """Plant into the documents as a user does, and judge the output."""
    folder.mkdir(parents=True)
    (folder / "in").mkdir()
    pq.write_table(pa.table({"text": texts}), folder / "in/part.parquet")

    def run(*arguments: object) -> None:
        measure.run([*TRAPLINE, *map(str, arguments)], folder / "log")

    secrets, output = ("--secrets", folder / "secrets"), folder / "planted"
    lengths = ("--lengths", *given.lengths) if given.lengths else ()
    fuzzy = ("--fuzzy", given.fuzzy) if given.fuzzy else ()
    run(
        *("traps", "--corpus", folder / "in", "--output", folder / "probes", "--doses", *given.doses),
        *("--units", given.units, "--seed", "survival", "--allow-short", "--form", given.form, *lengths, *fuzzy),
    )
    run("seal", "--probes", folder / "probes", *secrets)
    run("draw", *secrets, "--self")
    run("prepare", "--input", folder / "in", "--output", output, *secrets, *SHARES)
    judges = ("--environments", given.environments) if given.environments else ()
    run("certify", *secrets, "--input", output, "--sample", "100MB", "--missing", "skip", *judges)
    if given.attack:
        run("certify", *secrets, "--input", output, "--sample", "100MB", "--attack")


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


def show(name: str, judges: list[dict[str, Any]]) -> None:
    """The table of one corpus."""
    print(f"\n{name}\n| judge | copies | alive | in documents kept before | of these alive | dose left | lost |")
    print("|---|---|---|---|---|---|---|")
    for one in judges:
        kept, own, dose = one["in_kept_documents"], one["documents"], one["effective_dose"]
        share = "" if kept["share"] is None else f"{kept['share']:.3f}"
        print(
            f"| {one['judge']} | {one['copies']} | {one['alive'] / one['copies']:.3f} | {kept['of']} | {share} | "
            f"{dose['median']:g} of {dose['planted_median']:g} | {own['lost']} of {own['kept_before']} |"
        )


def main() -> None:
    """Judge every corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a folder to work in; runs in it are replaced")
    parser.add_argument("--corpus", nargs="*", default=[], help="NAME=FOLDER of Parquet files, NAME=FOLDER:mail")
    parser.add_argument("--documents", type=int, default=1500)
    parser.add_argument("--units", type=int, default=8, help="of each dose, length and bucket")
    parser.add_argument("--doses", type=int, nargs="+", default=[10])
    parser.add_argument("--lengths", type=int, nargs="*", default=[])
    parser.add_argument("--fuzzy", type=int, default=0, help="blocks in which copies differ")
    parser.add_argument("--form", default="sentence")
    parser.add_argument("--environments", type=Path, help="folder of the judges' environments")
    parser.add_argument("--attack", action="store_true", help="run the attacks, too")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    named = dict(one.split("=", 1) for one in given.corpus)
    named = named or {"installed text": str(installed_corpus(given.work / "installed"))}
    results = {}
    for name, place in named.items():
        mail = place.endswith(":mail")
        texts = documents(Path(place.removesuffix(":mail")), given.documents, mail=mail)
        folder = given.work / f"{name.replace(' ', '_')}_{given.form}_{given.fuzzy}"
        subprocess.run(["rm", "-rf", str(folder)], check=True)
        planted(texts, folder, given)
        judges = json.loads((folder / "secrets/certificates/judged.json").read_text())["judges"]
        show(name, judges)
        report = json.loads((folder / "probes/report.json").read_text())
        results[name] = {
            "documents": len(texts),
            "bytes": sum(len(text.encode()) for text in texts),
            "made": report["candidates"],
            "boundaries": boundaries(folder),
            "judges": judges,
            "perplexity": compared(texts, candidates(folder)),
        }
        print(json.dumps({key: results[name][key] for key in ("documents", "bytes", "made", "boundaries")}))
        print(f"perplexity at {QUANTILES}:")
        for length, one in results[name]["perplexity"].items():
            print(f"  {length}: corpus {one['corpus']}, candidates {one['candidates']}, above {one['above_99th']}")
        (given.work / f"survival_{given.form}_{given.fuzzy}.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
