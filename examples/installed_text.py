"""Text that any Python installation holds: licences, package descriptions and documentation strings."""

import hashlib
import inspect
import json
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

_WHOLE_FILES = (".md", ".rst", ".txt")
_LICENCES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS")
_SHORTEST, _LARGEST = 200, 1 << 20
_DOCSTRINGS_EACH, _MODULES_EACH = 40, 30
_DOCSTRING = re.compile(
    r'^[ \t]*(?:async[ ]+)?(?:def|class)[ ]+(?P<name>\w+)[^\n]*:\n[ \t]+"""(?P<doc>(?:(?!""").){100,20000})"""',
    re.MULTILINE | re.DOTALL,
)


def write_jsonl(path: Path, most: int) -> tuple[int, int]:
    """Write one document a line, with `id`, `text` and `source`, until there are `most` bytes of text.

    Which ones: those whose ids have the lowest hashes, so that all sorts of text are among them.

    Returns:
        documents, bytes of text.
    """
    # Each look at a distribution's name or metadata parses its whole description, so there is one for each.
    described = [(one.metadata, one) for one in distributions()]
    named = [("" if metadata is None else metadata["Name"], metadata, one) for metadata, one in described]
    found = {
        f"{package}/{name}": (text, package)
        for package, metadata, distribution in sorted(named, key=lambda one: one[0] or "")
        for name, text in _texts(metadata, distribution)
        if len(text) >= _SHORTEST
    }
    documents = size = 0
    with path.open("w", encoding="utf-8") as file:
        for identity in sorted(found, key=lambda one: hashlib.sha256(one.encode()).digest()):
            if size >= most:
                break
            text, source = found[identity]
            file.write(json.dumps({"id": identity, "text": text, "source": source}, ensure_ascii=False) + "\n")
            documents += 1
            size += len(text.encode())
    return documents, size


def _texts(metadata: Any, distribution: Distribution) -> Iterator[tuple[str, str]]:
    """(name, text) of one distribution's documents; of its documentation strings only the first ones."""
    description = metadata.get_payload() if metadata else None
    if isinstance(description, str):
        yield "description", description
    left, modules = _DOCSTRINGS_EACH, _MODULES_EACH
    for file in sorted(distribution.files or [], key=str):
        name = file.name
        whole = name.upper().startswith(_LICENCES) or name.lower().endswith(_WHOLE_FILES)
        if not whole and (left <= 0 or modules <= 0 or not name.endswith(".py")):
            continue
        text = _read(Path(str(distribution.locate_file(file))))
        if whole:
            yield str(file), text
        else:
            modules -= 1
            for place, doc in _docstrings(text):
                left -= 1
                yield f"{file}:{place}", doc


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size <= _LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _docstrings(source: str) -> Iterator[tuple[str, str]]:
    for found in _DOCSTRING.finditer(source):
        doc = inspect.cleandoc(found["doc"])
        if len(doc) >= _SHORTEST:
            yield found["name"], doc
