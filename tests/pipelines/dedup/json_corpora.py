"""Corpora of JSON lines with any values, for properties of whole commands: drawn by Hypothesis, judged by `json`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from tests.corpus.input.jsonl import json_reference as lines

NAMES = ["a", "b", "c.d", "e f", "é", "[]"]
values = st.recursive(
    st.one_of(*lines.scalars),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON value; two of them seldom agree about a type."""
columns = st.dictionaries(
    st.sampled_from(NAMES),
    lines.typed(2) | lines.typed(1) | st.sampled_from([st.just({}), st.just([]), st.just([{}]), st.none(), values]),
    min_size=1,
    max_size=4,
)


@dataclass(frozen=True)
class Corpus:
    """Files of lines by their names."""

    files: dict[str, bytes]

    def write(self, folder: Path) -> None:
        """Write the files, packed as their names say."""
        folder.mkdir()
        for name, data in self.files.items():
            packed = lines.PACK.get(Path(name).suffix)
            (folder / name).write_bytes(packed(data) if packed else data)

    def judged(self) -> tuple[list[dict[str, Any]], list[tuple[int, int]], bool]:
        """Good records, the (file, number of the record) of bad lines, and whether a run may take the corpus."""
        good: list[dict[str, Any]] = []
        bad: list[tuple[int, int]] = []
        kinds: lines.Kinds = {}
        fine = True
        for file, name in enumerate(sorted(self.files)):
            data = self.files[name]
            own, wrong, agree = lines.reference(data)
            fine &= agree and not lines.begins_with_no_record(data)
            for _, row in own:
                fine &= lines.merge_kinds(kinds, "", row)
            good += [row for _, row in own]
            begun = sorted(position for position, _ in [*own, *wrong])
            bad += [(file, begun.index(position)) for position, _ in wrong]
        return good, bad, fine


@st.composite
def corpora(draw: st.DrawFn, texts: list[str], bad: bool = True) -> Corpus:
    """Lines with the given texts, dealt to files; among them bad ones, if wanted."""
    rows = st.fixed_dictionaries({}, optional=draw(columns))
    files: dict[str, list[bytes]] = {}
    endings = draw(st.lists(st.sampled_from(["", *lines.PACK]), min_size=1, max_size=3))
    for at, text in enumerate(texts):
        line = json.dumps({"text": text, **draw(rows)}, ensure_ascii=at % 2 == 0).encode()
        own = files.setdefault(f"{at % len(endings)}.jsonl{endings[at % len(endings)]}", [])
        own.append(b"\xef\xbb\xbf" * (at % 5 == 4) + line)
        if bad and at % 3 == 1:
            own.append(draw(st.sampled_from(lines.INVALID)))
    return Corpus({name: b"\n".join(own) for name, own in files.items()})


def check_values(output: Path, good: list[dict[str, Any]]) -> None:
    """Check that the documents of an output are the given records, with their values and in their order."""
    table = pa.concat_tables([pq.read_table(path, partitioning=None) for path in sorted((output / "data").iterdir())])
    found = table.to_pylist()
    dtype = pa.struct(list(table.schema))
    assert len(found) == len(good)
    for row, wanted in zip(found, good, strict=True):
        shaped = lines.shaped(wanted, dtype)
        assert row == shaped
        assert_same_numbers(row, wanted)


def assert_same_numbers(found: Any, wanted: Any) -> None:
    """Check that every integer is found exactly, if need be as a float without loss."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            assert_same_numbers((found or {}).get(key), value)
    elif isinstance(wanted, list):
        for one, value in zip(found, wanted, strict=True):
            assert_same_numbers(one, value)
    elif type(wanted) is int:
        assert int(found) == wanted
