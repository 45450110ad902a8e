"""A checkpoint's own tokenizer as transformers makes it, and what it puts around a text."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transforms.base.errors import CorpusError
from transforms.scoring.model.checkpoint import Checkpoint
from transforms.scoring.model.configuration import first_line, quiet_transformers

TOKENIZER_FILE = "tokenizer.json"

_SAMPLES = (
    "the fox",
    " the fox",
    "The  quick\tbrown\n\n  fox, 1234.5 - it's \u201cdone\u201d!",
    "def f(x):\n    return x + 1\n",
    "\ngez\u00e4hlt, na\u00efve, e\u0301, \u0130stanbul, \ufb01",
    "\u4e2d\u6587\u5b57, \u0440\u0443\u0441\u0441\u043a\u0438\u0439 \U0001f98a\u200d\u2744\ufe0f",
    "A",
    "trailing  ",
)
_ADDED, _REMADE = 64, 8
_FILES = (TOKENIZER_FILE, "*vocab*", "*.model", "merges.txt", "*.tiktoken", "tekken.json")


@dataclass(frozen=True)
class Around:
    """Token ids that a tokenizer puts before every text, and behind it."""

    before: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()


@dataclass(frozen=True)
class OwnTokenizer:
    """A checkpoint's tokenizer.

    Attributes:
        serialised: as JSON text, from which `tokenizers.Tokenizer.from_str` makes it again.
        sha256: of tokenizer.json where that file alone gives the same ids, else of `serialised`.
        around: what it puts around a text.
        kind: name of its class.
        highest: the largest id of its vocabulary, without tokens that transformers adds where the files have none.
        unlike: tokens in whose presence `serialised` makes other ids of a text, such as one that asks for infilling.
    """

    serialised: str
    sha256: str
    around: Around
    kind: str
    highest: int
    unlike: tuple[str, ...]


def own_tokenizer(checkpoint: Checkpoint) -> OwnTokenizer:
    """The tokenizer that transformers' AutoTokenizer makes of the checkpoint's files, its ids tried on samples.

    Raises:
        CorpusError: if there is none, transformers cannot make it, it is no fast one, or its JSON form gives other
            ids than it does.
    """
    where, advice = f"--checkpoint {checkpoint.folder}", "name one with --tokenizer FILE, or give token_ids"
    auto = _made(checkpoint, where, advice)
    kind = type(auto).__name__
    backend: Any = getattr(auto, "backend_tokenizer", None)
    if not hasattr(backend, "to_str"):
        raise CorpusError(
            f"{where}: its tokenizer ({kind}) is one of transformers' slow ones, which have no {TOKENIZER_FILE}; "
            f"{advice}"
        )
    serialised = backend.to_str()  # first: some classes change it while they are used
    added = sorted(map(str, auto.get_added_vocab()))[:_ADDED]
    texts = [*_SAMPLES, *(f"the {token} fox" for token in added)]
    ours = bare(serialised)
    try:
        plain = [list(auto(text, add_special_tokens=False)["input_ids"]) for text in _SAMPLES]
        whole = [list(auto(text)["input_ids"]) for text in _SAMPLES]
        around = around_of(whole, plain) or Around()
        unlike: list[str] = []
        for token, text in zip(added, texts[len(_SAMPLES) :], strict=True):
            whole.append(list(auto(text)["input_ids"]))
            if whole[-1] != [*around.before, *ours.encode(text).ids, *around.behind]:
                unlike.append(token)
                auto = _made(checkpoint, where, advice) if len(unlike) < _REMADE else auto
    except Exception as error:
        raise CorpusError(
            f"{where}: its tokenizer ({kind}) cannot be used on a text alone ({first_line(error)}); {advice}"
        ) from error
    for text, ids in zip(_SAMPLES, whole, strict=False):
        if ids != [*around.before, *ours.encode(text).ids, *around.behind]:
            raise CorpusError(
                f"{where}: its tokenizer ({kind}) does more to a text than its {TOKENIZER_FILE} says, so its token ids "
                f"cannot be made here (of {text!r}, for one); give sequences with a column token_ids"
            )
    file = Path(tokenizer_folder(checkpoint)) / TOKENIZER_FILE
    data = file.read_bytes() if file.is_file() else None
    written = None if data is None else data.decode("utf-8", "replace")
    alone = written is not None and _same_ids(written, serialised, texts)
    digest = hashlib.sha256(data if data is not None and alone else serialised.encode()).hexdigest()
    known = bare(written or serialised).get_vocab(with_added_tokens=written is not None)
    return OwnTokenizer(serialised, digest, around, kind, max(known.values(), default=-1), tuple(unlike))


def around_of(with_added: Sequence[list[int]], plain: Sequence[list[int]]) -> Around | None:
    """What is put around every text, of ids with and without it; None where that is not the same for all."""
    pairs = [(whole, bare) for whole, bare in zip(with_added, plain, strict=True) if bare]
    if not pairs:
        return Around()
    whole, bare = pairs[0]
    for at in range(len(whole) - len(bare) + 1):
        found = Around(tuple(whole[:at]), tuple(whole[at + len(bare) :]))
        if all([*found.before, *one, *found.behind] == other for other, one in pairs):
            return found
    return None


def bare(serialised: str, before: Sequence[int] = ()) -> Any:
    """The `tokenizers.Tokenizer` of this JSON, which cuts, pads and adds nothing but the tokens `before` a text."""
    from tokenizers import Tokenizer

    content = json.loads(serialised)
    kept = _without_added(content.get("post_processor"))
    if before:
        names = [f"before {at}" for at in range(len(before))]
        kept.append(
            {
                "type": "TemplateProcessing",
                "single": [
                    *({"SpecialToken": {"id": name, "type_id": 0}} for name in names),
                    {"Sequence": {"id": "A", "type_id": 0}},
                ],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {
                    name: {"id": name, "ids": [one], "tokens": [name]} for name, one in zip(names, before, strict=True)
                },
            }
        )
    content["post_processor"] = (
        None if not kept else kept[0] if len(kept) == 1 else {"type": "Sequence", "processors": kept}
    )
    content["truncation"] = content["padding"] = None
    return Tokenizer.from_str(json.dumps(content, ensure_ascii=False))


def tokenizer_folder(checkpoint: Checkpoint) -> str:
    """Where the tokenizer is: an adapter has one of its own, or that of its model."""
    own = any((Path(checkpoint.folder) / name).exists() for name in (TOKENIZER_FILE, "tokenizer_config.json"))
    return checkpoint.folder if own else checkpoint.whole


def _made(checkpoint: Checkpoint, where: str, advice: str) -> Any:
    quiet_transformers()
    import transformers

    folder = tokenizer_folder(checkpoint)
    named: dict[str, Any] = {"gguf_file": checkpoint.gguf} if checkpoint.gguf else {}
    none = f"{where}: there is no tokenizer in it ({TOKENIZER_FILE}); {advice}"
    try:
        auto = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=checkpoint.trust_remote_code, **named
        )
    except Exception as error:
        if not any(found for pattern in _FILES for found in Path(folder).glob(pattern)):
            raise CorpusError(none) from error
        raise CorpusError(f"{where}: transformers cannot make its tokenizer ({first_line(error)}); {advice}") from error
    # Some classes make a tokenizer of nothing, with a few tokens of their own; those written in Python may need none.
    files = {TOKENIZER_FILE, *(str(name) for name in (getattr(auto, "vocab_files_names", None) or {}).values())}
    fast = hasattr(getattr(auto, "backend_tokenizer", None), "to_str")
    if fast and not checkpoint.gguf and not any((Path(folder) / name).is_file() for name in files):
        raise CorpusError(none)
    return auto


def _same_ids(one: str, other: str, texts: Sequence[str]) -> bool:
    """Whether the tokenizers of two JSON texts make the same ids of all texts."""
    try:
        first, second = (bare(serialised).encode_batch(list(texts)) for serialised in (one, other))
    except Exception:  # noqa: BLE001 - `tokenizers` raises no narrower one
        return False
    return all(a.ids == b.ids for a, b in zip(first, second, strict=True))


def _without_added(processor: Any) -> list[dict[str, Any]]:
    """The steps of a post-processor that move offsets, without those that add tokens."""
    kind = processor.get("type") if isinstance(processor, dict) else None
    if kind == "Sequence":
        return [one for part in processor.get("processors", []) for one in _without_added(part)]
    if kind == "RobertaProcessing":
        kept = {name: processor.get(name, True) for name in ("trim_offsets", "add_prefix_space")}
        return [{"type": "ByteLevel", **kept, "use_regex": True}]
    return [processor] if kind == "ByteLevel" else []
