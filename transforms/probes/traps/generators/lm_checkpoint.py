"""A causal language model from a local folder in the Hugging Face layout: safetensors only, no code from the folder."""

import json
from typing import TYPE_CHECKING, Any

from transforms.base.errors import CorpusError
from transforms.base.folders import folder_sha256
from transforms.base.stores.copies import fetched
from transforms.probes.traps.suitable import Form

if TYPE_CHECKING:
    from transforms.probes.traps.generators.lm import LmGenerator

VERSION = "lm/1"


def check_checkpoint(folder: str, longest: int, flag: str = "--model") -> dict[str, Any]:
    """The content of config.json, if the folder can be sampled from; loads nothing.

    Args:
        folder: of the checkpoint.
        longest: tokens after BOS that will be sampled.
        flag: that named the folder, for messages.

    Raises:
        CorpusError: saying what is missing, refused or too long.
    """
    path = fetched(folder)
    for name in ("config.json", "tokenizer.json"):
        if not (path / name).is_file():
            raise CorpusError(f"{flag} {folder}: has no {name}; give a checkpoint in the Hugging Face layout")
    try:
        config: dict[str, Any] = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{flag} {folder}: config.json cannot be read ({error})") from error
    if "auto_map" in config:
        raise CorpusError(f"{flag} {folder}: comes with code of its own, which is refused; convert it to a known model")
    if not any(path.glob("*.safetensors")):
        raise CorpusError(f"{flag} {folder}: has no .safetensors; pickled weights are refused: convert them")
    most = config.get("max_position_embeddings") or config.get("n_positions")
    if isinstance(most, int) and longest + 1 > most:
        raise CorpusError(
            f"--lengths {longest}: with BOS more than the {most} positions of {flag} {folder}; give shorter ones"
        )
    return config


def load_generator(folder: str, longest: int, key: bytes, form: Form) -> "LmGenerator":
    """The generator of a checkpoint, on a GPU (bfloat16) if there is one, else on the CPU (float32).

    Raises:
        CorpusError: if the folder cannot be used, or the packages for it are not installed.
    """
    check_checkpoint(folder, longest)
    try:
        import torch
        import transformers
        from safetensors import SafetensorError
    except ImportError as error:
        raise CorpusError(f"--generator lm needs {error.name}: pip install 'trapline[score]'") from error
    from transforms.probes.corpus.tokens import load_tokenizer
    from transforms.probes.traps.generators.lm import LmGenerator

    quiet: Any = transformers.utils.logging
    quiet.disable_progress_bar()
    quiet.set_verbosity_error()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            str(fetched(folder)),
            dtype=torch.bfloat16 if device == "cuda" else torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise CorpusError(f"--model {folder}: cannot be loaded ({error})") from error
    bos = next(
        (one for one in (model.config.bos_token_id, model.config.eos_token_id) if isinstance(one, int) and one >= 0),
        None,
    )
    if bos is None:
        raise CorpusError(f"--model {folder}: config.json names no bos_token_id to sample from")
    name = f"{VERSION}:{folder_sha256(fetched(folder))[:16]}"
    try:
        return LmGenerator(name, model.to(device).eval(), load_tokenizer(folder), bos, key, form)
    except ValueError as error:
        raise CorpusError(f"--model {folder}: {error}") from error
