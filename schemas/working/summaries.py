"""What the scan keeps of a document: numbers only, one row a document, in address order."""

import pyarrow as pa

from schemas.described import field, schema

VERSION = 2


def band_name(band: int) -> str:
    """Column name of band number `band`."""
    return f"band_{band:03d}"


def summaries(bands: int, num_perm: int) -> pa.Schema:
    """The schema of a scan task's file for `bands` bands and `num_perm` permutations."""
    return schema(
        "summaries",
        VERSION,
        [
            field("address", pa.uint64(), "file ordinal << 40 | position in the file"),
            field("bytes", pa.uint32(), "length of the text in UTF-8 bytes"),
            field("text_hash", pa.binary(16), "hash of the bytes of the text in NFC"),
            field("priority", pa.float64(), "higher is kept first; ties go to the smaller address"),
            field("eligible", pa.bool_(), "whether the document passes the condition on its columns"),
            field("id", pa.string(), "the user's id, where the corpus has such a column", nullable=True),
            *(
                field(band_name(band), pa.uint64(), "key of the band's bucket; 0: the text has no shingle")
                for band in range(bands)
            ),
            field("sketch", pa.binary(num_perm), "low byte of each MinHash minimum"),
        ],
    )
