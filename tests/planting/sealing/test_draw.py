import hashlib

import numpy as np
import pytest
from scipy.stats import chi2, chisquare

from tests.planting.sealing import independent
from transforms.base.errors import SealError
from transforms.planting.sealing.draw import arm, monte_carlo_seed, salt_of, seed_of
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.public_randomness import Declared, Randomness

ROOT = hashlib.sha256(b"root").digest()
BEACON = Randomness("beacon", bytes(range(32)))


def keys(number: int) -> list[Key]:
    return [Key(hashlib.sha256(f"key {at}".encode()).digest()) for at in range(number)]


@pytest.mark.parametrize("m", range(1, 10))
def test_draws_are_uniform_over_keys_and_units(m: int) -> None:
    """120 keys: all draws together, each unit over the keys, and the sum of the keys' own chi-squares."""
    units = [f"unit-{at}" for at in range(30)]
    drawn = np.array([[arm(seed_of(key, unit), BEACON, ROOT, m + 1) for unit in units] for key in keys(120)])
    counts = np.array([np.bincount(row, minlength=m + 1) for row in drawn])
    assert counts.shape == (120, m + 1)
    assert chisquare(counts.sum(axis=0)).pvalue > 1e-4
    by_key = chisquare(counts, axis=1).statistic.sum()
    assert 1e-4 < chi2.sf(by_key, 120 * m) < 1 - 1e-4
    by_unit = sum(chisquare(np.bincount(column, minlength=m + 1)).statistic for column in drawn.T)
    assert 1e-4 < chi2.sf(by_unit, 30 * m) < 1 - 1e-4


def test_arms_of_two_units_and_of_two_rounds_are_independent() -> None:
    def pairs(one: Randomness, other: Randomness, second: str) -> float:
        table = np.zeros((3, 3), np.int64)
        for key in keys(900):
            left, right = arm(seed_of(key, "a"), one, ROOT, 3), arm(seed_of(key, second), other, ROOT, 3)
            table[left, right] += 1
        return float(chisquare(table.ravel()).pvalue)

    assert pairs(BEACON, BEACON, "b") > 1e-4
    assert pairs(BEACON, Randomness("beacon", bytes(32)), "a") > 1e-4


def test_every_input_matters() -> None:
    key = keys(1)[0]

    def draws(randomness: Randomness = BEACON, root: bytes = ROOT, unit: str = "u", key: Key = key) -> list[int]:
        return [arm(seed_of(key, f"{unit}{at}"), randomness, root, 10) for at in range(40)]

    changed = [
        draws(Randomness("nonce", bytes(range(31)) + b"x")),
        draws(root=bytes(32)),
        draws(unit="v"),
        draws(key=keys(2)[1]),
    ]
    assert draws() == draws()
    assert draws() not in changed


def test_the_draw_is_the_one_written_down() -> None:
    for at, key in enumerate(keys(20)):
        seed = seed_of(key, "ünit")
        for candidates in (1, 2, 3, 7, 10, 1000):
            wanted = independent.arm(seed, BEACON.value, ROOT, candidates)
            assert arm(seed, BEACON, ROOT, candidates) == wanted, at


def test_golden_values_hold_for_ever() -> None:
    key = Key(bytes(range(32)))
    assert seed_of(key, "unit-1").hex() == "b23d01fc6f46af3740f087f7c79aaf402e0ed046103cf10f989bf95a1bc329c1"
    assert salt_of(key, "unit-1").hex() == "e595c7da8ffdd825fe1b1262b76208f7d1900d6a0a623961e735789bce38adbc"
    assert [arm(seed_of(key, f"unit-{at}"), BEACON, ROOT, 10) for at in range(16)] == [
        5,
        2,
        0,
        1,
        5,
        7,
        6,
        2,
        3,
        2,
        2,
        5,
        8,
        6,
        1,
        5,
    ]
    assert monte_carlo_seed(ROOT, BEACON).hex() == "7c76d2a1bad31b03bc8510b69ead8e61cead136b78cb4d5c5ca3ebf99035441c"


@pytest.mark.parametrize(
    ("beacon", "nonce", "own"),
    [("", "", False), ("00" * 16, "00" * 16, False), ("00" * 16, "", True), ("", "00" * 16, True)],
)
def test_exactly_one_kind_of_randomness_is_given(beacon: str, nonce: str, own: bool) -> None:
    with pytest.raises(SealError, match="one of"):
        Randomness.given(beacon, nonce, own)


@pytest.mark.parametrize("text", ["00" * 15, "00" * 1025, "0" * 33, "zz" * 16, "00 " * 16, "0x" + "00" * 16])
def test_unusable_randomness_is_refused(text: str) -> None:
    with pytest.raises(SealError, match=r"--nonce: .* hexadecimal digits"):
        Randomness.given("", text, False)


def test_digits_may_be_in_either_case() -> None:
    assert Randomness.given("AB" * 16, "", False) == Randomness("beacon", b"\xab" * 16)


def test_only_the_declared_kind_decides() -> None:
    beacon, nonce, own = Declared("beacon", "drand", 7), Declared("nonce", "ACME"), Declared("self")
    given = {"beacon": BEACON, "nonce": Randomness("nonce", bytes(16)), "self": Randomness("self")}
    for declared in (beacon, nonce, own):
        for kind, randomness in given.items():
            if kind == declared.kind:
                randomness.refuse_other_than(declared)
            else:
                with pytest.raises(SealError, match="the seal declared"):
                    randomness.refuse_other_than(declared)


@pytest.mark.parametrize(
    "arguments",
    [("beacon",), ("beacon", "drand"), ("beacon", "", 3), ("nonce",), ("nonce", "A", 1), ("self", "me"), ("dice", "x"),
     ("beacon", " ", 3), ("nonce", "x" * 201), ("beacon", "drand", -1)],
)  # fmt: skip
def test_a_declaration_must_say_what_will_decide(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SealError):
        Declared(*arguments)  # type: ignore[arg-type]
