import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.corpus.input.addresses import address, file_of, position_of
from transforms.corpus.output.shards import END, KeptArrays, Shard, cut_shards, default_shard_bytes, group_for_tasks

DOCUMENTS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 40), st.integers(0, 300)), max_size=60, unique_by=lambda one: one[:2]
).map(sorted)


def cut(documents: list[tuple[int, int, int]], shard_bytes: int, compressed: list[int]) -> list[Shard]:
    where = np.array([address(file, position) for file, position, _ in documents], np.uint64)
    sizes = np.array([size for _, _, size in documents], np.uint32)
    return cut_shards(KeptArrays(where, sizes), shard_bytes, compressed)


@given(DOCUMENTS, st.integers(1, 1000), st.sets(st.integers(0, 5)).map(sorted))
def test_shards_cover_every_address_once_and_count_what_is_in_them(
    documents: list[tuple[int, int, int]], shard_bytes: int, compressed: list[int]
) -> None:
    shards = cut(documents, shard_bytes, compressed)
    assert shards[0].lo == 0
    assert shards[-1].hi == END
    assert [shard.lo for shard in shards[1:]] == [shard.hi for shard in shards[:-1]]
    assert [shard.ordinal for shard in shards] == list(range(len(shards)))
    for shard in shards:
        inside = [size for file, position, size in documents if shard.lo <= address(file, position) < shard.hi]
        assert (shard.rows, shard.text_bytes) == (len(inside), sum(inside))


@given(DOCUMENTS, st.integers(1, 1000))
def test_no_shard_is_larger_than_wanted_by_more_than_a_document(
    documents: list[tuple[int, int, int]], shard_bytes: int
) -> None:
    largest = max((size for *_, size in documents), default=0)
    assert all(shard.text_bytes <= shard_bytes + largest for shard in cut(documents, shard_bytes, []))


@given(DOCUMENTS, st.integers(1, 1000), st.sets(st.integers(0, 5)).map(sorted))
def test_a_compressed_file_is_read_by_one_task_only(
    documents: list[tuple[int, int, int]], shard_bytes: int, compressed: list[int]
) -> None:
    groups = group_for_tasks(cut(documents, shard_bytes, compressed), compressed)
    readers: dict[int, int] = {}
    for number, group in enumerate(groups):
        assert not (position_of(group[0].lo) and file_of(group[0].lo) in compressed)
        for file, position, _ in documents:
            if file in compressed and group[0].lo <= address(file, position) < group[-1].hi:
                assert readers.setdefault(file, number) == number


def test_shards_are_even_and_plain_files_are_cut_anywhere() -> None:
    documents = [(0, position, 10) for position in range(100)]
    assert [shard.rows for shard in cut(documents, 300, [])] == [25, 25, 25, 25]


def test_an_empty_corpus_makes_one_empty_shard() -> None:
    assert cut([], 100, []) == [Shard(0, 0, END, 0, 0)]


def test_a_large_compressed_file_makes_shards_of_one_task() -> None:
    documents = [(file, position, 10) for file in range(3) for position in range(40)]
    shards = cut(documents, 100, [1])
    groups = group_for_tasks(shards, [1])
    assert [[shard.rows for shard in group] for group in groups] == [[10]] * 4 + [[10] * 4] + [[10]] * 4


@pytest.mark.parametrize(("text_bytes", "wanted"), [(0, 32e6), (10e9, 10e9 / 64), (10e12, 512e6)])
def test_the_default_size_follows_the_corpus_within_bounds(text_bytes: float, wanted: float) -> None:
    assert default_shard_bytes(int(text_bytes)) == int(wanted)
