"""Shards of tokens: what their index says, read by hand."""

import struct

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import tokenizers

from transforms.base.errors import CorpusError
from transforms.base.folders import HashingFile
from transforms.ordering.copying.tokens import TokenWriter, open_tokenizer


class Memory:
    def __init__(self) -> None:
        self.data = b""

    def write(self, view: memoryview) -> None:
        self.data += bytes(view)


def tokenizer(words: int) -> bytes:
    """A word is its own number as a token; the last one ends documents."""
    vocabulary = {**{str(one): one for one in range(words - 1)}, "<end>": words - 1}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, "0"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    made.enable_truncation(2)
    return made.to_str().encode()


def megatron(index: bytes) -> tuple[int, list[int], list[int], list[int]]:
    """Code of the type, lengths, byte offsets and document numbers, read field by field."""
    assert index[:9] == b"MMIDIDX\x00\x00"
    version, code, documents, borders = struct.unpack_from("<QBQQ", index, 9)
    assert (version, borders) == (1, documents + 1)
    lengths = struct.unpack_from(f"<{documents}i", index, 34)
    pointers = struct.unpack_from(f"<{documents}q", index, 34 + 4 * documents)
    numbers = struct.unpack_from(f"<{borders}q", index, 34 + 12 * documents)
    assert len(index) == 34 + 12 * documents + 8 * borders
    return code, list(lengths), list(pointers), list(numbers)


@pytest.mark.parametrize(
    ("words", "end", "dtype", "code"),
    [(50, "", "<u2", 8), (65_536, "<end>", "<u2", 8), (65_537, "<end>", "<u4", 4)],
)
def test_tokens_and_index_hold_every_document_in_order(words: int, end: str, dtype: str, code: int) -> None:
    how = open_tokenizer("t.json", tokenizer(words), end)
    memory = Memory()
    writer = TokenWriter(HashingFile(memory), how)
    texts = [["1 2 3", "", "4"], ["5 6 7 8 9"]]
    for part in texts:
        writer.write(pa.array(part), np.arange(len(part), dtype=np.uint64))
    last = [words - 1] if end else []
    wanted = [[int(word) for word in text.split()] + last for part in texts for text in part]
    ids: npt.NDArray[np.generic] = np.frombuffer(memory.data, dtype)
    assert ids.tolist() == [one for document in wanted for one in document]
    found = megatron(writer.index())
    lengths = [len(document) for document in wanted]
    starts = [sum(lengths[:at]) * ids.itemsize for at in range(len(lengths))]
    assert found == (code, lengths, starts, list(range(len(lengths) + 1)))


@pytest.mark.parametrize("bad", [pa.array(["1", None]), pa.array([b"1", b"\xff"]).view(pa.string())])
def test_a_document_without_text_is_named_by_its_row(bad: pa.Array) -> None:
    writer = TokenWriter(HashingFile(Memory()), open_tokenizer("t.json", tokenizer(9), ""))
    with pytest.raises(CorpusError, match="row 77 of an input file has no text"):
        writer.write(bad, np.array([5, (3 << 40) + 77], np.uint64))


def test_an_unknown_end_token_and_a_broken_file_are_refused() -> None:
    with pytest.raises(CorpusError, match="--end-token 'x': the tokenizer does not know it"):
        open_tokenizer("t.json", tokenizer(9), "x")
    with pytest.raises(CorpusError, match=r"--tokenizer t\.json: cannot be read"):
        open_tokenizer("t.json", b"{}", "")
