"""Rows become token sequences: what is scored, behind which context, and why some are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Fast

from schemas.secret.slots import SLOTS
from tests.scoring.tiny_checkpoints import tiny_tokenizer
from transforms.base.errors import CorpusError
from transforms.scoring.contexts import Slots, encode_after, last_tokens, read_slots
from transforms.scoring.model.tokenizer import Tokenizer
from transforms.scoring.sequences import Prepared, Rule, prepare

FAST: Fast = tiny_tokenizer().backend_tokenizer
TEXTS = st.text(alphabet=st.sampled_from("the knaves\n Dorf gezählt 🐿漢"), max_size=40)


def rule(**values: Any) -> Rule:
    return Rule(**({"bos": None, "max_length": 60, "vocabulary": 300, "context": 8} | values))


def prepared(texts: list[str | None], slots: Slots | None = None, **values: Any) -> Prepared:
    rows = pa.table({"unit": [f"u{at}" for at in range(len(texts))], "text": pa.array(texts, pa.string())})
    return prepare(rows, "text", "", FAST, slots, rule(**values), "here")


def tokens_of(made: Prepared, at: int) -> list[int]:
    offsets = made.sequences.offsets
    found: list[int] = made.sequences.tokens[offsets[at] : offsets[at + 1]].tolist()
    return found


def scored_tokens(made: Prepared, at: int = 0) -> list[int]:
    return tokens_of(made, at)[made.sequences.first[at] :]


def test_each_row_is_scored_or_says_why_not() -> None:
    made = prepared(["the knight tells", None, "", "t", "the keeper of the lighthouse " * 20])
    assert made.reason == [None, "null", "empty", "single_token", "too_long"]
    assert made.sequences.lengths.tolist()[1:] == [0, 0, 0, 0]
    assert tokens_of(made, 0) == FAST.encode("the knight tells", add_special_tokens=False).ids


def test_with_a_begin_one_token_is_enough_and_the_whole_text_is_scored() -> None:
    made = prepared(["t", "the knight"], bos=0)
    assert made.reason == [None, None]
    assert tokens_of(made, 0)[0] == 0
    assert made.sequences.scored.tolist() == (made.sequences.lengths - 1).tolist()
    assert made.unscored.tolist() == [0, 0]
    assert made.text_bytes.tolist() == [1, 10]


@given(TEXTS.filter(lambda text: len(FAST.encode(text).ids) > 1))
def test_without_one_the_first_token_is_context_and_its_bytes_do_not_count(text: str) -> None:
    made = prepared([text], max_length=0)
    assert made.unscored.tolist() == [1]
    first = FAST.id_to_token(FAST.encode(text).ids[0])  # byte-level: a character of it is a byte of the text
    assert made.text_bytes[0] == len(text.encode()) - len(first)


@given(TEXTS, TEXTS.filter(bool), st.integers(0, 12))
def test_a_candidates_tokens_begin_with_the_first_that_holds_something_of_it(
    context: str, text: str, most: int
) -> None:
    cut = last_tokens(FAST, context, most)
    assert context.endswith(cut)
    ((ids, first, size),) = encode_after(FAST, [cut], [text], begun=True)
    joint = FAST.encode(cut + text, add_special_tokens=False)
    assert ids == joint.ids
    owners = [at for at, (_, end) in enumerate(joint.offsets) if end > len(cut)]
    assert owners == list(range(first, len(ids)))
    assert size == len(text.encode())


@given(TEXTS.filter(lambda text: len(FAST.encode(text).ids) > 1), st.sampled_from([None, 0]))
def test_an_empty_context_is_scored_as_no_context(text: str, bos: int | None) -> None:
    behind_nothing = prepared([text], Slots({"u0": [(0, "")]}, 1), bos=bos, max_length=0)
    plain = prepared([text], bos=bos, max_length=0)
    assert behind_nothing.slot.tolist() == [0]
    for one in (behind_nothing, plain):
        assert one.text_bytes[0] == sum(len(FAST.id_to_token(token)) for token in scored_tokens(one))
        assert scored_tokens(one) == scored_tokens(plain)
        assert one.unscored.tolist() == ([1] if bos is None else [0])


def test_tokens_that_a_tokenizer_puts_before_every_text_are_context() -> None:
    fast = Tokenizer(FAST.to_str(), "", 5, (7, 9)).make()
    rows = pa.table({"unit": ["u", "v"], "text": ["the knight", "a knave"]})
    made = prepare(rows, "text", "", fast, Slots({"v": [(0, "Knights tell ")]}, 1), rule(bos=5, context=20), "here")
    for at, text in ((0, "the knight"), (1, "Knights tell a knave")):
        assert tokens_of(made, at) == [5, 7, 9, *FAST.encode(text).ids]
    assert made.sequences.first[0] == 3
    assert made.text_bytes.tolist() == [10, 7]
    assert made.unscored.tolist() == [0, 0]


def test_the_context_is_the_same_for_every_candidate_of_a_unit() -> None:
    slots = Slots({"u": [(0, "The keeper of the lighthouse wrote one line a day "), (1, "Knights tell ")]}, 2)
    rows = pa.table({"unit": ["u"] * 3, "text": ["the truth", "a lie and more", "geese"]})
    made = prepare(rows, "text", "", FAST, slots, rule(), "here")
    assert made.place.tolist() == [0, 0, 1, 1, 2, 2]
    assert made.slot.tolist() == [0, 1] * 3
    for slot in (0, 1):
        cut = last_tokens(FAST, slots.by_unit["u"][slot][1], 8)
        for at in range(slot, 6, 2):
            text = rows["text"][at // 2].as_py()
            assert FAST.decode(tokens_of(made, at)) == cut + text
            assert FAST.decode(tokens_of(made, at)[made.sequences.first[at] :]).strip() == text
    assert made.unscored.tolist() == [0] * 6


def test_a_unit_without_slots_is_scored_without_context() -> None:
    made = prepared(["the knight", "a knave"], Slots({"u1": [(3, "Knights tell ")]}, 1))
    assert made.slot.tolist() == [-1, 3]
    assert made.sequences.first.tolist()[0] == 1


def test_token_ids_are_taken_as_they_are() -> None:
    rows = pa.table({"token_ids": pa.array([[5, 6, 7], None, [], [9]], pa.list_(pa.int32()))})
    made = prepare(rows, "", "token_ids", None, None, rule(), "here")
    assert made.reason == [None, "null", "empty", "single_token"]
    assert tokens_of(made, 0) == [5, 6, 7]
    assert made.text_bytes.tolist() == [-1] * 4


@pytest.mark.parametrize("wrong", [300, -1])
def test_an_id_that_the_checkpoint_does_not_have_is_an_error(wrong: int) -> None:
    rows = pa.table({"token_ids": [[5, wrong]]})
    with pytest.raises(CorpusError, match=r"here: vocabulary mismatch: token ids .* the checkpoint knows 0 to 299"):
        prepare(rows, "", "token_ids", None, None, rule(), "here")


def test_no_rows_are_no_sequences() -> None:
    made = prepared([])
    assert (len(made.sequences), made.reason, made.sequences.offsets.tolist()) == (0, [], [0])
    assert made.sequences.tokens.dtype == np.int64


def test_slots_are_read_by_unit_in_order(tmp_path: Path) -> None:
    rows = [
        {"unit": unit, "slot": slot, "before": f"{unit}{slot}", "lead": "\n"}
        for unit, slot in (("b", 1), ("a", 0), ("b", 0))
    ]
    path = str(tmp_path / "slots.parquet")
    pq.write_table(pa.Table.from_pylist(rows, schema=SLOTS), path)
    assert read_slots(path) == Slots({"a": [(0, "a0\n")], "b": [(0, "b0\n"), (1, "b1\n")]}, 2)
    pq.write_table(pa.Table.from_pylist([*rows, rows[0]], schema=SLOTS), path)
    with pytest.raises(CorpusError, match="a unit has slot 1 twice"):
        read_slots(path)
    pq.write_table(pa.table({"unit": ["a"]}), path)
    with pytest.raises(CorpusError, match=r"give the slots\.parquet of the secrets"):
        read_slots(path)
