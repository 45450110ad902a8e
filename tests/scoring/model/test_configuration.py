"""Limits come from transformers' own configuration object, whatever the file leaves out or calls by another name."""

import json
from pathlib import Path
from typing import Any

import pytest
import transformers as hf

from transforms.base.errors import CorpusError
from transforms.scoring.model.configuration import max_length_of, read_configuration

LONG = {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8}
PHI3 = {
    "model_type": "phi3", "vocab_size": 64, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 256, "original_max_position_embeddings": 32, "pad_token_id": 0,
}  # fmt: skip
GEMMA3 = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text", "hidden_size": 64, "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    },
    "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 32, "image_size": 28, "patch_size": 14},
}  # fmt: skip


def written(folder: Path, config: dict[str, Any]) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("config", "vocabulary", "longest"),
    [
        (GEMMA3, hf.Gemma3TextConfig().vocab_size, hf.Gemma3TextConfig().max_position_embeddings),
        ({"model_type": "llama"}, 32_000, 2048),
        ({"model_type": "gpt2", "n_positions": 77}, 50_257, 77),
        ({"model_type": "mamba", "vocab_size": 70}, 70, 0),
        ({"model_type": "bloom", "vocab_size": 70}, 70, 0),
        ({"model_type": "mpt", "vocab_size": 70, "max_seq_len": 99}, 70, 99),
        ({"model_type": "roberta", "vocab_size": 70, "max_position_embeddings": 66}, 70, 64),
        ({"model_type": "prophetnet", "vocab_size": 70, "max_position_embeddings": 66, "pad_token_id": 0}, 70, 64),
        (PHI3 | {"rope_scaling": {"type": "longrope", **LONG}}, 64, 32),
        (PHI3 | {"rope_scaling": {"type": "yarn", **LONG}}, 64, 32),
        (PHI3, 64, 256),
        ({"model_type": "llama", "rope_scaling": {"type": "dynamic", "factor": 2.0}}, 32_000, 2048),
        (
            {"model_type": "llama", "max_position_embeddings": 500,
             "rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 50,
                                 **LONG}},
            32_000,
            50,
        ),
        (
            {"model_type": "llama", "rope_scaling": {"type": "yarn", "factor": 4.0,
                                                     "original_max_position_embeddings": 512}},
            32_000,
            2048,
        ),
    ],
)  # fmt: skip
def test_limits_are_those_of_the_configuration_object(
    config: dict[str, Any], vocabulary: int, longest: int, tmp_path: Path
) -> None:
    found = read_configuration(written(tmp_path, config))
    assert (found.vocabulary, found.max_length) == (vocabulary, longest)
    assert found.model_type == config["model_type"]


def test_the_tightest_of_nested_ropes_is_the_bound() -> None:
    config = hf.Gemma3TextConfig(vocab_size=64, max_position_embeddings=400)
    plain = {"rope_type": "default", "rope_theta": 1e4}
    longrope = plain | {"rope_type": "longrope", "original_max_position_embeddings": 40, **LONG}
    config.rope_parameters = {"sliding_attention": plain, "full_attention": longrope}
    assert max_length_of(config) == 40
    config.rope_parameters = {"sliding_attention": plain, "full_attention": plain}
    assert max_length_of(config) == 400


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama", "vocab_size": -3},
        {"model_type": "llama", "vocab_size": "64"},
        {"model_type": "llama", "num_attention_heads": 0},
        {"model_type": "gemma3", "text_config": 7},
        {"model_type": ["llama"]},
        {"model_type": "vit"},
        {},
    ],
)
def test_a_configuration_that_cannot_be_read_is_one_line(config: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"config.json: (cannot be read|vocab_size is)") as caught:
        read_configuration(written(tmp_path, config))
    assert "\n" not in str(caught.value)
