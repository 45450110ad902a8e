import json

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.corpus.output.features import KEY, huggingface_metadata

PLAIN = [
    pa.null(),
    pa.bool_(),
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float16(), pa.float32(), pa.float64()),
    *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view()),
    pa.binary(16),
    *(pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
    *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
    *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    *(pa.timestamp("us", tz=zone) for zone in ("UTC", "Europe/Berlin", "+02:00", "Etc/GMT-3")),
    *(pa.decimal128(38, 9), pa.decimal128(4, -2), pa.decimal256(76, 0)),
    pa.json_(),
]
DICTIONARY = pa.dictionary(pa.int32(), pa.string())
UNKNOWN = [
    pa.map_(pa.string(), pa.int64()),
    pa.month_day_nano_interval(),
    pa.decimal64(5, 2),
    pa.list_view(pa.int8()),
    pa.dense_union([pa.field("a", pa.int8())]),
    pa.uuid(),
    pa.dictionary(pa.int8(), pa.list_(pa.string())),
]


def described(schema, existing=None):
    return json.loads(huggingface_metadata(schema, existing)[KEY])["info"]["features"]


def theirs(schema):
    """What `datasets` itself writes for the same columns."""
    metadata = datasets.Features.from_arrow_schema(schema).arrow_schema.metadata
    return json.loads(metadata[KEY])["info"]["features"]


def nested(children):
    names = st.lists(st.sampled_from(["a", "b", "_type", "feature", "dtype", "größe"]), unique=True, min_size=1)
    return st.one_of(
        children.map(pa.list_),
        children.map(pa.large_list),
        st.tuples(children, st.integers(1, 5)).map(lambda pair: pa.list_(*pair)),
        names.flatmap(
            lambda chosen: st.lists(children, min_size=len(chosen), max_size=len(chosen)).map(
                lambda types: pa.struct(list(zip(chosen, types, strict=True)))
            )
        ),
    )


@pytest.mark.parametrize("dtype", [*PLAIN, DICTIONARY], ids=str)
def test_every_plain_type_is_described_as_datasets_describes_it(dtype):
    schema = pa.schema([("column", dtype)])
    assert described(schema) == theirs(schema)


@given(st.lists(st.recursive(st.sampled_from([*PLAIN, DICTIONARY]), nested, max_leaves=6), max_size=5))
def test_nested_types_are_described_as_datasets_describes_them(types):
    schema = pa.schema([(f"column {i}", dtype) for i, dtype in enumerate(types)])
    assert described(schema) == theirs(schema)
    # Reading the file back goes through the entry: it must give the features that the bare schema gives.
    marked = schema.with_metadata(huggingface_metadata(schema))
    assert datasets.Features.from_arrow_schema(marked) == datasets.Features.from_arrow_schema(schema)


@pytest.mark.parametrize("dtype", UNKNOWN, ids=str)
@pytest.mark.parametrize("wrap", [lambda dtype: dtype, lambda dtype: pa.struct([("x", pa.list_(dtype))])])
def test_a_type_that_datasets_does_not_know_leaves_the_entry_out(dtype, wrap):
    schema = pa.schema([("text", pa.string()), ("odd", wrap(dtype))])
    with pytest.raises(ValueError):
        datasets.Features.from_arrow_schema(schema)
    assert huggingface_metadata(schema) == {}


def test_a_time_zone_that_datasets_cannot_read_back_leaves_the_entry_out():
    assert huggingface_metadata(pa.schema([("at", pa.timestamp("us", tz="my zone"))])) == {}


@pytest.mark.parametrize(
    "schema",
    [
        pa.schema([("a", pa.int8()), ("a", pa.int8())]),
        pa.schema([("s", pa.struct([pa.field("a", pa.int8()), pa.field("a", pa.int16())]))]),
    ],
)
def test_names_that_stand_twice_leave_the_entry_out(schema):
    assert huggingface_metadata(schema) == {}


RICH = datasets.Features(
    {
        "text": datasets.Value("string"),
        "label": datasets.ClassLabel(names=["bad", "good"]),
        "labels": datasets.List(datasets.ClassLabel(names=["x", "y"])),
        "pair": datasets.List(datasets.Value("int32"), length=2),
        "picture": datasets.Image(decode=False),
        "sound": datasets.Audio(sampling_rate=16_000),
        "deep": {"of": datasets.LargeList(datasets.ClassLabel(num_classes=3))},
        "both": datasets.Translation(languages=["fr", "en"]),
        "some": datasets.TranslationVariableLanguages(languages=["fr", "en"]),
        "matrix": datasets.Array2D(shape=(2, 3), dtype="float32"),
        "json": datasets.Json(decode=False),
    }
)


def test_what_the_input_declared_is_kept():
    schema = RICH.arrow_schema
    kept = huggingface_metadata(schema.remove_metadata(), schema.metadata)
    assert datasets.Features.from_arrow_schema(schema.with_metadata(kept)) == RICH
    assert described(schema, schema.metadata) == theirs(schema)


def test_a_declared_array_is_kept_where_it_is_read_as_plain_lists():
    schema = pa.schema([("matrix", pa.list_(pa.list_(pa.float32()))), ("other", pa.list_(pa.float32()))])
    array = {"shape": [2, 3], "dtype": "float32", "_type": "Array2D"}
    existing = {KEY: json.dumps({"info": {"features": {"matrix": array, "other": array}}}).encode()}
    found = described(schema, existing)
    assert found["matrix"] == array
    assert found["other"] == {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "List"}


def test_old_sequences_are_kept_as_they_stand():
    schema = pa.schema([("a", pa.list_(pa.int8())), ("b", pa.struct([("x", pa.list_(pa.string()))]))])
    old = {
        "a": {"feature": {"dtype": "int8", "_type": "Value"}, "_type": "Sequence"},
        "b": {"feature": {"x": {"dtype": "string", "_type": "Value"}}, "_type": "Sequence"},
    }
    assert described(schema, {KEY: json.dumps({"info": {"features": old}}).encode()}) == old


@pytest.mark.parametrize("name", [name for name in RICH if name != "text"])
def test_what_no_longer_fits_its_column_is_described_anew(name):
    changed = pa.schema([("text", pa.string()), (name, pa.float64())])
    assert described(changed, RICH.arrow_schema.metadata) == {
        "text": {"dtype": "string", "_type": "Value"},
        name: {"dtype": "float64", "_type": "Value"},
    }


def test_columns_that_are_gone_are_not_described_and_new_ones_are():
    schema = pa.schema([("label", pa.int64()), ("new", pa.bool_())])
    found = described(schema, RICH.arrow_schema.metadata)
    assert list(found) == ["label", "new"]
    assert found["label"]["names"] == ["bad", "good"]


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"not json",
        b"\xff",
        b"[]",
        b"null",
        b'{"info": null}',
        b'{"info": {"features": []}}',
        b'{"info": {}}',
    ]
    + [b'{"info": {"features": {"text": %s}}}' % odd for odd in (b"1", b"null", b"{}", b"[]", b'{"_type": "New"}')],
)
def test_an_unreadable_entry_of_the_input_is_ignored(entry):
    schema = pa.schema([("text", pa.string())])
    assert described(schema, {KEY: entry}) == {"text": {"dtype": "string", "_type": "Value"}}


def test_a_parquet_file_keeps_its_labels_through_the_entry(tmp_path):
    schema = pa.schema([("text", pa.large_string()), ("label", pa.int64())])
    labels = datasets.Features({"label": datasets.ClassLabel(names=["bad", "good"])})
    schema = schema.with_metadata(huggingface_metadata(schema, labels.arrow_schema.metadata))
    pq.write_table(pa.table({"text": ["a"], "label": [1]}, schema=schema), tmp_path / "x.parquet")
    loaded = datasets.load_dataset("parquet", data_files=str(tmp_path / "x.parquet"), cache_dir=str(tmp_path / "c"))
    assert loaded["train"].features["label"].names == ["bad", "good"]
    assert loaded["train"].features["text"] == datasets.Value("large_string")
