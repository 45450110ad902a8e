"""Contexts for candidates: the same text before each candidate of a unit, whichever of them was drawn."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.described import SchemaMismatchError, check
from schemas.secret.slots import SLOTS
from transforms.base.errors import CorpusError, cause_of
from transforms.base.stores.copies import fetched


@dataclass(frozen=True)
class Slots:
    """Slots by unit, or the cues of a kind of question, which have their place.

    Attributes:
        by_unit: for each unit its (slot, before + lead) in order of the slots.
        most: slots of the unit that has most.
        answers: of cues, for each unit and slot the text of each candidate; empty where the candidates' own texts are
            scored.
        weights: of cues, for each unit and slot its weight in the mean.
    """

    by_unit: dict[str, list[tuple[int, str]]]
    most: int
    answers: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    weights: Mapping[str, Sequence[float]] = field(default_factory=dict)


def read_slots(path: str) -> Slots:
    """Read a slots file, of this machine or of an object store, once as long as it stays as it is.

    Raises:
        CorpusError: if it is none, or a unit has the same slot twice.
    """
    try:
        path = str(fetched(path))
        status = os.stat(path)  # noqa: PTH116 - the path is text in messages, too
    except OSError as error:
        raise CorpusError(f"--slots {path}: cannot be read ({cause_of(error)})") from error
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _read(path: str, _modified: int, _size: int) -> Slots:
    try:
        check(pq.read_schema(path), SLOTS, path)
        table = pq.read_table(path, schema=SLOTS)
    except (OSError, pa.ArrowException, SchemaMismatchError) as error:
        raise CorpusError(f"--slots {path}: cannot be read ({error}); give the slots.parquet of the secrets") from error
    table = table.sort_by([("unit", "ascending"), ("slot", "ascending")])
    texts = pc.binary_join_element_wise(
        table["before"], table["lead"].cast(pa.large_string()), pa.scalar("", pa.large_string())
    )
    by_unit: dict[str, list[tuple[int, str]]] = {}
    for unit, slot, text in zip(table["unit"].to_pylist(), table["slot"].to_pylist(), texts.to_pylist(), strict=True):
        known = by_unit.setdefault(unit, [])
        if known and known[-1][0] == slot:
            raise CorpusError(f"--slots {path}: a unit has slot {slot} twice")
        known.append((slot, text))
    return Slots(by_unit, max(map(len, by_unit.values()), default=0))


def last_tokens(fast: Any, text: str, most: int) -> str:
    """The end of `text` from the `most`-th last token on: one cut for all candidates, before any of them is seen."""
    if not most:
        return ""
    found = fast.encode(text, add_special_tokens=False)
    return text if len(found.ids) <= most else text[found.offsets[-most][0] :]


def encode_after(fast: Any, contexts: list[str], texts: list[str], *, begun: bool) -> list[tuple[list[int], int, int]]:
    """Encode each context and text as one, as a model in training saw them.

    Args:
        fast: a tokenizer that `Tokenizer.make` made.
        contexts: what is before each text.
        texts: as many.
        begun: whether another token goes before all that `fast` gives, so that its first can be scored.

    Returns for each the token ids, the first token that holds something of the text (it may hold the end of the
    context, too), and the bytes of the text under the scored tokens: all of it, but for a text with nothing before its
    first token, which is not scored.
    """
    joint = fast.encode_batch([a + b for a, b in zip(contexts, texts, strict=True)])
    answer = []
    for found, context, text in zip(joint, contexts, texts, strict=True):
        ends = np.array([end for _, end in found.offsets], np.int64)
        start = int(np.searchsorted(np.maximum.accumulate(ends), len(context), "right"))
        unscored = 0 if begun or start else first_bytes(fast, found, context + text) - len(context.encode())
        answer.append((found.ids, start, len(text.encode()) - max(0, unscored)))
    return answer


def first_bytes(fast: Any, found: Any, text: str) -> int:
    """Bytes of `text` up to the end of its first token.

    Where further tokens hold parts of the same character, that token's own bytes: a byte-level token's are written as
    a character each (an added space too, which is none of the text's), a byte that stands for itself as <0x..>.
    """
    if not len(found):
        return 0
    begin, end = found.offsets[0]
    if len(found) > 1 and found.offsets[1][0] < end and found.offsets[1][1] <= end:
        token = str(fast.id_to_token(found.ids[0]))
        own = 1 if token.startswith("<0x") else len(token) - (token[:1] == "\u0120" and not text[:1].isspace())
        return min(len(text[:begin].encode()) + own, len(text[:end].encode()))
    return len(text[:end].encode())
