"""How the places of an order are cut: shards, which are files, and bins, which are what is put in order in memory."""

from dataclasses import dataclass

_BIN_BYTES = 64 << 20
_MOST_BINS = 4096


@dataclass(frozen=True)
class Layout:
    """Where shards and bins begin.

    Attributes:
        bins: first place of each bin, and behind them the number of places.
        shards: first bin of each shard, and behind them the number of bins.
    """

    bins: tuple[int, ...]
    shards: tuple[int, ...]

    @property
    def shard_starts(self) -> list[int]:
        """First place of each shard, and behind them the number of places."""
        return [self.bins[at] for at in self.shards]

    def bins_of(self, shard: int) -> range:
        """The bins of a shard."""
        return range(self.shards[shard], self.shards[shard + 1])


def cut(rows: int, text_bytes: int, shard_bytes: int) -> Layout:
    """Shards of about `shard_bytes` of text, all of the same number of rows to one; bins of up to about 64 MB.

    A shuffled order has its text spread evenly, so that rows stand for bytes. There are at most about 4,096 bins: a
    task of the first pass writes a block for each.

    Args:
        rows: places of the order.
        text_bytes: an estimate of their text.
        shard_bytes: wanted size.

    Returns:
        At least one shard, possibly empty.
    """
    shards = max(1, min(rows, -(-text_bytes // shard_bytes)))
    bin_bytes = max(_BIN_BYTES, text_bytes // _MOST_BINS)
    each = max(1, min(rows // shards, -(-text_bytes // (shards * bin_bytes))))
    return Layout(_edges(rows, shards * each), _edges(shards * each, shards))


def _edges(total: int, parts: int) -> tuple[int, ...]:
    return tuple(total * part // parts for part in range(parts + 1))
