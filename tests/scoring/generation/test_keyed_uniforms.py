"""Random numbers addressed by what they are for."""

import numpy as np
import pytest
from scipy import stats

from transforms.scoring.generation.keyed_uniforms import identity_words, philox, uniforms

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "wanted"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([ONES] * 4, [ONES] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_gives_its_published_answers(counter: list[int], key: list[int], wanted: list[int]) -> None:
    assert philox(np.array([counter], np.uint64), np.array([key], np.uint64))[0].tolist() == wanted


def test_a_number_is_a_function_of_seed_sequence_sample_and_step() -> None:
    names = [("a", 0), ("b", 0), ("a", 1)]
    words, steps = identity_words(7, names), np.array([0, 3, 1 << 33])
    together = uniforms(words, steps)
    for at, name in enumerate(names):
        assert uniforms(identity_words(7, [name]), steps[at : at + 1])[0] == together[at]
    others = [
        uniforms(identity_words(8, [("a", 0)]), np.array([0]))[0],
        uniforms(identity_words(7, [("a", 0)]), np.array([1]))[0],
        uniforms(words[2:], np.array([0]))[0],
        uniforms(words[:1], np.array([1 << 32]))[0],
    ]
    assert len({*together.tolist(), *others}) == 7


def test_numbers_are_uniform_over_steps_and_over_sequences() -> None:
    steps = uniforms(np.repeat(identity_words(1, [("one", 0)]), 20_000, axis=0), np.arange(20_000))
    rows = uniforms(identity_words(1, ((str(at), 0) for at in range(20_000))), np.zeros(20_000, np.int64))
    for drawn in (steps, rows):
        assert drawn.min() >= 0
        assert drawn.max() < 1
        assert stats.kstest(drawn, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_a_seed_of_more_than_64_bits_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to"):
        identity_words(seed, [("a", 0)])
