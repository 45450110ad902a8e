"""Filling the cells, and making units of what was accepted."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.errors import CorpusError
from transforms.base.words import words_of
from transforms.probes.corpus.overlap import grams_of
from transforms.probes.ngram.generator import Batch
from transforms.probes.traps.assemble import assemble
from transforms.probes.traps.design import Design, absolute_edges, bucket_of, quantile_edges, share_out, units_for
from transforms.probes.traps.fill import Filled, fill, refuse_short
from transforms.probes.traps.rules import Rules

KEY = b"k" * 32
LADDER = (1.0, 2.0, 3.0)


class RandomWords:
    """Random words out of many; the perplexity depends on the temperature alone, and on luck."""

    name = "random/1"

    def __init__(self, kinds: int = 100_000, supply: int | None = None) -> None:
        self.kinds, self.left, self.calls = kinds, supply, 0

    def ladder(self, length: int) -> tuple[float, ...]:
        return LADDER if self.left is None else LADDER[:1]

    def supply(self, length: int) -> int | None:
        return self.left

    def sample(self, length: int, first: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> list[Batch]:
        self.calls += 1
        out = []
        for rung, count in enumerate(counts):
            random = np.random.default_rng([length, rung, int(first[rung])])
            texts = [" ".join(f"w{one}" for one in random.integers(0, self.kinds, length)) for _ in range(count)]
            perplexity = 10.0 * rung + 10 * random.random(count) + 1
            out.append(Batch(pa.array(texts, pa.large_string()), np.full(count, length, np.int32), perplexity, {}))
        return out


DESIGN = Design((10, 20), (1, 7, 100), (5, 3, 2), 2, 3)


def made_by(generator: RandomWords, design: Design = DESIGN, key: bytes = KEY, edges: bool = True) -> Filled:
    return fill(generator, design, Rules(form="line"), None, key, absolute_edges(design.buckets) if edges else None)


def conserved(filled: Filled) -> bool:
    return filled.made == len(filled.cell) + filled.spare + filled.rejected.total()


@pytest.mark.parametrize("edges", [True, False])
def test_every_cell_is_filled_and_every_candidate_accounted_for(edges: bool) -> None:
    filled = made_by(RandomWords(), edges=edges)
    assert (filled.have(DESIGN) == 30).all()
    assert conserved(filled)
    refuse_short(filled, DESIGN)


def test_a_cell_that_cannot_be_filled_is_named_with_what_there_is() -> None:
    design = Design((10,), (1,), (5,), 2, 5)
    filled = made_by(RandomWords(), design)
    assert filled.have(design).tolist() == [[15, 15, 15, 0, 0]]
    with pytest.raises(CorpusError, match=r"cell 10xb03 \(perplexity 31 to 41\) has 0 of the 15 .*--allow-short"):
        refuse_short(filled, design)
    assert conserved(filled)


def test_candidates_that_are_too_alike_are_rejected_and_made_again() -> None:
    design = Design((10,), (1,), (20,), 1, 1)
    filled = made_by(RandomWords(kinds=150), design)
    assert filled.rejected["too alike"] > 0
    assert conserved(filled)
    sets = [set(text.split()) for text in filled.batch.texts.to_pylist()]
    pairs = [(a, b) for at, a in enumerate(sets) for b in sets[:at]]
    assert all(5 * len(a & b) <= len(a | b) for a, b in pairs)


def test_what_the_corpus_has_is_rejected() -> None:
    design = Design((10,), (1,), (10,), 1, 1)
    seen: list[np.ndarray] = []

    def find(members: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        seen.append(members)
        return members[:60] if len(seen) == 1 else members[:0]

    filled = fill(RandomWords(), design, Rules(form="line"), find, KEY, absolute_edges(1))
    lost = filled.rejected["in corpus"]
    assert lost > 0
    assert filled.rounds == len(seen) > 1
    assert filled.have(design).tolist() == [[20]]
    assert not np.isin(grams_of(words_of(filled.batch.texts)).hashes, seen[0][:60]).any()


def test_a_supply_that_ends_is_used_up_and_no_more() -> None:
    design = Design((10,), (1,), (10,), 1, 1)
    generator = RandomWords(supply=7)
    filled = made_by(generator, design)
    assert filled.made == filled.have(design).sum() == 7
    with pytest.raises(CorpusError, match="has 7 of the 20"):
        refuse_short(filled, design)


def rows(filled: Filled, design: Design = DESIGN, key: bytes = KEY) -> list[dict[str, object]]:
    found: list[dict[str, object]] = assemble(filled, design, "g/1", key).to_pylist()
    return found


def test_units_are_whole_of_one_stratum_and_doses_exact() -> None:
    found = rows(made_by(RandomWords()))
    assert len(found) == DESIGN.candidates == len({row["id"] for row in found}) == len({row["text"] for row in found})
    units: dict[object, list[dict[str, object]]] = {}
    for row in found:
        units.setdefault(row["unit"], []).append(row)
    for members in units.values():
        assert [row["candidate"] for row in members] == [0, 1, 2]
        assert len({(row["stratum"], row["dose"], row["length_tokens"]) for row in members}) == 1
    doses = Counter((members[0]["stratum"], members[0]["dose"]) for members in units.values())
    strata = [f"{length}xb{bucket:02d}" for length in (10, 20) for bucket in range(3)]
    assert doses == {(stratum, dose): n for stratum in strata for dose, n in ((1, 5), (7, 3), (100, 2))}


def test_held_outs_have_the_perplexities_of_their_bucket_like_the_planted() -> None:
    for row in rows(made_by(RandomWords())):
        bucket = int(str(row["stratum"])[-2:])
        assert 10 * bucket + 1 <= float(str(row["perplexity"])) < 10 * bucket + 11


def test_units_candidate_numbers_and_doses_do_not_follow_the_order_of_generation() -> None:
    filled = made_by(RandomWords())
    backwards = np.arange(len(filled.cell))[::-1]
    turned = Filled(filled.batch.taken(backwards), filled.cell[backwards])
    assert rows(turned) == rows(filled)
    # Under another key the same candidates fall into other units, numbers and doses: they are drawn, not dealt in turn.
    place = {row["text"]: (row["candidate"], row["dose"]) for row in rows(filled)}
    other = {row["text"]: (row["candidate"], row["dose"]) for row in rows(filled, key=b"j" * 32)}
    assert 0.1 < np.mean([place[text] == other[text] for text in place]) < 0.35


def test_ids_tell_nothing_and_depend_on_the_key() -> None:
    filled = made_by(RandomWords())
    one, other = rows(filled), rows(filled, key=b"j" * 32)
    assert not {row["id"] for row in one} & {row["id"] for row in other}
    assert not {row["unit"] for row in one} & {row["unit"] for row in other}
    assert all(len(str(row["id"])) == len(str(row["unit"])) == 20 for row in one)


def test_the_highest_doses_are_served_first_where_candidates_are_short() -> None:
    design = Design((10,), (1, 7, 100), (5, 3, 2), 2, 1)
    filled = made_by(RandomWords(supply=14), design)
    assert [row["dose"] for row in sorted(rows(filled, design), key=lambda row: -int(str(row["dose"])))] == [
        *[100] * 6, *[7] * 6,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("doses", "given", "expected"),
    [
        ((1, 10, 100, 1000), (), (700, 200, 60, 24)),
        ((5, 50, 5000), (), (700, 200, 24)),
        ((1, 10), (8,), (8, 8)),
        ((1, 10), (8, 4), (8, 4)),
    ],
)
def test_units_by_dose(doses: tuple[int, ...], given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert units_for(doses, given) == expected


def test_a_wrong_number_of_units_is_refused() -> None:
    with pytest.raises(ValueError, match="3 numbers for 2 doses"):
        units_for((1, 10), (1, 2, 3))


def test_buckets() -> None:
    assert absolute_edges(10)[[0, 1, -1]].tolist() == [1, 11, 101]
    assert bucket_of(np.array([1, 10.99, 11, 100.9, 101, np.nan]), absolute_edges(10)).tolist() == [0, 0, 1, 9, -1, -1]
    edges = quantile_edges(np.arange(100, dtype=np.float64), 4)
    assert np.bincount(bucket_of(np.arange(100, dtype=np.float64), edges)).tolist() == [25, 25, 25, 25]
    assert bucket_of(np.array([np.nan, 5]), quantile_edges(np.array([5.0]), 1)).tolist() == [0, 0]


@given(
    st.lists(st.integers(0, 50), min_size=3, max_size=3),
    st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=2),
)
def test_the_temperature_that_gave_most_for_a_bucket_makes_what_is_missing(
    missing: list[int], useful: list[list[int]]
) -> None:
    made = np.full(2, 120)
    counts = share_out(np.array(missing), made, np.array(useful), 10)
    assert (counts > 0).any() == any(missing)
    for bucket, wanted in enumerate(missing):
        if wanted:
            rates = [(one[bucket] + 0.5) / 120 for one in useful]
            best = int(np.argmax(rates))
            assert counts[best] * rates[best] >= wanted or counts[best] == 240


def test_temperatures_are_tried_with_few_first() -> None:
    assert share_out(np.array([1000, 0]), np.zeros(4, np.int64), np.zeros((4, 2)), 64).tolist() == [64] * 4
