"""Checkpoints of kinds that cannot be scored, or only in one way, each made in a folder; all have 64 tokens."""

from pathlib import Path
from typing import Any

import torch
import transformers as hf

SIZES: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
GROUPED = SIZES | {"num_key_value_heads": 2}
SPREAD = {"initializer_range": 0.3}


def saved(folder: Path, model: Any) -> Path:
    """Save a model in `folder`, which is returned."""
    model.save_pretrained(folder)
    return folder


def make(kind: str) -> Any:
    """A model with random weights of the kind of that name."""
    torch.manual_seed(0)
    return _MAKERS[kind]()


_MAKERS: dict[str, Any] = {
    "bert": lambda: hf.BertLMHeadModel(hf.BertConfig(**SIZES)),
    "bert_decoder": lambda: hf.BertLMHeadModel(hf.BertConfig(**SIZES, **SPREAD, is_decoder=True)),
    "roberta": lambda: hf.RobertaForCausalLM(hf.RobertaConfig(**SIZES)),
    "roberta_decoder": lambda: hf.RobertaForCausalLM(hf.RobertaConfig(**SIZES, **SPREAD, is_decoder=True)),
    "electra": lambda: hf.ElectraForCausalLM(hf.ElectraConfig(**SIZES, embedding_size=16)),
    "electra_decoder": lambda: hf.ElectraForCausalLM(
        hf.ElectraConfig(**SIZES, **SPREAD, embedding_size=16, is_decoder=True)
    ),
    "xlnet": lambda: hf.XLNetLMHeadModel(hf.XLNetConfig(vocab_size=64, d_model=32, n_layer=2, n_head=4, d_inner=48)),
    "xlm": lambda: hf.XLMWithLMHeadModel(hf.XLMConfig(vocab_size=64, emb_dim=32, n_layers=2, n_heads=4)),
    "gemma3_both_ways": lambda: hf.Gemma3ForCausalLM(
        hf.Gemma3TextConfig(**GROUPED, head_dim=8, use_bidirectional_attention=True)
    ),
    "recurrent_gemma": lambda: hf.RecurrentGemmaForCausalLM(
        hf.RecurrentGemmaConfig(
            **GROUPED | {"num_hidden_layers": 3}, head_dim=8, attention_window_size=16, lru_width=32
        )
    ),
    "rwkv": lambda: hf.RwkvForCausalLM(
        hf.RwkvConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2, attention_hidden_size=32, context_length=64)
    ),
    "llama4": lambda: hf.Llama4ForCausalLM(
        hf.Llama4TextConfig(
            **GROUPED, head_dim=8, intermediate_size_mlp=48, num_local_experts=2, num_experts_per_tok=1,
            interleave_moe_layer_step=2,
        )
    ),
    "minimax": lambda: hf.MiniMaxForCausalLM(
        hf.MiniMaxConfig(
            **GROUPED, head_dim=8, num_local_experts=2, num_experts_per_tok=1,
            layer_types=["linear_attention", "full_attention"], block_size=16,
        )
    ),
    "zamba2": lambda: hf.Zamba2ForCausalLM(
        hf.Zamba2Config(
            vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4,
            layers_block_type=["mamba", "hybrid", "mamba", "hybrid"], num_key_value_heads=4, mamba_d_state=8,
            n_mamba_heads=4, mamba_headdim=16, mamba_ngroups=1, num_mem_blocks=1, hybrid_layer_ids=[1, 3],
            attention_head_dim=16, chunk_size=16, adapter_rank=4, max_position_embeddings=64, **SPREAD,
        )
    ),
    "falcon_alibi": lambda: hf.FalconForCausalLM(
        hf.FalconConfig(
            vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, alibi=True, bias=True,
            new_decoder_architecture=False, multi_query=False, parallel_attn=False, **SPREAD,
        )
    ),
    "bloom": lambda: hf.BloomForCausalLM(
        hf.BloomConfig(vocab_size=64, hidden_size=32, n_layer=2, n_head=4, **SPREAD)
    ),
    "gpt_neo": lambda: hf.GPTNeoForCausalLM(
        hf.GPTNeoConfig(
            vocab_size=64, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]],
            window_size=16, max_position_embeddings=64,
        )
    ),
}  # fmt: skip
