"""Continuations: each is a function of its own row, whatever else is decoded with it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tests.scoring.statistics_of import statistics
from tests.scoring.tiny_checkpoints import ARCHITECTURES, CONTEXT, EOS, tiny_model, tiny_tokenizer
from transforms.base.texts import Ragged
from transforms.scoring.generation.continuation import Continuations, GenerationSettings, generate
from transforms.scoring.generation.decoding import DecodeError
from transforms.scoring.generation.keyed_uniforms import identity_words, uniforms
from transforms.scoring.generation.past import past_of
from transforms.scoring.generation.sampling import SamplingScheme
from transforms.scoring.generation.stop import Stop, StopStringWatch, before_stop_string
from transforms.scoring.generation.suffix_probability import scheme_log_probs
from transforms.scoring.metrics.extraction import discoverable_extraction

GREEDY = GenerationSettings()
SAMPLED = GenerationSettings(SamplingScheme(1.0, 40, 0.95), samples=2, seed=3)
_DRAW = np.random.default_rng(0)
PROMPTS = [_DRAW.integers(2, 300, int(length)).tolist() for length in (3, 9, 1, 3, 12, 30, 4)]
NAMES = [f"sequence {at}" for at in range(len(PROMPTS))]
MOST = 8


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Matrices this small are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def llama() -> Any:
    return tiny_model("llama")


def rows(got: Continuations) -> list[list[int]]:
    return [row.tolist() for row in np.split(got.tokens.values, got.tokens.offsets[1:-1])]


def one_by_one(model: Any, settings: GenerationSettings, most: int = MOST) -> list[list[int]]:
    """No cache, no batch: the whole sequence goes through the model for every token."""
    out = []
    for prompt, name in zip(PROMPTS, NAMES, strict=True):
        for sample in range(settings.samples):
            ids, words = list(prompt), identity_words(settings.seed, [(name, sample)])
            while len(ids) < len(prompt) + most:
                with torch.inference_mode():
                    logits = model(input_ids=torch.tensor([ids])).logits[:, -1]
                point = torch.from_numpy(uniforms(words, np.array([len(ids) - len(prompt)])))
                token = int(settings.scheme.draw(logits, point)[0])
                if token in settings.eos_ids:
                    break
                ids.append(token)
            out.append(ids[len(prompt) :])
    return out


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("settings", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_batches_decode_what_each_sequence_decodes_alone_without_a_cache(
    architecture: str, settings: GenerationSettings
) -> None:
    model = tiny_model(architecture)
    free = one_by_one(model, settings)
    # Tokens that do come up end some rows early, so that others go on without them.
    settings = dataclasses.replace(settings, eos_ids=(free[0][2], free[3][5]), spread=9)
    got = generate(model, Ragged.from_rows(PROMPTS), NAMES, MOST, settings)
    assert rows(got) == one_by_one(model, settings)
    assert {Stop.EOS, Stop.LENGTH} == set(got.stops.tolist())


@pytest.mark.parametrize("settings", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_neighbours_order_and_batch_size_move_nothing(llama: Any, settings: GenerationSettings) -> None:
    wanted = rows(generate(llama, Ragged.from_rows(PROMPTS), NAMES, MOST, settings))
    for change in ({"batch_tokens": 1}, {"batch_tokens": 40}, {"spread": 0}, {"spread": 100}):
        other = dataclasses.replace(settings, **change)  # type: ignore[arg-type]
        assert rows(generate(llama, Ragged.from_rows(PROMPTS), NAMES, MOST, other)) == wanted
    back = generate(llama, Ragged.from_rows(PROMPTS[::-1]), NAMES[::-1], MOST, settings)
    pairs = np.array(rows(back), dtype=object).reshape(len(PROMPTS), settings.samples, -1)[::-1]
    assert pairs.reshape(-1, pairs.shape[-1]).tolist() == wanted


def test_the_seed_the_sequence_and_the_sample_decide(llama: Any) -> None:
    settings = GenerationSettings(SamplingScheme(1.5), samples=3, seed=1)
    same = Ragged.from_rows([[5, 6, 7]] * 2)
    got = rows(generate(llama, same, ["a", "b"], MOST, settings))
    assert len({tuple(row) for row in got}) == 6
    assert rows(generate(llama, same, ["a", "b"], MOST, settings)) == got
    other = rows(generate(llama, same, ["a", "b"], MOST, dataclasses.replace(settings, seed=2)))
    assert not {tuple(row) for row in got} & {tuple(row) for row in other}
    # More samples leave the first ones as they are.
    more = rows(generate(llama, same, ["a", "b"], MOST, dataclasses.replace(settings, samples=5)))
    assert more[:3] + more[5:8] == got


class Watched(torch.nn.Module):
    """Notes how many rows and tokens go through a model; may run out of memory."""

    def __init__(self, model: Any, most_rows: int = 1 << 30) -> None:
        super().__init__()
        self.model, self.most_rows = model, 1 << 30
        self.shapes: list[tuple[int, ...]] = []
        past_of(self)  # which tries the model's cache once
        self.shapes.clear()
        self.most_rows = most_rows

    def get_input_embeddings(self) -> Any:
        return self.model.get_input_embeddings()

    def forward(self, input_ids: Any, cache: Any = None, use_cache: bool = True, **options: Any) -> Any:
        if len(input_ids) > self.most_rows:
            raise torch.OutOfMemoryError("too many rows")
        self.shapes.append(tuple(input_ids.shape))
        return self.model(input_ids=input_ids, cache=cache, use_cache=use_cache, **options)


def test_equal_greedy_prompts_are_decoded_once_each_to_its_own_length(llama: Any) -> None:
    model = Watched(llama)
    prompts = Ragged.from_rows([[5, 6, 7], [9, 9, 9], [5, 6, 7], [5, 6, 7]])
    got = generate(model, prompts, list("abcd"), np.array([3, 4, 6, 0]), GREEDY)
    assert got.decoded == 2
    assert model.shapes == [(2, 3), (2, 1), (2, 1), (2, 1), (1, 1), (1, 1)]
    found = rows(got)
    assert [len(row) for row in found] == [3, 4, 6, 0]
    assert found[0] == found[2][:3]
    assert got.stops.tolist() == [Stop.LENGTH] * 4


def test_an_end_token_that_a_shorter_continuation_does_not_reach_is_not_its_end(llama: Any) -> None:
    prompts = Ragged.from_rows([[5, 6, 7]] * 4)
    free = rows(generate(llama, prompts, list("abcd"), 6, GREEDY))[0]
    at = next(at for at in range(2, 6) if free[at] not in free[:at])
    most, settings = np.array([at - 1, at, at + 1, 6]), GenerationSettings(eos_ids=(free[at],))
    got = generate(llama, prompts, list("abcd"), most, settings)
    assert rows(got) == [free[: at - 1], *[free[:at]] * 3]
    assert got.stops.tolist() == [Stop.LENGTH, Stop.LENGTH, Stop.EOS, Stop.EOS]


def test_samples_of_a_prompt_share_the_reading_of_it(llama: Any) -> None:
    model = Watched(llama)
    settings = dataclasses.replace(SAMPLED, samples=5)
    generate(model, Ragged.from_rows([[5, 6, 7, 8]]), ["a"], 3, settings)
    assert model.shapes == [(1, 4), (5, 1), (5, 1)]


def test_rows_that_have_ended_leave_the_batch(llama: Any) -> None:
    model = Watched(llama)
    prompts = Ragged.from_rows([[5, 6], [7, 8], [9, 10], [11, 12]])
    generate(model, prompts, list("abcd"), np.array([2, 2, 2, 6]), GREEDY)
    assert model.shapes == [(4, 2), (4, 1), (1, 1), (1, 1), (1, 1), (1, 1)]


@pytest.mark.parametrize("settings", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_a_batch_that_does_not_fit_is_halved(llama: Any, settings: GenerationSettings) -> None:
    wanted = rows(generate(llama, Ragged.from_rows(PROMPTS), NAMES, MOST, settings))
    assert rows(generate(Watched(llama, 2), Ragged.from_rows(PROMPTS), NAMES, MOST, settings)) == wanted
    with pytest.raises(torch.OutOfMemoryError):
        generate(Watched(llama, 0), Ragged.from_rows(PROMPTS), NAMES, MOST, settings)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_the_context_ends_a_row_and_nothing_is_lost(architecture: str) -> None:
    model = tiny_model(architecture)
    prompts = Ragged.from_rows(
        [[5] * (CONTEXT - 3), [], [6] * CONTEXT, [7] * (CONTEXT + 5), [8, 9], [6] * (CONTEXT - 8)]
    )
    got = generate(model, prompts, list("abcdef"), MOST, GREEDY, max_length=CONTEXT)
    assert got.tokens.lengths.tolist() == [3, 0, 0, 0, MOST, MOST]
    wanted = [Stop.CONTEXT, Stop.EMPTY, Stop.CONTEXT, Stop.CONTEXT, Stop.LENGTH, Stop.LENGTH]
    assert got.stops.tolist() == wanted
    nothing = generate(model, Ragged.from_rows([]), [], MOST, GREEDY)
    assert rows(nothing) == [[]]
    assert len(nothing.stops) == 0


def test_a_stop_string_ends_a_row_even_across_tokens_and_is_cut_off() -> None:
    tokenizer = tiny_tokenizer().backend_tokenizer
    plain = [all(32 < ord(letter) < 127 for letter in tokenizer.decode([token]) or "\n") for token in range(300)]
    model = tiny_model("llama")
    model.lm_head.bias = torch.nn.Parameter(torch.tensor([0.0 if one else -1e4 for one in plain]))
    prompts = Ragged.from_rows(PROMPTS)
    free = generate(model, prompts, NAMES, MOST, SAMPLED)
    texts = free.texts(tokenizer)
    cut = "".join(tokenizer.decode([token]) for token in rows(free)[4][3:5])  # it ends in another token than it begins
    settings = dataclasses.replace(SAMPLED, stop_strings=(cut, "\n\n\n"))
    got = generate(model, prompts, NAMES, MOST, settings, tokenizer)
    for at, text in enumerate(got.texts(tokenizer, settings.stop_strings)):
        assert (got.stops[at] == Stop.STRING) == (cut in texts[at])
        assert text == texts[at].split(cut)[0]
        assert rows(free)[at][: len(rows(got)[at])] == rows(got)[at]
    assert got.stops[4] == Stop.STRING
    assert len(rows(got)[4]) == 5
    assert got.texts(tokenizer)[4].endswith(cut)
    # Its last token may also be the last one it may have.
    assert generate(model, prompts, NAMES, 5, settings, tokenizer).stops[4] == Stop.STRING
    with pytest.raises(ValueError, match="stop_strings need the tokenizer"):
        generate(model, prompts, NAMES, MOST, settings)


def test_a_stop_string_is_found_in_characters_that_take_several_tokens() -> None:
    tokenizer = tiny_tokenizer().backend_tokenizer
    text = "niemand je gezählt 🦆 wurde"
    for stop, before in (("🦆", "niemand je gezählt "), ("ählt 🦆 w", "niemand je gez"), ("absent", text)):
        watch, seen = StopStringWatch(tokenizer, (stop, "also absent")), []
        for token in tokenizer.encode(text).ids:
            seen.append(token)
            if watch.ends_with(token):
                break
        assert before_stop_string(tokenizer.decode(seen), (stop, "also absent")) == before
        assert (stop in tokenizer.decode(seen)) == (stop != "absent")
        assert stop not in tokenizer.decode(seen[:-1])


def test_the_end_token_is_not_part_of_the_continuation(llama: Any) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama")
    eos = tokenizer.convert_tokens_to_ids(EOS)
    with torch.no_grad():
        model.lm_head.weight.zero_()  # all logits are equal: greedy takes token 0, unless a bias prefers another
        model.lm_head.bias = torch.nn.Parameter(torch.nn.functional.one_hot(torch.tensor(eos), 300).float())
    got = generate(model, Ragged.from_rows([[5, 6]]), ["a"], 4, GenerationSettings(eos_ids=(eos,)))
    assert (rows(got), got.stops.tolist()) == ([[]], [Stop.EOS])


def test_broken_weights_are_an_error(llama: Any) -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        model.lm_head.weight[7] = torch.nan
    with pytest.raises(DecodeError, match="returned NaN"):
        generate(model, Ragged.from_rows([[5, 6]]), ["a"], 4, GREEDY)
    with pytest.raises(ValueError, match="returned NaN"):
        scheme_log_probs(model, Ragged.from_rows([[5, 6]]), np.array([1]), SamplingScheme(1.0))


def test_arguments_that_do_not_agree_are_refused(llama: Any) -> None:
    for wrong in ({"samples": 2}, {"samples": 0}, {"batch_tokens": 0}, {"spread": -1}, {"stop_strings": ("",)}):
        with pytest.raises(ValueError, match=r"expected|empty one"):
            GenerationSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 identities for 2 prompts"):
        generate(llama, Ragged.from_rows([[1], [2]]), ["a"], 4, GREEDY)
    with pytest.raises(ValueError, match="max_tokens: -1"):
        generate(llama, Ragged.from_rows([[1]]), ["a"], -1, GREEDY)


def test_extraction_told_from_one_pass_is_what_decoding_extracts(llama: Any) -> None:
    draw = np.random.default_rng(1)
    heads = draw.integers(2, 300, (12, 5)).tolist()
    tails = rows(generate(llama, Ragged.from_rows(heads), list("abcdefghijkl"), 5, GREEDY))
    for at in range(0, 12, 2):  # every other one is not what the model says; the last token alone, once
        tails[at][-1 if at == 0 else at % 5] ^= 1
    hits = []
    for head, tail in zip(heads, tails, strict=True):
        with torch.inference_mode():
            best = llama(input_ids=torch.tensor([head + tail])).logits[0].argmax(-1).tolist()
        hits.append([int(a == b) for a, b in zip(best[:-1], (head + tail)[1:], strict=True)])
    told = discoverable_extraction(statistics([[0.0] * 9] * 12, hits, unscored=1))
    produced = rows(generate(llama, Ragged.from_rows(heads), list("abcdefghijkl"), 5, GREEDY))
    assert told.tolist() == [float(a == b) for a, b in zip(produced, tails, strict=True)] == [0.0, 1.0] * 6


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scheme_probabilities_do_not_depend_on_the_batch(architecture: str) -> None:
    model = tiny_model(architecture)
    scheme = SamplingScheme(0.7, top_k=40)
    first = np.array([1, 4, 1, 2, 1, 20, 9])  # the last has no token left to score
    got = scheme_log_probs(model, Ragged.from_rows(PROMPTS), first, scheme, batch_tokens=40)
    wanted = []
    for prompt, begin in zip(PROMPTS, first.tolist(), strict=True):
        with torch.inference_mode():
            logs = scheme.log_probs(model(input_ids=torch.tensor([prompt])).logits[0])
        wanted += [logs[at - 1, prompt[at]].item() for at in range(begin, len(prompt))]
    assert got.tolist() == pytest.approx(wanted, abs=1e-4)
    with pytest.raises(ValueError, match="nothing before it"):
        scheme_log_probs(model, Ragged.from_rows(PROMPTS), first * 0, scheme)


def test_samples_come_with_the_probability_that_one_pass_tells(llama: Any) -> None:
    scheme = SamplingScheme(0.5, top_k=3)
    got = rows(generate(llama, Ragged.from_rows([[5, 6, 7]]), ["a"], 2, GenerationSettings(scheme, samples=4000)))
    most = max(set(map(tuple, got)), key=lambda row: got.count(list(row)))
    logs = scheme_log_probs(llama, Ragged.from_rows([[5, 6, 7, *most]]), np.array([3]), scheme)
    p = float(np.exp(logs.sum()))
    assert abs(got.count(list(most)) / 4000 - p) < 4 * np.sqrt(p * (1 - p) / 4000)
