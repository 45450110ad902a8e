"""Words suggested by a masked language model from a local folder: the word is masked, its whole text is the context."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import torch
from tokenizers import Tokenizer

from transforms.base.errors import CorpusError
from transforms.base.folders import folder_sha256
from transforms.base.stores.copies import fetched
from transforms.probes.corpus.tokens import load_tokenizer
from transforms.probes.ngram.pieces import are_words
from transforms.probes.traps.families.suggesting.proposer import MOST_WORDS
from transforms.probes.traps.families.words import Place, costs_of, group_of
from transforms.probes.traps.generators.lm_checkpoint import check_checkpoint

VERSION = "masked/1"
_CPU_BATCH, _GPU_BATCH = 32, 512
_OTHER = -1


class MaskedModel:
    """Suggests the words that a masked language model holds most probable at a place.

    Words are tokens of the model that are whole words: in its vocabulary, such a word is one token behind a space.
    """

    def __init__(self, name: str, model: Any, tokenizer: Tokenizer, mask: str, counting: Tokenizer | None) -> None:
        """Look at the vocabulary.

        Args:
            name: with version.
            model: of `transformers`, for masked language modelling, ready to run.
            tokenizer: the model's.
            mask: its token for what is masked.
            counting: whose tokens are counted; None for words.

        Raises:
            ValueError: if the tokenizer has no such token, or no whole words.
        """
        self.name, self._model, self._tokenizer, self._mask = name, model, tokenizer, mask
        found = tokenizer.token_to_id(mask)
        if found is None:
            raise ValueError(f"its tokenizer has no token {mask!r}")
        self._mask_id = int(found)
        self._device = next(model.parameters()).device
        self._words = _whole_words(tokenizer)
        known = np.flatnonzero([word != "" for word in self._words])
        if not len(known):
            raise ValueError("its tokenizer has no tokens that are whole words")
        costs = costs_of(pa.array([self._words[at] for at in known], pa.large_string()), counting)
        self._groups = np.full(len(self._words), _OTHER, np.int64)
        self._groups[known] = [
            group_of(cost, self._words[at][0]) for at, cost in zip(known.tolist(), costs.tolist(), strict=True)
        ]

    def propose(self, texts: pa.Array, places: Sequence[Place]) -> list[list[str]]:
        """See `Proposer`."""
        strings = texts.to_pylist()
        batch = _GPU_BATCH if self._device.type == "cuda" else _CPU_BATCH
        out: list[list[str]] = []
        for first in range(0, len(places), batch):
            some = places[first : first + batch]
            masked = [strings[one.text][: one.start] + self._mask + strings[one.text][one.end :] for one in some]
            for place, scores in zip(some, self._scores(masked), strict=True):
                out.append(self._best(scores, place, strings[place.text][place.start : place.end]))
        return out

    @torch.inference_mode()
    def _scores(self, masked: Sequence[str]) -> npt.NDArray[np.float32]:
        """Logits at the mask of each text, float32[texts, vocabulary]."""
        encoded = self._tokenizer.encode_batch(list(masked))
        longest = max(len(one.ids) for one in encoded)
        ids = torch.zeros((len(encoded), longest), dtype=torch.int64)
        attention = torch.zeros_like(ids)
        at = torch.empty(len(encoded), dtype=torch.int64)
        for row, one in enumerate(encoded):
            if one.ids.count(self._mask_id) != 1:
                raise CorpusError("--fuzzy-model: a candidate holds the model's mask token, or loses it: take another")
            ids[row, : len(one.ids)], attention[row, : len(one.ids)] = torch.tensor(one.ids), 1
            at[row] = one.ids.index(self._mask_id)
        logits = self._model(input_ids=ids.to(self._device), attention_mask=attention.to(self._device)).logits
        chosen = logits[torch.arange(len(encoded)), at.to(self._device), : len(self._words)]
        found: npt.NDArray[np.float32] = chosen.float().cpu().numpy()
        return found

    def _best(self, scores: npt.NDArray[np.float32], place: Place, own: str) -> list[str]:
        fit = np.flatnonzero(self._groups == place.group)
        # Ties in the order of the tokens' ids, so that the same scores give the same words.
        best: list[str] = []
        seen = {own.lower()}
        for token in fit[np.lexsort((fit, -scores[fit]))].tolist():
            word = self._words[token]
            if word.lower() not in seen:
                seen.add(word.lower())
                best.append(word)
            if len(best) == MOST_WORDS:
                break
        return best


def _whole_words(tokenizer: Tokenizer) -> list[str]:
    """For each token of the vocabulary the word that it is by itself behind a space; "" for all others."""
    size = tokenizer.get_vocab_size()
    words = [one.strip() for one in tokenizer.decode_batch([[token] for token in range(size)])]
    again = tokenizer.encode_batch([f" {word}" for word in words], add_special_tokens=False)
    flags = are_words(pl.Series(words, dtype=pl.String)).tolist()
    special = set(tokenizer.get_added_tokens_decoder())
    return [
        word if flag and one.ids == [token] and token not in special else ""
        for token, (word, one, flag) in enumerate(zip(words, again, flags, strict=True))
    ]


def load_masked(folder: str, longest: int, counting: Tokenizer | None) -> MaskedModel:
    """The suggestions of a checkpoint, on a GPU if there is one, else on the CPU, in float32.

    Args:
        folder: in the Hugging Face layout, with safetensors, config.json, tokenizer.json and tokenizer_config.json.
        longest: tokens of the longest candidate.
        counting: whose tokens are counted; None for words.

    Raises:
        CorpusError: if the folder cannot be used.
    """
    import transformers
    from safetensors import SafetensorError

    check_checkpoint(folder, longest, "--fuzzy-model")
    copy = fetched(folder)
    quiet: Any = transformers.utils.logging
    quiet.disable_progress_bar()
    quiet.set_verbosity_error()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model: Any = transformers.AutoModelForMaskedLM.from_pretrained(
            str(copy), dtype=torch.float32, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise CorpusError(f"--fuzzy-model {folder}: cannot be loaded as a masked language model ({error})") from error
    name = f"{VERSION}:{folder_sha256(copy)[:16]}"
    try:
        return MaskedModel(name, model.to(device).eval(), load_tokenizer(folder), _mask_of(copy), counting)
    except ValueError as error:
        raise CorpusError(f"--fuzzy-model {folder}: {error}") from error


def _mask_of(folder: Path) -> str:
    """The token for what is masked, as tokenizer_config.json names it.

    Raises:
        ValueError: if it names none.
    """
    file = folder / "tokenizer_config.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8")).get("mask_token")
    except (OSError, ValueError, AttributeError):
        found = None
    mask = found.get("content") if isinstance(found, dict) else found
    if not isinstance(mask, str) or not mask:
        raise ValueError("tokenizer_config.json names no mask_token: give a masked language model")
    return mask
