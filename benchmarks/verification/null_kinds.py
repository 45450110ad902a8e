"""Null of the kinds that are asked about: an untrained model's answers, the sealed test, and 10,000 fresh draws.

    python -m benchmarks.verification.null_kinds --units 200

Makes facts at their nominal size, seals them by each kind of question, scores them by a model with random weights, and
prints the p-value of the real draw and how often a fresh draw is rejected, which should not be above the level.
"""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.golden import run_command, write_checkpoint

ASKS = ("memorisation", "semantic", "composition")
LEVELS = ("0.05", "0.01", "0.001")
_CONTEXT = 256


def judge(work: Path, ask: str, metric: str) -> dict[str, object]:
    """Seal, draw, score and verify by one kind of question; the p-value and the shares of fresh draws."""
    secrets, scores = work / f"secrets-{ask}-{metric}", work / f"scores-{ask}-{metric}"
    plan = ("--ask", ask, "--metric", metric, "--context", _CONTEXT, "--redraws", 99_999)
    run_command("seal", "--probes", work / "facts", "--secrets", secrets, "--nonce-from", "null", *plan)
    run_command("draw", "--secrets", secrets, "--nonce", "ab" * 32)
    run_command(
        *("score", "--checkpoint", work / "model", "--sequences", secrets / "probes/probes.parquet"),
        *("--questions", secrets / "questions.parquet", "--ask", ask, "--context", _CONTEXT),
        *("--output", scores, "--device", "cpu"),
    )
    output = work / f"verdict-{ask}-{metric}"
    run_command("verify", "--scores", scores, "--secrets", secrets, "--output", output)
    verdict = json.loads((output / "verdict.json").read_text())
    fresh = verdict["exploratory"]["fresh_draws"]
    return {
        "ask": ask,
        "metric": metric,
        "units": verdict["units"]["used"],
        "uneven": verdict["asked"]["uneven_answers"],
        "p": verdict["p_value"],
        "draws": fresh["draws"],
        **{level: fresh["share_at_or_below"][level] for level in LEVELS},
    }


def main() -> None:
    """Print one line for each kind of question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=200, help="in each of the three strata")
    parser.add_argument("--metric", default="answer_total")
    parser.add_argument("--asks", nargs="+", default=ASKS, choices=ASKS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_checkpoint(work / "model", work / "tokenizer.json")
        made = ("--units", options.units, "--background", 10, "--tokenizer", work / "tokenizer.json", "--seed", "null")
        run_command("facts", "--output", work / "facts", *made)
        for ask in options.asks:
            print(json.dumps(judge(work, ask, options.metric)), flush=True)


if __name__ == "__main__":
    main()
