"""`make demo`: the whole loop on a machine without a GPU.

Deduplicate and plant the text that this installation holds, train a small language model on it and its twin on the
same text without traps, score both, and tell which of them saw the traps.
"""

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from examples.duplicates_found import show_a_pair
from examples.installed_text import write_jsonl
from examples.train_tiny import Shape, make_tokenizer, texts
from pipelines.cli import main as trapline

FOLDER = Path("demo-out")
SECRETS = FOLDER / "secrets"
MODELS = {"trapped": "planted", "twin": "restored"}


@dataclass(frozen=True)
class Size:
    """How much of everything; text in bytes, units and copies of their planted candidate, batches of training."""

    text: int
    units: int
    dose: int
    steps: int


FULL = Size(text=1_000_000, units=40, dose=20, steps=160)
QUICK = Size(text=200_000, units=12, dose=8, steps=5)


class Demo:
    """Runs the steps and tells what it does."""

    def __init__(self, size: Size) -> None:
        """Of this size, in the folder `demo-out`, which is made anew."""
        self.size = size
        self.console = Console(soft_wrap=True)
        self.began = time.monotonic()

    def say(self, text: str) -> None:
        """A headline with the time since the beginning."""
        self.console.print(f"\n[{time.monotonic() - self.began:5.0f} s] {text}", style="bold", markup=False)

    def run(self, *command: str) -> None:
        """Run a trapline command as one would type it.

        Raises:
            SystemExit: with its exit code, if it fails.
        """
        self.console.print(f"$ trapline {' '.join(command)}", style="cyan", highlight=False, markup=False)
        code = trapline(list(command))
        if code:
            raise SystemExit(code)

    def prepare(self) -> None:
        """Candidates, seal, draw; then the corpus with traps and without."""
        source, size = FOLDER / "input/installed.jsonl", self.size
        self.say("Collecting licences, descriptions and documentation strings of what is installed here")
        documents, written = write_jsonl(source, size.text)
        self.console.print(f"{documents:,} documents, {written / 1e6:.1f} MB, in {source}")
        self.say("Making trap candidates: ten in each unit, of which one will be planted")
        self.run(
            *("traps", "--output", f"{FOLDER}/traps", "--corpus", str(source), "--lengths", "25"),
            *("--doses", str(size.dose), "--units", str(size.units), "--perplexity-buckets", "1", "--controls", "9"),
        )
        self.say("Sealing candidates and analysis, then drawing which candidates are planted")
        self.run(
            *("seal", "--probes", f"{FOLDER}/traps/probes.parquet", "--secrets", str(SECRETS), "--alpha", "0.001"),
            *("--context", "64", "--slots", "2"),
        )
        self.run("draw", "--secrets", str(SECRETS), "--self")
        self.say("Deduplicating the text and planting the traps in it")
        # Traps are a large part of so small a corpus: in a real one the usual limits (10 % and 1 %) are ample.
        self.run(
            *("prepare", "--input", str(source), "--output", f"{FOLDER}/planted", "--secrets", str(SECRETS)),
            *("--max-doc-share", "0.5", "--max-corpus-share", "0.2"),
        )
        show_a_pair(self.console, FOLDER / "planted", source)
        self.say("Taking the traps out again: the same text for the twin")
        self.run("restore", "--input", f"{FOLDER}/planted", "--secrets", str(SECRETS), "--output", f"{FOLDER}/restored")

    def train(self) -> None:
        """Both models at once, one core each.

        Raises:
            SystemExit: if a training fails.
        """
        self.say("Training a small language model twice: on the text with traps, and on its twin without")
        tokenizer = FOLDER / "tokenizer.json"
        make_tokenizer(texts(FOLDER / "restored/data"), Shape().vocabulary).save(str(tokenizer))
        running = {}
        for name, corpus in MODELS.items():
            command = [
                *(sys.executable, "-m", "examples.train_tiny", "--data", f"{FOLDER}/{corpus}/data"),
                *("--output", f"{FOLDER}/models/{name}", "--tokenizer", str(tokenizer)),
                *("--steps", str(self.size.steps), "--seed", "1", "--threads", "1"),
            ]
            shown = " ".join(["python", *command[1:]])
            self.console.print(f"$ {shown}", style="cyan", highlight=False, markup=False)
            running[name] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        readers = [threading.Thread(target=self._forward, args=item) for item in running.items()]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        if any(process.wait() for process in running.values()):
            raise SystemExit(1)

    def _forward(self, name: str, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.console.print(f"  {name:<8} {line.rstrip()}", highlight=False, markup=False)

    def judge(self) -> dict[str, Any]:
        """Score all candidates by both models, and give the verdict on each."""
        for name in MODELS:
            self.say(f"Scoring all candidates, planted and held out, by the model {name}")
            self.run(
                *("score", "--checkpoint", f"{FOLDER}/models/{name}", "--output", f"{FOLDER}/scores-{name}"),
                *("--sequences", f"{SECRETS}/probes/probes.parquet", "--slots", f"{SECRETS}/slots.parquet"),
                *("--context", "64", "--device", "cpu"),
            )
        verdicts = {}
        for name in MODELS:
            self.say(f"The verdict on the model {name}")
            output = f"{FOLDER}/verdict-{name}"
            self.run("verify", "--scores", f"{FOLDER}/scores-{name}", "--secrets", str(SECRETS), "--output", output)
            verdicts[name] = json.loads(Path(output, "verdict.json").read_text(encoding="utf-8"))
        return verdicts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit code: 1 if a verdict is another than it should be, except with --quick."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of everything: all steps, too little to be caught")
    quick = parser.parse_args(arguments).quick
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "input").mkdir(parents=True)
    demo = Demo(QUICK if quick else FULL)
    demo.prepare()
    demo.train()
    verdicts = demo.judge()
    demo.say("What came out")
    for name, verdict in verdicts.items():
        words = "saw the traps" if verdict["reject"] else "shows no sign of the traps"
        demo.console.print(f"The model {name:<8} {words}: p = {verdict['p_value']:.2g}", highlight=False)
    for name in MODELS:
        demo.console.print(f"Report on {name:<8} {FOLDER / f'verdict-{name}' / 'report.html'}", highlight=False)
    demo.console.print(f"What was planted   {FOLDER / 'planted/report.html'}, and the shards beside it")
    as_it_should = verdicts["trapped"]["reject"] and not verdicts["twin"]["reject"]
    return 0 if quick or as_it_should else 1


if __name__ == "__main__":
    sys.exit(main())
