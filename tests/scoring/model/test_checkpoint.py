"""What is looked at before a checkpoint is loaded, and what is held against it after."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.scoring.tiny_checkpoints import ARCHITECTURES, CONTEXT, VOCABULARY, tiny_checkpoint, tiny_model
from transforms.base.errors import CorpusError
from transforms.base.folders import folder_sha256
from transforms.scoring.model.checkpoint import look_at_checkpoint, names_of
from transforms.scoring.model.loading import load_model


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "llama", "llama")


@pytest.fixture
def own(llama: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(llama, tmp_path / "llama"))


def change_config(folder: Path, **values: object) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text()) | values
    file.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_architectures_are_looked_at_and_loaded(architecture: str, tmp_path: Path) -> None:
    found = look_at_checkpoint(str(tiny_checkpoint(tmp_path / "one", architecture)))
    assert (found.name, found.vocabulary, found.bos_token_id) == ("one", VOCABULARY, 0)
    assert found.max_length == (0 if architecture == "mamba" else CONTEXT)
    ids = torch.arange(9)[None]
    with torch.inference_mode():
        wanted = tiny_model(architecture)(input_ids=ids).logits
        torch.testing.assert_close(load_model(found, "float32", "cpu")(input_ids=ids).logits, wanted)


def test_its_hash_is_that_of_the_folder_and_its_name_does_not_count(llama: Path, own: Path) -> None:
    assert look_at_checkpoint(str(llama)).sha256() == folder_sha256(llama) == look_at_checkpoint(str(own)).sha256()
    change_config(own, rope_theta=5.0)
    assert look_at_checkpoint(str(own)).sha256() != folder_sha256(llama)


def own_code(name: str, model_type: str) -> Callable[[Path], None]:
    """Let a checkpoint say that its class stands in a file of its own."""
    named = {"auto_map": {"AutoModelForCausalLM": f"modeling.{name}"}, "architectures": [name]}
    return lambda at: change_config(at, model_type=model_type, **named)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda at: shutil.rmtree(at), "no such folder"),
        (lambda at: (at / "config.json").unlink(), "there is no config.json in it"),
        (lambda at: (at / "config.json").write_text("{"), "config.json: cannot be read"),
        (lambda at: (at / "config.json").write_text("[]"), "expected a JSON object"),
        (lambda at: (at / "model.safetensors").unlink(), r"there is no \*.safetensors file in it"),
        (lambda at: change_config(at, vocab_size=0), "vocab_size is 0"),
        (lambda at: change_config(at, vocab_size="many"), "config.json: cannot be read"),
        (lambda at: change_config(at, model_type="nobodys"), "config.json: cannot be read"),
        (own_code("Y", "nobodys"), "code of its own .* for Y, .*: pass --trust-remote-code if you trust"),
        (own_code("LlamaForMasks", "llama"), "code of its own .* for LlamaForMasks, .*pass --trust-remote-code"),
        (lambda at: (at / "model.safetensors").rename(at / "pytorch_model.bin"), "pass --allow-pickle if you trust"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_before_it_is_loaded(own: Path, broken: object, said: str) -> None:
    broken(own)  # type: ignore[operator]
    with pytest.raises(CorpusError, match=said):
        look_at_checkpoint(str(own))


def test_pickled_weights_load_only_when_they_are_allowed(own: Path) -> None:
    weights = load_file(own / "model.safetensors")
    (own / "model.safetensors").unlink()
    torch.save(weights, own / "pytorch_model.bin")
    with pytest.raises(CorpusError, match=r"its weights are pickled \(pytorch_model.bin\)"):
        look_at_checkpoint(str(own))
    model = load_model(look_at_checkpoint(str(own), allow_pickle=True), "float32", "cpu")
    torch.testing.assert_close(model.lm_head.weight, weights["lm_head.weight"])


def edit_weights(folder: Path, edit: object) -> None:
    weights = load_file(folder / "model.safetensors")
    edit(weights)  # type: ignore[operator]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda weights: weights["lm_head.weight"][3].fill_(torch.nan), "'lm_head.weight' holds NaN or infinite"),
        (lambda weights: weights["model.norm.weight"][0].fill_(torch.inf), "'model.norm.weight' holds NaN or infinite"),
        (lambda weights: weights.pop("lm_head.weight"), "1 weight missing, 'lm_head.weight' among them"),
        (lambda weights: weights.update({"lm_head.weight": torch.zeros(7, 32)}), "cannot be loaded"),
    ],
)
def test_broken_weights_are_an_error_that_names_them(own: Path, edit: object, said: str) -> None:
    edit_weights(own, edit)
    with pytest.raises(CorpusError, match=said):
        load_model(look_at_checkpoint(str(own)), "float32", "cpu")


def test_an_embedding_smaller_than_the_vocabulary_is_an_error(own: Path) -> None:
    change_config(own, vocab_size=VOCABULARY + 5)
    with pytest.raises(CorpusError):
        load_model(look_at_checkpoint(str(own)), "float32", "cpu")


def test_a_rope_that_depends_on_the_batch_bounds_the_length(own: Path) -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0, "original_max_position_embeddings": 40}
    change_config(own, rope_parameters=rope)
    assert look_at_checkpoint(str(own)).max_length == 40


def test_names_are_short_and_distinct() -> None:
    assert names_of(["/runs/a/final"]) == ["final"]
    assert names_of(["/runs/a/final", "/runs/b/final"]) == ["a-final", "b-final"]
    assert names_of(["/runs/step-1", "/runs/step-2"]) == ["step-1", "step-2"]
    assert len(set(names_of(["/x/a-b/c", "/x/a/b-c"]))) == 2
    with pytest.raises(CorpusError, match="is given twice"):
        names_of(["/runs/a", "/runs/../runs/a"])
