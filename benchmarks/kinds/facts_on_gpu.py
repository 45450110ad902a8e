"""The reproduction on facts at the protocol's size, for a machine with a GPU that has PyTorch and no Trapline.

    python -m benchmarks.kinds.facts_on_gpu make --seed 0 --work WORK --output experiment.npz.xz
    python -m benchmarks.kinds.facts_training --experiment experiment.npz.xz --seed 0 --output scores.npz
    python -m benchmarks.kinds.facts_on_gpu judge --seed 0 --work WORK --scores scores.npz --output result.json
    python -m benchmarks.kinds.facts_on_gpu gather --results RESULTS... --output docs/evidence/facts.json

`make` runs facts, seal, draw, prepare and order, and packs what is trained on and asked as token ids. `judge` gives the
scores back to the product as scores made outside: outside, verify and dynamics. Sealed is the semantic question at the
last checkpoint, as the protocol says. `gather` keeps what the page of evidence shows.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import lzma
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.kinds import facts_gate
from benchmarks.kinds.facts import SEALED, Campaign, Given, Settings, make, run
from benchmarks.kinds.facts_training import ARMS, ASKS
from examples.training.saves import event_steps

METRIC = "outside.log_probability"
SETTINGS = Settings(
    units=200, controls=14, people=2_000, mentions=40, gap=50, after=1_000, batch=448, updates=2, gate_facts=500
)
TINY = Settings(
    units=6, controls=1, people=12, mentions=20, copies=2, gap=4, after=70, batch=24, updates=2, gate_facts=20
)
"""A rehearsal, which learns nothing."""
PASSES = 9
"""Times that the ordered stream goes through the background."""
_PAGES, _PROSE_WORDS = Path(__file__).parents[2] / "docs", 40


def write_prose(path: Path) -> None:
    """Pieces of this repository's documentation, each of a few sentences, without what is mostly code or tables."""
    found: dict[str, None] = {}
    for page in sorted(_PAGES.glob("**/*.md")):
        words = page.read_text(encoding="utf-8").split()
        for at in range(0, len(words), _PROSE_WORDS):
            text = " ".join(words[at : at + _PROSE_WORDS])
            if sum(one.isalpha() or one in " ,." for one in text) > 0.9 * len(text):
                found[text] = None
    table = {"id": [f"prose {number}" for number in range(len(found))], "text": list(found)}
    pq.write_table(pa.table(table, schema=pa.schema([("id", pa.string()), ("text", pa.large_string())])), path)


def made_before(work: Path, settings: Settings) -> Campaign:
    """The campaign in a folder in which `make` ran."""
    name = json.loads((work / "ordered/manifest.json").read_text())["run"]
    rows = sum(pq.read_metadata(one).num_rows for one in (work / "ordered/data").iterdir())
    events = work / "secrets/orders" / name / "events.parquet"
    return Campaign(work, events, event_steps(events)[0], rows // settings.batch)


def pack(made: Campaign, settings: Settings) -> dict[str, npt.NDArray[Any]]:
    """All that `facts_training` needs.

    Returns:
        tokens uint16[all], lengths uint16[documents] of the different documents; order int32[rows], the document at
        each place of the stream; planted int32[], places with planted rows; batch, events, units and vocabulary; and
        for each kind of question NAME|tokens, NAME|lengths and NAME|answers uint16[cues, answers].
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(made.tokenizer))
    numbers: dict[str, int] = {}
    order: list[int] = []
    for shard in sorted((made.folder / "ordered/data").glob("*.parquet")):
        with pq.ParquetFile(shard) as file:
            for batch in file.iter_batches(columns=["text"]):
                order += [numbers.setdefault(text, len(numbers)) for text in batch.column(0).to_pylist()]
    documents = [one.ids for one in tokenizer.encode_batch_fast(list(numbers))]
    places = np.unique(pq.read_table(made.events)["position"].to_numpy())
    planted = {order[at] for at in places.tolist()}
    told = facts_gate.Told(text for text, number in numbers.items() if number not in planted)
    arrays: dict[str, npt.NDArray[Any]] = {
        "tokens": np.concatenate([np.array(one, np.uint16) for one in documents]),
        "lengths": np.array([len(one) for one in documents], np.uint16),
        "order": np.array(order, np.int32),
        "planted": places.astype(np.int32),
        "batch": np.array(settings.batch),
        "events": np.array(event_steps(made.events), np.int32),
        "units": np.array(3 * settings.units),
        "vocabulary": np.array(tokenizer.get_vocab_size()),
    }
    asked: dict[str, list[tuple[str, Sequence[str]]]] = {
        ask: [(row["before"], row["answers"]) for row in rows]
        for ask, rows in questions_of(made.secrets / "questions.parquet").items()
    }
    aside = questions_of(made.folder / "controls/questions.parquet")
    asked |= {f"controls {ask}": [(row["before"], row["answers"]) for row in aside[ask]] for ask in ASKS}
    # Each fact by all statements: in at most one of them was it read last.
    facts = [(one, statement) for one in sorted(told.values)[:: max(1, len(told.values) // settings.gate_facts)]
             for statement in facts_gate.statements()[one[1]]]  # fmt: skip
    gates = {"facts": [told.question(*one) for one in facts], "classes": told.of_classes(8 * settings.gate_facts)}
    asked |= {name: [(one.before, one.answers) for one in own] for name, own in gates.items()}
    for name, cues in asked.items():
        arrays |= _packed(tokenizer, name, cues)
    return arrays


def questions_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    """By kind of question the rows, those of a unit together."""
    found: dict[str, list[dict[str, Any]]] = {ask: [] for ask in ASKS}
    for row in pq.read_table(path).to_pylist():
        found[row["ask"]].append(row)
    return {ask: sorted(rows, key=lambda row: (row["unit"], row["slot"])) for ask, rows in found.items()}


def _packed(tokenizer: Any, name: str, cues: Sequence[tuple[str, Sequence[str]]]) -> dict[str, npt.NDArray[Any]]:
    ids = [one.ids for one in tokenizer.encode_batch_fast([before for before, _ in cues])]
    # A pool in a small background may lack values: its last answer stands there again, which changes no maximum.
    most = max(len(own) for _, own in cues)
    answers = [[tokenizer.token_to_id(one) for one in (*own, *[own[-1]] * (most - len(own)))] for _, own in cues]
    if any(one is None for own in answers for one in own):
        raise ValueError(f"{name}: an answer is more than one token of this tokenizer")
    return {
        f"{name}|tokens": np.concatenate([np.array(one, np.uint16) for one in ids]),
        f"{name}|lengths": np.array([len(one) for one in ids], np.uint16),
        f"{name}|answers": np.array(answers, np.uint16),
    }


def judge(made: Campaign, scores: Path, window: int) -> dict[str, Any]:
    """The verdict on the last checkpoint and the course of the training, of model and twin."""
    with np.load(scores) as arrays:
        found: dict[str, Any] = {"training": json.loads(str(arrays["facts"]))}
        there = [arm for arm in ARMS if f"{arm}|steps" in arrays.files]
        by_arm = {arm: (arrays[f"{arm}|steps"], arrays[f"{arm}|scores"]) for arm in there}
    probes = made.secrets / "probes/probes.parquet"
    ids = {(row["unit"], row["candidate"]): row["id"] for row in pq.read_table(probes).to_pylist()}
    units = sorted({unit for unit, _ in ids})
    for arm, (steps, values) in by_arm.items():
        folder = made.folder / f"judged-{arm}"
        folder.mkdir()
        for at, ask in enumerate(ASKS):
            table = {"id": [], "checkpoint": [], "score": []}  # type: dict[str, list[Any]]
            for number, step in enumerate(steps.tolist()):
                table["id"] += [ids[unit, candidate] for unit in units for candidate in range(values.shape[3])]
                table["checkpoint"] += [f"step-{step:06d}"] * values[number, at].size
                table["score"] += values[number, at].astype(np.float64).ravel().tolist()
            everything = pa.table(table)
            last = everything.filter(pa.compute.equal(everything["checkpoint"], f"step-{steps[-1]:06d}"))
            for name, one in (("all", everything), ("last", last)):
                pq.write_table(one, folder / f"{ask}-{name}.parquet")
                run(
                    *("outside", "--table", folder / f"{ask}-{name}.parquet", "--sequences", probes),
                    *("--questions", made.secrets / "questions.parquet", "--ask", ask, "--metric", METRIC),
                    *("--remembered", "high", "--made-by", "benchmarks.kinds.facts_training"),
                    *("--output", folder / f"scores-{ask}-{name}"),
                )
        events = ("--events", made.events, "--window", window) if arm == "planted" else ()
        courses = [folder / f"scores-{ask}-all" for ask in ASKS]
        sealed = folder / f"scores-{SEALED}-last"
        run("verify", "--scores", sealed, "--secrets", made.secrets, "--output", folder / "verdict")
        run("dynamics", "--scores", *courses, "--secrets", made.secrets, "--output", folder / "dynamics", *events)
        found[arm] = {
            "last_step": int(steps[-1]),
            "is_the_sealed_checkpoint": int(steps[-1]) == made.steps,
            "verdict": json.loads((folder / "verdict/verdict.json").read_text()),
            "dynamics": json.loads((folder / "dynamics/dynamics.json").read_text()),
        }
    return found


def gather(result: dict[str, Any]) -> dict[str, Any]:
    """Of what `judge` found: the training, each verdict's p-values and the curves, to four digits."""
    found: dict[str, Any] = {"training": result["training"]}
    for arm in (one for one in ARMS if one in result):
        own, course = result[arm], result[arm]["dynamics"]
        curves: dict[str, Any] = {}
        for asked in course["asked"]:
            for group in asked["groups"]:
                wanted = ("curves", "retainability", "laws", "effectivity") if arm == "planted" else ("curves",)
                kept = {name: group[name] for name in wanted}
                # Over all checkpoints the means, and intervals where a twin was asked, too.
                kept["curves"] = {name: dict(group["curves"][name]) for name in ("auc", "difference", "planted")}
                places = [at for at, one in enumerate(course["checkpoints"]) if one["step"] in _asked_twice(result)]
                for curve in kept["curves"].values():
                    curve |= {end: [curve[end][at] for at in places] for end in ("low", "high")}
                curves.setdefault(asked["ask"], {})[group["group"]] = kept
        found[arm] = {
            "is_the_sealed_checkpoint": own["is_the_sealed_checkpoint"],
            "doses": own["verdict"]["doses"],
            "steps": [one["step"] for one in course["checkpoints"]],
            "steps_of_intervals": _asked_twice(result),
            "curves": curves,
        }
    return _rounded(found)  # type: ignore[no-any-return]


def _asked_twice(result: dict[str, Any]) -> list[int]:
    """Steps at which model and twin were asked."""
    by_arm = [{one["step"] for one in result[arm]["dynamics"]["checkpoints"]} for arm in ARMS if arm in result]
    return sorted(set.intersection(*by_arm))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main(arguments: Sequence[str] | None = None) -> int:
    """Make, judge or gather; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "judge", "gather"))
    parser.add_argument("--work", type=Path, help="folder of the campaign, secret; new for make")
    parser.add_argument("--output", type=Path, required=True, help="the experiment, or the result")
    parser.add_argument("--scores", type=Path, help="what facts_training wrote")
    parser.add_argument("--results", type=Path, nargs="+", help="what judge wrote, a file a seed")
    parser.add_argument("--seed", type=int, default=0, help="of everything")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal of seconds")
    given = parser.parse_args(arguments)
    settings = TINY if given.tiny else SETTINGS
    if given.what == "gather":
        if not given.results:
            parser.error("gather: give --results, what judge wrote")
        seeds = [gather(json.loads(path.read_text())) for path in given.results]
        given.output.write_text(json.dumps(seeds, separators=(",", ":")) + "\n")
        return 0
    if not given.work:
        parser.error(f"{given.what}: give --work, the folder of the campaign")
    if given.what == "judge":
        if not given.scores:
            parser.error("judge: give --scores, what facts_training wrote")
        result = judge(made_before(given.work, settings), given.scores, settings.gap)
        given.output.write_text(json.dumps(result, indent=1) + "\n")
        return 0
    if (given.work / "ordered/_SUCCESS").exists():
        made = made_before(given.work, settings)
    else:
        given.work.mkdir(parents=True)
        write_prose(given.work / "prose.parquet")
        sealed, least = ("--metric", METRIC, "--sign", "1"), 1 if given.tiny else 10
        recipe = Given((given.work / "prose.parquet",), PASSES, sealed, whole_names=False, least_count=least)
        made = make(given.work, settings, given.seed, recipe)
    arrays = pack(made, settings)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    given.output.write_bytes(lzma.compress(buffer.getvalue(), preset=3))
    print(
        f"{len(arrays['order']):,} rows of {len(arrays['lengths']):,} documents, "
        f"{made.steps:,} steps, first event {made.first}, vocabulary {arrays['vocabulary']:,}, "
        f"{given.output.stat().st_size:,} bytes, {hashlib.sha256(given.output.read_bytes()).hexdigest()[:16]}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
