"""The `huggingface` entry of a schema's metadata: what the `datasets` library and the Hub's viewer read columns by.

The layout is the one that `datasets.Features.arrow_schema` writes: `{"info": {"features": {column: feature}}}`, a
feature being a tree of `{"dtype": ..., "_type": "Value"}` and of list and struct nodes. `datasets` is not needed.
"""

import json
import re
from collections.abc import Mapping

import pyarrow as pa

KEY = b"huggingface"
Feature = dict[str, object]

_PLAIN: dict[pa.DataType, str] = {
    pa.null(): "null",
    pa.bool_(): "bool",
    pa.int8(): "int8",
    pa.int16(): "int16",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.uint8(): "uint8",
    pa.uint16(): "uint16",
    pa.uint32(): "uint32",
    pa.uint64(): "uint64",
    pa.float16(): "float16",
    pa.float32(): "float32",
    pa.float64(): "float64",
    pa.date32(): "date32",
    pa.date64(): "date64",
    pa.string(): "string",
    pa.large_string(): "large_string",
    pa.string_view(): "string_view",
    pa.binary(): "binary",
    pa.large_binary(): "large_binary",
    pa.binary_view(): "binary_view",
}
# What `datasets` accepts as a zone when it reads the dtype back; another would make the file unreadable for it.
_ZONE = re.compile(r"[a-zA-Z0-9/_+\-:]+")
_FILE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_TRANSLATIONS = pa.struct([("language", pa.list_(pa.string())), ("translation", pa.list_(pa.string()))])
_ARRAY_DEPTHS = {"Array2D": 2, "Array3D": 3, "Array4D": 4, "Array5D": 5}


def as_written(schema: pa.Schema) -> pa.Schema:
    """The schema with the metadata of a shard: what `datasets` reads its columns by, and the version of the layout."""
    kept = dict(schema.metadata or {})
    features = huggingface_metadata(schema, existing=kept)
    kept.pop(KEY, None)
    return schema.with_metadata({**kept, **features, b"trapline.schema_version": b"1"})


def huggingface_metadata(schema: pa.Schema, existing: Mapping[bytes, bytes] | None = None) -> dict[bytes, bytes]:
    """The `huggingface` entry for the metadata of `schema`.

    Args:
        schema: the columns as they will stand in the file. A dictionary column is described by its values' type, which
            is what `datasets` decodes it to.
        existing: the metadata of the input. What its `huggingface` entry says of a column (a ClassLabel's names, an
            Image) is kept where it still fits the column's type.

    Returns:
        One entry, or none: when a column has a type that `datasets` does not know, or two columns have the same name,
        there is nothing true to say, and readers fall back to the Arrow schema.
    """
    if len(set(schema.names)) < len(schema.names):
        return {}
    known = _existing_features(existing)
    features: dict[str, object] = {}
    for field in schema:
        feature = known.get(field.name)
        if feature is None or not _fits(feature, field.type):
            feature = _feature(field.type)
        if feature is None:
            return {}
        features[field.name] = feature
    return {KEY: json.dumps({"info": {"features": features}}).encode()}


def _existing_features(metadata: Mapping[bytes, bytes] | None) -> dict[str, object]:
    """The features by column of an input's metadata; empty for none or for what cannot be read."""
    try:
        found = json.loads((metadata or {})[KEY])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _feature(dtype: pa.DataType) -> Feature | None:
    """The feature of an Arrow type; None where `datasets` has none."""
    if isinstance(dtype, pa.JsonType):
        return {"_type": "Json"}
    if pa.types.is_struct(dtype):
        inner = {field.name: _feature(field.type) for field in dtype}
        return None if None in inner.values() or len(inner) < dtype.num_fields else dict(inner)
    if pa.types.is_fixed_size_list(dtype):
        item = _feature(dtype.value_type)
        return item and {"feature": item, "length": dtype.list_size, "_type": "List"}
    if pa.types.is_list(dtype):
        item = _feature(dtype.value_type)
        return item and {"feature": item, "_type": "List"}
    if pa.types.is_large_list(dtype):
        item = _feature(dtype.value_type)
        return item and {"feature": item, "_type": "LargeList"}
    name = _value_name(dtype)
    return None if name is None else {"dtype": name, "_type": "Value"}


def _value_name(dtype: pa.DataType) -> str | None:
    """The name that `datasets` gives an Arrow type without parts."""
    if pa.types.is_dictionary(dtype):
        return _value_name(dtype.value_type)
    if pa.types.is_timestamp(dtype):
        if dtype.tz is None:
            return f"timestamp[{dtype.unit}]"
        return f"timestamp[{dtype.unit}, tz={dtype.tz}]" if _ZONE.fullmatch(dtype.tz) else None
    if pa.types.is_time(dtype) or pa.types.is_duration(dtype):
        return str(dtype)
    if pa.types.is_decimal128(dtype) or pa.types.is_decimal256(dtype):
        return f"decimal{dtype.bit_width}({dtype.precision}, {dtype.scale})"
    if pa.types.is_fixed_size_binary(dtype):
        return f"fixed_size_binary[{dtype.byte_width}]"
    return _PLAIN.get(dtype)


def _fits(feature: object, dtype: pa.DataType) -> bool:
    """Whether a feature that an input declares can be stored as `dtype`."""
    if isinstance(feature, list):
        return len(feature) == 1 and pa.types.is_list(dtype) and _fits(feature[0], dtype.value_type)
    if not isinstance(feature, dict):
        return False
    kind = feature.get("_type")
    if not isinstance(kind, str):
        return (
            pa.types.is_struct(dtype)
            and [field.name for field in dtype] == list(feature)
            and all(_fits(feature[field.name], field.type) for field in dtype)
        )
    if kind == "Value":
        return feature.get("dtype") == _value_name(dtype)
    if kind == "ClassLabel":
        return bool(dtype == pa.int64())
    if kind == "Json":
        return isinstance(dtype, pa.JsonType)
    if kind in ("List", "Sequence", "LargeList"):
        return _fits_list(feature, dtype)
    if kind in _ARRAY_DEPTHS:
        return _fits_array(feature, dtype)
    if kind == "Translation":
        languages = sorted(str(language) for language in feature.get("languages", ()))
        return bool(dtype == pa.struct([(language, pa.string()) for language in languages]))
    if kind == "TranslationVariableLanguages":
        return bool(dtype == _TRANSLATIONS)
    # Image, Audio, Video, Pdf and the like: all are stored as a file.
    return bool(dtype == _FILE)


def _fits_list(feature: Mapping[str, object], dtype: pa.DataType) -> bool:
    item = feature.get("feature")
    if feature["_type"] == "LargeList":
        return pa.types.is_large_list(dtype) and _fits(item, dtype.value_type)
    if feature["_type"] == "Sequence" and isinstance(item, dict) and not isinstance(item.get("_type"), str):
        # An old Sequence of a struct is stored as a struct of lists.
        return _fits({name: {"feature": part, "_type": "List"} for name, part in item.items()}, dtype)
    if pa.types.is_fixed_size_list(dtype):
        return feature.get("length") == dtype.list_size and _fits(item, dtype.value_type)
    return pa.types.is_list(dtype) and feature.get("length", -1) == -1 and _fits(item, dtype.value_type)


def _fits_array(feature: Mapping[str, object], dtype: pa.DataType) -> bool:
    """An array is stored as lists within lists of its dtype, under an extension type where `datasets` is loaded."""
    if isinstance(dtype, pa.BaseExtensionType):
        dtype = dtype.storage_type
    for _ in range(_ARRAY_DEPTHS[str(feature["_type"])]):
        if not (pa.types.is_list(dtype) or pa.types.is_fixed_size_list(dtype)):
            return False
        dtype = dtype.value_type
    return feature.get("dtype") == _value_name(dtype)
