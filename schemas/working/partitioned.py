"""Tables that the stages of a partitioned plan pass on, in files with parts (`transforms.dedup.partitioned.parts`).

A document is its dense index, which is its rank by address; a range is a run of documents of equal length.
"""

import pyarrow as pa

from schemas.described import field, schema
from schemas.working.summaries import band_name

_DOCUMENT = pa.uint64()


def hashes() -> pa.Schema:
    """Texts by their hash; a part is a slice of hashes."""
    return schema(
        "plan.hashes",
        1,
        [
            field("high", pa.uint64(), "first half of the hash of the text"),
            field("low", pa.uint64(), "second half"),
            field("row", pa.uint32(), "the document, less the first one of the task"),
            field("priority", pa.float64(), "higher is kept first"),
        ],
    )


def copies() -> pa.Schema:
    """Documents that another one of the same text stands for; a part is a range of these documents."""
    return schema("plan.copies", 1, [field("document", _DOCUMENT, "the copy")])


def stands() -> pa.Schema:
    """Who stands for a copy; a part is a range of documents that stand for others."""
    return schema(
        "plan.stands",
        1,
        [field("document", _DOCUMENT, "the copy"), field("representative", _DOCUMENT, "what stands for it")],
    )


def keys(band: int) -> pa.Schema:
    """The keys of one band; a part is a slice of keys."""
    return schema(
        f"plan.{band_name(band)}",
        1,
        [
            field("key", pa.uint64(), "key of the bucket"),
            field("row", pa.uint32(), "the document, less the first one of the task"),
        ],
    )


def pairs(name: str) -> pa.Schema:
    """Candidate pairs, one number each; a part is a range of the document in the high bits."""
    return schema(f"plan.{name}", 1, [field("pair", pa.uint64(), "place in its range << 42 | the other document")])


def members() -> pa.Schema:
    """Documents in large buckets; a part is a range of documents, or a group of components."""
    return schema(
        "plan.members",
        1,
        [
            field("document", _DOCUMENT, "the document"),
            field("bucket", pa.uint64(), "first document of the bucket << 12 | band"),
        ],
    )


def sketches(num_perm: int) -> pa.Schema:
    """Sketches of documents on their way to be compared."""
    return schema(
        "plan.sketches",
        1,
        [
            field("document", _DOCUMENT, "the document"),
            field("priority", pa.float64(), "higher is kept first"),
            field("sketch", pa.binary(num_perm), "low byte of each MinHash minimum"),
        ],
    )


def edges() -> pa.Schema:
    """Verified pairs; a part is a group of components, or there is one part."""
    return schema(
        "plan.edges",
        1,
        [
            field("earlier", _DOCUMENT, "the document that is kept first"),
            field("later", _DOCUMENT, "the other one"),
            field("earlier_priority", pa.float64(), "of the first"),
            field("later_priority", pa.float64(), "of the other"),
            field("equal", pa.uint16(), "equal bytes of their sketches"),
        ],
    )


def links(name: str) -> pa.Schema:
    """Documents of one component; a part is a range of `document`."""
    return schema(
        f"plan.{name}",
        1,
        [field("document", _DOCUMENT, "a document"), field("other", _DOCUMENT, "one of the same component")],
    )


def weights() -> pa.Schema:
    """Bytes that a component takes in memory; a part is a group of components."""
    return schema(
        "plan.weights",
        1,
        [field("label", pa.uint64(), "the component: its first document"), field("weight", pa.uint64(), "bytes")],
    )


def listed(num_perm: int) -> pa.Schema:
    """Kept documents of large buckets, which later rounds compare with, in order of the bucket and then of choice."""
    return schema(
        "plan.listed",
        1,
        [
            field("bucket", pa.uint64(), "as in plan.members"),
            field("document", _DOCUMENT, "the document"),
            field("priority", pa.float64(), "higher is kept first"),
            field("sketch", pa.binary(num_perm), "low byte of each MinHash minimum"),
        ],
    )


def tallies() -> pa.Schema:
    """How many documents of a large bucket a round has kept, in order of the bucket."""
    return schema(
        "plan.tallies",
        1,
        [
            field("bucket", pa.uint64(), "as in plan.members"),
            field("kept", pa.uint32(), "documents kept in this round"),
            field("met", pa.uint8(), "1: a document of this round was not compared with all of them"),
        ],
    )


def went() -> pa.Schema:
    """Documents that a round has decided against, ascending."""
    return schema("plan.went", 1, [field("document", _DOCUMENT, "the document")])


def covered() -> pa.Schema:
    """Near-duplicates and what covers them; a part is a range of `document`."""
    return schema(
        "plan.covered",
        1,
        [
            field("document", _DOCUMENT, "what goes"),
            field("kept", _DOCUMENT, "what covers it"),
            field("equal", pa.uint16(), "equal bytes of their sketches"),
        ],
    )


def gone() -> pa.Schema:
    """All documents that go; a part is a range of `document`, or there is one part, ascending."""
    return schema(
        "plan.gone",
        1,
        [
            field("document", _DOCUMENT, "what goes"),
            field("kept", _DOCUMENT, "what covers it"),
            field("equal", pa.uint16(), "equal bytes of their sketches"),
            field("exact", pa.uint8(), "1: of the same text hash"),
        ],
    )


def gone_addresses() -> pa.Schema:
    """Addresses of the documents that go, in their order."""
    return schema("plan.gone_addresses", 1, [field("address", pa.uint64(), "as in the scan")])


def answers() -> pa.Schema:
    """Where the kept document of each one that goes stands in the output; a part is a range of `document`."""
    return schema(
        "plan.answers",
        1,
        [
            field("document", _DOCUMENT, "what goes"),
            field("row", pa.uint64(), "shard << 40 | row of what covers it"),
            field("id_bytes", pa.int32(), "length of the id of what covers it; -1: it has none"),
        ],
    )


def letters() -> pa.Schema:
    """The ids of `answers`, one after the other; a part is a range of its `document`."""
    return schema("plan.letters", 1, [field("byte", pa.uint8(), "of an id in UTF-8")])
