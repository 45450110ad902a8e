import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.documents import DocumentError, parse, to_bytes
from tests.planting.sealing import independent
from transforms.planting.sealing.commitment import Commitment, broken_chain
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.public_randomness import Declared
from transforms.planting.sealing.seal import commit, leaf_of, order_units
from transforms.planting.tables.unit import Candidate, Unit

KEY = Key(bytes(range(32)))
FIRST = Commitment(
    campaign=1,
    previous=b"",
    leaves=3,
    tree_root=b"\1" * 32,
    plan_hash=b"\2" * 32,
    record_hash=b"\3" * 32,
    randomness=Declared("beacon", "drand, été", 12),
)


def unit(at: int, kind: str = "trap", stratum: str = "L", dose: int = 1, m: int = 2) -> Unit:
    return Unit(f"u{at}", kind, stratum, dose, tuple(Candidate(f"u{at}c{c}", f"text {at} {c}") for c in range(m + 1)))


def test_a_commitment_is_read_as_it_was_written() -> None:
    assert Commitment.parse(FIRST.to_bytes()) == FIRST
    assert json.loads(FIRST.to_bytes())["root"] == FIRST.root.hex()


def test_the_root_is_the_one_written_down() -> None:
    second = dataclasses.replace(FIRST, campaign=2, previous=FIRST.sha256, randomness=Declared("self"))
    for one in (FIRST, second):
        assert independent.commitment_root(json.loads(one.to_bytes())) == one.root


@pytest.mark.parametrize(
    "change",
    [
        {"campaign": 2, "previous": b"\4" * 32},
        {"leaves": 4},
        {"tree_root": b"\4" * 32},
        {"plan_hash": b"\4" * 32},
        {"record_hash": b"\4" * 32},
        {"randomness": Declared("beacon", "drand, été", 13)},
        {"randomness": Declared("nonce", "drand, été")},
    ],
)
def test_the_root_binds_every_field(change: dict[str, object]) -> None:
    changed = dataclasses.replace(FIRST, **change)  # type: ignore[arg-type]
    assert changed.root != FIRST.root
    assert list(changed.differing(FIRST)) == list(change)


def test_any_changed_byte_of_a_commitment_is_noticed() -> None:
    data = FIRST.to_bytes()
    for at in range(len(data)):
        for flip in (1, 0x20, 0x80):
            changed = bytes([*data[:at], data[at] ^ flip, *data[at + 1 :]])
            with pytest.raises(DocumentError):
                Commitment.parse(changed)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_anything_else_is_refused_as_no_commitment(data: bytes) -> None:
    with pytest.raises(DocumentError):
        Commitment.parse(data)


def test_documents_have_one_spelling() -> None:
    data = to_bytes("thing", 1, {"a": 1, "b": "é"})
    assert parse("thing", 1, data) == {"a": 1, "b": "é"}
    for other in (
        data.rstrip(),
        data + b"\n",
        data.replace(b'"a": 1', b'"a": 1,\n  "a": 1'),
        data.replace("é".encode(), b"\\u00e9"),
        data.replace(b"  ", b"\t"),
    ):
        with pytest.raises(DocumentError, match="byte for byte"):
            parse("thing", 1, other)
    for name, version in (("other", 1), ("thing", 2)):
        with pytest.raises(DocumentError, match=r"trapline\."):
            parse(name, version, data)


def test_a_chain_of_campaigns_is_followed() -> None:
    second = dataclasses.replace(FIRST, campaign=2, previous=FIRST.sha256)
    third = dataclasses.replace(FIRST, campaign=3, previous=second.sha256)
    named = [("first", FIRST), ("second", second), ("third", third)]
    assert broken_chain(named) == broken_chain(named[::-1]) == broken_chain(named[:1]) == []
    assert broken_chain(named[1:]) == ["second: is campaign 2; the chain lacks those before it"]
    assert broken_chain([named[0], named[2]]) == ["third: is campaign 3, after campaign 1 (first)"]
    stranger = dataclasses.replace(FIRST, leaves=9)
    assert broken_chain([("stranger", stranger), *named[1:]]) == [
        "second: field 'previous' is not the hash of stranger"
    ]
    assert broken_chain([*named, ("again", second)]) == ["again: is campaign 2, after campaign 2 (second)"]


def test_leaves_stand_in_an_order_that_only_the_key_explains() -> None:
    units = [unit(at) for at in range(40)]
    order = order_units(KEY, units, 1).units
    assert sorted(one.id for one in order) == sorted(one.id for one in units)
    assert order == order_units(KEY, units[::-1], 1).units
    assert order != order_units(Key(bytes(32)), units, 1).units
    assert list(order) != units


@pytest.mark.parametrize("tranches", [1, 2, 3, 7])
def test_tranches_share_out_every_cell_evenly(tranches: int) -> None:
    units = [unit(at, stratum=f"L{at % 3}", dose=1 + at % 2) for at in range(60)]
    order = order_units(KEY, units, tranches)
    assert list(order.tranches) == sorted(order.tranches)
    assert sum(order.sizes()) == 60
    assert max(order.sizes()) - min(order.sizes()) <= 1
    for cell in {(one.stratum, one.dose) for one in units}:
        held = [
            sum((one.stratum, one.dose) == cell for one, at in zip(order.units, order.tranches, strict=True) if at == k)
            for k in range(tranches)
        ]
        assert max(held) - min(held) <= 1


def test_golden_values_hold_for_ever() -> None:
    order = order_units(KEY, [unit(at) for at in range(5)], 2)
    leaves = [leaf_of(KEY, one) for one in order.units]
    found = commit(KEY, leaves, b"plan", b"record", (1, b""), Declared("nonce", "ACME"))
    assert [one.id for one in order.units] == ["u1", "u0", "u4", "u3", "u2"]
    assert leaves[0].hex() == "a12cb90943c9131a7751c14864928378776b149c42d8b2cb76e0b682a745f4b5"
    assert found.root.hex() == "0e32e56d8af31efb5ea588f91caf34372c1d6619b04a12976b8468396e5a1118"
    assert found.tree_root == independent.mth(leaves)
