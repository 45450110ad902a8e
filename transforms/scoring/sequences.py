"""From rows of the input to token sequences: texts or ids, with or without context, and why some have nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.base.texts import offsets_of
from transforms.scoring.contexts import Slots, encode_after, first_bytes, last_tokens
from transforms.scoring.model.batches import Ints, Sequences

_Encoded = tuple[Sequence[int], int, int | None]
"""Token ids without begin-of-sequence, the first that belongs to the sequence, UTF-8 bytes of its text."""


@dataclass(frozen=True)
class Rule:
    """How token sequences are made of rows.

    Attributes:
        bos: the token put first; None for none.
        max_length: most tokens, all included; 0: no bound.
        vocabulary: ids are below it.
        context: most tokens of context.
        unlike: no text may hold one of these: token ids would not be the checkpoint's own.
    """

    bos: int | None
    max_length: int
    vocabulary: int
    context: int
    unlike: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """What is scored for some rows of the input: one entry a row and slot, n in all.

    Attributes:
        sequences: n token sequences; one that is not scored has no tokens.
        place: int64[n], the row within these rows.
        slot: int32[n], -1 for no context.
        reason: n reasons, None for what is scored.
        unscored: int32[n], tokens of the sequence itself that are context only.
        text_bytes: int32[n], bytes of text under the scored tokens; -1 where ids were given.
    """

    sequences: Sequences
    place: Ints
    slot: Ints
    reason: list[str | None]
    unscored: Ints
    text_bytes: Ints


def prepare(
    rows: pa.Table, text_column: str, ids_column: str, fast: Any, slots: Slots | None, rule: Rule, where: str
) -> Prepared:
    """Make the token sequences of `rows`.

    Args:
        rows: columns `unit` (where there are slots), `candidate` (where they are cues) and either `text_column` or
            `ids_column`, ids as lists of integers.
        text_column: the texts; empty for ids.
        ids_column: the ids; empty for texts.
        fast: a `tokenizers.Tokenizer` that `Tokenizer.make` made; None for ids.
        slots: contexts by unit; a row whose unit has none is scored without. With cues, the row's answers are scored.
        rule: begin-of-sequence, lengths, context.
        where: names the file, for messages.

    Raises:
        CorpusError: for an id that the checkpoint does not have, or a text that cannot be tokenised as it does.
    """
    if ids_column:
        encoded: list[_Encoded | None] = [
            None if one is None else (one, 0, None) for one in rows[ids_column].to_pylist()
        ]
        return _assemble(encoded, list(range(len(encoded))), [-1] * len(encoded), rule, where)
    texts = rows[text_column].to_pylist()
    units = rows["unit"].to_pylist() if slots else [None] * len(texts)
    candidates = rows["candidate"].to_pylist() if slots and slots.answers else []
    plain = [at for at, unit in enumerate(units) if slots is None or unit not in slots.by_unit or texts[at] is None]
    places, numbers, contexts, scored, cut = [], [], [], [], {}
    alone = set(plain)
    for at, unit in enumerate(units):
        if at in alone or slots is None:
            continue
        if unit not in cut:
            cut[unit] = _contexts(fast, slots, unit, rule, where)
        for place, (number, context) in enumerate(cut[unit]):
            places.append(at)
            numbers.append(number)
            contexts.append(context)
            scored.append(slots.answers[unit][place][candidates[at]] if slots.answers else texts[at])
    _refuse_unlike([texts[at] for at in plain] + scored, rule, where)
    encoded_plain = dict(
        zip(plain, _encode_plain(fast, [texts[at] for at in plain], rule.bos is not None), strict=True)
    )
    inside = iter(encode_after(fast, contexts, scored, begun=rule.bos is not None))
    entries: list[tuple[int, int, _Encoded | None]] = [(at, -1, one) for at, one in encoded_plain.items()]
    entries += [(at, number, next(inside)) for at, number in zip(places, numbers, strict=True)]
    entries.sort(key=lambda one: one[:2])
    return _assemble(
        [one for _, _, one in entries], [at for at, _, _ in entries], [s for _, s, _ in entries], rule, where
    )


def _contexts(fast: Any, slots: Slots, unit: str, rule: Rule, where: str) -> list[tuple[int, str]]:
    """Number and text of what precedes each slot of a unit: the last tokens of a context, and the whole of a cue."""
    found = [(number, last_tokens(fast, text, rule.context)) for number, text in slots.by_unit[unit]]
    if slots.answers and found != slots.by_unit[unit]:
        raise CorpusError(
            f"{where}: a cue has more than the {rule.context} tokens of --context, and a part of it asks something "
            "else: raise --context (and seal with that --context)"
        )
    return found


def _refuse_unlike(texts: list[str | None], rule: Rule, where: str) -> None:
    """Raise for a text of which other token ids would be made than the checkpoint's own tokenizer makes."""
    for token in rule.unlike:
        if any(token in text for text in texts if text is not None):
            raise CorpusError(
                f"{where}: a text holds {token!r}, of which the checkpoint's tokenizer makes other token ids than can "
                "be made here; leave that text out, or give sequences with a column token_ids"
            )


def _encode_plain(fast: Any, texts: list[str | None], begun: bool) -> list[_Encoded | None]:
    known = [text for text in texts if text is not None]
    before = len(fast.encode("").ids)  # of what goes before every text, all but the first token, which is apart
    if begun:
        found = fast.encode_batch_fast(known)
        sizes = [len(text.encode()) for text in known]
    else:
        # The first token is context only: its text is not under a scored one.
        found = fast.encode_batch(known)
        sizes = [len(text.encode()) - first_bytes(fast, one, text) for text, one in zip(known, found, strict=True)]
    made = iter([(one.ids, before, size) for one, size in zip(found, sizes, strict=True)])
    return [None if text is None else next(made) for text in texts]


def _assemble(
    encoded: list[_Encoded | None], places: list[int], numbers: list[int], rule: Rule, where: str
) -> Prepared:
    begin = [] if rule.bos is None else [rule.bos]
    tokens: list[Any] = []
    lengths, firsts, unscored, sizes = [], [], [], []
    reasons: list[str | None] = []
    for one in encoded:
        ids, start, size = one if one is not None else ((), 0, None)
        length = len(begin) + len(ids)
        first = max(1, start + len(begin))
        reason: str | None = None
        if one is None:
            reason = "null"
        elif len(ids) == start:
            reason = "empty"
        elif rule.max_length and length > rule.max_length:
            reason = "too_long"
        elif length <= first:
            reason = "single_token"
        reasons.append(reason)
        if reason is None:
            tokens += (begin, ids)
        lengths.append(length if reason is None else 0)
        firsts.append(first)
        unscored.append(first - start - len(begin) if reason is None else 0)
        sizes.append(-1 if size is None else size)
    flat = np.concatenate([np.asarray(one, np.int64) for one in tokens]) if tokens else np.empty(0, np.int64)
    if len(flat) and not 0 <= int(flat.min()) <= int(flat.max()) < rule.vocabulary:
        raise CorpusError(
            f"{where}: vocabulary mismatch: token ids from {flat.min()} to {flat.max()}, and the checkpoint knows 0 to "
            f"{rule.vocabulary - 1}: the ids were made with another tokenizer"
        )
    offsets = offsets_of(lengths)
    return Prepared(
        Sequences(flat, offsets, np.array(firsts, np.int64)),
        np.array(places, np.int64),
        np.array(numbers, np.int64),
        reasons,
        np.array(unscored, np.int64),
        np.array(sizes, np.int64),
    )
