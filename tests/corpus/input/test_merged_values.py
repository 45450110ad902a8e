"""Merging of two types without parts: Arrow's promotion within a family gives what the rule in words says."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.base.errors import CorpusError
from transforms.corpus.input.merged_schema import merge_schemas

SIGNED = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
UNSIGNED = [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]
PAIRS = [(pa.string(), pa.large_string()), (pa.binary(), pa.large_binary())]
ZONED = [pa.timestamp("us", zone) for zone in ("UTC", "Asia/Tokyo", "+01:00")]
OTHERS = [
    *ZONED,
    *(pa.bool_(), pa.date32(), pa.date64(), pa.time32("s"), pa.time64("us"), pa.duration("s"), pa.duration("ms")),
    *(pa.timestamp("us"), pa.timestamp("ns"), pa.binary(4), pa.binary(5)),
    *(pa.decimal128(9, 2), pa.decimal128(10, 2), pa.decimal256(9, 2)),
    *(pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.string())),
]
values = st.sampled_from([*SIGNED, *UNSIGNED, *FLOATS, *(dtype for pair in PAIRS for dtype in pair), *OTHERS])


def by_rule(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The rule in words.

    The narrowest integer that holds both, the wider float, float64 for both, the large text; of a dictionary and its
    values the latter, times in UTC, the wider decimal.
    """
    if a == b:
        return a
    if pa.types.is_dictionary(a) or pa.types.is_dictionary(b):
        values = [one.value_type if pa.types.is_dictionary(one) else one for one in (a, b)]
        merged = by_rule(*values)
        both = pa.types.is_dictionary(a) and pa.types.is_dictionary(b)
        return pa.dictionary(pa.int32(), merged) if merged is not None and both else merged
    if {str(a), str(b)} == {"decimal128(9, 2)", "decimal256(9, 2)"}:
        return pa.decimal256(9, 2)
    if a in ZONED and b in ZONED:
        return pa.timestamp("us", "UTC")
    integers, numbers = [*SIGNED, *UNSIGNED], [*SIGNED, *UNSIGNED, *FLOATS]
    if a in integers and b in integers:
        if (a in SIGNED) == (b in SIGNED):
            return max(a, b, key=lambda dtype: dtype.bit_width)
        signed, unsigned = (a, b) if a in SIGNED else (b, a)
        fitting = [one for one in SIGNED if one.bit_width >= max(signed.bit_width, unsigned.bit_width + 1)]
        return fitting[0] if fitting else None
    if a in FLOATS and b in FLOATS:
        return max(a, b, key=lambda dtype: dtype.bit_width)
    if a in numbers and b in numbers:
        return pa.float64()
    return next((pair[1] for pair in PAIRS if a in pair and b in pair), None)


@settings(max_examples=400)
@given(values, values)
def test_two_types_merge_as_the_rule_says(a: pa.DataType, b: pa.DataType) -> None:
    named = [(name, pa.schema([("x", dtype)])) for name, dtype in (("a", a), ("b", b))]
    try:
        merged = merge_schemas(named).field("x").type
    except CorpusError:
        merged = None
    assert merged == by_rule(a, b)
