"""Which document takes each copy."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.errors import PlacesError
from transforms.planting.places.places import Limits, Places, Room, costs_of, find_places, needed_bytes
from transforms.planting.sealing.key import Key
from transforms.planting.tables.unit import AS_DOCUMENT, Candidate, Unit

KEY = Key(bytes(range(32)))
WIDE = Limits(0.5, 0.5, together=False)


def unit(name: str, dose: int, *sizes: int, as_document: bool = False) -> Unit:
    columns = (("planted_as", "text", AS_DOCUMENT),) if as_document else ()
    texts = [f"{name} {at} ".ljust(size, "x") for at, size in enumerate(sizes or (40, 50))]
    return Unit(
        name, "trap", "s", dose, tuple(Candidate(f"{name}{at}", text, columns) for at, text in enumerate(texts))
    )


def room(sizes: list[int], eligible: list[bool] | None = None) -> Room:
    addresses = np.arange(len(sizes), dtype=np.uint64) * np.uint64(3) + np.uint64(5)
    return Room(addresses, np.array(sizes, np.uint32), np.array(eligible or [True] * len(sizes)))


def planted(places: Places, units: list[Unit]) -> Counter[int]:
    """Bytes that each document takes at most."""
    found, costs = Counter[int](), costs_of(units).tolist()
    for leaf, address, apart in zip(places.leaf, places.address, places.as_document, strict=True):
        if not apart:
            found[int(address)] += costs[leaf]
    return found


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(30, 90)), min_size=1, max_size=6),
    st.lists(st.integers(0, 4000), min_size=1, max_size=12),
    st.floats(0.02, 0.6),
    st.booleans(),
    st.data(),
)
def test_doses_are_exact_and_shares_are_kept_or_the_corpus_is_refused(
    wanted: list[tuple[int, int]], sizes: list[int], share: float, together: bool, data: st.DataObject
) -> None:
    units = [unit(f"u{at}", dose, size, size - 3) for at, (dose, size) in enumerate(wanted)]
    eligible = data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    space, limits = room(sizes, eligible), Limits(share, 0.5, together)
    try:
        places = find_places(KEY, units, space, limits)
    except PlacesError:
        return
    assert Counter(places.leaf.tolist()) == {at: one.dose for at, one in enumerate(units)}
    size_of = dict(zip(space.addresses.tolist(), sizes, strict=True))
    for address, taken in planted(places, units).items():
        assert eligible[space.addresses.tolist().index(address)]
        assert taken <= share * (size_of[address] + taken) + 1e-6
    for leaf in range(len(units)):
        own = places.address[places.leaf == leaf].tolist()
        assert len(set(own)) == (1 if together else len(own))


def test_places_follow_from_key_unit_and_copy_alone() -> None:
    units = [unit(f"u{at}", 5) for at in range(20)]
    first = find_places(KEY, units, room([9000] * 60), WIDE)
    again = find_places(KEY, units, room([9000] * 60), WIDE)
    other = find_places(Key(bytes(32)), units, room([9000] * 60), WIDE)
    assert first.address.tolist() == again.address.tolist()
    assert first.fraction.tolist() == again.fraction.tolist()
    assert first.address.tolist() != other.address.tolist()
    # Candidates of other texts, as long, stand in the same places: no rule looks at one of them.
    turned = [Unit(one.id, one.kind, one.stratum, one.dose, one.candidates[::-1]) for one in units]
    assert find_places(KEY, turned, room([9000] * 60), WIDE).address.tolist() == first.address.tolist()


def test_a_document_is_as_likely_as_its_length_says() -> None:
    sizes = [4000, 8000, 16000, 32000] * 50
    counts = np.zeros(4)
    for seed in range(20):
        units = [unit(f"u{seed}-{at}", 1) for at in range(200)]
        places = find_places(KEY, units, room(sizes), WIDE)
        counts += np.bincount((places.address.astype(np.int64) - 5) // 3 % 4, minlength=4)
    expected = counts.sum() * np.array([4, 8, 16, 32]) / 60
    # Chi-square with three degrees of freedom: 16.3 is passed once in a thousand.
    assert ((counts - expected) ** 2 / expected).sum() < 16.3


def test_documents_of_their_own_follow_any_kept_document() -> None:
    units = [unit("doc", 4, as_document=True), unit("in", 2)]
    places = find_places(KEY, units, room([9000] * 9, [False] * 6 + [True] * 3), WIDE)
    assert places.as_document.tolist() == [True] * 4 + [False] * 2
    assert set(places.address.tolist()) <= set(room([9000] * 9).addresses.tolist())


def test_a_dose_that_breaks_the_corpus_share_is_refused_with_the_largest_that_fits() -> None:
    units = [unit("a", 1000, 96, 50), unit("b", 10, 96)]
    with pytest.raises(PlacesError, match="largest dose in place of 1,000 is") as refused:
        find_places(KEY, units, room([1000] * 1000), Limits(0.1, 0.01, together=False))
    most = int(str(refused.value).split("in place of 1,000 is ")[1].split(";")[0].replace(",", ""))
    allowed = Limits(0.1, 0.01, together=False)
    find_places(KEY, [unit("a", most, 96, 50), units[1]], room([1000] * 1000), Limits(0.5, 0.01, together=False))
    with pytest.raises(PlacesError):
        find_places(KEY, [unit("a", most + 1, 96, 50), units[1]], room([1000] * 1000), allowed)
    assert needed_bytes(units, allowed) == pytest.approx(1010 * 100 * 99, rel=1e-6)


def test_a_dose_with_too_few_documents_is_refused() -> None:
    with pytest.raises(PlacesError, match=r"dose 8 of a unit .* 5 eligible documents; .* 5 is the largest dose"):
        find_places(KEY, [unit("a", 8)], room([9000] * 5), WIDE)
    with pytest.raises(PlacesError, match="beside the other units 3 is the largest dose"):
        find_places(KEY, [unit("a", 4, 96)], room([300] * 50), Limits(0.5, 0.5, together=True))
    with pytest.raises(PlacesError, match="no document reaches the output"):
        find_places(KEY, [unit("a", 1)], room([]), WIDE)


@pytest.mark.parametrize("shares", [(0.0, 0.1), (0.1, 0.0), (1.0, 0.1), (0.1, 1.0)])
def test_shares_lie_between_nothing_and_all(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        Limits(*shares, together=False)


def test_an_id_of_any_length_will_do(tmp_path: Path) -> None:
    places = find_places(Key.create(tmp_path / "key"), [unit("x" * 500, 2, 600)], room([9000] * 5), WIDE)
    assert sorted(places.copy.tolist()) == [0, 1]
    assert len(set(places.address.tolist())) == 2


def test_the_longest_candidate_of_a_unit_counts_whichever_is_drawn() -> None:
    uneven = unit("a", 1, 40, 400, 60)
    assert costs_of([uneven]).tolist() == [404]
    with pytest.raises(PlacesError):
        find_places(KEY, [uneven], room([4000] * 3), Limits(0.08, 0.5, together=False))
    find_places(KEY, [unit("a", 1, 40, 60)], room([4000] * 3), Limits(0.08, 0.5, together=False))
