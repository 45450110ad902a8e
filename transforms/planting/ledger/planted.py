"""The second commitment: what binds a planted corpus and its ledger to the seal, to be published with the first."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.documents import DocumentError, fields, hexadecimal, parse, to_bytes, version_of
from transforms.base.keyed import digest
from transforms.planting.columns.followers import Follower
from transforms.planting.sealing.key import Key

VERSION = 2
"""Of `planting.json`. Version 1 has the same fields, but its places were keyed BLAKE2b; the ledger holds either."""

_VERSION_1 = "trapline/v1/planted"
PLANTED_VERSION = 2
"""Of `planted.json`. Version 1 lacks the field `drawn`: it does not say which draw was planted."""

_HASHES = ("commitment", "manifest", "ledger_root", "record_hash")


@dataclass(frozen=True)
class Planted:
    """The content of `planted.json`, which is public; it tells nothing of what was planted."""

    commitment: bytes
    """SHA-256 of the first commitment, `commitment.json`."""
    manifest: bytes
    """SHA-256 of the planted corpus' `manifest.json`."""
    ledger_root: bytes
    """Binds the rows of the ledger."""
    record_hash: bytes
    """Salted hash of `planting.json`."""
    drawn: bytes = b""
    """SHA-256 of `drawn.json`, the public statement of the draw; empty in a document of version 1."""

    @property
    def root(self) -> bytes:
        """The one hash that stands for all of it, 32 bytes."""
        hashes = [getattr(self, name) for name in _HASHES]
        return digest("trapline/v2/planted", *hashes, self.drawn) if self.drawn else digest(_VERSION_1, *hashes)

    def to_bytes(self) -> bytes:
        """The document."""
        names, version = ((*_HASHES, "drawn"), PLANTED_VERSION) if self.drawn else (_HASHES, 1)
        return to_bytes("planted", version, {name: getattr(self, name).hex() for name in (*names, "root")})

    @classmethod
    def parse(cls, data: bytes) -> "Planted":
        """Read the document.

        Raises:
            DocumentError: if it is none, or its root is not that of its other fields.
        """
        names = (*_HASHES, "drawn") if version_of(data) == PLANTED_VERSION else _HASHES
        content = parse("planted", PLANTED_VERSION, data, also=(1,))
        fields(content, dict.fromkeys((*names, "root"), str))
        found = cls(**{name: hexadecimal(content[name], name, 32) for name in names})
        if found.root != hexadecimal(content["root"], "root", 32):
            raise DocumentError("its root is not that of its other fields: one of them was changed")
        return found


@dataclass(frozen=True, repr=False)
class PlantingRecord:
    """The content of `planting.json`, which is secret: how was planted, and the hashes of what came out."""

    run: str
    """Name of the run that planted."""
    manifest: bytes
    """SHA-256 of the planted corpus' `manifest.json`."""
    settings: Mapping[str, Any]
    """Of the planting: limits, condition and the like."""
    text_column: str
    followers: tuple[Follower, ...]
    """Columns that were made again where the text changed; the ledger has a bit for each."""
    counts: Mapping[str, int]
    """Copies, documents of their own, planted bytes and the corpus' bytes before."""
    files: Mapping[str, bytes]
    """SHA-256 of each file of the planting by its name."""

    def to_bytes(self) -> bytes:
        """The document."""
        content = {
            "run": self.run,
            "manifest": self.manifest.hex(),
            "settings": dict(self.settings),
            "text_column": self.text_column,
            "followers": [[one.column, one.function] for one in self.followers],
            "counts": dict(self.counts),
            "files": {name: sha256.hex() for name, sha256 in self.files.items()},
        }
        return to_bytes("planting", VERSION, content)

    @classmethod
    def parse(cls, data: bytes) -> "PlantingRecord":
        """Read the document.

        Raises:
            DocumentError: if it is none.
        """
        content = parse("planting", VERSION, data, also=(1,))
        texts, tables = dict.fromkeys(("run", "manifest", "text_column"), str), ("settings", "counts", "files")
        fields(content, {**texts, **dict.fromkeys(tables, dict), "followers": list})
        followers, files = content["followers"], content["files"]
        if not all(isinstance(one, list) and len(one) == 2 and set(map(type, one)) == {str} for one in followers):
            raise DocumentError("field 'followers' has the wrong type")
        if not all(isinstance(one, str) for one in files.values()):
            raise DocumentError("field 'files' has the wrong type")
        return cls(
            run=content["run"],
            manifest=hexadecimal(content["manifest"], "manifest", 32),
            settings=content["settings"],
            text_column=content["text_column"],
            followers=tuple(Follower(column, function) for column, function in followers),
            counts=content["counts"],
            files={name: hexadecimal(one, "files", 32) for name, one in files.items()},
        )


def planting_hash(record: bytes, key: Key) -> bytes:
    """Salted hash of the file `planting.json`, 32 bytes."""
    return digest("trapline/v1/planting", key.hmac("trapline/v1/planting-salt"), record)


def file_sha256(data: bytes) -> bytes:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(data).digest()
