"""Checkpoints small enough to make in a test: a Llama of random weights over a vocabulary of words."""

import itertools
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

SPECIAL = ("<s>", "</s>", "<unk>")
WORDS = [a + b + c for a, b, c in itertools.product("bdklmnprst", "aeiou", "bdklmnprst")]


def word_tokenizer(words: list[str]) -> Tokenizer:
    """A token a word, so that any sequence of words is stable under decode and encode."""
    vocabulary = {word: at for at, word in enumerate([*SPECIAL, ",", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def save_checkpoint(folder: Path, sharpness: float = 3.0, words: int = 300, positions: int = 64) -> Path:
    """A checkpoint in the Hugging Face layout; the larger the sharpness, the lower its perplexities."""
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(SPECIAL) + 1 + words, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=positions, bos_token_id=0,
        eos_token_id=1, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight.mul_(50 * sharpness)
    model.save_pretrained(folder)
    word_tokenizer(WORDS[:words]).save(str(folder / "tokenizer.json"))
    return folder
