import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.corpus.input.addresses import MAX_FILES, MAX_POSITION, address, addresses, file_of, position_of

FILES = st.integers(0, MAX_FILES - 1)
POSITIONS = st.integers(0, MAX_POSITION)


@given(FILES, POSITIONS)
def test_an_address_gives_back_its_parts(file: int, position: int) -> None:
    value = address(file, position)
    assert 0 <= value < 2**64
    assert (file_of(value), position_of(value)) == (file, position)


@given(st.tuples(FILES, POSITIONS), st.tuples(FILES, POSITIONS))
def test_addresses_order_documents_by_file_then_position(left: tuple[int, int], right: tuple[int, int]) -> None:
    assert (address(*left) < address(*right)) == (left < right)


@given(FILES, st.lists(POSITIONS, max_size=20))
def test_many_addresses_equal_each_one(file: int, positions: list[int]) -> None:
    many = addresses(file, np.array(positions, np.uint64))
    assert many.dtype == np.uint64
    assert many.tolist() == [address(file, position) for position in positions]


@pytest.mark.parametrize(("file", "position"), [(MAX_FILES, 0), (-1, 0), (0, MAX_POSITION + 1), (0, -1)])
def test_what_does_not_fit_is_refused(file: int, position: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        address(file, position)
