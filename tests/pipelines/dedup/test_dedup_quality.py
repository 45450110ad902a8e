"""What is kept and what is removed, against exact Jaccard similarities worked out pair by pair."""

import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FAMILIES, VARIANTS = 200, 6
VOCABULARY = [f"w{number}" for number in range(20_000)]


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


def jaccard(left: set[tuple[str, ...]], right: set[tuple[str, ...]]) -> float:
    return len(left & right) / len(left | right)


@pytest.fixture(scope="module")
def texts() -> list[tuple[int, str]]:
    """(family, text), shuffled: variants of a text differ in up to 60 of 300 words, more and more."""
    chance = random.Random(3)
    found = []
    for family in range(FAMILIES):
        base = chance.choices(VOCABULARY, k=300)
        for variant in range(VARIANTS):
            words = list(base)
            for at in chance.sample(range(300), variant * chance.randint(0, 12)):
                words[at] = chance.choice(VOCABULARY)
            found.append((family, " ".join(words)))
    chance.shuffle(found)
    return found


@pytest.mark.parametrize("order", ["first", "max:rank"])
def test_every_removal_has_a_kept_neighbour_and_no_kept_pair_is_close(
    order: str, texts: list[tuple[int, str]], write_parquet: Callable[..., Path], dedup: Callable[..., int],
    read_output: Callable[..., pa.Table], tmp_path: Path,
) -> None:  # fmt: skip
    path = write_parquet([{"text": text, "rank": at * 7919 % 1201} for at, (_, text) in enumerate(texts)])
    assert dedup(path, None, "--keep", order) == 0
    kept = set(range(len(texts)))
    covered = {row["address"]: row for row in pq.read_table(tmp_path / "out/duplicates").to_pylist()}
    kept -= set(covered)
    assert read_output()["text"].to_pylist() == [texts[at][1] for at in sorted(kept)]
    sets = [shingles(text) for _, text in texts]
    ranks = [-(at * 7919 % 1201) if order == "max:rank" else at for at in range(len(texts))]
    in_order = sorted(kept)
    for at, row in covered.items():
        by = in_order[row["kept_address"]]
        exact = jaccard(sets[at], sets[by])
        assert exact > 0.7
        assert abs(exact - row["similarity"]) < 0.12
        assert ranks[by] < ranks[at]
        assert (row["reason"] == "exact") == (texts[at][1] == texts[by][1])
    families: dict[int, list[int]] = {}
    for at in kept:
        families.setdefault(texts[at][0], []).append(at)
    close = [
        (a, b) for members in families.values() for a in members for b in members
        if a < b and jaccard(sets[a], sets[b]) > 0.9
    ]  # fmt: skip
    assert close == []
    assert 200 < len(kept) < 1000
