"""Every weight of the file has its place in the model, and every place its weight; what cannot be read is named."""

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from tests.scoring.odd_checkpoints import GROUPED, saved
from transforms.base.errors import CorpusError
from transforms.base.folders import folder_sha256
from transforms.scoring.model.checkpoint import look_at_checkpoint
from transforms.scoring.model.loading import load_model

LORA = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
NO_PLACE = r"weights? without a place in \w+ as config.json describes it \('"


def llama(layers: int = 2, **changes: Any) -> Any:
    torch.manual_seed(0)
    return hf.LlamaForCausalLM(hf.LlamaConfig(**GROUPED | {"num_hidden_layers": layers} | changes))


def change_config(folder: Path, **values: Any) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    return folder


def called_llama(folder: Path, model: Any) -> Path:
    return change_config(saved(folder, model), model_type="llama", architectures=["LlamaForCausalLM"])


def load(folder: Path) -> Any:
    return load_model(look_at_checkpoint(str(folder)), "float32", "cpu")


def layers_dropped(folder: Path) -> Path:
    return change_config(saved(folder, llama(4)), num_hidden_layers=2)


def biases_dropped(folder: Path) -> Path:
    return change_config(saved(folder, llama(attention_bias=True)), attention_bias=False)


def norms_dropped(folder: Path) -> Path:
    return called_llama(folder, hf.Qwen3ForCausalLM(hf.Qwen3Config(**GROUPED, head_dim=8)))


def experts_dropped(folder: Path) -> Path:
    model = hf.MixtralForCausalLM(hf.MixtralConfig(**GROUPED, num_local_experts=2))
    return change_config(saved(folder, model), num_local_experts=1)


def encoder_dropped(folder: Path) -> Path:
    sizes = {"vocab_size": 64, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "max_position_embeddings": 64}
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
    return saved(folder, hf.BartForConditionalGeneration(hf.BartConfig(**sizes, **heads)))


def reward_head_dropped(folder: Path) -> Path:
    return saved(folder, hf.Qwen2ForSequenceClassification(hf.Qwen2Config(**GROUPED, tie_word_embeddings=True)))


def lora_inside_dropped(folder: Path) -> Path:
    saved(folder, llama())
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.q_proj.lora_A.weight"] = torch.ones(4, 32)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (layers_dropped, "18 .*model.layers.2.input_layernorm.weight"),
        (biases_dropped, "8 .*self_attn.k_proj.bias"),
        (norms_dropped, "4 .*self_attn.k_norm.weight"),
        (experts_dropped, None),
        (encoder_dropped, None),
        (reward_head_dropped, "1 .*score.weight"),
        (lora_inside_dropped, "1 .*lora_A.*a LoRA adapter: merge it"),
    ],
)
def test_weights_without_a_place_are_refused_by_name(make: Any, named: str | None, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as caught:
        load(make(tmp_path / "model"))
    said = str(caught.value)
    assert "\n" not in said
    if named is not None:
        assert caught.match(NO_PLACE)
        assert caught.match(named)


@pytest.mark.parametrize(("layers", "said", "accepted"), [(46, 46, True), (47, 46, False), (48, 48, True)])
def test_a_layer_that_its_class_passes_over_by_number_is_still_a_layer(
    layers: int, said: int, accepted: bool, tmp_path: Path
) -> None:
    # GLM's classes pass over layers.46, where published models have a layer that predicts further tokens.
    sizes = {"num_hidden_layers": layers, "hidden_size": 8, "intermediate_size": 8, "head_dim": 4}
    experts = {"first_k_dense_replace": 99, "n_routed_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8}
    model = hf.Glm4MoeForCausalLM(hf.Glm4MoeConfig(**GROUPED | sizes | experts))
    change_config(saved(tmp_path / "glm", model), num_hidden_layers=said)
    if accepted:
        load(tmp_path / "glm")
        return
    with pytest.raises(CorpusError, match=r"without a place in Glm4MoeForCausalLM .*model.layers.46"):
        load(tmp_path / "glm")


def test_shards_that_would_not_be_read_are_refused(tmp_path: Path) -> None:
    saved(tmp_path / "model", llama())
    shutil.copy(tmp_path / "model/model.safetensors", tmp_path / "model/model-00001-of-00002.safetensors")
    with pytest.raises(
        CorpusError, match=r"model-00001-of-00002.safetensors would not be read beside model.safetensor"
    ):
        look_at_checkpoint(str(tmp_path / "model"))


@pytest.mark.parametrize("size", [0, 5, 2_000, -100])
def test_a_truncated_file_is_one_line(size: int, tmp_path: Path) -> None:
    file = saved(tmp_path / "model", llama()) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(CorpusError, match=r"--checkpoint \S+: cannot be loaded \("):
        load(tmp_path / "model")


def test_code_of_its_own_is_not_needed_where_transformers_has_the_class(tmp_path: Path) -> None:
    saved(tmp_path / "model", llama())
    own = {"AutoConfig": "configuration_llama.LlamaConfig", "AutoModelForCausalLM": "modeling_llama.LlamaForCausalLM"}
    change_config(tmp_path / "model", auto_map=own)
    (tmp_path / "model/modeling_llama.py").write_text("raise SystemExit('this must not be run')")
    (tmp_path / "model/configuration_llama.py").write_text("raise SystemExit('this must not be run')")
    assert type(load(tmp_path / "model")) is hf.LlamaForCausalLM


@pytest.mark.parametrize("method", ["gptq", "awq", "bitsandbytes", "compressed-tensors", "nobodys"])
def test_a_quantised_checkpoint_is_refused_by_its_method(method: str, tmp_path: Path) -> None:
    config: dict[str, Any] = {"quant_method": method, "bits": 4, "group_size": 32}
    if method == "bitsandbytes":
        config = {"quant_method": method, "load_in_4bit": True}
    folder = change_config(saved(tmp_path / "model", llama()), quantization_config=config)
    with pytest.raises(
        CorpusError, match=rf"its weights are quantised \({method}\) and cannot be loaded \(.*unquantised"
    ):
        load(folder)


def adapter(folder: Path, base: str | None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(LORA | {"base_model_name_or_path": base}))
    torch.manual_seed(1)
    weights = {
        f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{side}.weight": torch.randn(shape)
        for layer in range(2)
        for side, shape in (("A", (4, 32)), ("B", (32, 4)))
    }
    save_file(weights, folder / "adapter_model.safetensors")
    return folder


def test_an_adapter_beside_full_weights_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "model", llama())
    adapter(tmp_path / "model", "x")
    with pytest.raises(CorpusError, match=r"a PEFT adapter \(adapter_config.json\) beside full weights \(model.safe"):
        look_at_checkpoint(str(tmp_path / "model"))


@pytest.mark.skipif(importlib.util.find_spec("peft") is not None, reason="peft is installed")
def test_an_adapter_is_refused_by_that_name(tmp_path: Path) -> None:
    saved(tmp_path / "base", llama())
    with pytest.raises(
        CorpusError, match=r"it holds a PEFT adapter .*for which the package peft is needed: install it"
    ):
        look_at_checkpoint(str(adapter(tmp_path / "tuned", str(tmp_path / "base"))))


def test_an_adapter_is_merged_where_peft_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    saved(tmp_path / "base", llama())
    found = look_at_checkpoint(str(adapter(tmp_path / "tuned", "../base")))
    tuned, weights = load_model(found, "float32", "cpu"), load_file(tmp_path / "tuned/adapter_model.safetensors")
    before, after = (one.model.layers[1].self_attn.q_proj.weight for one in (load(tmp_path / "base"), tuned))
    a, b = (weights[f"base_model.model.model.layers.1.self_attn.q_proj.lora_{side}.weight"] for side in "AB")
    torch.testing.assert_close(after, before + 2 * b @ a)
    assert found.sha256() not in (folder_sha256(tmp_path / "tuned"), folder_sha256(tmp_path / "base"))
    with pytest.raises(CorpusError, match="'nowhere', which is no local folder, and nothing is downloaded"):
        look_at_checkpoint(str(adapter(tmp_path / "lost", "nowhere")))
    change_config(saved(tmp_path / "short", llama(1)))
    with pytest.raises(CorpusError, match="its PEFT adapter does not fit"):
        load_model(look_at_checkpoint(str(adapter(tmp_path / "unfit", "../short"))), "float32", "cpu")


@pytest.mark.skipif(importlib.util.find_spec("gguf") is not None, reason="gguf is installed")
def test_gguf_is_refused_by_that_name(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(CorpusError, match=r"its weights are in GGUF \(model.gguf\), for which the package gguf is"):
        look_at_checkpoint(str(tmp_path))


def test_gguf_is_read_where_its_package_is_installed(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    model, writer = llama(), gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(48)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(64)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)
    for name, weights in model.state_dict().items():
        values = weights
        for part, heads in (("q_proj", 4), ("k_proj", 2)):  # the order of rotary halves that GGUF files have
            if part in name:
                values = weights.reshape(heads, 2, -1, 32).swapaxes(1, 2).reshape(weights.shape)
        writer.add_tensor(names.get_name(name.removesuffix(".weight")) + ".weight", values.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    ids = torch.arange(9)[None]
    with torch.inference_mode():
        torch.testing.assert_close(load(tmp_path)(input_ids=ids).logits, model.eval()(input_ids=ids).logits)
    shutil.copy(tmp_path / "model.gguf", tmp_path / "other.gguf")
    with pytest.raises(CorpusError, match="it holds 2 GGUF files"):
        look_at_checkpoint(str(tmp_path))


def test_pickled_weights_are_held_to_the_same(tmp_path: Path) -> None:
    folder = layers_dropped(tmp_path / "model")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CorpusError, match=NO_PLACE):
        load_model(look_at_checkpoint(str(folder), allow_pickle=True), "float32", "cpu")
