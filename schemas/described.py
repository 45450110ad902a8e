"""How a schema is written down: every field described, every schema named and versioned."""

from collections.abc import Sequence

import pyarrow as pa

NAME_KEY = b"trapline.schema"
VERSION_KEY = b"trapline.schema_version"
DESCRIPTION_KEY = b"description"


def field(name: str, dtype: pa.DataType, description: str, *, nullable: bool = False) -> pa.Field:
    """One column with its meaning in the field's metadata."""
    return pa.field(name, dtype, nullable=nullable, metadata={DESCRIPTION_KEY: description.encode()})


def schema(name: str, version: int, fields: Sequence[pa.Field]) -> pa.Schema:
    """A named, versioned schema. The version goes up when a reader of the old one would be wrong."""
    return pa.schema(fields, metadata={NAME_KEY: name.encode(), VERSION_KEY: str(version).encode()})


class SchemaMismatchError(ValueError):
    """A table does not have the schema that its reader needs."""


def check(found: pa.Schema, wanted: pa.Schema, where: str) -> None:
    """Raise `SchemaMismatchError` unless `found` has exactly the columns and the version of `wanted`.

    `where` names the file or the step for the message.
    """
    for key in (NAME_KEY, VERSION_KEY):
        left = (found.metadata or {}).get(key)
        right = (wanted.metadata or {}).get(key)
        if left != right:
            raise SchemaMismatchError(
                f"{where}: {key.decode()} is {(left or b'missing').decode()}, expected {(right or b'').decode()}; "
                "the file was written by another version of trapline, make it again"
            )
    if not found.equals(wanted, check_metadata=False):
        raise SchemaMismatchError(f"{where}: columns are\n{found}\nexpected\n{wanted}")
