"""Checkpoints in the Hugging Face layout: looked at before anything is loaded, then held to what they say."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transforms.base.errors import CorpusError
from transforms.base.folders import folder_sha256

_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_LENGTHS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
_CHANGING_ROPES = ("dynamic", "longrope")


@dataclass(frozen=True)
class Checkpoint:
    """A folder with a model, of which only the configuration was read.

    Attributes:
        name: how tables and the manifest call it.
        folder: where it is.
        model_type: Hugging Face's name of the architecture.
        vocabulary: rows of the embedding.
        max_length: most tokens of a sequence, begin-of-sequence included; 0 where there is no bound.
        bos_token_id: of the configuration; None where it has none.
        allow_pickle: whether pickled weights may be loaded; that runs code of the checkpoint's author.
        trust_remote_code: whether the checkpoint's own Python code may be run.
    """

    name: str
    folder: str
    model_type: str
    vocabulary: int
    max_length: int
    bos_token_id: int | None
    allow_pickle: bool = False
    trust_remote_code: bool = False

    def sha256(self) -> str:
        """Hash of all files of the folder, as the plan of a seal records it (`folder_sha256`)."""
        return folder_sha256(Path(self.folder))


def look_at_checkpoint(
    folder: str, name: str = "", *, allow_pickle: bool = False, trust_remote_code: bool = False
) -> Checkpoint:
    """Read a checkpoint's configuration and list its weights; nothing of it is run or loaded.

    Raises:
        CorpusError: if it is no checkpoint, or one that needs a flag which was not given.
    """
    path = Path(folder)
    if not path.is_dir():
        raise CorpusError(
            f"--checkpoint {folder}: no such folder; give a local folder in the Hugging Face layout "
            "(config.json and *.safetensors), nothing is downloaded"
        )
    config = _configuration(path)
    if config.get("auto_map") and not trust_remote_code:
        raise CorpusError(
            f"--checkpoint {folder}: it brings Python code of its own (auto_map in config.json), which is not run; "
            "pass --trust-remote-code if you trust its author"
        )
    if not any(path.glob("*.safetensors")):
        pickled = sorted(file.name for pattern in _PICKLED for file in path.glob(pattern))
        if not pickled:
            raise CorpusError(f"--checkpoint {folder}: there is no *.safetensors file in it")
        if not allow_pickle:
            raise CorpusError(
                f"--checkpoint {folder}: its weights are pickled ({pickled[0]}), and loading them can run any code; "
                "convert them to safetensors, or pass --allow-pickle if you trust their author"
            )
    text = config.get("text_config", config)
    vocabulary = text.get("vocab_size")
    if not isinstance(vocabulary, int) or vocabulary < 1:
        raise CorpusError(f"{path / 'config.json'}: vocab_size is {vocabulary!r}, expected a number of 1 or more")
    bos = config.get("bos_token_id", text.get("bos_token_id"))
    return Checkpoint(
        name or path.resolve().name,
        str(path.resolve()),
        str(config.get("model_type", "")),
        vocabulary,
        _max_length(text),
        bos if isinstance(bos, int) and 0 <= bos < vocabulary else None,
        allow_pickle,
        trust_remote_code,
    )


def _configuration(path: Path) -> dict[str, Any]:
    file = path / "config.json"
    try:
        config = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise CorpusError(
            f"--checkpoint {path}: there is no config.json in it; give a folder in the Hugging Face layout"
        ) from None
    except (OSError, ValueError) as error:
        raise CorpusError(f"{file}: cannot be read ({error})") from error
    if not isinstance(config, dict):
        raise CorpusError(f"{file}: expected a JSON object")
    return config


def _max_length(config: dict[str, Any]) -> int:
    longest = next((config[key] for key in _LENGTHS if isinstance(config.get(key), int) and config[key] > 0), 0)
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type"))
    original = rope.get("original_max_position_embeddings", config.get("original_max_position_embeddings"))
    if kind in _CHANGING_ROPES and isinstance(original, int) and original > 0:
        # Beyond this length such a model turns its positions by the longest sequence of the batch.
        return min(longest, original) if longest else original
    return longest


def names_of(folders: Sequence[str]) -> list[str]:
    """A short, distinct name for each folder: its last part, with as many parts before it as it takes.

    Raises:
        CorpusError: if a folder is named twice.
    """
    parts = [Path(folder).resolve().parts[1:] for folder in folders]
    repeated = sorted({"/".join(one) for one in parts if parts.count(one) > 1})
    if repeated:
        raise CorpusError(f"--checkpoint: /{repeated[0]} is given twice")
    for taken in range(1, max(map(len, parts), default=0) + 1):
        names = ["-".join(one[-taken:]).replace(" ", "_") for one in parts]
        if len(set(names)) == len(names):
            return names
    # Such as "a-b/c" and "a/b-c": the parts differ where their joined names do not.
    return [
        f"{name}-{hashlib.sha256('/'.join(one).encode()).hexdigest()[:8]}"
        for name, one in zip(names, parts, strict=True)
    ]


def load_model(checkpoint: Checkpoint, dtype: str, device: str) -> Any:
    """The checkpoint as a `transformers` causal language model in evaluation mode, on `device` ("cpu", "cuda").

    Raises:
        CorpusError: for weights that are missing, do not fit the configuration or are not finite.
    """
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    where = f"--checkpoint {checkpoint.folder}"
    try:
        loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
            checkpoint.folder,
            dtype=getattr(torch, dtype),
            local_files_only=True,
            use_safetensors=not checkpoint.allow_pickle or any(Path(checkpoint.folder).glob("*.safetensors")),
            trust_remote_code=checkpoint.trust_remote_code,
            output_loading_info=True,
        )
    except torch.OutOfMemoryError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError) as error:
        raise CorpusError(f"{where}: cannot be loaded ({_first_line(error)})") from error
    model, report = loaded
    missing = sorted(map(str, report["missing_keys"]))
    if missing:
        raise CorpusError(
            f"{where}: {len(missing)} weights are missing, {missing[0]!r} among them: the checkpoint is incomplete, "
            "or config.json is another model's"
        )
    model = model.to(device).eval().requires_grad_(False)
    for name, weights in model.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            raise CorpusError(
                f"{where}: weight {name!r} holds NaN or infinite values: the checkpoint is broken, take an earlier one"
            )
    rows = model.get_input_embeddings().weight.shape[0]
    if rows < checkpoint.vocabulary:
        raise CorpusError(
            f"{where}: vocab_size is {checkpoint.vocabulary} in config.json, but the embedding has {rows} rows"
        )
    return model


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
