"""A checkpoint's weights as a model, held to what its configuration says: each has its place, and none is missing."""

import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from transforms.base.errors import CorpusError
from transforms.base.readable import counted
from transforms.scoring.model.checkpoint import Checkpoint
from transforms.scoring.model.configuration import first_line, number_of, quiet_transformers

_NAMED = 3


def load_model(checkpoint: Checkpoint, dtype: str, device: str) -> Any:
    """The checkpoint as a `transformers` causal language model in evaluation mode, on `device` ("cpu", "cuda").

    Raises:
        CorpusError: for weights that are missing, have no place in the model, do not fit or are not finite, and for
            whatever transformers cannot read.
    """
    import torch

    checkpoint = checkpoint.here()
    where = f"--checkpoint {checkpoint.folder}"
    try:
        model, report = _loaded(checkpoint, getattr(torch, dtype))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        what = f"its weights are quantised ({checkpoint.quantised}) and " if checkpoint.quantised else ""
        advice = "; give the unquantised checkpoint, or install what its method needs" if what else ""
        raise CorpusError(f"{where}: {what}cannot be loaded ({first_line(error)}){advice}") from error
    _refuse_report(where, model, report)
    unread = _unread_layers(checkpoint, model)
    if unread:
        raise CorpusError(_no_place(where, model, unread))
    if checkpoint.base:
        model = _adapted(where, model, checkpoint)
    try:
        model = model.to(device)
    except (ValueError, RuntimeError, NotImplementedError) as error:
        if not checkpoint.quantised:
            raise
        raise CorpusError(
            f"{where}: its weights are quantised ({checkpoint.quantised}) and cannot be brought to {device} "
            f"({first_line(error)}); give the unquantised checkpoint"
        ) from error
    model = model.eval().requires_grad_(False)
    for name, weights in model.named_parameters():
        if not _finite(weights):
            raise CorpusError(
                f"{where}: weight {name!r} holds NaN or infinite values: the checkpoint is broken, take an earlier one"
            )
    rows = model.get_input_embeddings().weight.shape[0]
    if rows < checkpoint.vocabulary:
        raise CorpusError(
            f"{where}: vocab_size is {checkpoint.vocabulary} in config.json, but the embedding has {rows} rows"
        )
    return model


def _loaded(checkpoint: Checkpoint, dtype: Any) -> tuple[Any, dict[str, Any]]:
    quiet_transformers()
    import transformers

    if checkpoint.quantised:
        from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING

        if checkpoint.quantised not in AUTO_QUANTIZER_MAPPING and checkpoint.quantised != "bitsandbytes":
            raise ValueError("transformers knows no such method")
    folder = checkpoint.whole
    named: dict[str, Any] = {"gguf_file": checkpoint.gguf} if checkpoint.gguf else {}
    if not checkpoint.gguf:
        named["use_safetensors"] = not checkpoint.allow_pickle or any(Path(folder).glob("*.safetensors"))
    answer: Any = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        local_files_only=True,
        trust_remote_code=checkpoint.trust_remote_code,
        output_loading_info=True,
        **named,
    )
    model, report = answer
    return model, report


def _refuse_report(where: str, model: Any, report: dict[str, Any]) -> None:
    """Refuse what transformers would only warn of."""
    missing = sorted(map(str, report["missing_keys"]))
    if missing:
        raise CorpusError(
            f"{where}: {counted(len(missing), 'weight')} missing, {missing[0]!r} among them: the checkpoint is "
            "incomplete, or config.json is another model's"
        )
    unexpected = sorted(map(str, report["unexpected_keys"]))
    if unexpected:
        raise CorpusError(_no_place(where, model, unexpected))
    others = [*report.get("mismatched_keys", ()), *report.get("error_msgs", ())]
    if others:
        raise CorpusError(f"{where}: weights do not fit config.json ({str(others[0])[:200]})")


def _no_place(where: str, model: Any, names: Collection[str]) -> str:
    shown = ", ".join(map(repr, sorted(names)[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
    adapter = any("lora_" in name for name in names)
    why = "they are those of a LoRA adapter: merge it" if adapter else "config.json is another model's, or was edited"
    return (
        f"{where}: {counted(len(names), 'weight')} without a place in {type(model).__name__} as config.json "
        f"describes it ({shown}): {why}; another model than the one that was trained would be scored"
    )


def _unread_layers(checkpoint: Checkpoint, model: Any) -> list[str]:
    """Weights of whole further layers that the model's class lets pass, for it takes them for something else.

    Some classes pass over a layer by its number, where the published models have one that predicts further tokens. A
    layer of that number whose weights are those of any other layer is a layer that config.json leaves out.
    """
    patterns = list(getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ())
    if not any(re.search(r"layers\.\d", str(one).replace("\\", "")) for one in patterns) or checkpoint.gguf:
        return []
    from safetensors import safe_open

    parts: dict[str, dict[str, str]] = {}
    for file in Path(checkpoint.whole).glob("*.safetensors"):
        with safe_open(file, "pt") as opened:
            for key in opened.keys():  # noqa: SIM118 - it is no dictionary
                found = re.search(r"layers\.(\d+)\.(.+)", key)
                if found:
                    parts.setdefault(found[1], {})[found[2]] = key
    used = number_of(model.config.get_text_config(decoder=True), "num_hidden_layers")
    ignored = {
        number: held
        for number, held in parts.items()
        if int(number) >= used and any(re.search(str(one), key) for one in patterns for key in held.values())
    }
    known = {name for number, held in parts.items() if number not in ignored for name in held}
    return [key for held in ignored.values() if set(held) <= known for key in held.values()]


def _adapted(where: str, model: Any, checkpoint: Checkpoint) -> Any:
    """The model with the adapter's weights added to its own."""
    import peft

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters of them is in the report
            adapted = peft.PeftModel.from_pretrained(model, checkpoint.folder, local_files_only=True)
            report = adapted.load_adapter(checkpoint.folder, "default", local_files_only=True)
            odd = [*report.unexpected_keys, *(name for name in report.missing_keys if "lora" in name)]
            merged = adapted.merge_and_unload(safe_merge=True)
    except Exception as error:
        raise CorpusError(f"{where}: its PEFT adapter cannot be merged ({first_line(error)})") from error
    if odd:
        raise CorpusError(
            f"{where}: its PEFT adapter does not fit {checkpoint.base} ({counted(len(odd), 'weight')} missing or "
            f"without a place, such as {odd[0]!r}): it was trained for another model"
        )
    unmerged = [name for name, _ in merged.named_modules() if "lora_" in name]
    if unmerged:
        raise CorpusError(f"{where}: its PEFT adapter cannot be merged ({unmerged[0]} is left)")
    return merged


def _finite(weights: Any) -> bool:
    import torch

    if not weights.is_floating_point():
        return True
    try:
        return bool(torch.isfinite(weights).all())
    except (RuntimeError, NotImplementedError):  # formats of eight bits have no such operation on some devices
        return bool(torch.isfinite(weights.float()).all())
