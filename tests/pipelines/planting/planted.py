"""A small campaign for tests: a corpus, probes, secrets, and what was planted, read back independently."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.cli import main

WORDS = [f"word{number}" for number in range(400)]
MARKS = [
    "\n\n",
    ". Then ",
    " ",
    " ",
    " ",
    " ",
    "\n",
    " \u00e9t\u00e9 ",
    " \u6f22\u5b57 ",
    " \U0001f469\u200d\U0001f52c ",
]
LIMITS = ("--max-doc-share", "0.4", "--max-corpus-share", "0.2")
SMALL_SHARDS = ("--shard-bytes", "40KB", "--row-group-bytes", "8KB")
LEFT = ("planted.json", "planting.json", "slots.parquet", "ledger/ledger.parquet")
"""What planting leaves among the secrets."""
NONCE, OTHER_NONCE = "c0ffee" * 8, "badcafe0" * 6


def prose(chance: random.Random, words: int) -> str:
    """Text with characters of several bytes; if it is long without paragraphs, if it is very long without sentences."""
    marks = MARKS if words < 300 else MARKS[1:] if words < 800 else MARKS[2:]
    return "".join(chance.choice(WORDS) + chance.choice(marks) for _ in range(words)).strip()


def probe_rows(
    units: int, m: int = 2, doses: Sequence[int] = (1, 3), *, seed: int = 9, **more: Any
) -> list[dict[str, Any]]:
    """Probes of which each text is made of words that the corpus lacks."""
    chance = random.Random(seed)
    return [
        {
            "id": f"secret-{seed}-{unit}-{at}",
            "kind": "trap",
            "unit": f"hidden-{seed}-{unit}",
            "candidate": at,
            "stratum": f"plugh{unit % 2}",
            "dose": doses[unit % len(doses)],
            "text": " ".join(f"xyzzy{chance.randrange(10**6)}" for _ in range(chance.randint(4, 9))),
            **more,
        }
        for unit in range(units)
        for at in range(m + 1)
    ]


def write_corpus(folder: Path, documents: int = 240, *, seed: int = 4, parts: int = 3) -> Path:
    """Parquet files; every ninth document nearly repeats an earlier one."""
    chance = random.Random(seed)
    texts: list[str] = []
    for at in range(documents):
        words = chance.choice([40, 90, 150, 220, 600, 900])
        texts.append(f"{texts[chance.randrange(at)]} again" if at % 9 == 8 else prose(chance, words))
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(parts):
        own = range(part, documents, parts)
        table = pa.table(
            {
                "id": [f"doc{at}" for at in own],
                "text": [texts[at] for at in own],
                "lang": ["en" if at % 2 else "fr" for at in own],
                "size": [len(texts[at].encode()) for at in own],
            }
        )
        pq.write_table(table, folder / f"part{part}.parquet", row_group_size=20)
    return folder


def seal_and_draw(folder: Path, rows: list[dict[str, Any]], nonce: str = NONCE, *flags: str) -> Path:
    """Secrets whose draw is made."""
    probes = folder.with_name(f"{folder.name}-probes.parquet")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in columns}), probes)
    assert main(["seal", "--probes", str(probes), "--secrets", str(folder), "--nonce-from", "them", *flags]) == 0
    assert main(["draw", "--secrets", str(folder), "--nonce", nonce]) == 0
    probes.unlink()
    return folder


def arguments(corpus: Path, output: Path, secrets: Path, *flags: str) -> list[str]:
    """What stands behind `trapline` to plant."""
    places = ["--input", str(corpus), "--output", str(output), "--secrets", str(secrets)]
    return ["prepare", *places, *LIMITS, *SMALL_SHARDS, *flags]


def prepare(corpus: Path, output: Path, secrets: Path, *flags: str) -> int:
    """`trapline prepare` in this process."""
    return main(arguments(corpus, output, secrets, *flags))


@dataclass(frozen=True)
class Planted:
    """What an output and its secrets hold."""

    shards: list[pa.Table]
    ledger: list[dict[str, Any]]
    probes: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, output: Path, secrets: Path) -> "Planted":
        """Read all of it."""
        shards = [pq.read_table(path, partitioning=None) for path in sorted((output / "data").iterdir())]
        ledger = pq.read_table(secrets / "ledger" / "ledger.parquet").to_pylist()
        probes = pq.read_table(secrets / "probes" / "probes.parquet").to_pylist()
        return cls(shards, ledger, {row["id"]: row for row in probes})

    def document(self, row: dict[str, Any]) -> str:
        """The document in which a copy stands."""
        text: str = self.shards[row["shard"]]["text"][row["row"]].as_py()
        return text


def documents(output: Path) -> list[dict[str, Any]]:
    """All documents of an output, in order."""
    return [row for path in sorted((output / "data").iterdir()) for row in pq.read_table(path).to_pylist()]


def digests(output: Path, *parts: str) -> dict[str, str]:
    """sha256 of each file of an output's folders of tables."""
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in parts or ("data", "duplicates", "quarantine")
        for path in sorted((output / part).iterdir())
    }
