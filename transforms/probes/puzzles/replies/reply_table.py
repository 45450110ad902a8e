"""The file of replies that is judged: JSON lines or Parquet, a row per reply.

Columns: `id` of the puzzle and `reply` (null where the model gave none); if wanted `edit` (original by default),
`number` of the edit (1), `model`, `trained_on` (people), and `after_marker` (whether the prompt ended with the
conclusion's marker). An unknown column is refused, since it may be a misspelt one.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.errors import CorpusError
from transforms.probes.puzzles.replies.judging import ASKED, Reply

NEEDED = ("id", "reply")
OPTIONAL = ("edit", "number", "model", "trained_on", "after_marker")
_MOST_PEOPLE = 100


def read_replies(path: Path) -> list[Reply]:
    """All replies of a file.

    Raises:
        CorpusError: naming the row and what is wrong with it: a file that cannot be read, a missing or unknown column,
            a value of the wrong kind, two replies of a model to the same question, or no reply at all.
    """
    replies: list[Reply] = []
    seen: dict[Any, int] = {}
    for number, row in enumerate(_rows(path), 1):
        reply = _reply(row, f"{path}: row {number}")
        of = (reply.key, reply.model, reply.trained_on)
        if of in seen:
            raise CorpusError(
                f"{path}: rows {seen[of]} and {number} both answer {reply.key[1]} {reply.key[2]} of {reply.key[0]}: "
                "give one reply a question, or name models apart in the column `model`"
            )
        seen[of] = number
        replies.append(reply)
    if not replies:
        raise CorpusError(f"{path}: holds no replies")
    return replies


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        if path.suffix == ".parquet":
            yield from pq.read_table(path, partitioning=None).to_pylist()
            return
        if path.suffix not in (".jsonl", ".ndjson"):
            raise CorpusError(f"{path}: replies are a file that ends in .jsonl, .ndjson or .parquet")
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _object(line, f"{path}: line {number}")
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise CorpusError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error


def _object(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{where}: is no JSON ({error})") from error
    if not isinstance(row, dict):
        raise CorpusError(f"{where}: holds a {type(row).__name__}; give an object with id and reply")
    return row


def _reply(row: Mapping[str, Any], where: str) -> Reply:
    for name in NEEDED:
        if name not in row:
            raise CorpusError(f"{where}: has no {name!r}; give {', '.join(NEEDED)} and if wanted {', '.join(OPTIONAL)}")
    unknown = sorted(set(row) - {*NEEDED, *OPTIONAL})
    if unknown:
        raise CorpusError(f"{where}: {unknown[0]!r} is unknown; columns are {', '.join((*NEEDED, *OPTIONAL))}")
    edit = _text(row, "edit", where) or ASKED[0]
    if edit not in ASKED:
        raise CorpusError(f"{where}: edit {edit!r}: give one of {', '.join(ASKED)}")
    puzzle = _text(row, "id", where)
    if not puzzle:
        raise CorpusError(f"{where}: id {row['id']!r}: give the id of the puzzle")
    number = _whole(row, "number", where, 1, 1 << 15)
    marker = row.get("after_marker")
    if marker is not None and not isinstance(marker, bool):
        raise CorpusError(f"{where}: after_marker {marker!r}: give true or false")
    return Reply(
        (puzzle, edit, 1 if number is None else number),
        _text(row, "model", where) or "",
        _whole(row, "trained_on", where, 2, _MOST_PEOPLE),
        _text(row, "reply", where),
        bool(marker),
    )


def _text(row: Mapping[str, Any], name: str, where: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise CorpusError(f"{where}: {name} {value!r}: give text")
    if value is None or name == "reply":
        return value
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise CorpusError(f"{where}: {name} {value!r}: holds half of a surrogate pair, which is no text")
    return value


def _whole(row: Mapping[str, Any], name: str, where: str, least: int, most: int) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise CorpusError(f"{where}: {name} {value!r}: give a whole number from {least} to {most}")
    return value
