"""Token ids are those of transformers' AutoTokenizer, or there are none: on every family that can be made small."""

import json
from pathlib import Path
from typing import Any

import pytest
import transformers
from tokenizers import AddedToken
from tokenizers.processors import TemplateProcessing
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

from transforms.base.errors import CorpusError
from transforms.scoring.model.checkpoint import Checkpoint
from transforms.scoring.model.tokenizer import Tokenizer, encode, find_tokenizer

VOCABULARY = 9_000
TRAINED_ON = ("the quick brown fox jumps over the lazy dog", "Knights tell the truth and knaves lie", "x = 1 + 2") * 9
TEXTS = (
    "the quick <|im_start|> fox", " a  b\n\tc ", "Ünï 漢字 🦊 e\u0301", "<s> </s> [CLS]<pad>x", "", "Don't 123", "x",
)  # fmt: skip
FAMILIES = {name: kind for kind, name in reversed(TOKENIZER_MAPPING_NAMES.items()) if name}
CAUSAL = {"CodeLlamaTokenizer", "CohereTokenizer", "GPT2Tokenizer", "GPTNeoXTokenizer", "GemmaTokenizer",
          "LlamaTokenizer", "OpenAIGPTTokenizer", "Qwen2Tokenizer", "XGLMTokenizer"}  # fmt: skip
"""Families of causal models: these may not be refused."""
ADDS_BEHIND = {"BertTokenizer", "RobertaTokenizer", "T5Tokenizer", "XLNetTokenizer"}


def small(family: str) -> Any:
    """A tokenizer of that class, trained on three sentences; an error where its class is not trained like this."""
    made = getattr(transformers, family)()
    made.backend_tokenizer  # noqa: B018 - those written in Python have none
    return made.train_new_from_iterator(TRAINED_ON, 400)


def saved(folder: Path, tokenizer: Any, model_type: str = "llama") -> Checkpoint:
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    return Checkpoint("x", str(folder), model_type, VOCABULARY, 0, None)


def ids_of(found: Tokenizer, text: str) -> list[int]:
    return [*([] if found.bos is None else [found.bos]), *encode(found.make(), [text])[0]]


def hold_to_auto(checkpoint: Checkpoint, found: Tokenizer, **options: Any) -> None:
    auto = transformers.AutoTokenizer.from_pretrained(checkpoint.folder)
    for text in TEXTS:
        assert ids_of(found, text) == auto(text, **options)["input_ids"], text


def test_every_family_has_the_ids_of_its_own_tokenizer_or_is_refused(tmp_path: Path) -> None:
    same, refused = set(), {}
    for family, kind in FAMILIES.items():
        try:
            made = small(family)
        except Exception:  # noqa: BLE001 - it needs files or packages, or is written in Python
            continue
        checkpoint = saved(tmp_path / family, made, kind)
        try:
            found = find_tokenizer(checkpoint, "", "checkpoint")
        except CorpusError as error:
            refused[family] = str(error)
        else:
            hold_to_auto(checkpoint, found)
            same.add(family)
            continue
        if "behind every text" in refused[family]:
            hold_to_auto(checkpoint, find_tokenizer(checkpoint, "", "never"), add_special_tokens=False)
    assert same >= CAUSAL
    assert set(refused) >= ADDS_BEHIND
    assert len(same) + len(refused) > 40


@pytest.fixture
def gpt2() -> Any:
    return small("GPT2Tokenizer")


def test_one_written_in_python_is_refused_by_its_class(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, transformers.ByT5Tokenizer(), "t5")
    with pytest.raises(CorpusError, match=r"its tokenizer \(ByT5Tokenizer\) .* name one with --tokenizer FILE"):
        find_tokenizer(checkpoint, "", "checkpoint")


@pytest.mark.parametrize(
    "changes",
    [
        {"add_prefix_space": True},
        {"extra_special_tokens": ["<|im_start|>"]},
        {"additional_special_tokens": ["<|im_start|>"]},
        {"bos_token": "<s>", "add_bos_token": True},
        {"split_special_tokens": True},
        {"do_lower_case": True},
        {"clean_up_tokenization_spaces": True},
        {"model_max_length": 3, "truncation_side": "left", "padding_side": "left", "pad_token": "<pad>"},
    ],
)
@pytest.mark.parametrize("tokenizer_class", ["GPT2Tokenizer", "PreTrainedTokenizerFast", "LlamaTokenizer"])
def test_what_tokenizer_config_changes_is_in_the_ids(
    gpt2: Any, tmp_path: Path, changes: dict[str, Any], tokenizer_class: str
) -> None:
    checkpoint = saved(tmp_path, gpt2, "gpt2")
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"tokenizer_class": tokenizer_class} | changes))
    hold_to_auto(checkpoint, find_tokenizer(checkpoint, "", "checkpoint"))


@pytest.mark.parametrize("before", [("<s>",), ("[gMASK]", "<sop>"), ("<s>", "[gMASK]", "<sop>")])
def test_tokens_before_a_text_need_no_name(gpt2: Any, tmp_path: Path, before: tuple[str, ...]) -> None:
    gpt2.add_tokens([AddedToken(one, special=True) for one in before])
    special = [(one, gpt2.convert_tokens_to_ids(one)) for one in before]
    gpt2.backend_tokenizer.post_processor = TemplateProcessing(single=f"{' '.join(before)} $A", special_tokens=special)
    checkpoint = saved(tmp_path, gpt2)
    for rule in ("checkpoint", "always"):
        hold_to_auto(checkpoint, find_tokenizer(checkpoint, "", rule))  # type: ignore[arg-type]
    hold_to_auto(checkpoint, find_tokenizer(checkpoint, "", "never"), add_special_tokens=False)


def test_two_tokenizers_of_one_file_have_two_hashes_where_their_ids_differ(gpt2: Any, tmp_path: Path) -> None:
    plain = find_tokenizer(saved(tmp_path / "plain", gpt2), "", "checkpoint")
    other = saved(tmp_path / "other", gpt2)
    file = tmp_path / "other/tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"extra_special_tokens": ["quick"]}))
    assert find_tokenizer(other, "", "checkpoint").sha256 != plain.sha256
    assert find_tokenizer(saved(tmp_path / "again", gpt2), "", "checkpoint").sha256 == plain.sha256


def test_a_token_that_asks_for_infilling_is_named(tmp_path: Path) -> None:
    found = find_tokenizer(saved(tmp_path, small("CodeLlamaTokenizer"), "code_llama"), "", "checkpoint")
    assert found.unlike == ("<FILL_ME>",)
