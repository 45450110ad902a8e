import itertools
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting import calls_made
from transforms.base.errors import CorpusError
from transforms.corpus.input.merged_schema import merge_schemas, storable

leaves = st.sampled_from(
    [
        *(pa.null(), pa.bool_(), pa.string(), pa.large_string(), pa.binary(), pa.timestamp("us"), pa.date32()),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.decimal128(9, 2), pa.dictionary(pa.int8(), pa.string())),
    ]
)
types = st.recursive(
    leaves,
    lambda inner: (
        inner.map(pa.list_)
        | inner.map(pa.large_list)
        | inner.map(lambda dtype: pa.map_(pa.string(), dtype))
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(lambda kinds: pa.struct(list(kinds.items())))
    ),
    max_leaves=4,
)
schemas = st.dictionaries(st.sampled_from("abc"), types, max_size=3).map(lambda kinds: pa.schema(list(kinds.items())))


def merge(*types: pa.DataType) -> pa.DataType:
    merged = merge_schemas([(f"file {at}", pa.schema([("x", dtype)])) for at, dtype in enumerate(types)])
    return merged.field("x").type


def outcome(*types: pa.DataType) -> pa.DataType | None:
    try:
        return merge(*types)
    except CorpusError:
        return None


@given(types, types)
def test_merging_types_does_not_depend_on_sides(a: pa.DataType, b: pa.DataType) -> None:
    left, right = outcome(a, b), outcome(b, a)
    if left is None or right is None:
        assert left is right
    else:
        assert sorted_fields(left) == sorted_fields(right)
        assert outcome(left, a, b) == left


def sorted_fields(dtype: pa.DataType) -> Any:
    """A type as a value in which the order of struct fields does not matter."""
    if pa.types.is_struct(dtype):
        return {field.name: sorted_fields(field.type) for field in dtype}
    if pa.types.is_map(dtype):
        return "map", sorted_fields(dtype.item_type)
    if pa.types.is_list(dtype) or pa.types.is_large_list(dtype):
        return type(dtype).__name__, sorted_fields(dtype.value_type)
    return dtype


@settings(max_examples=200)
@given(st.lists(schemas, min_size=1, max_size=4), st.data())
def test_merging_by_parts_is_merging_all(found: list[pa.Schema], data: st.DataObject) -> None:
    named = [(f"file {at}", schema) for at, schema in enumerate(found)]
    cut = data.draw(st.integers(0, len(named)))
    try:
        merged = merge_schemas(named)
    except CorpusError:
        with pytest.raises(CorpusError):
            merge_schemas([("first", merge_schemas(named[:cut])), ("second", merge_schemas(named[cut:]))])
        return
    parts = [("first", merge_schemas(named[:cut])), ("second", merge_schemas(named[cut:]))]
    assert merge_schemas([part for part in parts if len(part[1])]) == merge_schemas([("all", merged)])
    assert merged.names == list(dict.fromkeys(name for schema in found for name in schema.names))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1], f"int{bits}") for bits in (8, 16, 32, 64)]
    + [([0, 2**bits - 1], f"uint{bits}") for bits in (8, 16, 32, 64)],
)
def test_integers_survive_widening(values: list[int], dtype: str) -> None:
    narrow = pa.type_for_alias(dtype)
    others = [pa.type_for_alias(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)]
    for other in others:
        wide = outcome(narrow, other)
        if wide is None:
            assert "uint64" in (str(narrow), str(other))
            assert pa.types.is_signed_integer(narrow) != pa.types.is_signed_integer(other)
        else:
            assert pa.array(values, narrow).cast(wide).to_pylist() == values


def test_pairs_with_one_answer() -> None:
    assert merge(pa.int64(), pa.float32()) == pa.float64()
    assert merge(pa.float32(), pa.float64()) == pa.float64()
    assert merge(pa.int8(), pa.uint8()) == pa.int16()
    assert merge(pa.string(), pa.large_string()) == pa.large_string()
    assert merge(pa.binary(), pa.large_binary()) == pa.large_binary()
    assert merge(pa.null(), pa.timestamp("s", "UTC")) == pa.timestamp("s", "UTC")
    assert merge(pa.list_(pa.null()), pa.large_list(pa.int8())) == pa.large_list(pa.int8())
    assert merge(pa.struct([("a", pa.int64())]), pa.struct([("b", pa.null()), ("a", pa.float64())])) == pa.struct(
        [("a", pa.float64()), ("b", pa.null())]
    )


@pytest.mark.parametrize(
    ("a", "b"),
    list(
        itertools.combinations(
            [
                *(pa.bool_(), pa.int64(), pa.string(), pa.binary(), pa.struct([("a", pa.int8())]), pa.list_(pa.int8())),
                *(pa.map_(pa.string(), pa.int8()), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("us", "UTC")),
                *(pa.date32(), pa.decimal128(9, 2), pa.decimal128(10, 2), pa.dictionary(pa.int8(), pa.time64("us"))),
                *(pa.uuid(), pa.bool8()),
            ],
            2,
        )
    ),
)
def test_types_that_nothing_holds_together(a: pa.DataType, b: pa.DataType) -> None:
    with pytest.raises(CorpusError, match=r"^column 'x' is .* in file 0 but .* in file 1; give it one type"):
        merge(a, b)
    assert merge(a, a, pa.null()) == a


FIXED, TEXTS = pa.list_(pa.float32(), 2), pa.map_(pa.string(), pa.string())
BYTE, SHORT, CODES = (pa.dictionary(codes, pa.string()) for codes in (pa.int8(), pa.int16(), pa.int32()))
JSON, LARGE_JSON = pa.json_(), pa.json_(pa.large_string())


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        (BYTE, SHORT, CODES),
        (BYTE, pa.string(), pa.string()),
        (BYTE, pa.large_string(), pa.large_string()),
        (pa.list_(BYTE), pa.list_(pa.string()), pa.list_(pa.string())),
        (pa.uuid(), pa.binary(16), pa.binary(16)),
        (JSON, pa.string(), pa.string()),
        (JSON, pa.large_string(), pa.large_string()),
        (JSON, LARGE_JSON, LARGE_JSON),
        (pa.bool8(), pa.int8(), pa.int8()),
        (pa.struct([("u", pa.uuid())]), pa.struct([("u", pa.binary(16))]), pa.struct([("u", pa.binary(16))])),
        (FIXED, FIXED, FIXED),
        (FIXED, pa.list_(pa.float32()), pa.list_(pa.float32())),
        (FIXED, pa.large_list(pa.float64()), pa.large_list(pa.float64())),
        (FIXED, pa.list_(pa.float32(), 3), pa.list_(pa.float32())),
        (FIXED, pa.null(), pa.list_(pa.float32())),
        (pa.timestamp("us", "UTC"), pa.timestamp("us", "Asia/Tokyo"), pa.timestamp("us", "UTC")),
        (pa.decimal32(5, 2), pa.decimal128(5, 2), pa.decimal128(5, 2)),
        (pa.map_(pa.string(), pa.string(), keys_sorted=True), TEXTS, TEXTS),
    ],
    ids=str,
)
def test_what_only_says_more_of_the_same_values_gives_way(a: pa.DataType, b: pa.DataType, both: pa.DataType) -> None:
    assert merge(a, b) == both == merge(b, a)
    assert merge(a, a) == a


@pytest.mark.parametrize(
    ("a", "b"), [(JSON, pa.uuid()), (JSON, pa.binary()), (pa.uuid(), pa.binary(4)), (JSON, pa.int8())]
)
def test_an_extension_type_and_what_it_is_not_stored_as_do_not_merge(a: pa.DataType, b: pa.DataType) -> None:
    with pytest.raises(CorpusError, match=re.escape(f"column 'x' is {a} in file 0 but {b} in file 1")):
        merge(a, b)


def test_fixed_size_lists_that_only_some_files_have_become_lists() -> None:
    named = [("a", pa.schema([("x", FIXED), ("y", pa.int8())])), ("b", pa.schema([("y", pa.int8())]))]
    assert merge_schemas(named).field("x").type == merge_schemas(named[::-1]).field("x").type == pa.list_(pa.float32())


def test_the_message_names_the_part_of_the_column_and_the_files_that_disagree() -> None:
    def schema(dtype: pa.DataType) -> pa.Schema:
        return pa.schema([("id", pa.string()), ("meta", pa.struct([("tags", pa.list_(dtype))]))])

    named = [("a.jsonl", schema(pa.null())), ("b.jsonl", schema(pa.int64())), ("c.jsonl", schema(pa.float64()))]
    with pytest.raises(CorpusError) as error:
        merge_schemas([*named, ("d.jsonl", schema(pa.string()))])
    assert "column 'meta.tags[]' is int64 in b.jsonl but string in d.jsonl" in str(error.value)


def test_two_columns_of_one_name() -> None:
    with pytest.raises(CorpusError, match=r"a.parquet: there are two columns named 'x'"):
        merge_schemas([("a.parquet", pa.schema([("x", pa.int8()), ("x", pa.int8())]))])


def test_nullability_and_metadata() -> None:
    strict = pa.schema([pa.field("x", pa.int64(), nullable=False, metadata={"a": "b"})], metadata={"c": "d"})
    loose = pa.schema([pa.field("x", pa.int64())])
    merged = merge_schemas([("a", strict), ("b", strict)])
    assert not merged.field("x").nullable
    assert merged.metadata is None
    assert merged.field("x").metadata == {b"a": b"b"}
    other = pa.schema([pa.field("x", pa.int64(), nullable=False, metadata={"a": "b", "e": "f"})])
    assert merge_schemas([("a", strict), ("b", other)]).field("x").metadata == {b"a": b"b"}
    assert merge_schemas([("a", strict), ("b", loose)]).field("x").metadata is None
    assert merge_schemas([("a", strict), ("b", loose)]).field("x").nullable
    assert merge_schemas([("a", strict), ("b", pa.schema([]))]).field("x").nullable
    assert merge_schemas([("a", pa.schema([])), ("b", strict)]).field("x").nullable
    assert merge_schemas([]) == pa.schema([])


def test_an_empty_struct_is_stored_as_null_wherever_it_stands() -> None:
    empty = pa.struct([])
    schema = pa.schema([("a", empty), ("b", pa.list_(empty)), ("c", pa.struct([("d", empty), ("e", pa.int8())]))])
    assert storable(schema) == pa.schema(
        [("a", pa.null()), ("b", pa.list_(pa.null())), ("c", pa.struct([("d", pa.null()), ("e", pa.int8())]))]
    )


def test_many_files_of_one_schema_cost_little() -> None:
    schema = pa.schema([(f"column {at}", pa.string()) for at in range(50)])
    named = [(str(at), schema.with_metadata({"file": str(at)})) for at in range(2000)]
    merged = []
    assert calls_made(lambda: merged.append(merge_schemas(named))) < len(named)
    assert merged == [schema]
