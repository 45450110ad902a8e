"""Which kernels a command calls, and with which types: the list that is compiled ahead.

Only kernels that Python calls are named; what they call in turn is compiled with them. A kernel that is missing here
is compiled when it is first called, on one core and in the time of its stage; one that is too much costs seconds on
a first run. `tests/pipelines/compiling/test_needed.py` holds the list against what the commands call.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.dedup import DedupConfig


@dataclass(frozen=True)
class Kernel:
    """A compiled function and the types that it is called with."""

    module: str
    name: str
    types: str
    """`i64` is a 64-bit integer, `u8[]` an array of bytes, `u8[const]` one that is read only, `u64[,]` a matrix."""

    def __str__(self) -> str:
        """What it is called in the list of compiled kernels."""
        return f"{self.module}.{self.name}({self.types})"


_SCAN = (
    Kernel(
        "transforms.dedup.minhash_kernel",
        "scan_texts",
        "u8[const], i64[const], bool[], u32[const], i64, i64, u32[const], "
        "u32[const], u32[], bool[], u64[,], u64[,], u8[,], u32[,], u32[]",
    ),
)
_TOKENS = (
    *_SCAN,
    Kernel(
        "transforms.dedup.minhash_kernel",
        "scan_tokens",
        "u32[const], i64[const], bool[], i64, i64, u32[const], u32[const], u64[,], u8[,]",
    ),
)
_COMPONENTS = (
    Kernel("transforms.dedup.components", "_join_band", "u32[], i64[], u32[], u32[]"),
    Kernel("transforms.dedup.survivors_kernel", "equal_between", "u8[,], u8[,], i64[], i64[]"),
    Kernel("transforms.dedup.components", "_first_of_components", "u32[], u32[]"),
)
_JSONL = (
    Kernel("transforms.corpus.input.jsonl.lines", "scan_lines", "u8[]"),
    Kernel("transforms.corpus.input.jsonl.lines", "line_marks", "u8[], i64[]"),
    Kernel("transforms.corpus.input.jsonl.lines", "utf8_lines", "u8[], i64[], i64[]"),
    Kernel("transforms.corpus.input.jsonl.lines", "pack_lines", "u8[], i64[], i64[]"),
    Kernel("transforms.corpus.input.jsonl.lines", "first_newline", "u8[], i64, i64"),
)
_BUCKETS = (
    Kernel("transforms.dedup.buckets", "_sort_by_key", "u64[], u32[]"),
    Kernel("transforms.dedup.buckets", "_runs", "u64[], u32[]"),
    Kernel("transforms.dedup.buckets", "_best_of_equal_hash", "u64[,], f64[], u32[], i64[]"),
    Kernel("transforms.dedup.buckets", "_select_repeated", "u64[], i64, u64[], i64"),
    Kernel("transforms.dedup.buckets", "_count_occurrences", "u64[], i64, u64[]"),
    Kernel("transforms.dedup.buckets", "_fold", "u64[,]"),
)
_BY_ONE = (
    Kernel(
        "transforms.dedup.survivors_kernel",
        "count_memberships",
        "u32[], i64[], bool[], i64, u32[]",
    ),
    Kernel("transforms.dedup.survivors_kernel", "first_fault", "u32[], u32[]"),
)
_PARTITIONED = (
    Kernel(
        "transforms.dedup.survivors_kernel",
        "choose_in_graph",
        "u8[], i64[], i64[], i64[], i64[], i64[], i64[], i64[], i64[], i64[], u8[], i64, i64[], u8[,], i64, "
        "i64[], i64[]",
    ),
    Kernel("transforms.dedup.survivors_kernel", "equal_between", "u8[,], u8[,], i64[], i64[]"),
    Kernel("transforms.dedup.partitioned.pairs", "pairs_in_buckets", "u64[], i64[], i64"),
    Kernel("transforms.dedup.partitioned.parts", "_order_by_part", "u32[], i64"),
    Kernel("transforms.dedup.partitioned.connect", "join", "u32[], u32[], u32[]"),
    Kernel("transforms.dedup.partitioned.connect", "flatten", "u32[], i64, i64"),
)
_SURVIVORS = (
    Kernel(
        "transforms.dedup.survivors_kernel",
        "choose",
        "u32[], i64[], u32[], u32[], i64, i64[], u8[,], i64, f32[], u32[], f32[]",
    ),
    Kernel(
        "transforms.dedup.survivors_kernel",
        "enter_band",
        "u32[], i64[], bool[], u32[], i64, i64, u32[], i64[], u32[], u32[]",
    ),
    Kernel("transforms.dedup.survivors_kernel", "number_documents", "u32[], u32[]"),
    Kernel("transforms.dedup.survivors_kernel", "cover_copies", "u32[], u32[], f32[], bool[]"),
)
_PLANTING = (
    Kernel(
        "transforms.planting.insertion.sentences_kernel",
        "choose_slots",
        "u8[const], i64[], i64[], i64[], u64[const], bool[], u8[const], u8[const]",
    ),
    Kernel(
        "transforms.planting.insertion.watch_kernel",
        "rows_with_phrase",
        "u8[const], i64[const], bool[], i64, u64[], u64[], i64[], i64[]",
    ),
    Kernel(
        "transforms.planting.places.places_kernel",
        "place_copies",
        "i64[], i64[], i64[], bool, u64[]",
    ),
    Kernel(
        "transforms.planting.insertion.slots_kernel",
        "choose_separators",
        "u8[const], i64[], i64[], i64[], i64[], i8[], u8[const]",
    ),
    Kernel(
        "transforms.planting.insertion.sentences_kernel",
        "choose_sentence_separators",
        "u8[const], i64[], i64[], i8[], bool[], u8[const], i8[], i8[]",
    ),
    Kernel(
        "transforms.planting.tables.fields_kernel",
        "put_lists",
        "u8[const], i64[const], i64[], i64[], i64[], i64[], i64[], i64[], u8[]",
    ),
    Kernel(
        "transforms.planting.tables.fields_kernel", "list_sizes", "u8[const], i64[const], i64[], i64[], i64[], i64[]"
    ),
    Kernel("transforms.planting.tables.fields_kernel", "put_values", "u8[const], i64[const], i64[], i64[], bool, u8[]"),
    Kernel("transforms.planting.tables.fields_kernel", "ends_of", "u8[const], i64[const], i64[], i64[]"),
    Kernel("transforms.planting.insertion.watch_kernel", "heads_of", "i64[], i64"),
    Kernel(
        "transforms.planting.insertion.splice_kernel",
        "insert_pieces",
        "u8[const], i64[const], i64[], i64[], u8[const], i64[const], u8[], i64[], i64[]",
    ),
    Kernel("transforms.planting.insertion.splice_kernel", "count_characters", "u8[], i64[], i64[]"),
    Kernel(
        "transforms.planting.insertion.excerpts_kernel",
        "around",
        "u8[const], i64[], i64[], i64[], i64, i64[], i64[]",
    ),
    Kernel("transforms.planting.insertion.excerpts_kernel", "copy_stretches", "u8[const], i64[], i64[], u8[]"),
    Kernel("transforms.planting.insertion.watch_kernel", "filter_of", "u64[]"),
)


def needed(config: "DedupConfig", *, planting: bool) -> tuple[Kernel, ...]:
    """The kernels of `trapline dedup`, or with `planting` of `trapline prepare`, the one that takes longest first.

    Those of the formats that turn out to be in the input come on top: `needed_to_read`.
    """
    if config.dry_run:
        return ()
    planted = _PLANTING if planting else ()
    shingles = _TOKENS if config.tokenizer else _SCAN
    # A corpus that turns out to be too large for one task compiles the others when they are called.
    if config.plan == "partitioned":
        return (*planted, *shingles, *_PARTITIONED, *_BUCKETS)
    choice = _COMPONENTS if config.method == "components" else _SURVIVORS
    return (*planted, *shingles, *choice, *_BUCKETS, *_BY_ONE)


def needed_to_read(formats: Collection[str]) -> Sequence[Kernel]:
    """The kernels that read files of these formats, named as `transforms.corpus.input.formats` names them."""
    return _JSONL if "jsonl" in formats else ()


ALL = tuple(
    dict.fromkeys((*_PLANTING, *_TOKENS, *_COMPONENTS, *_SURVIVORS, *_BUCKETS, *_BY_ONE, *_PARTITIONED, *_JSONL))
)
"""Every kernel of this file; helpers are told their places in it."""
