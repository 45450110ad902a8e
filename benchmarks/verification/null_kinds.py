"""Null of the kinds of probe: an untrained model's scores, the sealed test, and 10,000 fresh draws.

    python -m benchmarks.verification.null_kinds --units 200
    python -m benchmarks.verification.null_kinds --kinds arithmetic sentences

Makes probes of each kind at their nominal size, seals them by each kind of question, or by whole texts where there is
none, scores them by a model with random weights, and prints the p-value of the real draw and how often a fresh draw is
rejected: not more often than the level and three standard errors say.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.golden import run_command, write_checkpoint
from benchmarks.kinds.background import write_background

KINDS = {
    "facts": ("memorisation", "semantic", "composition"),
    "arithmetic": ("result",),
    "sentences": ("",),
}
"""Kinds of probe, and what each is asked; nothing where whole texts are scored."""
LEVELS = ("0.05", "0.01", "0.001")
_CONTEXT = 256


def judge(work: Path, kind: str, ask: str, metric: str) -> dict[str, object]:
    """Seal, draw, score and verify by one kind of question; the p-value and the shares of fresh draws."""
    name = f"{kind}-{ask or 'texts'}-{metric}"
    secrets, scores = work / f"secrets-{name}", work / f"scores-{name}"
    asked = ("--ask", ask) if ask else ()
    plan = ("--metric", metric, "--context", _CONTEXT, "--redraws", 99_999)
    run_command("seal", "--probes", work / kind, "--secrets", secrets, "--nonce-from", "null", *asked, *plan)
    run_command("draw", "--secrets", secrets, "--nonce", "ab" * 32)
    questions = ("--questions", secrets / "questions.parquet", *asked) if ask else ("--metrics", metric)
    run_command(
        *("score", "--checkpoint", work / "model", "--sequences", secrets / "probes/probes.parquet", *questions),
        *("--context", _CONTEXT, "--output", scores, "--device", "cpu"),
    )
    output = work / f"verdict-{name}"
    run_command("verify", "--scores", scores, "--secrets", secrets, "--output", output)
    verdict = json.loads((output / "verdict.json").read_text())
    fresh = verdict["exploratory"]["fresh_draws"]
    return {
        "kind": kind,
        "ask": ask,
        "metric": metric,
        "units": verdict["units"]["used"],
        "uneven": verdict["asked"]["uneven_answers"] if ask else None,
        "p": verdict["p_value"],
        "draws": fresh["draws"],
        **{level: fresh["share_at_or_below"][level] for level in LEVELS},
    }


def _prepared(kind: str, units: int, work: Path) -> tuple[object, ...]:
    """An untrained model and its tokenizer in `work`; the flags that make the kind at its nominal size."""
    write_checkpoint(work / "model", work / "tokenizer.json")
    if kind == "facts":
        return ("--units", units, "--background", 10)
    if kind == "arithmetic":
        return ()
    (work / "tokenizer.json").unlink()
    write_background(work, 2_000_000, 0, 400)
    shutil.copy(work / "tokenizer.json", work / "model")
    return ("--units", units, "--corpus", work / "corpus")


def measured(
    kinds: Sequence[str] = tuple(KINDS), asks: Sequence[str] = (), units: int = 200, metric: str = "answer_total"
) -> Iterator[dict[str, object]]:
    """One line for each kind of question; without `asks`, all of each kind of probe."""
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            made = ("--tokenizer", work / "tokenizer.json", "--seed", "null", *_prepared(kind, units, work))
            run_command(kind, "--output", work / kind, *made)
            for ask in KINDS[kind]:
                if not asks or ask in asks:
                    yield judge(work, kind, ask, metric if ask else "loss")


def main() -> None:
    """Print one line for each kind of question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--units", type=int, default=200, help="facts: in each stratum; sentences: of each dose")
    parser.add_argument("--metric", default="answer_total", help="of answers; whole texts are judged by loss")
    parser.add_argument("--asks", nargs="+", default=(), help="default: all of each kind")
    options = parser.parse_args()
    for line in measured(options.kinds, options.asks, options.units, options.metric):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
