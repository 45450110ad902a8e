import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.readable import count, counted, duration, reason, share, significant, size


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (count(57_631), "57,631"),
        (counted(1, "shard"), "1 shard"),
        (counted(0, "shard"), "0 shards"),
        (significant(0.0421), "0.0421"),
        (significant(1207.4), "1,207"),
        (significant(0.9999), "1.00"),
        (significant(math.nan), "—"),
        (size(0), "0 B"),
        (size(999), "999 B"),
        (size(1_000), "1.00 kB"),
        (size(999_600), "1.00 MB"),
        (size(530_123_456), "530 MB"),
        (size(5e18), "5,000 PB"),
        (duration(0.004), "0.00 s"),
        (duration(12.345), "12.3 s"),
        (duration(99.96), "1 min 40 s"),
        (duration(185), "3 min 05 s"),
        (duration(3599.7), "1 h 00 min"),
        (duration(7_621), "2 h 07 min"),
        (share(0, 10), "0 %"),
        (share(10, 10), "100 %"),
        (share(1, 10**6), "< 0.1 %"),
        (share(10**6 - 1, 10**6), "> 99.9 %"),
        (share(1, 0), "—"),
        (reason("near"), "near-duplicate"),
        (reason("a_new_one"), "a new one"),
    ],
)
def test_written_as_people_read_it(written, expected):
    assert written == expected


@given(st.integers(0, 10**18))
def test_a_size_is_off_by_less_than_half_a_per_cent(value):
    number, unit = size(value).split()
    scale = 1000 ** ["B", "kB", "MB", "GB", "TB", "PB"].index(unit)
    assert float(number.replace(",", "")) * scale == pytest.approx(value, rel=0.005)
