"""Shards and bins cover every place once, and are even."""

from hypothesis import example, given
from hypothesis import strategies as st

from transforms.ordering.copying.layout import cut


@given(st.integers(0, 10**7), st.integers(0, 10**13), st.integers(10**6, 10**9))
@example(7, 1_073_741_825, 191_739_452)
def test_bins_and_shards_cover_all_places_evenly(rows: int, text_bytes: int, shard_bytes: int) -> None:
    found = cut(rows, text_bytes, shard_bytes)
    assert (found.bins[0], found.bins[-1]) == (0, rows)
    assert (found.shards[0], found.shards[-1]) == (0, len(found.bins) - 1)
    lengths = [end - begin for begin, end in zip(found.shard_starts, found.shard_starts[1:], strict=False)]
    assert sum(lengths) == rows
    assert max(lengths) - min(lengths) <= len(found.bins) / (len(found.shards) - 1) + 1
    bins = [end - begin for begin, end in zip(found.bins, found.bins[1:], strict=False)]
    assert max(bins) - min(bins) <= 1
    # A shard has no more bins than rows, so that a bin of two rows may be larger.
    assert max(bins) <= 2 or max(bins) * text_bytes <= rows * max(128 << 20, text_bytes // 2048) + text_bytes
    if rows > text_bytes // shard_bytes:
        assert len(lengths) == max(1, -(-text_bytes // shard_bytes))
