"""Where each unit's candidates are scored: the text before each slot, the same for all candidates. Secret."""

import pyarrow as pa

from schemas.described import field, schema

SLOTS = schema(
    "slots",
    1,
    [
        field("unit", pa.string(), "the unit"),
        field("slot", pa.int32(), "number of the slot in keyed order, 0 to r - 1"),
        field("before", pa.large_string(), "end of the document, as it was before planting, up to the slot"),
        field("lead", pa.string(), "separator that planting puts before a candidate here"),
    ],
)
"""Slots of a unit, shared by its candidates: nothing here depends on which of them was drawn."""
