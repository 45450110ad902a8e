"""Generate what metrics and users want of prepared sequences; metrics from it; and the table of it all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from schemas.public.generations import GENERATIONS
from transforms.base.texts import Ragged, offsets_of
from transforms.scoring.generation.continuation import Continuations, GenerationSettings, generate
from transforms.scoring.generation.plan import GenerationPlan
from transforms.scoring.generation.sampling import SamplingScheme
from transforms.scoring.generation.stop import Stop
from transforms.scoring.generation.suffix_probability import scheme_log_probs
from transforms.scoring.metrics.inputs import Floats, Ints, Recalled, Sampled, ScoreInputs, TokenStatistics
from transforms.scoring.metrics.peakedness import LONGEST
from transforms.scoring.metrics.registry import compute
from transforms.scoring.sequences import Prepared

BATCH_TOKENS = {"cuda": 65_536, "cpu": 16_384}
_SCHEME_TOKENS = 8_192


@dataclass(frozen=True)
class Generated:
    """What was generated for the h prepared sequences that can be scored; None for what was not asked for.

    Attributes:
        held: int64[h], places of those sequences among all prepared ones.
        rests: what each goes on with behind its first half.
        greedy: greedy continuations of first halves: as long as the rests, or as `LONGEST` if only samples are
            compared with them.
        sampled: drawn ones.
        whole: greedy continuations of whole sequences.
        scheme_log_probs: float64[scored tokens].
    """

    held: Ints
    rests: Ragged
    greedy: Continuations | None = None
    sampled: Continuations | None = None
    whole: Continuations | None = None
    scheme_log_probs: Floats | None = None

    @property
    def tokens(self) -> int:
        """Tokens that were produced."""
        return sum(len(one.tokens.values) for one in (self.greedy, self.sampled, self.whole) if one is not None)


def generate_for(
    model: Any, prepared: Prepared, ids: Sequence[str], plan: GenerationPlan, tokenizer: Any, max_length: int
) -> Generated:
    """Generate what `plan` wants.

    A first half is the first `L // 2` of the L tokens of the sequence itself; begin-of-sequence and the context of a
    slot go before it. Random numbers are those of (seed, id and slot, sample).

    Args:
        model: a causal language model of transformers as it was loaded.
        prepared: n token sequences.
        ids: the id of each, n.
        plan: what to generate.
        tokenizer: a `tokenizers.Tokenizer`, needed for stop strings; None for token ids.
        max_length: the model's context; 0 for no bound.

    Raises:
        ValueError: as `generate` and `scheme_log_probs`.
    """
    held = np.flatnonzero([one is None for one in prepared.reason])
    sequences = Ragged(prepared.sequences.tokens, prepared.sequences.offsets).take(held)
    first = prepared.sequences.first[held]
    cues, rests = _divided(sequences, first - prepared.unscored[held])
    slots = prepared.slot[held].tolist()
    names = [ids[at] if slot < 0 else f"{ids[at]}#{slot}" for at, slot in zip(held.tolist(), slots, strict=True)]
    weights = next(model.parameters())
    # On the CPU products of sixteen bits are rounded by the shape of the batch: every row is a batch of its own.
    alone = weights.device.type == "cpu" and weights.dtype not in (torch.float32, torch.float64)
    eos, budget = eos_ids(model), 1 if alone else BATCH_TOKENS[weights.device.type]
    greedily = GenerationSettings(eos_ids=eos, batch_tokens=budget)
    greedy = sampled = whole = found = None
    short = np.minimum(rests.lengths, LONGEST)
    if plan.needs & {"recalled", "sampled"}:
        most = rests.lengths if "recalled" in plan.needs else short
        greedy = generate(model, cues, names, most, greedily, max_length=max_length)
    if "sampled" in plan.needs:
        drawn = GenerationSettings(
            SamplingScheme(plan.temperature, plan.top_k), plan.samples, plan.seed, eos, batch_tokens=budget
        )
        sampled = generate(model, cues, names, short, drawn, max_length=max_length)
    if "scheme_log_probs" in plan.needs:
        scheme = SamplingScheme(plan.scheme_temperature, plan.scheme_top_k)
        found = _scheme_log_probs(model, sequences, first, scheme, 1 if alone else _SCHEME_TOKENS)
    if plan.max_new_tokens:
        stopped = GenerationSettings(eos_ids=eos, stop_strings=plan.stop, batch_tokens=budget)
        whole = generate(model, sequences, names, plan.max_new_tokens, stopped, tokenizer, max_length)
    return Generated(held, rests, greedy, sampled, whole, found)


def eos_ids(model: Any) -> tuple[int, ...]:
    """The end-of-sequence tokens that the checkpoint names."""
    named = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    return () if named is None else tuple(named) if isinstance(named, list) else (int(named),)


def _divided(sequences: Ragged, own: Ints) -> tuple[Ragged, Ragged]:
    """Each sequence up to the middle of its own tokens, which begin at `own`, and the rest."""
    lengths = sequences.lengths
    cut = own + (lengths - own) // 2
    within = np.arange(len(sequences.values)) - np.repeat(sequences.offsets[:-1], lengths)
    behind = within >= np.repeat(cut, lengths)
    values = sequences.values
    return Ragged(values[~behind], offsets_of(cut)), Ragged(values[behind], offsets_of(lengths - cut))


def _scheme_log_probs(model: Any, sequences: Ragged, first: Ints, scheme: SamplingScheme, budget: int) -> Floats:
    """As `scheme_log_probs`; where memory ends, with smaller batches."""
    while True:
        try:
            return scheme_log_probs(model, sequences, first, scheme, budget)
        except torch.OutOfMemoryError:
            if budget <= int(sequences.lengths.max()):
                raise
        # Outside the handler: the error's traceback would hold the failed batch in memory.
        torch.cuda.empty_cache()
        budget //= 2


def generated_metrics(generated: Generated, statistics: TokenStatistics, plan: GenerationPlan) -> dict[str, Floats]:
    """The plan's metrics, float64[h]; `statistics` are those of the same h sequences."""
    recalled = sampled = None
    if generated.greedy is not None:
        recalled = Recalled(generated.rests, generated.greedy.tokens)
        if generated.sampled is not None:
            every, short = np.arange(len(generated.rests)), np.minimum(generated.rests.lengths, LONGEST)
            greedy = generated.greedy.tokens.take(every, short)
            sampled = Sampled(greedy, generated.sampled.tokens, plan.samples)
    inputs = ScoreInputs(statistics, scheme_log_probs=generated.scheme_log_probs, recalled=recalled, sampled=sampled)
    return compute(plan.metrics, inputs) if plan.metrics else {}


def generation_table(
    generated: Generated,
    prepared: Prepared,
    ids: Sequence[str],
    plan: GenerationPlan,
    tokenizer: Any,
    first_row: int,
    checkpoint: str,
) -> pa.Table:
    """What was produced, columns of `GENERATIONS`: by sequence and slot, first halves before whole sequences.

    Args:
        generated: of `prepared`.
        prepared: n token sequences.
        ids: the id of each, n.
        plan: what was generated.
        tokenizer: decodes tokens; None: there are no texts.
        first_row: number of the first row that was prepared.
        checkpoint: its name.
    """
    parts: list[tuple[str, bool, Continuations, tuple[str, ...]]] = []
    if plan.keep and generated.greedy is not None:
        parts.append(("first_half", False, generated.greedy, ()))
    if plan.keep and generated.sampled is not None:
        parts.append(("first_half", True, generated.sampled, ()))
    if generated.whole is not None:
        parts.append(("whole", False, generated.whole, plan.stop))
    places, tables = [], []
    for prompt, drawn, one, stop in parts:
        at = np.repeat(generated.held, one.samples)
        tables.append(_rows(at, prompt, one, stop, drawn, tokenizer))
        places.append(at)
    unable = np.array([at for at, reason in enumerate(prepared.reason) if reason is not None], np.int64)
    for prompt in dict.fromkeys(prompt for prompt, *_ in parts):
        tables.append(_unable(prompt, [prepared.reason[at] for at in unable]))
        places.append(unable)
    place = np.concatenate(places)
    order = pa.array(np.argsort(place, kind="stable"))
    which = pa.array(place).take(order)
    body = pa.concat_tables(tables).take(order)
    slot = pa.array(prepared.slot.astype(np.int32), mask=prepared.slot < 0)
    columns = {
        "row": pa.array(prepared.place + first_row).take(which),
        "id": pa.array(ids, pa.string()).take(which),
        "checkpoint": pa.repeat(pa.scalar(checkpoint), len(which)),
        "slot": slot.take(which),
        **{name: body[name] for name in body.column_names},
    }
    return pa.table({name: columns[name] for name in GENERATIONS.names}, schema=GENERATIONS)


def _rows(at: Ints, prompt: str, one: Continuations, stop: tuple[str, ...], drawn: bool, tokenizer: Any) -> pa.Table:
    offsets = pa.array(one.tokens.offsets.astype(np.int32))
    samples = np.tile(np.arange(one.samples, dtype=np.int32), len(at) // one.samples)
    texts = pa.nulls(len(at), pa.string()) if tokenizer is None else pa.array(one.texts(tokenizer, stop), pa.string())
    return pa.table(
        {
            "prompt": pa.repeat(pa.scalar(prompt), len(at)),
            "sample": pa.array(samples) if drawn else pa.nulls(len(at), pa.int32()),
            "token_ids": pa.ListArray.from_arrays(offsets, pa.array(one.tokens.values.astype(np.int32))),
            "text": texts,
            "stop": pa.array([Stop(value).name.lower() for value in one.stops.tolist()], pa.string()),
        }
    )


def _unable(prompt: str, reasons: list[str | None]) -> pa.Table:
    count = len(reasons)
    return pa.table(
        {
            "prompt": pa.repeat(pa.scalar(prompt), count),
            "sample": pa.nulls(count, pa.int32()),
            "token_ids": pa.nulls(count, pa.list_(pa.int32())),
            "text": pa.nulls(count, pa.string()),
            "stop": pa.array(reasons, pa.string()),
        }
    )
