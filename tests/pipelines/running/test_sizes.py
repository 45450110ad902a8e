import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.running.sizes import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1), ("1000000", 10**6), ("12B", 12), ("64MB", 64 * 10**6), ("64mb", 64 * 10**6), ("64M", 64 * 10**6),
        ("128MiB", 128 * 2**20), ("1.5G", 1_500_000_000), ("2 TB", 2 * 10**12), (" 3KiB ", 3072), ("1GiB", 2**30),
        ("2TiB", 2**41), ("0.5KB", 500),
    ],
)  # fmt: skip
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "0", "0.0001B", "1,5G", "12XB", "1e6", "64MBB", "six", "1 2", "٣MB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not understood: write bytes, or for example 64MB"):
        parse_size(text)


@given(st.integers(1, 10**15))
def test_bytes_are_taken_exactly(size: int) -> None:
    assert parse_size(str(size)) == size
