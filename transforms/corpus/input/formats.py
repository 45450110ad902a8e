"""The formats that an input may have. To add one, write its file beside this one and enter it in `FORMATS`."""

import contextlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.corpus.input.columnar.arrow import ArrowFormat
from transforms.corpus.input.columnar.parquet import ParquetFileFormat
from transforms.corpus.input.format import Format, Source
from transforms.corpus.input.jsonl.format import JsonLinesFormat
from transforms.corpus.input.partitions import partition_fields

FORMATS: tuple[Format, ...] = (ParquetFileFormat(), JsonLinesFormat(), ArrowFormat())

_AT_ONCE = 16


def format_of(path: str) -> tuple[str, str] | None:
    """(name of the format, compression) by the file's name; None when the name says nothing known."""
    lowered = path.lower()
    for one in FORMATS:
        for suffix, compression in one.suffixes.items():
            if lowered.endswith(suffix):
                return one.name, compression
    return None


def format_for(source: Source) -> Format:
    """The format of a file."""
    return next(one for one in FORMATS if one.name == source.kind)


def schema_of(source: Source) -> pa.Schema:
    """The columns of a file that says them before its records are read, with those of its folders behind."""
    schema = format_for(source).schema(source)
    for field in partition_fields(source, schema.names):
        schema = schema.append(field)
    return schema


def read_ahead(sources: Sequence[Source]) -> None:
    """Read what many files say before their records, several at once: who asks later finds it in memory.

    Errors are passed over; they come again when the file is asked.
    """

    def read(source: Source) -> None:
        with contextlib.suppress(CorpusError, OSError):
            format_for(source).rows(source)

    if len(sources) > 1:
        with ThreadPoolExecutor(min(_AT_ONCE, len(sources)), thread_name_prefix="footers") as pool:
            list(pool.map(read, sources))


def known_suffixes() -> list[str]:
    """The endings of all formats, sorted."""
    return sorted(suffix for one in FORMATS for suffix in one.suffixes)


def schemas_known(sources: Iterable[Source]) -> list[tuple[str, pa.Schema]]:
    """(path, columns) of each file that says its columns before its records are read."""
    return [(source.uri, schema_of(source)) for source in sources if format_for(source).knows_schema]
