"""What a corpus command says of its finished output: the typed form of `manifest.json`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

VERSION = 2
"""Version 1 had the sizes of the input's files, and byte offsets where the tables beside the data have row numbers."""

_Entry = TypeVar("_Entry", "InputFile", "Column", "WrittenShard", "WrittenFile", "Counts")


@dataclass(frozen=True)
class InputFile:
    """A file of the input, by its path below the folder that all inputs share.

    Its size is left out: held against the text that is published, it would tell how much was planted.
    """

    path: str


@dataclass(frozen=True)
class Column:
    """A column of the shards, with its Arrow type in words."""

    name: str
    type: str


@dataclass(frozen=True)
class WrittenShard:
    """A Parquet file of kept documents, by its path in the output."""

    path: str
    rows: int
    bytes: int
    text_bytes: int
    sha256: str


@dataclass(frozen=True)
class WrittenFile:
    """A table beside the shards: what was removed, or what was quarantined."""

    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Counts:
    """Documents and bytes of text: in = kept + removed + quarantined (whose text is not counted)."""

    documents_in: int
    bytes_in: int
    kept: int
    bytes_kept: int
    removed: Mapping[str, int]
    """Documents by reason, as are the two below."""
    removed_bytes: Mapping[str, int]
    quarantined: Mapping[str, int]

    @property
    def all_removed(self) -> int:
        """Documents removed for any reason."""
        return sum(self.removed.values())


@dataclass(frozen=True)
class Manifest:
    """A finished output. Everything but `run` depends on input, settings and versions only."""

    run: str
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    input: tuple[InputFile, ...]
    schema: tuple[Column, ...]
    counts: Counts
    shards: tuple[WrittenShard, ...]
    files: tuple[WrittenFile, ...]
    tokenizer_sha256: str | None = None
    command: str = "dedup"

    def to_json(self) -> dict[str, Any]:
        """The content of `manifest.json`."""
        content = asdict(self)
        run, command = content.pop("run"), content.pop("command")
        if self.tokenizer_sha256 is None:
            del content["tokenizer_sha256"]
        return {"schema": "trapline.manifest", "version": VERSION, "command": command, "run": run, "content": content}

    @classmethod
    def parse(cls, found: Mapping[str, Any]) -> "Manifest":
        """A manifest as `to_json` wrote it."""
        content = found["content"]
        return cls(
            run=found["run"],
            config=content["config"],
            versions=content["versions"],
            input=tuple(entry(InputFile, one) for one in content["input"]),
            schema=tuple(entry(Column, one) for one in content["schema"]),
            counts=entry(Counts, content["counts"]),
            shards=tuple(entry(WrittenShard, one) for one in content["shards"]),
            files=tuple(entry(WrittenFile, one) for one in content["files"]),
            tokenizer_sha256=content.get("tokenizer_sha256"),
            command=found["command"],
        )


def entry(kind: type[_Entry], found: Mapping[str, Any]) -> _Entry:
    """One entry of a kind, from a mapping that has at least its fields."""
    return kind(**{field.name: found[field.name] for field in fields(kind)})
