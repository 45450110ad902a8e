"""Train a small model on ordered text, and score candidates at steps of the training.

    python -m examples.training --data ordered --tokenizer tokenizer.json --batch 4 --rate 2e-3 --output model \
        --save-at "0 events+0,1,2,4 last+8,..." --events secrets/orders/RUN/events.parquet \
        --sequences secrets/probes/probes.parquet --questions secrets/questions.parquet --ask semantic --scores scores

The steps of --batch documents are those of `trapline order --batch`. Each folder of --data is a phase of training; the
optimizer keeps its state over all of them. A word in --ask that is `texts` scores the candidates' texts.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples.training.asking import TEXTS, Asking
from examples.training.saves import event_steps, save_steps
from examples.training.scheduled import Adam, Phase, Rate, train
from examples.training.shape import Shape, build, parameters_of, save
from examples.training.stream import Stream, of_rows, read_texts, read_tokens


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, ask and save; returns the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.scores and not given.sequences:
        parser.error("--scores: give --sequences to score")
    if len(given.steps) not in (0, len(given.data)) or len(given.rate) not in (1, len(given.data)):
        parser.error("--steps and --rate: give one for each folder of --data, or one rate for all")
    import torch
    from tokenizers import Tokenizer
    from transformers import LlamaForCausalLM

    torch.set_num_threads(given.threads)
    tokenizer = Tokenizer.from_file(str(given.tokenizer))
    streams = [_stream(one, given, tokenizer) for one in given.data]
    rates = given.rate if len(given.rate) > 1 else given.rate * len(streams)
    steps = given.steps or [0] * len(streams)
    phases = [
        Phase(stream, Rate(rate, given.kind, given.warm_up), given.batch, some, given.updates)
        for stream, rate, some in zip(streams, rates, steps, strict=True)
    ]
    if given.checkpoint:
        model: Any = LlamaForCausalLM.from_pretrained(given.checkpoint)
    else:
        fields = {
            field.name: getattr(given, field.name) for field in dataclasses.fields(Shape) if field.name != "vocabulary"
        }
        model = build(Shape(tokenizer.get_vocab_size(), **fields), given.seed)
    total = sum(one.length for one in phases)
    try:
        saves = save_steps(given.save_at, total, event_steps(given.events) if given.events else ())
    except ValueError as error:
        parser.error(str(error))
    asks = ["" if one == TEXTS else one for one in given.ask]
    asking = Asking(model, given.tokenizer, given.sequences, given.questions, asks) if given.scores else None

    def saved(step: int, model: Any) -> None:
        if asking:
            asking.write(model, step, given.scores)
        if given.checkpoints:
            save(model, given.checkpoints / f"step-{step:06d}", given.tokenizer)

    print(
        f"{parameters_of(model):,} parameters, {sum(map(len, streams)):,} rows, {total:,} steps, {len(saves)} saves; "
        f"{sum(one.cut for one in streams):,} rows were cut at --length",
        flush=True,
    )
    train(model.to(given.device), phases, saves=saves, saved=saved, adam=Adam(given.weight_decay), say=_say)
    save(model.cpu(), given.output, given.tokenizer)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _stream(folder: Path, given: argparse.Namespace, tokenizer: Any) -> Stream:
    if folder.suffix == ".npy":
        import numpy as np

        return of_rows(np.load(folder))
    if given.tokens:
        begin = tokenizer.encode("").ids
        return read_tokens(folder, given.length, begin[0] if begin else None)
    return read_texts(folder, given.tokenizer, given.length)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--data", type=Path, nargs="+", required=True, help="outputs of trapline order, folders of shards, or .npy rows"
    )
    add("--tokens", action="store_true", help="read tokens/ of the outputs in place of the texts")
    add("--tokenizer", type=Path, required=True, help="tokenizer.json")
    add("--output", type=Path, required=True, help="new folder for the checkpoint at the end")
    add("--checkpoint", type=Path, help="go on from this one, with its shape")
    add("--batch", type=int, default=8, help="documents of a step, as in trapline order; %(default)s")
    add("--updates", type=int, default=1, help="parts into which each step is cut, an update each; %(default)s")
    add("--steps", type=int, nargs="*", default=[], help="of each phase; by default all of its documents")
    add("--rate", type=float, nargs="+", default=[2e-3], help="highest learning rate, one for all phases or for each")
    add("--kind", choices=("constant", "cosine"), default="constant", help="of the rate after its warm-up")
    add("--warm-up", type=int, default=20, help="steps in which the rate of each phase rises; %(default)s")
    add("--weight-decay", type=float, default=0.1, help="%(default)s")
    add("--length", type=int, default=0, help="most tokens of a document; 0: as many as the longest has")
    for field in dataclasses.fields(Shape):
        if field.name != "vocabulary":
            add(f"--{field.name}", type=int, default=field.default, help="of the model; %(default)s")
    add("--save-at", default="end", help="steps: '0,100 events+0,1,2,4 last+8,16,... end'; %(default)s")
    add("--events", type=Path, help="events.parquet that trapline order left in the secrets")
    add("--sequences", type=Path, help="probes.parquet of the secrets: what is scored at these steps")
    add("--questions", type=Path, help="questions.parquet of the secrets")
    add("--ask", nargs="+", default=[TEXTS], help=f"kinds of questions; '{TEXTS}' for the candidates' texts")
    add("--scores", type=Path, help="folder for a folder of scores by kind of question and step; it is secret")
    add("--checkpoints", type=Path, help="folder for a checkpoint at each of these steps")
    add("--seed", type=int, default=0, help="of the weights; %(default)s")
    add("--threads", type=int, default=1, help="%(default)s")
    add("--device", default="cpu", help="%(default)s")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
