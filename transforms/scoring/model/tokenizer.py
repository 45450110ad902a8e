"""Tokenizers: a checkpoint's own or a given file, and the rule for the begin-of-sequence token."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from transforms.base.errors import CorpusError
from transforms.scoring.model.checkpoint import Checkpoint

Bos = Literal["checkpoint", "always", "never"]
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True)
class Tokenizer:
    """A fast tokenizer that adds no special tokens by itself.

    Attributes:
        serialised: the tokenizer as JSON text, from which it can be made again anywhere.
        sha256: of the file, or of `serialised` where there is no tokenizer.json.
        bos: the token put first, None for none.
    """

    serialised: str
    sha256: str
    bos: int | None

    def make(self) -> Any:
        """The `tokenizers.Tokenizer`, without truncation and padding."""
        from tokenizers import Tokenizer as Fast

        made = Fast.from_str(self.serialised)
        made.no_truncation()
        made.no_padding()
        return made

    def highest_id(self) -> int:
        """The largest id that it can give."""
        return max(self.make().get_vocab(with_added_tokens=True).values(), default=-1)


def find_tokenizer(checkpoint: Checkpoint, file: str, bos: Bos) -> Tokenizer:
    """The tokenizer for `checkpoint`: `file` if given, else the checkpoint's own.

    `bos` "checkpoint" puts a begin-of-sequence token first where the checkpoint's own tokenizer does so; "always"
    takes the token that tokenizer or configuration name.

    Raises:
        CorpusError: if there is no tokenizer, it cannot be read, it gives ids that the checkpoint does not have, or
            `bos` is "always" and nobody names such a token.
    """
    if file:
        data = _read(Path(file), "--tokenizer")
        text, sha256 = data.decode("utf-8", "replace"), hashlib.sha256(data).hexdigest()
    else:
        text, sha256 = _own(checkpoint)
    try:
        tokenizer = Tokenizer(text, sha256, None)
        highest = tokenizer.highest_id()
    except Exception as error:
        raise CorpusError(f"{file or checkpoint.folder}: the tokenizer cannot be read ({error})") from error
    if highest >= checkpoint.vocabulary:
        raise CorpusError(
            f"vocabulary mismatch: the tokenizer {file or 'of ' + checkpoint.folder} gives ids up to {highest}, and "
            f"the checkpoint {checkpoint.folder} knows {checkpoint.vocabulary}: they do not belong together"
        )
    return Tokenizer(text, sha256, bos_token(checkpoint, tokenizer, bos))


def bos_token(checkpoint: Checkpoint, tokenizer: Tokenizer | None, bos: Bos) -> int | None:
    """The token that goes first under the rule `bos`; without a tokenizer (given token ids) "checkpoint" is none.

    Raises:
        CorpusError: if it is "always" and neither tokenizer nor configuration name one.
    """
    if bos == "never":
        return None
    settings = _settings(checkpoint)
    named = _named(settings.get("bos_token"), tokenizer)
    token = named if named is not None else checkpoint.bos_token_id
    if bos == "always":
        if token is None:
            raise CorpusError(
                f"--bos always: {checkpoint.folder} names no begin-of-sequence token; pass --bos never, or a "
                "checkpoint whose config.json has a bos_token_id"
            )
        return token
    if tokenizer is None or settings.get("add_bos_token") is False:
        return None
    first = tokenizer.make().encode("", add_special_tokens=True).ids[:1]
    if first and token is not None and first[0] == token:
        return token
    return token if settings.get("add_bos_token") is True else None


def _own(checkpoint: Checkpoint) -> tuple[str, str]:
    path = Path(checkpoint.folder) / TOKENIZER_FILE
    if path.exists():
        data = _read(path, "tokenizer")
        return data.decode("utf-8", "replace"), hashlib.sha256(data).hexdigest()
    # vocab.json with merges.txt, or a SentencePiece model: transformers turns them into a fast tokenizer.
    import transformers

    try:
        found = transformers.AutoTokenizer.from_pretrained(
            checkpoint.folder, local_files_only=True, trust_remote_code=checkpoint.trust_remote_code
        )
        text: str = found.backend_tokenizer.to_str()
        usable = found.backend_tokenizer.get_vocab_size() > 0
    except Exception:  # noqa: BLE001 - whatever is wrong with it, there is no tokenizer to use
        usable = False
    if not usable:
        raise CorpusError(
            f"--checkpoint {checkpoint.folder}: there is no tokenizer in it ({TOKENIZER_FILE}); name one with "
            "--tokenizer FILE, or give sequences with a column token_ids"
        )
    return text, hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path, flag: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{flag} {path}: cannot be read ({error.strerror}); give a tokenizer.json") from error


def _settings(checkpoint: Checkpoint) -> dict[str, Any]:
    try:
        found = json.loads((Path(checkpoint.folder) / "tokenizer_config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _named(token: Any, tokenizer: Tokenizer | None) -> int | None:
    text = token.get("content") if isinstance(token, dict) else token
    if not isinstance(text, str) or tokenizer is None:
        return None
    found: int | None = tokenizer.make().token_to_id(text)
    return found


def encode(fast: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, without special tokens."""
    return [one.ids for one in fast.encode_batch_fast(list(texts), add_special_tokens=False)]
