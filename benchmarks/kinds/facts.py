"""Facts that are read once, again and again, or in other words each time: how a small model learns and forgets them.

    python -m benchmarks.kinds.facts --seed 0 --output FOLDER

The protocol of Chang et al. 2024 (arXiv 2406.11813), scaled down, by the product's commands: facts, seal, draw,
prepare, order, score, verify and dynamics. `examples.training` trains the model, and a twin whose loss leaves the
planted rows out: the same weights at the start, the same batches. `FOLDER/result.json` has everything that
docs/evidence/facts.md shows. One thread.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from benchmarks.kinds import facts_gate
from examples.training.asking import Asking
from examples.training.saves import event_steps, save_steps
from examples.training.scheduled import Adam, Loss, Phase, Rate, next_token, train
from examples.training.shape import Shape, build, parameters_of, save
from examples.training.stream import PAD, Stream, read_texts
from pipelines.cli import main as trapline

ASKS = ("memorisation", "semantic", "composition")
SEALED = "semantic"
ARMS = ("planted", "twin")


@dataclass(frozen=True)
class Settings:
    """Of a run.

    Attributes:
        units: people of each stratum that are planted.
        controls: people of each stratum that are made and never planted.
        people, mentions: of the background.
        copies: of duplicates and paraphrases.
        gap: steps between copies.
        after: steps of training behind the last copy.
        batch: documents of a step, which has room for all units.
        updates: parts of a step, each an update.
        gate_facts: facts and classes of the background that are asked for before anything is planted.
        rate: constant after the warm-up.
        shape: of the model; its vocabulary is that of the words.
    """

    units: int = 20
    controls: int = 14
    people: int = 48
    mentions: int = 340
    copies: int = 10
    gap: int = 4
    after: int = 66
    batch: int = 48
    updates: int = 6
    gate_facts: int = 150
    rate: float = 1e-2
    shape: Shape = field(default_factory=lambda: Shape(0, positions=256))


TINY = Settings(2, 1, 16, 60, 2, 2, 8, 24, 2, 20, 5e-3, Shape(0, width=32, layers=1, positions=256))
"""A rehearsal of seconds, which learns nothing."""


def run(*arguments: object) -> None:
    """A command of the product, in this process."""
    if trapline([str(one) for one in arguments]):
        raise SystemExit(f"trapline {arguments[0]} failed")


@dataclass(frozen=True)
class Given:
    """What a campaign is made of besides its settings.

    Attributes:
        corpus: Parquet files with id and text, which are trained on besides the background; passages get words of it.
        passes: times that all that is not planted is gone through, each time in a new order.
        metric: what is sealed.
        whole_names: whether a name of two words is one token.
        least_count: times that a word of the texts must occur for a token of its own.
    """

    corpus: tuple[Path, ...] = ()
    passes: int = 1
    metric: tuple[str, ...] = ("--metric", "answer_total")
    whole_names: bool = True
    least_count: int = 0


GIVEN = Given()


@dataclass(frozen=True)
class Campaign:
    """What a seed makes, sealed and in training order."""

    folder: Path
    events: Path
    first: int
    steps: int

    @property
    def secrets(self) -> Path:
        """The folder of secrets."""
        return self.folder / "secrets"

    @property
    def tokenizer(self) -> Path:
        """A token a word."""
        return self.folder / "tokenizer.json"


def make(folder: Path, settings: Settings, seed: int, given: Given = GIVEN) -> Campaign:
    """Facts, of which some people are set aside; seal, draw, planting and order."""
    made, units = folder / "facts", settings.units + settings.controls
    flags = ("--background", settings.people, "--mentions", settings.mentions, "--doses", settings.copies)
    corpus = ("--corpus", *given.corpus) if given.corpus else ()
    run("facts", "--output", made, "--units", units, "--seed", f"facts-{seed}", *flags, *corpus)
    _divide(made, folder, settings.controls)
    _word_tokenizer(made, folder / "tokenizer.json", given)
    plan = ("--ask", SEALED, *given.metric, "--nonce-from", "the benchmark")
    run("seal", "--probes", folder / "sealed", "--secrets", folder / "secrets", *plan)
    run("draw", "--secrets", folder / "secrets", "--nonce", hashlib.sha256(b"facts %d" % seed).hexdigest())
    limits = ("--max-doc-share", 0.9, "--max-corpus-share", 0.9, "--threads", 1)
    planted, documents = folder / "planted", (made / "background", *given.corpus)
    run("prepare", "--input", *documents, "--output", planted, "--secrets", folder / "secrets", *limits)
    rows = sum(pq.read_metadata(one).num_rows for one in (planted / "data").iterdir())
    copies = settings.units * (1 + 2 * settings.copies)
    rows = copies + given.passes * (rows - copies)
    study = settings.gap * (settings.copies - 1) + 1
    background = rows // settings.batch - settings.gap - study - settings.after
    if background < 1:
        raise SystemExit(f"{rows} documents are too few for a background before the study: raise mentions")
    passes = f'corpus = "repeat:0.999999,{given.passes}"\n' if given.passes > 1 else ""
    (folder / "schedule.toml").write_text(passes + _schedule(background, study, settings))
    order = ("--schedule", folder / "schedule.toml", "--batch", settings.batch, "--threads", 1, "--strict")
    run("order", "--input", planted, "--secrets", folder / "secrets", "--output", folder / "ordered", *order)
    name = json.loads((folder / "ordered/manifest.json").read_text())["run"]
    events = folder / "secrets/orders" / name / "events.parquet"
    return Campaign(folder, events, background, rows // settings.batch)


def _schedule(background: int, study: int, settings: Settings) -> str:
    """Units of one copy in a step of their own, then all copies of the others at the same steps."""
    phases = (("background", background), ("single", 1), ("pause", settings.gap - 1), ("study", study))
    rules = ((1, "single", "once"), (settings.copies, "study", f"every:{settings.gap}x{settings.copies}"))
    lines = [f'[[phase]]\nname = "{name}"\nsteps = {steps}\n' for name, steps in phases]
    lines += ['[[phase]]\nname = "rest"\n']
    lines += [f'[[rule]]\ndose = {dose}\nphase = "{phase}"\nschedule = "{one}"\n' for dose, phase, one in rules]
    return "\n".join(lines)


def _divide(made: Path, folder: Path, controls: int) -> None:
    """Set aside `controls` people of each stratum, the last by their ids, which are keyed hashes."""
    probes, questions = (pq.read_table(made / f"{name}.parquet") for name in ("probes", "questions"))
    strata: dict[str, set[str]] = {}
    for unit, stratum in zip(probes["unit"].to_pylist(), probes["stratum"].to_pylist(), strict=True):
        strata.setdefault(stratum, set()).add(unit)
    aside = pa.array([unit for units in strata.values() for unit in sorted(units)[-controls:]])
    for name, kept in (("sealed", False), ("controls", True)):
        (folder / name).mkdir()
        for file, table in (("probes", probes), ("questions", questions)):
            own = table.filter(pc.equal(pc.is_in(table["unit"], value_set=aside), kept))
            pq.write_table(own, folder / name / f"{file}.parquet")


def _word_tokenizer(made: Path, path: Path, given: Given) -> None:
    """A token a word: those of a planted person's name are new to the background."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers

    probes, questions = (pq.read_table(made / f"{name}.parquet") for name in ("probes", "questions"))
    texts = pq.read_table(made / "background/background.parquet")["text"].to_pylist()
    texts += probes["text"].to_pylist() + questions["before"].to_pylist()
    texts += [text for variants in probes["variants"].to_pylist() for text in variants or ()]
    texts += [" ".join(answers) for answers in questions["answers"].to_pylist()]
    texts += [text for one in given.corpus for text in pq.read_table(one, columns=["text"])["text"].to_pylist()]
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    # Of two words that begin with capitals only those after 'Wherever' are no name.
    parts = Regex((r"(?!Wherever )[A-Z]\w+ [A-Z]\w+|" if given.whole_names else "") + r"\w+|[^\w\s]")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(parts, "removed", invert=True)
    trainer = trainers.WordLevelTrainer(
        vocab_size=100_000, min_frequency=given.least_count, special_tokens=["<s>", "<unk>"], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.save(str(path))


def _without(rows: np.ndarray[Any, Any]) -> Loss:
    """The loss of a model that reads none of these rows."""
    left_out = torch.from_numpy(rows)

    def loss(logits: torch.Tensor, batch: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return next_token(logits, batch.masked_fill(torch.isin(index, left_out)[:, None], PAD), index)

    return loss


def train_arm(arm: str, made: Campaign, stream: Stream, settings: Settings, seed: int) -> dict[str, Any]:
    """Train the model or its twin and ask it on the way; the twin only before, right after, and at the end."""
    from tokenizers import Tokenizer

    began = time.monotonic()
    shape = replace(settings.shape, vocabulary=Tokenizer.from_file(str(made.tokenizer)).get_vocab_size())
    model = build(shape, seed)
    events = event_steps(made.events)
    few = [made.first, events[-1] + 1, made.steps]
    # Before and after the first copies, and at rising times since the last.
    times = f"{events[0]},{events[0] + 1},{events[1]},{events[1] + 1} last+0,1,2,3,5,9,17,33,65 end"
    saves = few if arm == "twin" else save_steps(times, made.steps, events)
    probes = (made.secrets / "probes/probes.parquet", made.secrets / "questions.parquet")
    asking = Asking(model, made.tokenizer, *probes, ASKS, metrics=("answer_total", "answer_top1"))
    aside = [made.folder / "controls" / name for name in ("probes.parquet", "questions.parquet")]
    controls = Asking(model, made.tokenizer, aside[0], aside[1], ASKS, metrics=("answer_total",))
    shards = sorted((made.folder / "ordered/data").glob("*.parquet"))
    told = facts_gate.Told(facts_gate.texts_of(shards)[: made.first * settings.batch])
    gates: dict[str, Asking] = {}
    found: dict[str, Any] = {"parameters": parameters_of(model), "controls": {}, "asked": {}}
    for ask, asked in zip(
        facts_gate.ASKS, (told.of_facts(settings.gate_facts), told.of_classes(settings.gate_facts)), strict=True
    ):
        gate = made.folder / f"gate-{arm}" / ask
        facts_gate.write_questions(asked, gate)
        gates[ask] = Asking(model, made.tokenizer, gate / "probes.parquet", gate / "questions.parquet", (ask,))
        found["asked"][ask] = len(asked)

    def saved(step: int, model: Any) -> None:
        asking.write(model, step, made.folder / "scores" / arm)
        if step not in few:
            return
        found["controls"][step] = {
            ask: float(np.mean(np.asarray(table["answer_total"]))) for ask, table in controls.tables(model, "c").items()
        }
        for ask, gate in gates.items():
            known = facts_gate.accuracy(gate.tables(model, "gate")[ask])
            found.setdefault("accuracy", {}).setdefault(ask, {})[step] = known
            if step == made.first:
                word = "passed" if known >= facts_gate.LEAST else f"FAILED, least {facts_gate.LEAST}"
                print(f"{arm}: {ask}: accuracy {known:.2f}, gate {word}", flush=True)

    planted = np.unique(pq.read_table(made.events)["position"].to_numpy())
    phases = [Phase(stream, Rate(settings.rate, warm_up=10), settings.batch, made.steps, settings.updates)]
    loss = _without(planted) if arm == "twin" else next_token
    train(model, phases, saves=saves, saved=saved, loss=loss, adam=Adam(0.01), say=_saying(arm), say_every=40)
    save(model, made.folder / arm, made.tokenizer)
    passed = {ask: known[made.first] >= facts_gate.LEAST for ask, known in found["accuracy"].items()}
    return {**found, "gate": passed, "seconds": time.monotonic() - began}


def _saying(arm: str) -> Callable[[str], None]:
    return lambda line: print(f"{arm}: {line}", flush=True)


def judge(arm: str, made: Campaign, settings: Settings) -> dict[str, Any]:
    """The verdict on the saved model by the sealed metric, and the course of its training."""
    where = ("--sequences", made.secrets / "probes/probes.parquet", "--questions", made.secrets / "questions.parquet")
    scores, verdict, course = (made.folder / f"{arm}-{name}" for name in ("scores", "verdict", "dynamics"))
    flags = ("--ask", SEALED, "--device", "cpu", "--threads", 1)
    run("score", "--checkpoint", made.folder / arm, *where, *flags, "--output", scores)
    run("verify", "--scores", scores, "--secrets", made.secrets, "--output", verdict)
    folders = [step for ask in ASKS for step in sorted((made.folder / "scores" / arm / ask).iterdir())]
    events = ("--events", made.events, "--window", settings.gap) if arm == "planted" else ()
    run("dynamics", "--scores", *folders, "--secrets", made.secrets, "--output", course, *events)
    read = [json.loads(path.read_text()) for path in (verdict / "verdict.json", course / "dynamics.json")]
    return {"verdict": read[0], "dynamics": read[1]}


def _arm(given: tuple[str, Campaign, Stream, Settings, int]) -> dict[str, Any]:
    arm, made, _, settings, _ = given
    return train_arm(*given) | judge(arm, made, settings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make, train, judge; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    parser.add_argument("--seed", type=int, default=0, help="of everything")
    parser.add_argument("--mentions", type=int, help="background documents about each person")
    parser.add_argument("--rate", type=float, help="learning rate")
    parser.add_argument("--processes", type=int, choices=(1, 2), default=1, help="2: model and twin at once")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal of seconds")
    given = parser.parse_args(arguments)
    settings = TINY if given.tiny else Settings()
    chosen = {name: value for name in ("mentions", "rate") if (value := getattr(given, name)) is not None}
    settings = replace(settings, **chosen)
    torch.set_num_threads(1)
    given.output.mkdir(parents=True)
    began = time.monotonic()
    made = make(given.output, settings, given.seed)
    stream = read_texts(made.folder / "ordered", made.tokenizer)
    result: dict[str, Any] = {
        "settings": asdict(settings),
        "seed": given.seed,
        "steps": made.steps,
        "background_steps": made.first,
        "rows": len(stream),
        "tokens": int((stream.rows != PAD).sum()),
        "events": event_steps(made.events),
    }
    both = [(arm, made, stream, settings, given.seed) for arm in ARMS]
    if given.processes > 1:
        with ProcessPoolExecutor(given.processes, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
            found = list(pool.map(_arm, both))
    else:
        found = [_arm(one) for one in both]
    result |= {**dict(zip(ARMS, found, strict=True)), "seconds": time.monotonic() - began}
    (given.output / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
