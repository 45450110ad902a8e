"""Probes: texts of which a draw picks the ones that are planted. One row a candidate, any kind of probe."""

import json
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.types as pat

from schemas.described import NAME_KEY, VERSION_KEY, SchemaMismatchError, field, schema

PROBES = schema(
    "probes",
    1,
    [
        field("id", pa.string(), "the candidate, unique among all probes"),
        field("kind", pa.string(), "what made it: 'trap', 'puzzle', ..."),
        field("unit", pa.string(), "the experiment to which it belongs: its candidates are exchangeable"),
        field("candidate", pa.int32(), "place in the unit, 0 to m"),
        field("stratum", pa.string(), "units that are alike, for example a length and a perplexity bucket"),
        field("dose", pa.int32(), "copies to plant, 1 or more"),
        field("text", pa.large_string(), "what is planted if this candidate is drawn"),
        field("length_tokens", pa.int32(), "length in the generator's tokens", nullable=True),
        field("perplexity", pa.float64(), "perplexity under the generator's model", nullable=True),
        field("generator", pa.string(), "what produced the text, with its version", nullable=True),
        field(
            "planted_as",
            pa.string(),
            "'insertion' (also null): inside documents of the corpus; 'document': as documents of their own",
            nullable=True,
        ),
    ],
)
"""The columns every probes file has or may have (the nullable ones); a kind of probe may add scalar columns."""

FAMILY = (
    field(
        "variants",
        pa.list_(pa.large_string()),
        "texts of the candidate's further copies, in order: copy c gets text c modulo 1 + v of [text, *variants]",
        nullable=True,
    ),
    field(
        "fresh",
        pa.list_(pa.large_string()),
        "texts of the same making that are never planted, for metrics that take a mean over them",
        nullable=True,
    ),
    field("family", pa.large_string(), "how variants were made and what they promise (JSON)", nullable=True),
)
"""Columns of probes whose copies differ, of any kind; a file has those it needs. They are sealed with the candidate."""

FAMILY_VERSION = 2
"""Of the schema, where there are variants: whoever does not know them would plant the same text again and again."""

COVARIATES_KEY = b"trapline.covariates"
"""Key of the schema's metadata: JSON, "number" or "text" by further column by which effects may be broken down."""

NUMBER, TEXT = "number", "text"
STANDARD_COVARIATES = {"length_tokens": NUMBER, "perplexity": NUMBER}
"""Columns of `PROBES` that are covariates without being declared."""


def with_covariates(table: pa.Table, covariates: Mapping[str, str], where: str) -> pa.Table:
    """The table with its covariates declared in its metadata, but for the standard ones, which every table has.

    Args:
        table: of probes, from `conform`.
        covariates: "number" or "text" by column.
        where: what made the table, for messages.

    Raises:
        SchemaMismatchError: for a column that the table lacks, that every table of probes has, or of another type.
    """
    further = {name: kind for name, kind in sorted(covariates.items()) if name not in STANDARD_COVARIATES}
    if not further:
        return table
    for name, kind in further.items():
        if name not in table.column_names or name in PROBES.names:
            own = ", ".join(one for one in table.column_names if one not in PROBES.names) or "none"
            raise SchemaMismatchError(
                f"{where}: covariate {name!r} is not one of its further columns, which are: {own}"
            )
        dtype = table.schema.field(name).type
        number = pat.is_integer(dtype) or pat.is_floating(dtype)
        if kind not in (NUMBER, TEXT) or (kind == NUMBER) != number:
            raise SchemaMismatchError(
                f"{where}: covariate {name!r} is declared {kind!r}, its column is {dtype}: "
                f"{NUMBER!r} is for numbers, {TEXT!r} for all else"
            )
    metadata = {**(table.schema.metadata or {}), COVARIATES_KEY: json.dumps(further, sort_keys=True).encode()}
    return table.replace_schema_metadata(metadata)


def covariates_of(schema: pa.Schema, where: str = "probes") -> dict[str, str]:
    """Covariates of a table of probes, the standard ones first.

    Raises:
        SchemaMismatchError: if the metadata cannot be read.
    """
    text = (schema.metadata or {}).get(COVARIATES_KEY, b"{}")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(kind in (NUMBER, TEXT) for kind in found.values()):
        raise SchemaMismatchError(
            f"{where}: {COVARIATES_KEY.decode()} is not a JSON object of {NUMBER!r} or {TEXT!r} by column"
        )
    return {**STANDARD_COVARIATES, **found}


def conform(tables: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """All tables as one with the columns of `PROBES` first and further columns after them, by name.

    Covariates that the tables declare are declared by the whole.

    Args:
        tables: name (for messages) and content of each file.

    Raises:
        SchemaMismatchError: naming file and column, for a missing column, a null where none may be, a type that
            cannot be held without loss, or two files that give a further column different types.
    """
    parts = [_conform(where, table) for where, table in tables]
    types: dict[str, tuple[pa.DataType, str]] = {}
    for (where, _), part in zip(tables, parts, strict=True):
        for column in part.schema:
            first, seen_in = types.setdefault(column.name, (column.type, where))
            if column.type != first:
                raise SchemaMismatchError(
                    f"{where}: column {column.name!r} is {column.type}, in {seen_in} it is {first}: make them alike"
                )
    family = [one for one in FAMILY if one.name in types]
    known = {*PROBES.names, *(one.name for one in FAMILY)}
    further = [pa.field(name, types[name][0]) for name in sorted(set(types) - known)]
    metadata = {**PROBES.metadata, VERSION_KEY: str(FAMILY_VERSION).encode()} if family else PROBES.metadata
    wanted = pa.schema([*PROBES, *family, *further], metadata=metadata)
    whole = pa.concat_tables([_with_columns(part, wanted) for part in parts])
    return with_covariates(whole, _declared(tables, parts), ", ".join(where for where, _ in tables))


def _declared(tables: Sequence[tuple[str, pa.Table]], parts: Iterable[pa.Table]) -> dict[str, str]:
    """Covariates of all tables, each checked against its own table."""
    declared: dict[str, str] = {}
    for (where, table), part in zip(tables, parts, strict=True):
        own = covariates_of(table.schema, where)
        with_covariates(part, own, where)
        declared |= own
    return declared


def _conform(where: str, table: pa.Table) -> pa.Table:
    metadata = table.schema.metadata or {}
    versions = (PROBES.metadata[VERSION_KEY], str(FAMILY_VERSION).encode())
    for key, known in ((NAME_KEY, (PROBES.metadata[NAME_KEY],)), (VERSION_KEY, versions)):
        if metadata.get(key, known[0]) not in known:
            raise SchemaMismatchError(
                f"{where}: {key.decode()} is {metadata[key].decode(errors='replace')}, "
                f"expected {' or '.join(one.decode() for one in known)}"
            )
    repeated = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if repeated:
        raise SchemaMismatchError(f"{where}: there are two columns named {repeated[0]!r}")
    for name in table.column_names:
        try:
            table.column(name).validate(full=True)
        except pa.ArrowInvalid:
            raise SchemaMismatchError(f"{where}: column {name!r} holds text that is not UTF-8") from None
    columns: dict[str, pa.ChunkedArray] = {}
    for wanted in PROBES:
        if wanted.name not in table.column_names:
            if not wanted.nullable:
                raise SchemaMismatchError(
                    f"{where}: no column {wanted.name!r}; probes need "
                    f"{', '.join(one.name for one in PROBES if not one.nullable)}"
                )
            continue
        columns[wanted.name] = _cast(where, wanted, table.column(wanted.name))
    for wanted in FAMILY:
        if wanted.name in table.column_names:
            columns[wanted.name] = _family(where, wanted, table.column(wanted.name))
    for name in table.column_names:
        if name not in columns:
            columns[name] = _scalars(where, name, table.column(name))
    return pa.table(columns)


def _cast(where: str, wanted: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pat.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    alike = (_is_text, pat.is_integer, pat.is_floating)
    if not any(same(column.type) and same(wanted.type) for same in alike) and not pat.is_null(column.type):
        raise SchemaMismatchError(f"{where}: column {wanted.name!r} is {column.type}, expected {wanted.type}")
    if column.null_count and not wanted.nullable:
        row = column.is_null().index(True).as_py()
        raise SchemaMismatchError(f"{where}: row {row}: {wanted.name!r} is null")
    try:
        return column.cast(wanted.type)
    except pa.ArrowInvalid:
        # Arrow's own message shows the value.
        raise SchemaMismatchError(
            f"{where}: a value in column {wanted.name!r} ({column.type}) does not fit into {wanted.type}"
        ) from None


def _family(where: str, wanted: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of `FAMILY`: lists of texts, none of them null, or text."""
    if not pat.is_list(wanted.type):
        return _cast(where, wanted, column)
    lists = pat.is_list(column.type) or pat.is_large_list(column.type)
    of_texts = lists and (_is_text(column.type.value_type) or pat.is_null(column.type.value_type))
    if not of_texts and not pat.is_null(column.type):
        raise SchemaMismatchError(f"{where}: column {wanted.name!r} is {column.type}, expected lists of text")
    cast = column.cast(wanted.type)
    if any(chunk.flatten().null_count for chunk in cast.chunks):
        raise SchemaMismatchError(f"{where}: column {wanted.name!r} has a null within a list: leave it out")
    return cast


def _scalars(where: str, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A further column in the one type of its family that is kept."""
    if pat.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    families = (
        (_is_text, pa.large_string()),
        (pat.is_signed_integer, pa.int64()),
        (pat.is_unsigned_integer, pa.uint64()),
        (pat.is_floating, pa.float64()),
        (pat.is_boolean, pa.bool_()),
        (pat.is_null, pa.large_string()),
    )
    for belongs, kept in families:
        if belongs(column.type):
            return column.cast(kept)
    raise SchemaMismatchError(
        f"{where}: column {name!r} is {column.type}; probes hold text, numbers and booleans: write it as text (JSON)"
    )


def _is_text(dtype: pa.DataType) -> bool:
    return bool(pat.is_string(dtype) or pat.is_large_string(dtype) or pat.is_string_view(dtype))


def _with_columns(part: pa.Table, wanted: pa.Schema) -> pa.Table:
    missing = pa.nulls(0)
    columns = [
        part.column(one.name) if one.name in part.column_names else pa.chunked_array([missing.cast(one.type)])
        for one in wanted
    ]
    full = [
        column if len(column) == part.num_rows else pa.chunked_array([pa.nulls(part.num_rows, one.type)])
        for column, one in zip(columns, wanted, strict=True)
    ]
    return pa.table(full, schema=wanted)
