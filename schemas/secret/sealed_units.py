"""What the seal knows of each unit, one row a leaf of the Merkle tree, in the leaves' order. Secret."""

import pyarrow as pa

from schemas.described import field, schema

SEALED_UNITS = schema(
    "sealed_units",
    1,
    [
        field("unit", pa.string(), "the unit"),
        field("tranche", pa.int32(), "the part of the units with which it can be revealed, from 0"),
        field("leaf", pa.binary(32), "what the Merkle tree holds of it (before the tree's own hash)"),
        field(
            "fields",
            pa.list_(pa.field("element", pa.binary(8), nullable=False)),
            "first bytes of the hash of each field, to say which one differs",
        ),
    ],
)
