"""Claims as flat arrays and as nested tuples are the same claims."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.probes.puzzles.logic.claims import claim_end, flat, nested, puzzles_of

LEAVES = st.tuples(st.sampled_from(["telling-truth", "lying"]), st.integers(0, 99))
CLAIMS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["->", "<=>"]), inner, inner),
        st.lists(inner, min_size=2, max_size=5).flatmap(
            lambda operands: st.sampled_from([("and", *operands), ("or", *operands)])
        ),
    ),
    max_leaves=20,
)


@given(CLAIMS)
@settings(deadline=None)
def test_a_claim_survives_the_way_through_tokens(claim: tuple[object, ...]) -> None:
    tokens = np.array(flat(claim), np.int16)
    assert nested(tokens) == claim
    assert claim_end(tokens, 0) == len(tokens)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (("xor", ("lying", 0), ("lying", 1)), "'xor' is unknown"),
        (("and", ("lying", 0)), "2 operands or more, found 1"),
        (("->", ("lying", 0)), "takes 2 operands, found 1"),
        (("lying", 100), "0 to 99"),
        (("lying", "Ann"), "names one person"),
    ],
)
def test_what_is_no_claim_is_refused(claim: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        flat(claim)


def test_puzzles_are_taken_by_row() -> None:
    first = [("lying", 1), ("and", ("telling-truth", 0), ("lying", 0))]
    second = [("not", ("lying", 1)), ("lying", 0)]
    batch = puzzles_of([first, second], [[True, False], [False, True]])
    taken = batch.take(np.array([1, 0, 1]))
    assert [list(taken.claims(row)) for row in range(3)] == [second, first, second]
    assert taken.index.tolist() == [1, 0, 1]
    assert taken.solution.tolist() == [[False, True], [True, False], [False, True]]
