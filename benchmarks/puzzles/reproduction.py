"""Accuracy, LiMem and the test of arms on planted puzzles, before and after training on them; no GPU is needed.

    python -m benchmarks.puzzles.reproduction --corpus FILES... --work WORK --output docs/evidence

A model first learns the language and the form of an answer: from documents, and from puzzles of a data set (`lessons`).
Then training goes on, once on the planted corpus and once on its twin. All three models answer every sealed puzzle,
planted and held out, and its edits; all three are scored and judged by the sealed analysis. Steps that are done are
not done again.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.traps.reproduction import trapline
from transforms.probes.puzzles.replies.assignments import assignments
from transforms.probes.puzzles.replies.limem import Estimate, PuzzleScores, difference, memorisation

PEOPLE, CONTROLS = 4, 9
VERSIONS = ("original", "statement", "leaf", "control")
CHANGED = ("statement", "leaf")
"""Edits that change the solution: those of LiMem."""
MARKER = "\n\nCONCLUSION:\n"
MODELS = {"before": None, "after": "planted", "twin": "restored"}
ROLES = ("knave", "knight")
HELD_OUT = 2
"""Held-out siblings of each unit that are put to a model."""
_NAME = re.compile(r"^\(\d+\) (\S+) ", re.MULTILINE)


def make_corpus(given: argparse.Namespace, folder: Path) -> None:
    """Documents up to `--text` bytes, and the lessons that are of no sealed class, in one file: id and text."""
    lessons = pq.read_table(folder.parent / "lessons/data", columns=["id", "class", "quiz", "solution_text"])
    probes = pq.read_table(folder.parent / "probes/probes.parquet")
    sealed = [probes["class"], *(probes[f"{version}_class"] for version in VERSIONS[1:])]
    lessons = lessons.filter(pc.invert(pc.is_in(lessons["class"], pa.concat_arrays([*_chunks(sealed)]))))
    ids, texts, total = [], [], 0
    for file in given.corpus:
        for one in pq.read_table(file, columns=["id", "text"]).to_pylist():
            if total < given.text:
                total += len(one["text"].encode())
                ids.append(str(one["id"]))
                texts.append(one["text"])
    for one in lessons.to_pylist():
        ids.append(f"lesson-{one['id']}")
        texts.append(one["quiz"] + MARKER + one["solution_text"])
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table({"id": ids, "text": pa.array(texts, pa.large_string())}), folder / ".corpus.parquet")
    (folder / ".corpus.parquet").rename(folder / "corpus.parquet")
    print(f"{len(ids) - len(lessons):,} documents of {total / 1e6:.1f} MB, {len(lessons):,} lessons", flush=True)


def _chunks(columns: Sequence[pa.ChunkedArray]) -> Iterator[pa.Array]:
    for column in columns:
        yield from column.cast(pa.string()).chunks


def make_data(given: argparse.Namespace) -> None:
    """Lessons, corpus, sealed puzzles, draw, planted corpus and its twin, all by the product's own commands."""
    work: Path = given.work
    work.mkdir(parents=True, exist_ok=True)
    people, secrets = str(PEOPLE), f"{work}/secrets"
    steps = {
        "lessons/_SUCCESS": [
            *("puzzles", "--as", "dataset", "--output", f"{work}/lessons", "--people", people, "--test", "1"),
            *("--count", str(given.lessons), "--no-lang-variants", "--seed", "lessons"),
        ],
        "probes/probes.parquet": [
            *("puzzles", "--as", "probes", "--output", f"{work}/probes", "--people", people),
            *("--count", str(given.units), "--controls", str(CONTROLS), "--doses", *map(str, given.doses)),
            *("--seed", "evidence"),
        ],
        "corpus/corpus.parquet": [],
        "secrets/commitment.json": ["seal", "--probes", f"{work}/probes/probes.parquet", "--secrets", secrets],
        "secrets/draw.json": ["draw", "--secrets", secrets, "--self"],
        "planted/_SUCCESS": [
            *("prepare", "--input", f"{work}/corpus", "--output", f"{work}/planted", "--secrets", secrets),
            *("--max-corpus-share", "0.5"),
        ],
        "restored/_SUCCESS": [
            "restore",
            "--input",
            f"{work}/planted",
            "--secrets",
            secrets,
            "--output",
            f"{work}/restored",
        ],
    }
    for done, command in steps.items():
        if (work / done).exists():
            continue
        if command:
            trapline(work, *command)
        else:
            make_corpus(given, (work / done).parent)


def train_all(given: argparse.Namespace) -> None:
    """The model before; then, from it and one core each, the one after and its twin."""
    models: Path = given.work / "models"
    common = ["--layers", str(given.layers), "--length", "256", "--epochs", str(given.epochs), "--seed", "1"]
    _wait(_training(models / "before", given.work / "restored/data", [*common, "--threads", "2"]))
    start = ["--checkpoint", str(models / "before"), "--threads", "1"]
    running = [
        _training(models / name, given.work / corpus / "data", common + start)
        for name, corpus in MODELS.items()
        if corpus
    ]
    try:
        for one in running:
            _wait(one)
    finally:
        for one in running:
            if one:
                one.terminate()


def _training(output: Path, data: Path, options: Sequence[str]) -> subprocess.Popen[bytes] | None:
    if (output / "model.safetensors").exists():
        return None
    command = ["-m", "examples.train_tiny", "--data", str(data), "--output", str(output), *options]
    print(f"$ python {' '.join(command)}", flush=True)
    return subprocess.Popen([sys.executable, *command])


def _wait(process: subprocess.Popen[bytes] | None) -> None:
    if process and process.wait():
        raise SystemExit("a training failed")


def versions_of(probes: pa.Table) -> pa.Table:
    """Every puzzle and its edits as they are put to a model: probe, version, question and right answer, a row each."""
    parts = []
    for version in VERSIONS:
        prefix = "" if version == "original" else f"{version}_"
        there = probes.filter(probes[f"{prefix}question"].is_valid())
        columns = {"probe": there["id"], "version": pa.array([version] * len(there))}
        parts.append(
            pa.table(columns | {"question": there[f"{prefix}question"], "answer": there[f"{prefix}answer"]}),
        )
    return pa.concat_tables(parts)


def all_answers(answer: str) -> list[str]:
    """The answer with every assignment of roles, in the order of `assignments`."""
    names = _NAME.findall(answer)
    return [
        "\n".join(
            f"({at + 1}) {name} is a {ROLES[int(knight)]}"
            for at, (name, knight) in enumerate(zip(names, one, strict=True))
        )
        for one in assignments(len(names)).tolist()
    ]


def put_questions(work: Path, name: str, asked: pa.Table) -> pa.Table:
    """The answers of one model to all versions: probe, version, right, gave_original.

    A model's answer is the assignment that it finds most probable after the question: models of this size do not yet
    copy names, so that what they would write by themselves is not an answer.
    """
    every = [all_answers(one) for one in asked["answer"].to_pylist()]
    questions, output = work / "questions.parquet", work / f"answers-{name}"
    if not questions.exists():
        rows = [
            {"id": f"{row}-{number}", "text": question + MARKER + text}
            for row, question in enumerate(asked["question"].to_pylist())
            for number, text in enumerate(every[row])
        ]
        pq.write_table(pa.Table.from_pylist(rows), questions.with_suffix(".tmp"))
        questions.with_suffix(".tmp").rename(questions)
    if not (output / "_SUCCESS").exists():
        trapline(
            work,
            *("score", "--checkpoint", f"{work}/models/{name}", "--sequences", str(questions), "--metrics", "loss"),
            *("--output", str(output), "--device", "cpu"),
        )
    scored = pq.read_table(output / "token_scores", columns=["id", "log_probs"])
    # Equal tokens before the answer, so the sums over whole texts compare.
    totals = np.add.reduceat(*_lists(scored["log_probs"].combine_chunks()))
    place = dict(zip(scored["id"].to_pylist(), totals, strict=True))
    first: dict[str, int] = {}
    right, original = [], []
    for row, (probe, answer) in enumerate(zip(asked["probe"].to_pylist(), asked["answer"].to_pylist(), strict=True)):
        solution = every[row].index(answer)
        first.setdefault(probe, solution)  # the originals come first
        said = int(np.argmax([place[f"{row}-{number}"] for number in range(len(every[row]))]))
        right.append(said == solution)
        original.append(said == first[probe])
    return asked.select(["probe", "version"]).append_column("right", [right]).append_column("gave_original", [original])


def _lists(column: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """All values of a list column, and where each list begins."""
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return values, np.asarray(column.offsets)[:-1].astype(np.int64) - column.offsets[0].as_py()


def puzzle_scores(answered: pa.Table, probes: pa.Table, rows: npt.NDArray[np.bool_]) -> PuzzleScores:
    """The answers to some of the puzzles as `limem` takes them, over the edits that change the solution."""
    place = {one: row for row, one in enumerate(probes["id"].to_pylist())}
    by = np.full((len(VERSIONS), 2, len(probes)), np.nan)
    for one in answered.to_pylist():
        at = VERSIONS.index(one["version"])
        by[at, :, place[one["probe"]]] = one["right"], one["gave_original"]
    changed = [VERSIONS.index(version) for version in CHANGED]
    unit = np.unique(probes["unit"].to_numpy(), return_inverse=True)[1]
    return PuzzleScores(
        unit[rows], by[0, 0, rows].astype(np.bool_), by[changed, 0][:, rows].T.copy(), by[changed, 1][:, rows].T.copy()
    )


def judge(work: Path, name: str) -> dict[str, Any]:
    """The sealed analysis of one model."""
    secrets, scores, output = f"{work}/secrets", work / f"scores-{name}", work / f"verdict-{name}"
    if not (scores / "_SUCCESS").exists():
        trapline(
            work,
            *("score", "--checkpoint", f"{work}/models/{name}", "--output", str(scores), "--device", "cpu"),
            *("--sequences", f"{secrets}/probes/probes.parquet", "--slots", f"{secrets}/slots.parquet"),
        )
    if not (output / "verdict.json").exists():
        trapline(work, "verify", "--scores", str(scores), "--secrets", secrets, "--output", str(output))
    verdict: dict[str, Any] = json.loads((output / "verdict.json").read_text(encoding="utf-8"))
    return verdict


def chosen_rows(probes: pa.Table, draw: pa.Table) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
    """The planted candidate and the first `HELD_OUT` others of each unit, and which of them are planted, bool[rows]."""
    arm = dict(zip(draw["unit"].to_pylist(), draw["arm"].to_pylist(), strict=True))
    units, candidates = probes["unit"].to_pylist(), probes["candidate"].to_pylist()
    planted = np.array([arm[unit] == one for unit, one in zip(units, candidates, strict=True)])
    # Candidates before the drawn one keep their number among the held-outs; those behind it move up.
    place = np.array([one - (one > arm[unit]) for unit, one in zip(units, candidates, strict=True)])
    kept = planted | (place < HELD_OUT)
    return probes.filter(pa.array(kept)), planted[kept]


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Everything that is reported, of all models."""
    work: Path = given.work
    sealed = pq.read_table(work / "secrets/probes/probes.parquet")
    probes, planted = chosen_rows(sealed, pq.read_table(work / "secrets/draw.parquet"))
    dose, asked = probes["dose"].to_numpy(), versions_of(probes)
    models = {}
    for name in MODELS:
        answered = put_questions(work, name, asked)
        verdict = judge(work, name)
        groups = {str(one): dose == one for one in sorted(given.doses)} | {"all": np.ones(len(dose), np.bool_)}
        found: dict[str, Any] = {}
        for group, rows in groups.items():
            arms = {arm: rows & (planted == is_planted) for arm, is_planted in (("planted", True), ("held out", False))}
            scores = {arm: puzzle_scores(answered, probes, mine) for arm, mine in arms.items()}
            found[group] = {
                "arms": {
                    arm: {
                        "puzzles": int(mine.sum()),
                        "right": _right(answered, probes.filter(pa.array(mine))["id"]),
                        **_numbers(memorisation(scores[arm])),
                    }
                    for arm, mine in arms.items()
                },
                "difference": _numbers(difference(scores["planted"], scores["held out"])),
            }
        tests = {str(one["dose"]): one["p_value"] for one in verdict["doses"] if one["tested"]}
        models[name] = {"reject": verdict["reject"], "p_value": verdict["p_value"], "tests": tests, "doses": found}
    settings = {key: getattr(given, key) for key in ("text", "lessons", "units", "doses", "epochs", "layers")}
    return {"settings": settings, "people": PEOPLE, "candidates": CONTROLS + 1, "models": models}


def _right(answered: pa.Table, ids: pa.ChunkedArray) -> dict[str, float]:
    """The share of right answers to each version."""
    mine = answered.filter(pc.is_in(answered["probe"], ids.combine_chunks()))
    return {
        version: float(np.mean(mine.filter(pc.equal(mine["version"], version))["right"].to_numpy()))
        for version in VERSIONS
    }


def _numbers(estimates: dict[str, Estimate]) -> dict[str, dict[str, float]]:
    return {name: asdict(one) for name, one in estimates.items()}


def page_of(results: dict[str, Any]) -> str:
    """The tables as Markdown."""

    def shown(one: dict[str, float]) -> str:
        return f"{one['value']:.2f} ({one['low']:.2f} to {one['high']:.2f})"

    lines = [
        *("# Puzzles before and after training on them", ""),
        "Written by `python -m benchmarks.puzzles.reproduction`; for what it means see [README.md](README.md).",
        *("", "## Test of arms", "", "| model | " + " | ".join(f"p at {one} copies" for one in _doses(results)) + " |"),
        "|---|" + "---|" * len(_doses(results)),
    ]
    for name, model in results["models"].items():
        cells = [f"{model['tests'][one]:.2g}" if one in model["tests"] else "not tested" for one in _doses(results)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        *("", "## Accuracy and LiMem", ""),
        "| model | copies | puzzles | original | statement edit | leaf edit | control | original's answer | LiMem |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, model in results["models"].items():
        for group, found in model["doses"].items():
            for arm, one in found["arms"].items():
                right = [f"{one['right'][version]:.2f}" for version in VERSIONS]
                cells = [name, f"{group}, {arm}", str(one["puzzles"]), *right]
                lines.append(
                    "| " + " | ".join([*cells, f"{one['gave_original']['value']:.2f}", shown(one["limem"])]) + " |"
                )
    lines += [
        "",
        "## Planted less held out, 95 % bootstrap over units",
        "",
        "| model | copies | accuracy | LiMem |",
        "|---|---|---|---|",
    ]
    for name, model in results["models"].items():
        for group, found in model["doses"].items():
            more = found["difference"]
            lines.append(f"| {name} | {group} | {shown(more['accuracy'])} | {shown(more['limem'])} |")
    return "\n".join(lines) + "\n"


def _doses(results: dict[str, Any]) -> list[str]:
    return [str(one) for one in sorted(results["settings"]["doses"], reverse=True)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do all of it; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", required=True, help="Parquet files with id and text")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--text", type=int, default=1_500_000, help="bytes of documents")
    parser.add_argument("--lessons", type=int, default=3_000)
    parser.add_argument("--units", type=int, default=30, help="of each dose")
    parser.add_argument("--doses", type=int, nargs="+", default=[32, 8, 2])
    parser.add_argument("--epochs", type=float, default=2.0, help="of each training")
    parser.add_argument("--layers", type=int, default=2)
    given = parser.parse_args(arguments)
    make_data(given)
    train_all(given)
    results = measure(given)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "puzzles.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (given.output / "puzzles.md").write_text(page_of(results), encoding="utf-8")
    print(page_of(results))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
