"""Checkpoints in the Hugging Face layout: looked at before anything is loaded."""

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from transforms.base.errors import CorpusError
from transforms.base.folders import canonical, folder_sha256, is_local
from transforms.base.stores.address import split
from transforms.base.stores.copies import fetched
from transforms.scoring.model.configuration import read_configuration

_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_ADAPTER, _ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model"


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
        base: for a PEFT adapter, the folder of the model that it adapts; empty for a whole model.
        gguf: name of the GGUF file that holds configuration, weights and tokenizer; empty for safetensors.
        quantised: the method by which the weights are quantised; empty where they are not.
        source: where it stands in an object store, of which `folder` is a copy; empty for a folder of this machine.
        bound: hash of the files that were looked at; empty where they were not hashed.
    """

    name: str
    folder: str
    model_type: str
    vocabulary: int
    max_length: int
    bos_token_id: int | None
    allow_pickle: bool = False
    trust_remote_code: bool = False
    base: str = ""
    gguf: str = ""
    quantised: str = ""
    source: str = ""
    bound: str = ""

    def here(self) -> "Checkpoint":
        """The same checkpoint with its files on this machine: a worker fetches what stands in an object store.

        Raises:
            CorpusError: if that is not what was looked at when the run began.
        """
        if not self.source:
            return self
        found = replace(self, folder=str(fetched(self.source)))
        if self.bound and found.sha256() != self.bound:
            raise CorpusError(f"--checkpoint {self.source}: was changed during the run (sha256): run again")
        return found

    def sha256(self) -> str:
        """Hash of all files of the folder, as the plan of a seal records it (`folder_sha256`).

        An adapter's is that of both folders: SHA-256 of their hashes in hexadecimal, adapter first.
        """
        own = folder_sha256(Path(self.folder))
        return hashlib.sha256((own + folder_sha256(Path(self.base))).encode()).hexdigest() if self.base else own

    @property
    def whole(self) -> str:
        """The folder that holds a whole model: of an adapter, the one that it adapts."""
        return self.base or self.folder


def look_at_checkpoint(
    folder: str, name: str = "", *, allow_pickle: bool = False, trust_remote_code: bool = False
) -> Checkpoint:
    """Read a checkpoint's configuration and list its weights; nothing of it is run or loaded.

    Raises:
        CorpusError: if it is no checkpoint, or one that needs a flag or a package which is not there.
    """
    try:
        path = fetched(folder)
    except FileNotFoundError:
        path = Path(folder)
    if not path.is_dir():
        raise CorpusError(
            f"--checkpoint {folder}: no such folder; give a folder in the Hugging Face layout (config.json and "
            "*.safetensors), on this machine or in a bucket; nothing is downloaded from a hub"
        )
    base = _adapted(path)
    whole = Path(base or path)
    gguf = _gguf(whole)
    found = read_configuration(whole, trust_remote_code=trust_remote_code, gguf=gguf)
    for one in {path, whole} if not gguf else ():
        _refuse_weights(one, allow_pickle=allow_pickle)
    return Checkpoint(
        name or path.resolve().name,
        str(path.resolve()),
        found.model_type,
        found.vocabulary,
        found.max_length,
        found.bos_token_id,
        allow_pickle,
        trust_remote_code,
        base,
        gguf,
        found.quantised,
        "" if is_local(folder) else canonical(folder),
    )


def _refuse_weights(path: Path, *, allow_pickle: bool) -> None:
    """Refuse a folder without weights, with pickled ones that may not be loaded, or with more than would be read."""
    if any(path.glob("*.safetensors")):
        _refuse_unread(path)
        return
    pickled = sorted(file.name for pattern in _PICKLED for file in path.glob(pattern))
    if not pickled:
        raise CorpusError(f"--checkpoint {path}: there is no *.safetensors file in it")
    if not allow_pickle:
        raise CorpusError(
            f"--checkpoint {path}: its weights are pickled ({pickled[0]}), and loading them can run any code; "
            "convert them to safetensors, or pass --allow-pickle if you trust their author"
        )


def _refuse_unread(path: Path) -> None:
    """Refuse shards that stand beside what transformers reads: model.safetensors, or what its index lists."""
    present = {file.name for file in path.glob("model*.safetensors")}
    index = path / "model.safetensors.index.json"
    if "model.safetensors" in present:
        read = {"model.safetensors"}
    elif index.is_file():
        try:
            read = set(json.loads(index.read_bytes())["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorpusError(f"{index}: cannot be read as the list of weights ({type(error).__name__})") from error
    else:
        return
    extra = sorted(present - read)
    if extra:
        raise CorpusError(
            f"--checkpoint {path}: {', '.join(extra[:3])} would not be read beside {sorted(read)[0]}: two models, or "
            "an index of another one; keep the files of one model"
        )


def _adapted(path: Path) -> str:
    """The folder of the model that the PEFT adapter in `path` adapts; empty where there is no adapter."""
    weights = sorted(file.name for file in path.glob(f"{_ADAPTER_WEIGHTS}*"))
    if not (path / _ADAPTER).exists() and not weights:
        return ""
    what = f"--checkpoint {path}: it holds a PEFT adapter ({_ADAPTER if (path / _ADAPTER).exists() else weights[0]})"
    full = [one.name for one in path.glob("*.safetensors")] + [one.name for one in path.glob("pytorch_model*.bin")]
    full = sorted(one for one in full if not one.startswith(_ADAPTER_WEIGHTS))
    if full:
        raise CorpusError(
            f"{what} beside full weights ({full[0]}), and does not say which of the two models is meant: move one of "
            "them to a folder of its own"
        )
    merge = "merge it into its model (PEFT's merge_and_unload, then save_pretrained) and give that folder"
    try:
        named = json.loads((path / _ADAPTER).read_bytes())["base_model_name_or_path"]
        base = (path / str(named)) if named else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{what}, whose {_ADAPTER} does not name the model that it adapts: {merge}") from error
    if importlib.util.find_spec("peft") is None:
        raise CorpusError(f"{what}, for which the package peft is needed: install it, or {merge}")
    if base is None or not base.is_dir():
        raise CorpusError(f"{what} for {named!r}, which is no local folder, and nothing is downloaded: {merge}")
    return str(base.resolve())


def _gguf(path: Path) -> str:
    """Name of the GGUF file that is the model in `path`; empty where the weights are in other files."""
    files = sorted(file.name for file in path.glob("*.gguf"))
    if not files or any(path.glob("*.safetensors")) or any(path.glob("pytorch_model*.bin")):
        return ""
    if len(files) > 1:
        raise CorpusError(
            f"--checkpoint {path}: it holds {len(files)} GGUF files ({files[0]}, {files[1]}); keep one in the folder"
        )
    if importlib.util.find_spec("gguf") is None:
        raise CorpusError(
            f"--checkpoint {path}: its weights are in GGUF ({files[0]}), for which the package gguf is needed: install "
            "it, or give a folder with *.safetensors"
        )
    return files[0]


def names_of(folders: Sequence[str]) -> list[str]:
    """A short, distinct name for each folder: its last part, with as many parts before it as it takes.

    Raises:
        CorpusError: if a folder is named twice.
    """
    parts = [
        Path(folder).resolve().parts[1:] if is_local(folder) else tuple(split(canonical(folder))[1].split("/"))
        for folder in folders
    ]
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
