"""Tokenizers: a checkpoint's own or a given file, and the rule for what goes before a text."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from transforms.base.errors import CorpusError, cause_of
from transforms.base.stores.copies import fetched
from transforms.scoring.model.checkpoint import Checkpoint
from transforms.scoring.model.own_tokenizer import Around, around_of, bare, own_tokenizer, tokenizer_folder

Bos = Literal["checkpoint", "always", "never"]


@dataclass(frozen=True)
class Tokenizer:
    """A fast tokenizer, and the tokens that go before every text.

    Attributes:
        serialised: the tokenizer as JSON text, from which it can be made again anywhere.
        sha256: of the file, or of `serialised` where no file alone gives its ids.
        bos: the token put first, None for none.
        more: tokens between that one and the text: for a checkpoint whose tokenizer begins with several.
        unlike: tokens in whose presence the checkpoint's tokenizer makes other ids of a text than can be made here.
    """

    serialised: str
    sha256: str
    bos: int | None
    more: tuple[int, ...] = ()
    unlike: tuple[str, ...] = ()

    def make(self) -> Any:
        """The `tokenizers.Tokenizer`, without truncation and padding; the only tokens that it adds are `more`."""
        return bare(self.serialised, self.more)


def find_tokenizer(checkpoint: Checkpoint, file: str, bos: Bos) -> Tokenizer:
    """The tokenizer for `checkpoint`: `file` if given, else the checkpoint's own.

    `bos` "checkpoint" puts before a text what the checkpoint's own tokenizer does; "always" does the same, and where
    that is nothing takes the token that tokenizer or configuration name.

    Raises:
        CorpusError: if there is no tokenizer, it cannot be read, it gives ids that the checkpoint does not have, `bos`
            is "checkpoint" and it puts tokens behind a text, or `bos` is "always" and nobody names such a token.
    """
    unlike: tuple[str, ...] = ()
    if file:
        data = _read(file)
        text, sha256, kind = data.decode("utf-8", "replace"), hashlib.sha256(data).hexdigest(), "in that file"
        try:
            around = _added_by(text)
            highest = max(bare(text).get_vocab(with_added_tokens=True).values(), default=-1)
        except Exception as error:
            raise CorpusError(f"{file}: the tokenizer cannot be read ({error})") from error
    else:
        own = own_tokenizer(checkpoint)
        text, sha256, around, kind, highest = own.serialised, own.sha256, own.around, own.kind, own.highest
        unlike = own.unlike
    tokenizer = Tokenizer(text, sha256, None)
    if highest >= checkpoint.vocabulary:
        raise CorpusError(
            f"vocabulary mismatch: the tokenizer {file or 'of ' + checkpoint.folder} gives ids up to {highest}, and "
            f"the checkpoint {checkpoint.folder} knows {checkpoint.vocabulary}: they do not belong together"
        )
    before = _before(checkpoint, tokenizer, bos, around, kind, given=bool(file))
    return Tokenizer(text, sha256, before[0] if before else None, before[1:], unlike)


def _before(
    checkpoint: Checkpoint, tokenizer: Tokenizer, bos: Bos, around: Around, kind: str, *, given: bool
) -> tuple[int, ...]:
    """The tokens that go before every text."""
    if bos == "never":
        return ()
    if bos == "always":
        if around.before:
            return around.before
        token = bos_token(checkpoint, tokenizer, bos)
        return () if token is None else (token,)
    if around.behind:
        named = ", ".join(repr(tokenizer.make().id_to_token(one)) for one in around.behind)
        raise CorpusError(
            f"--checkpoint {checkpoint.folder}: its tokenizer ({kind}) puts {named} behind every text, which a text "
            "that goes on does not have: pass --bos always (begin-of-sequence alone), or --bos never"
        )
    setting = _settings(checkpoint).get("add_bos_token") if given else None
    if setting is False:
        return ()
    if setting is True and not around.before:
        token = _named_token(checkpoint, tokenizer)
        return () if token is None else (token,)
    return around.before


def bos_token(checkpoint: Checkpoint, tokenizer: Tokenizer | None, bos: Bos) -> int | None:
    """The one token that goes before given token ids, or under "always" before a text.

    Raises:
        CorpusError: if it is "always" and neither tokenizer nor configuration name one.
    """
    if bos != "always":
        return None
    token = _named_token(checkpoint, tokenizer)
    if token is None:
        raise CorpusError(
            f"--bos always: {checkpoint.folder} names no begin-of-sequence token; pass --bos never, or a "
            "checkpoint whose config.json has a bos_token_id"
        )
    return token


def _named_token(checkpoint: Checkpoint, tokenizer: Tokenizer | None) -> int | None:
    named = _named(_settings(checkpoint).get("bos_token"), tokenizer)
    return named if named is not None else checkpoint.bos_token_id


def _added_by(serialised: str) -> Around:
    """What the tokenizer of this JSON puts around a text."""
    from tokenizers import Tokenizer as Fast

    fast = Fast.from_str(serialised)
    fast.no_truncation()
    fast.no_padding()
    texts = ["the fox", "a", "1"]
    with_added = [one.ids for one in fast.encode_batch(texts)]
    plain = [one.ids for one in fast.encode_batch(texts, add_special_tokens=False)]
    found = around_of(with_added, plain)
    if found is None:
        raise ValueError("it puts other tokens around each text")
    return found


def _read(path: str) -> bytes:
    try:
        return fetched(path).read_bytes()
    except OSError as error:
        raise CorpusError(f"--tokenizer {path}: cannot be read ({cause_of(error)}); give a tokenizer.json") from error


def _settings(checkpoint: Checkpoint) -> dict[str, Any]:
    try:
        found = json.loads((Path(tokenizer_folder(checkpoint)) / "tokenizer_config.json").read_bytes())
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
    """Token ids of each text by a tokenizer that `Tokenizer.make` made, without the first of what goes before it."""
    return [one.ids for one in fast.encode_batch_fast(list(texts))]
