"""Which tokenizer is taken, and when a begin-of-sequence token goes first."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Fast
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from tests.scoring.tiny_checkpoints import BOS, tiny_checkpoint, tiny_tokenizer
from transforms.base.errors import CorpusError
from transforms.scoring.model.checkpoint import look_at_checkpoint
from transforms.scoring.model.tokenizer import Tokenizer, bos_token, encode, find_tokenizer

TEXT = "The keeper of the lighthouse, gezählt."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "llama", "llama")


def adds_bos(file: Path) -> None:
    fast = Fast.from_file(str(file))
    fast.post_processor = TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    fast.enable_truncation(4)
    fast.enable_padding(length=50)
    fast.save(str(file))


def change_settings(folder: Path, **values: object) -> None:
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_texts_are_encoded_whole_without_special_tokens(folder: Path) -> None:
    wanted = tiny_tokenizer()(TEXT, add_special_tokens=False).input_ids
    adds_bos(folder / "tokenizer.json")
    found = find_tokenizer(look_at_checkpoint(str(folder)), "", "checkpoint")
    assert encode(found.make(), [TEXT, ""]) == [wanted, []]


def auto_ids(folder: Path, text: str, **options: bool) -> list[int]:
    found: list[int] = AutoTokenizer.from_pretrained(folder)(text, **options)["input_ids"]
    return found


def ids_of(found: Tokenizer, text: str) -> list[int]:
    return [*([] if found.bos is None else [found.bos]), *encode(found.make(), [text])[0]]


@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize("setting", [None, True, False])
def test_a_text_begins_as_the_checkpoints_tokenizer_begins_it(folder: Path, adds: bool, setting: bool | None) -> None:
    if adds:
        adds_bos(folder / "tokenizer.json")
    if setting is not None:
        change_settings(folder, add_bos_token=setting)
    checkpoint = look_at_checkpoint(str(folder))
    plain = auto_ids(folder, TEXT, add_special_tokens=False)
    assert ids_of(find_tokenizer(checkpoint, "", "checkpoint"), TEXT) == auto_ids(folder, TEXT)
    assert ids_of(find_tokenizer(checkpoint, "", "always"), TEXT) == [0, *plain]
    assert ids_of(find_tokenizer(checkpoint, "", "never"), TEXT) == plain


@pytest.mark.parametrize(
    ("adds", "setting", "wanted"), [(True, None, 0), (False, None, None), (False, True, 0), (True, False, None)]
)
def test_a_given_file_begins_as_it_says_or_as_the_checkpoint_has_it(
    folder: Path, tmp_path: Path, adds: bool, setting: bool | None, wanted: int | None
) -> None:
    file = tmp_path / "other.json"
    file.write_bytes((folder / "tokenizer.json").read_bytes())
    if adds:
        adds_bos(file)
    if setting is not None:
        change_settings(folder, add_bos_token=setting)
    assert find_tokenizer(look_at_checkpoint(str(folder)), str(file), "checkpoint").bos == wanted


def test_given_ids_stay_as_they_are_unless_it_is_asked_for(folder: Path) -> None:
    checkpoint = look_at_checkpoint(str(folder))
    assert [bos_token(checkpoint, None, rule) for rule in ("checkpoint", "never", "always")] == [None, None, 0]


def test_always_needs_a_token_that_somebody_names(folder: Path) -> None:
    for name, key in (("config.json", "bos_token_id"), ("tokenizer_config.json", "bos_token")):
        settings = json.loads((folder / name).read_text())
        settings[key] = None
        (folder / name).write_text(json.dumps(settings))
    with pytest.raises(CorpusError, match="names no begin-of-sequence token; pass --bos never"):
        find_tokenizer(look_at_checkpoint(str(folder)), "", "always")


def test_a_given_file_takes_the_place_of_the_checkpoints_own(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    (folder / "tokenizer.json").rename(other)
    checkpoint = look_at_checkpoint(str(folder))
    with pytest.raises(CorpusError, match=r"there is no tokenizer in it .*name one with --tokenizer FILE"):
        find_tokenizer(checkpoint, "", "checkpoint")
    assert find_tokenizer(checkpoint, str(other), "checkpoint").sha256
    with pytest.raises(CorpusError, match=r"--tokenizer nowhere\.json: cannot be read"):
        find_tokenizer(checkpoint, "nowhere.json", "checkpoint")
    other.write_text("{}")
    with pytest.raises(CorpusError, match="the tokenizer cannot be read"):
        find_tokenizer(checkpoint, str(other), "checkpoint")


def test_a_tokenizer_with_more_tokens_than_the_checkpoint_is_refused(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "small", "llama", vocabulary=100)
    with pytest.raises(CorpusError, match=r"vocabulary mismatch: .* gives ids up to 299, .* knows 100"):
        find_tokenizer(look_at_checkpoint(str(folder)), "", "checkpoint")
