"""What a checkpoint's configuration says, as transformers' own configuration object has it: nothing of it is run."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transforms.base.errors import CorpusError

_LENGTHS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "max_target_positions")
_CHANGING_ROPES = ("dynamic", "longrope")
_POSITIONS_BEHIND_PADDING = {
    **dict.fromkeys(("camembert", "data2vec-text", "roberta", "roberta-prelayernorm", "xlm-roberta"), 1),
    **dict.fromkeys(("xlm-roberta-xl", "xmod"), 1),
    "prophetnet": 2,  # it looks up the next token's place, too
}
"""Model types whose positions begin behind the id of padding, and how far: so many places of the table are not used."""


@dataclass(frozen=True)
class Configuration:
    """What is known of a model before it is loaded.

    Attributes:
        model_type: Hugging Face's name of the architecture.
        vocabulary: rows of the embedding.
        max_length: most tokens of a sequence; 0 where there is no bound.
        bos_token_id: None where there is none.
        quantised: the method by which the weights are quantised; empty where they are not.
    """

    model_type: str
    vocabulary: int
    max_length: int
    bos_token_id: int | None
    quantised: str = ""


def quiet_transformers() -> None:
    """Keep transformers' warnings and bars from standard error: what matters of them is an error here."""
    import transformers

    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[:2])[:300] if lines[0].endswith(":") else lines[0][:300]


def read_configuration(folder: Path, *, trust_remote_code: bool = False, gguf: str = "") -> Configuration:
    """Read config.json by the class that transformers has for it, which fills in what the file leaves out.

    Args:
        folder: of the checkpoint.
        trust_remote_code: whether the checkpoint's own Python code may be run.
        gguf: the GGUF file whose header is read in place of config.json; empty for config.json.

    Raises:
        CorpusError: if there is none, it cannot be read, or it needs code that may not be run.
    """
    if not gguf:
        written = _json(folder)
        if not trust_remote_code:
            _refuse_own_code(folder, written)
    quiet_transformers()
    import transformers

    named: dict[str, Any] = {"gguf_file": gguf} if gguf else {}
    try:
        config = transformers.AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code, **named
        )
        found = configuration_of(config)
    except Exception as error:
        raise CorpusError(f"{folder / (gguf or 'config.json')}: cannot be read ({first_line(error)})") from error
    if found.vocabulary < 1:
        raise CorpusError(
            f"{folder / 'config.json'}: vocab_size is {found.vocabulary}, expected a number of 1 or more; "
            "give a language model's config.json"
        )
    return found


def configuration_of(config: Any) -> Configuration:
    """What matters here of a configuration object of transformers."""
    text = config.get_text_config(decoder=True)
    vocabulary = number_of(text, "vocab_size")
    bos = next(
        (one for one in (value_of(config, "bos_token_id"), value_of(text, "bos_token_id")) if one is not None), None
    )
    quantised = value_of(config, "quantization_config") or value_of(text, "quantization_config")
    method = (
        quantised.get("quant_method", "") if isinstance(quantised, dict) else getattr(quantised, "quant_method", "")
    )
    return Configuration(
        str(config.model_type),
        vocabulary,
        max_length_of(text),
        bos if isinstance(bos, int) and 0 <= bos < vocabulary else None,
        str(getattr(method, "value", method)) or ("an unnamed method" if quantised else ""),
    )


def max_length_of(config: Any) -> int:
    """Most tokens of a sequence by a text model's configuration object; 0 where it names no bound.

    Some rotary positions are turned by the longest sequence of the batch beyond the length that the model was first
    trained with. There a score would depend on its neighbours, so that length is the bound.
    """
    longest = next((found for name in _LENGTHS if (found := number_of(config, name)) > 0), 0)
    behind = _POSITIONS_BEHIND_PADDING.get(str(value_of(config, "model_type")), 0)
    if longest and behind:
        longest = max(1, longest - number_of(config, "pad_token_id") - behind)
    for rope in _ropes(value_of(config, "rope_parameters") or value_of(config, "rope_scaling")):
        kind = str(rope.get("rope_type", rope.get("type", "")))
        original = rope.get("original_max_position_embeddings") or number_of(config, "original_max_position_embeddings")
        if any(one in kind for one in _CHANGING_ROPES) and isinstance(original, int) and original > 0:
            longest = min(longest, original) if longest else original
    return longest


def _ropes(parameters: Any) -> list[dict[str, Any]]:
    """One for all layers, or one for each kind of layer."""
    if not isinstance(parameters, dict):
        return []
    nested = [one for value in parameters.values() for one in _ropes(value)]
    return nested or [parameters]


def value_of(config: Any, name: str) -> Any:
    """An attribute of a configuration object; None where it has none, or refuses to give it."""
    try:
        return getattr(config, name, None)
    except Exception:  # noqa: BLE001 - properties raise what they like, such as NotImplementedError
        return None


def number_of(config: Any, name: str) -> int:
    """A whole number of a configuration object; 0 where it has none."""
    found = value_of(config, name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _json(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        config = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise CorpusError(
            f"--checkpoint {folder}: there is no config.json in it; give a folder in the Hugging Face layout"
        ) from None
    except (OSError, ValueError) as error:
        raise CorpusError(f"{file}: cannot be read ({error})") from error
    if not isinstance(config, dict):
        raise CorpusError(f"{file}: expected a JSON object")
    return config


def _refuse_own_code(folder: Path, config: dict[str, Any]) -> None:
    """Refuse Python code of the checkpoint's own, unless transformers has the very class that it stands for."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    if not config.get("auto_map"):
        return
    named = config.get("architectures") or []
    known = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(str(config.get("model_type", "")))
    if known is None or any(one != known for one in named):
        raise CorpusError(
            f"--checkpoint {folder}: it brings Python code of its own (auto_map in config.json) for "
            f"{named[0] if named else 'a model'}, which transformers has no class for; that code is not run: pass "
            "--trust-remote-code if you trust its author"
        )
