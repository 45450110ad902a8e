"""The input of a corpus command: what is known of it before its text is read, and what is refused."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.corpus.plan_kind import plan_kind
from pipelines.corpus.summaries import ScanSummary
from pipelines.running import output as outputs
from pipelines.running.errors import RunError, UsageError
from transforms.base.errors import CorpusError
from transforms.base.folders import Folder
from transforms.base.readable import counted
from transforms.base.runs import Work
from transforms.base.stores.address import shown
from transforms.corpus.input.addresses import file_of, position_of
from transforms.corpus.input.columns import check_number_column, check_text_column
from transforms.corpus.input.divide import divide
from transforms.corpus.input.formats import format_for, read_ahead, schema_of, schemas_known
from transforms.corpus.input.jsonl.rounding import refuse_rounding
from transforms.corpus.input.merged_schema import together
from transforms.corpus.input.partitions import above
from transforms.corpus.input.pieces import Piece
from transforms.corpus.input.sources import Source, list_input, list_sources, shared_folder, would_list
from transforms.corpus.output.features import KEY as FEATURES
from transforms.corpus.output.names import QUARANTINE_FILE, shard_name
from transforms.corpus.types.metadata import dropped, shared_metadata, with_single_field_ids

if TYPE_CHECKING:
    from pipelines.dedup import DedupConfig

_WORK_BYTES_PER_DOCUMENT = 700
_PARTITIONED_BYTES = 100
"""What stages of a partitioned plan have on disk at a time, more than a plan of one task."""
_NAMED = 10


@dataclass(frozen=True)
class Input:
    """What is known of the input before any text is read."""

    sources: tuple[Source, ...]
    pieces: tuple[Piece, ...]
    documents: int | None
    tokenizer_sha256: str | None
    left_out: tuple[str, ...] = ()
    """Files that stand in the input's folders and are not read."""
    not_kept: tuple[str, ...] = ()
    """What the output will not have of the input, beside documents: a line each, for the person who runs it."""

    @property
    def text_bytes(self) -> int:
        """An estimate of the text, in bytes."""
        return sum(piece.size for piece in self.pieces)


def look_at(config: "DedupConfig") -> Input:
    """List the input and read its metadata; column names and types are checked as far as metadata has them.

    Raises:
        CorpusError: for a file that cannot be read or used; with `strict`, also for one that would be left out.
        UsageError: if the tokenizer file does not exist.
    """
    tokenizer_sha256 = config.tokenizer_sha256()
    listing = list_input(config.input)
    sources = listing.sources
    if config.strict and listing.left_out:
        raise CorpusError(
            f"--strict: {left_out(listing.left_out)}; name only what is to be read, with a glob such as "
            "'FOLDER/**/*.jsonl', or run without --strict"
        )
    read_ahead(sources)
    for source in sources:
        if not format_for(source).knows_schema:
            continue
        schema = schema_of(source)
        check_text_column(schema, config.text_column, source.uri)
        if config.keep.startswith("max:"):
            check_number_column(schema, config.keep.partition(":")[2], source.uri)
    named = schemas_known(sources)
    merged = together(named) if named else None
    if config.id_column != "id" and merged is not None and config.id_column not in merged.names:
        raise CorpusError(
            f"no column {config.id_column!r} in the input; it has {', '.join(map(repr, merged.names))}: "
            "name one with --id-column, or leave the flag out"
        )
    rows = [format_for(source).rows(source) for source in sources]
    documents = None if None in rows else sum(one or 0 for one in rows)
    return Input(
        tuple(sources),
        tuple(divide(sources, config.text_column)),
        documents,
        tokenizer_sha256,
        left_out=tuple(listing.left_out),
        not_kept=tuple(_not_kept(config, sources, named, merged)),
    )


def left_out(paths: Sequence[str]) -> str:
    """How many files are left out, and the first of them by name."""
    more = f" and {counted(len(paths) - _NAMED, 'other')}" if len(paths) > _NAMED else ""
    named = ", ".join(path if path.isprintable() else repr(path) for path in paths[:_NAMED])
    return f"{counted(len(paths), 'file')} of the input left out: {named}{more}"


def not_utf8(found: Mapping[str, tuple[int, int]], sources: Sequence[Source]) -> list[str]:
    """What to say of columns with text that is not UTF-8, of each its documents and the address of the first."""
    return [
        f"column {name!r} holds text that is not valid UTF-8 in {counted(documents, 'document')}, kept as it is; the "
        f"first is {format_for(sources[file_of(first)]).unit} {position_of(first)} of {sources[file_of(first)].uri}"
        for name, (documents, first) in found.items()
    ]


def _not_kept(
    config: "DedupConfig", sources: Sequence[Source], named: Sequence[tuple[str, pa.Schema]], merged: pa.Schema | None
) -> Iterator[str]:
    """What the output will not have of the files' columns, and of what they say about them."""
    lost: dict[str, list[str]] = {}
    for source in sources:
        for phrase in format_for(source).lost(source):
            lost.setdefault(phrase, []).append(source.uri)
    for phrase, uris in lost.items():
        yield f"not kept: {phrase}, though its values are ({counted(len(uris), 'file')}, the first is {uris[0]})"
    if merged is not None:
        schemas = [schema for _, schema in named]
        entries = dropped(schemas, {**metadata_of(schemas, merged), b"trapline.schema_version": b""})
        for entry in entries:
            yield f"not kept: the metadata {entry!r}, on which the input files do not agree"
    for folder in above(sources, shared_folder(config.input, {source.uri for source in sources})):
        yield f"not kept: the folder name {folder!r}, which is not below --input: give the folder that holds it"


def output_schema(text_column: str, sources: Sequence[Source], scan: ScanSummary) -> pa.Schema:
    """The columns of all files together, in the order in which they first appear.

    Raises:
        CorpusError: if two files disagree on a column's type, or float64 would round an integer of one for a fraction
            in the other.
    """
    named = schemas_known(sources)
    by_file: dict[str, list[pa.Schema]] = {}
    for uri, serialised in scan.schemas:
        by_file.setdefault(uri, []).append(pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(serialised))))
    named += [(uri, schema) for uri, schemas in by_file.items() for schema in schemas]
    order = {source.uri: source.ordinal for source in sources}
    named.sort(key=lambda pair: order[pair[0]])
    merged = together(named)
    refuse_rounding(scan.inexact, merged)
    if text_column not in merged.names:
        merged = merged.append(pa.field(text_column, pa.string()))
    index = merged.get_field_index(text_column)
    if pa.types.is_null(merged.field(index).type):
        merged = merged.set(index, pa.field(text_column, pa.string()))
    return with_single_field_ids(merged).with_metadata(metadata_of([schema for _, schema in named], merged))


def metadata_of(schemas: Sequence[pa.Schema], written: pa.Schema) -> dict[bytes, bytes]:
    """What all files say of the corpus, and how the first of them that says so wants its columns read by `datasets`."""
    features = next((schema.metadata[FEATURES] for schema in schemas if FEATURES in (schema.metadata or {})), None)
    shared = shared_metadata(schemas, written)
    return shared if features is None else {**shared, FEATURES: features}


def refuse_output_as_input(config: "DedupConfig", output: Folder) -> None:
    """Refuse an output folder whose files `--input` would list.

    Raises:
        UsageError: with the pattern that would list them.
    """
    ours = (shard_name(config.split, 0, 1), QUARANTINE_FILE)
    pattern = would_list(config.input, output.uri, ours)
    if pattern is not None:
        raise UsageError(
            f"--output {output.uri} is inside --input {pattern}, so the files written would become input; "
            "choose an output elsewhere"
        )


def refuse_input_in_output(output: Folder, sources: Sequence[Source]) -> None:
    """Refuse input files that are inside the output folder, by name or through a link.

    Raises:
        UsageError: with the first of them.
    """
    own = shown(output.uri).rstrip("/") + "/"
    inside = [source.uri for source in sources if shown(source.uri).startswith(own)]
    if inside:
        raise UsageError(f"--input {inside[0]} is inside --output {output.uri}: choose an output elsewhere")
    if output.local:
        real = os.path.realpath(output.local_path())
        for source in sources:
            if os.path.realpath(source.uri).startswith(real + os.sep):
                raise UsageError(f"--input {source.uri} is inside --output {output.uri}: choose an output elsewhere")


def check_space(config: "DedupConfig", found: Input, work: Work) -> None:
    """Refuse to begin when the shards and the work folder will not fit on the disk.

    Raises:
        RunError: with what is needed and what is free.
    """
    if config.no_space_check:
        return
    packed = sum(
        source.size // (1 if format_for(source).is_packed or source.compression else 3) for source in found.sources
    )
    documents = found.documents if found.documents is not None else found.text_bytes // 2000
    each = _WORK_BYTES_PER_DOCUMENT + (_PARTITIONED_BYTES if plan_kind(config, documents) == "partitioned" else 0)
    outputs.check_space(work.output, packed + documents * each)


def refuse_changed_input(config: "DedupConfig", found: Input) -> None:
    """Refuse to finish when an input file or the tokenizer is not what it was at the beginning.

    Raises:
        RunError: saying that the run must be repeated.
    """
    now = list_sources(config.input), config.tokenizer_sha256()
    if now != (list(found.sources), found.tokenizer_sha256):
        raise RunError(
            "the input files changed during the run: run the same command again, it starts from the beginning"
        )
