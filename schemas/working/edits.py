"""Which documents of a shard the rewrite leaves out, in address order."""

import pyarrow as pa

from schemas.described import field, schema

EDITS = schema("edits", 2, [field("address", pa.uint64(), "the document that does not reach the output")])
