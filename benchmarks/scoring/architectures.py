"""Every causal architecture of the installed transformers, made small, scored, and held against a plain forward pass.

    python -m benchmarks.scoring.architectures                    # writes docs/benchmarks/architectures.json and .md
    python -m benchmarks.scoring.architectures --only llama bert  # examines these again, and keeps the others' rows

A checkpoint of a few thousand random weights is made of each class that transformers maps to causal language models,
saved, and then looked at, loaded and scored as `trapline score` does it: in packed rows, as on a GPU, where the model
allows that, and in padded ones. What comes out is compared, token by token, with the same class's own logits for one
sequence at a time and a log-softmax in float64; greedy continuations with those of a pass over all tokens at each step.
"""

import argparse
import gc
import itertools
import json
import re
import tempfile
import textwrap
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from transforms.base.errors import CorpusError
from transforms.base.texts import Ragged
from transforms.scoring.generation.continuation import GenerationSettings, generate
from transforms.scoring.generation.past import Cache, past_of
from transforms.scoring.model.batches import Sequences
from transforms.scoring.model.checkpoint import Checkpoint, look_at_checkpoint
from transforms.scoring.model.configuration import first_line, quiet_transformers, value_of
from transforms.scoring.model.loading import load_model
from transforms.scoring.model.scorer import Scorer

PAGE = Path(__file__).resolve().parents[2] / "docs/benchmarks/architectures.md"
ROWS = PAGE.with_suffix(".json")
RIGHT = 1e-4
"""Most that a token's log-probability may differ, in nats."""
ROW, POSITIONS, VOCABULARY = 512, 128, 300
NEW = 8
MOST_WEIGHTS = 150_000_000

_SIZES = {
    64: "hidden_size d_model n_embd emb_dim dim d_embed embedding_size embed_dim word_embed_dim lru_width "
    "attention_hidden_size n_embed intermediate_size ffn_dim d_inner encoder_ffn_dim decoder_ffn_dim ffn_hidden_size "
    "moe_intermediate_size dff dim_ff shared_expert_intermediate_size intermediate_size_mlp feed_forward_size "
    "expert_ffn_hidden_size pronunciation_embed_dim shape_embed_dim",
    2: "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_encoder_layers "
    "num_decoder_layers num_key_value_heads num_experts_per_tok moe_topk moe_k",
    4: "num_attention_heads n_head n_heads num_heads encoder_attention_heads decoder_attention_heads "
    "num_encoder_attention_heads num_decoder_attention_heads num_experts num_local_experts n_routed_experts "
    "moe_num_experts linear_num_key_heads linear_num_value_heads linear_num_heads",
    POSITIONS: "max_position_embeddings n_positions n_ctx",
    16: "q_lora_rank kv_lora_rank qk_nope_head_dim qk_rope_head_dim v_head_dim head_dim "
    "linear_key_head_dim linear_value_head_dim linear_head_dim",
    32: "index_head_dim attention_head_dim",
    8: "rotary_dim",
    VOCABULARY: "vocab_size",
}
_SMALL = {name: size for size, names in _SIZES.items() for name in names.split()}
"""Names by which configurations call their sizes, and the size that each gets where it has that name."""

_TOKENS = tuple(f"{one}_token_id" for one in ("bos", "eos", "pad", "decoder_start", "sep", "unk"))

_OWN: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 16},
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 1, "state_size": 8, "chunk_size": 16},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10_000.0, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 64, "moe_num_experts": 4, "moe_top_k": 2},
        "d_model": 64, "n_heads": 4, "n_layers": 2, "max_seq_len": POSITIONS,
    },
    "dots1": {"first_k_dense_replace": 1, "n_shared_experts": 1, "n_group": 1, "topk_group": 1},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "zamba": {
        "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"], "num_hidden_layers": 4, "mamba_d_state": 8,
        "n_mamba_heads": 2, "attention_head_dim": 32, "attention_hidden_size": 128, "num_key_value_heads": 4,
    },
    "zamba2": {
        "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"], "num_hidden_layers": 4, "mamba_d_state": 8,
        "n_mamba_heads": 8, "mamba_headdim": 16, "mamba_ngroups": 1, "num_mem_blocks": 1, "hybrid_layer_ids": [1, 3],
        "attention_head_dim": 32, "attention_hidden_size": 128, "chunk_size": 16, "adapter_rank": 8,
        "num_key_value_heads": 4,
    },
    "reformer": {
        "is_decoder": True, "attn_layers": ["local", "local"], "axial_pos_embds": False, "feed_forward_size": 64,
        "attention_head_size": 16, "local_attn_chunk_length": 16, "lsh_attn_chunk_length": 16,
    },
    "recurrent_gemma": {"num_hidden_layers": 3, "attention_window_size": 16},
    "xlm": {"causal": True},
    "llama4_text": {"num_local_experts": 2, "num_experts_per_tok": 1, "interleave_moe_layer_step": 2},
    "gemma3n_text": {
        "num_hidden_layers": 4, "num_kv_shared_layers": 2, "hidden_size_per_layer_input": 16,
        "vocab_size_per_layer_input": VOCABULARY, "laurel_rank": 8, "altup_num_inputs": 2,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
        "activation_sparsity_pattern": [0.0] * 4, "intermediate_size": [64] * 4,
    },
    "bamba": {"mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 8, "attn_layer_indices": [1]},
    "falcon_h1": {"mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_d_ssm": 128, "mamba_n_groups": 1},
    **{key: {"head_dim": 16} for key in ("hunyuan_v1_dense", "hunyuan_v1_moe", "ministral", "nemotron")},
    # These alternate between attention and a recurrence, and two layers would all be of one kind.
    **{key: {"num_hidden_layers": 4} for key in ["dory", "lfm3", "olmo_hybrid"]},
    **{key: {"num_hidden_layers": 4} for key in ["qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text"]},
    "granitemoehybrid": {
        "layer_types": ["mamba", "attention"], "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 8,
        "mamba_chunk_size": 16,
    },
    "qwen3_next": {"num_hidden_layers": 4},
    "bailing_hybrid": {"num_hidden_layers": 4, "num_group": 1, "n_group": 1, "topk_group": 1},
    "jamba": {"num_hidden_layers": 4, "attn_layer_period": 2, "attn_layer_offset": 1},
    "xmod": {"default_language": "en_XX"},
    "xlnet": {"max_position_embeddings": None},
    "xlstm": {"num_heads": 4, "qk_dim_factor": 0.5, "num_blocks": 2},
}  # fmt: skip
"""What some classes want beside; a name without an entry is made by `_SMALL` alone."""

_VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "falcon": {"alibi": {"alibi": True, "new_decoder_architecture": False, "multi_query": False, "bias": True}},
    "gemma3_text": {"bidirectional": {"use_bidirectional_attention": True}},
    "xlm": {"not causal": {"causal": False}},
    "mistral": {"sliding window": {"sliding_window": 16}},
    "mpt": {"no alibi": {"attn_config": {"alibi": False}}},
    "phi3": {
        "longrope": {
            "original_max_position_embeddings": 32,
            "rope_parameters": {
                "rope_type": "longrope", "rope_theta": 10_000.0, "short_factor": [1.0] * 8, "long_factor": [4.0] * 8,
            },
        }
    },
    "llama": {"dynamic rope": {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}}},
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of one architecture.

    Attributes:
        name: the model type, and what was changed of it.
        model: its class.
        form: "packed", "padded", "alone" (a batch for each sequence), "refused" or "not made".
        difference: greatest difference of a token's log-probability from a plain pass, in nats, of all forms tried.
        generated: "cache", "tokens" (all are read at each step) or a reason; "" where it was not tried.
        note: why it was refused, or could not be made.
    """

    name: str
    model: str
    form: str
    difference: float = 0.0
    generated: str = ""
    note: str = ""

    @property
    def right(self) -> bool:
        """Whether what was given is right; what is refused gives nothing."""
        return self.form in ("refused", "not made") or (self.difference <= RIGHT and "wrong" not in self.generated)


def causal_names() -> list[tuple[str, str]]:
    """(model type, variant) of all causal architectures of the installed transformers; most have one variant: ""."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    names = []
    for name in sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
        names.append((name, ""))
        names += [(name, variant) for variant in _VARIANTS.get(name, ())]
        if _has_decoder_switch(name):
            names.append((name, "is_decoder"))
    return names


def _has_decoder_switch(name: str) -> bool:
    """Whether the class reads both ways unless its configuration says that it is a decoder."""
    import inspect

    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM._model_mapping[CONFIG_MAPPING[name]]  # noqa: SLF001 - there is no public table
    except (ImportError, KeyError, ValueError):
        return False
    standalone = re.search(
        r"as a standalone, add `is_decoder=True", inspect.getsource(inspect.getmodule(model) or model)
    )
    return standalone is not None and name not in _OWN.keys() - {"xmod"}


def tiny_model(name: str, variant: str = "", seed: int = 0) -> Any:
    """A model of this type with random weights, wide enough spread that every part of it matters."""
    from transformers import AutoModelForCausalLM

    config = _config(
        name, {"is_decoder": True} if variant == "is_decoder" else _VARIANTS.get(name, {}).get(variant, {})
    )
    with torch.device("meta"):
        weights = sum(one.numel() for one in AutoModelForCausalLM.from_config(config).parameters())
    if weights > MOST_WEIGHTS:
        raise ValueError(f"{weights / 1e6:.0f} million weights at the smallest")
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config).float().eval()
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.Linear | torch.nn.Embedding) and module.weight.dim() == 2:
                spread = 0.5 if isinstance(module, torch.nn.Embedding) else module.weight.shape[1] ** -0.5
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * spread)
    return model


def _config(name: str, changes: dict[str, Any]) -> Any:
    from transformers import CONFIG_MAPPING

    of = CONFIG_MAPPING[name]
    if name == "dbrx":
        return of(**_OWN[name], vocab_size=VOCABULARY)
    default = of()
    text = default.get_text_config(decoder=True)
    held = next((key for key in ("text_config", "decoder", "generator") if value_of(default, key) is text), None)
    if held is None:  # one of its own, or of an encoder and a decoder in one
        text = default
    own = {**_OWN.get(name, {}), **changes}
    values = {key: size for key, size in _SMALL.items() if key not in own and value_of(text, key) is not None}
    if "kv_lora_rank" in values:
        values["num_key_value_heads"] = values["num_attention_heads"]
    for key in _TOKENS:
        found = value_of(text, key)
        if found is not None and (isinstance(found, list) or found >= VOCABULARY):
            values[key] = 2 if key == "eos_token_id" else 1
    values = {key: one for key, one in (values | own).items() if one is not None}
    while True:
        try:
            made = type(text)(**values)
            break
        except Exception as error:
            refused = next((key for key in values if key not in own and key in str(error)), None)
            if refused is None:
                raise
            del values[refused]  # such as a size that follows from others
    return made if held is None else of(**{held: made.to_dict()})


def sequences_up_to(longest: int) -> list[list[int]]:
    """Random token sequences of all lengths, one as long as the model takes."""
    generator = np.random.default_rng(7)
    bound = longest or POSITIONS
    lengths = [min(one, bound) for one in (3, 17, 40, 9, 60, 100, 2, 33, min(bound, POSITIONS), 5)]
    return [generator.integers(3, VOCABULARY, one).tolist() for one in lengths]


def plain_log_probs(model: Any, ids: Sequence[int]) -> np.ndarray:
    """The model's own logits for this sequence alone, float64 log-softmax: the log-probabilities of ids[1:]."""
    given = torch.tensor(ids)
    with torch.inference_mode():
        logits = model(input_ids=given[None], use_cache=False).logits[0, :-1].double()
    return logits.log_softmax(-1).gather(1, given[1:, None])[:, 0].numpy()


def plain_greedy(model: Any, ids: Sequence[int]) -> list[int]:
    """`NEW` most probable tokens, each after a pass over all tokens before it."""
    held = list(ids)
    with torch.inference_mode():
        for _ in range(NEW):
            held.append(int(model(input_ids=torch.tensor([held]), use_cache=False).logits[0, -1].argmax()))
    return held[len(ids) :]


def examine(name: str, variant: str, folder: Path) -> Outcome:
    """Make a checkpoint in `folder`, score it and compare."""
    from transformers import AutoModelForCausalLM

    shown = f"{name}, {variant}" if variant else name
    kind = ""
    try:
        made = tiny_model(name, variant)
        kind = type(made).__name__
        made.save_pretrained(folder)
        del made
        plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        plain_log_probs(plain, [5, 6, 7])
    except Exception as error:  # noqa: BLE001 - classes refuse their sizes by errors of any kind
        return Outcome(shown, kind, "not made", note=f"{type(error).__name__}: {first_line(error)}"[:110])
    try:
        checkpoint = look_at_checkpoint(str(folder))
        forms = {pack: Scorer.of(load_model(checkpoint, "float32", "cpu"), ROW, pack=pack) for pack in (True, False)}
    except CorpusError as error:
        note = str(error).removeprefix(f"--checkpoint {folder}: ").replace(str(folder), "FOLDER")
        return Outcome(shown, kind, "refused", note=note)
    rows = sequences_up_to(checkpoint.max_length)
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    sequences = Sequences(np.concatenate(rows).astype(np.int64), offsets, np.ones(len(rows), np.int64))
    forward = forms[True].forward
    form = "packed" if forward.packed else "alone" if forward.alone else "padded"
    try:
        wanted = np.concatenate([plain_log_probs(plain, row) for row in rows])
        difference = max(float(np.abs(one.score(sequences)[:, 0] - wanted).max()) for one in forms.values())
    except (CorpusError, IndexError, RuntimeError, ValueError) as error:
        return Outcome(shown, kind, form, float("inf"), "", f"fails on as many tokens as it says: {error}")
    return Outcome(shown, kind, form, difference, _generated(checkpoint, plain, rows))


def _generated(checkpoint: Checkpoint, plain: Any, rows: list[list[int]]) -> str:
    """How greedy continuations are made, and whether they are those of plain passes."""
    model = load_model(checkpoint, "float32", "cpu")
    prompts = [rows[0], rows[3], rows[1]]
    try:
        found = generate(model, Ragged.from_rows(prompts), ["a", "b", "c"], NEW, GenerationSettings())
        way = "cache" if isinstance(past_of(model), Cache) else "tokens"
    except Exception as error:  # noqa: BLE001 - as `trapline score`, which gives its first line
        return f"refused: {first_line(error)}"[:100]
    made = [found.tokens.values[a:b].tolist() for a, b in itertools.pairwise(found.tokens.offsets)]
    return way if made == [plain_greedy(plain, one) for one in prompts] else f"{way}, wrong"


def page(outcomes: Sequence[Outcome]) -> str:
    """The page of the documentation."""
    forms = Counter(one.form for one in outcomes)
    scored = [one for one in outcomes if one.form in ("packed", "padded", "alone")]
    lines = ["# Architectures", "", "Made by", "", "```", "python -m benchmarks.scoring.architectures", "```", ""]
    lines += _wrapped(
        f"with transformers {version('transformers')} and torch {torch.__version__.split('+')[0]}, in float32 on the "
        "CPU. Of every class that transformers maps to causal language models, and of some variants, a checkpoint "
        "with random weights is saved, as small as its configuration allows, then looked at, loaded and scored as "
        "`trapline score` does it. *Packed*: sequences share a row, as on a GPU; *padded*: they share a rectangle, as "
        "all of these do on the CPU; *alone*: each sequence is a batch of its own, since others beside it would move "
        "its numbers; *refused*: nothing is scored. The sequences have 2 to 128 tokens, and one of them has as many as "
        "the model takes, up to 128."
    )
    lines += _wrapped(
        f"Of {len(outcomes)} rows, {forms['packed']} are packed, {forms['padded']} padded, {forms['alone']} alone and "
        f"{forms['refused']} refused; {forms['not made']} could not be made. Of the {len(scored)} that are scored, "
        f"{sum(one.right for one in scored)} are right: at no token do they differ by more than {RIGHT:g} nats from "
        "the model's own logits for one sequence at a time (float64 log-softmax), packed and padded alike, and greedy "
        "continuations are those of a plain pass over all tokens at each step. The greatest difference is "
        f"{max((one.difference for one in scored), default=0.0):.1e} nats."
    )
    lines += _wrapped(
        "*Continued by*: the model's *cache*, or all *tokens* read again at each step, where a trial finds that the "
        "cache gives other logits than a plain pass, or that there is none."
    )
    head = "| architecture | class | scored | greatest difference, nats | continued by |"
    lines += [head, "|---|---|---|---:|---|"]
    lines += [
        f"| {_cell(one.name)} | {one.model} | {one.form} | {one.difference:.1e} | {one.generated} |" for one in scored
    ]
    lines += ["", "## Refused", "", "| architecture | class | why |", "|---|---|---|"]
    lines += [f"| {_cell(one.name)} | {one.model} | {_cell(one.note)} |" for one in outcomes if one.form == "refused"]
    lines += ["", "## Not made", ""]
    lines += _wrapped("These need more than a small configuration: other inputs, further files, or larger parts.")
    lines += ["| architecture | why |", "|---|---|"]
    lines += [f"| {_cell(one.name)} | {_cell(one.note)} |" for one in outcomes if one.form == "not made"]
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    return [*textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False), ""]


def _cell(text: str) -> str:
    return re.sub(r"([_*|\[\]])", r"\\\1", text.replace("<", "&lt;").replace("`", "'"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="model types; the other rows stay as they are")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    quiet_transformers()
    torch.set_num_threads(1)
    outcomes: dict[str, Outcome] = {}
    if asked.only and ROWS.exists():
        outcomes = {row["name"]: Outcome(**row) for row in json.loads(ROWS.read_text(encoding="utf-8"))}
    for name, variant in causal_names():
        if asked.only and name not in asked.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            one = examine(name, variant, Path(folder) / "checkpoint")
        gc.collect()
        outcomes[one.name] = one
        mark = "" if one.right else "WRONG "
        print(f"{mark}{one.name}: {one.form} {one.difference:.1e} {one.generated} {one.note}", flush=True)
        rows = [outcomes[key] for key in sorted(outcomes)]
        ROWS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
