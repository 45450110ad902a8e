"""What earlier campaigns of the chain have sealed, as hashes: no candidate enters a second campaign. Secret."""

import pyarrow as pa

from schemas.described import field, schema

EARLIER = schema(
    "earlier",
    1,
    [
        field("campaign", pa.int32(), "number of the campaign that sealed it"),
        field("what", pa.string(), "'unit': the id of a unit; 'text': the text of a candidate"),
        field("sha256", pa.binary(32), "of its UTF-8 bytes"),
    ],
)
"""One row per unit and one per candidate of each campaign before this one."""
