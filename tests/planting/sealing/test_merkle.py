import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planting.sealing import independent
from transforms.planting.sealing.merkle import MerkleTree, root_from_path

# Test data of the Certificate Transparency reference implementation: eight leaves and the roots of the first n.
LEAVES = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATH_OF_0_IN_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
PATH_OF_5_IN_8 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]


@pytest.mark.parametrize("leaves", range(9))
def test_roots_are_those_of_the_reference_implementation(leaves: int) -> None:
    assert MerkleTree(LEAVES[:leaves]).root.hex() == ROOTS[leaves]


@pytest.mark.parametrize(("leaf", "path"), [(0, PATH_OF_0_IN_8), (5, PATH_OF_5_IN_8)])
def test_paths_are_those_of_the_reference_implementation(leaf: int, path: list[str]) -> None:
    assert [one.hex() for one in MerkleTree(LEAVES).path(leaf)] == path


@pytest.mark.parametrize("leaves", [*range(1, 40), 64, 65, 100, 127])
def test_roots_and_paths_follow_the_recursive_definition(leaves: int) -> None:
    data = [bytes([at, leaves]) for at in range(leaves)]
    tree = MerkleTree(data)
    assert tree.root == independent.mth(data)
    for at, leaf in enumerate(data):
        path = tree.path(at)
        assert path == independent.audit_path(at, data)
        assert root_from_path(leaf, at, leaves, path) == tree.root


@settings(deadline=None)
@given(st.lists(st.binary(max_size=4), min_size=1, max_size=20), st.data())
def test_nothing_but_the_leaf_in_its_place_leads_to_the_root(data: list[bytes], pick: st.DataObject) -> None:
    tree = MerkleTree(data)
    at = pick.draw(st.integers(0, len(data) - 1))
    path = tree.path(at)
    assert root_from_path(data[at] + b"x", at, len(data), path) != tree.root
    assert root_from_path(data[at], at, len(data), [*path, b"\0" * 32]) is None
    assert root_from_path(data[at], len(data), len(data), path) is None
    assert root_from_path(data[at], -1, len(data), path) is None
    if path:
        assert root_from_path(data[at], at, len(data), path[:-1]) is None
        broken = pick.draw(st.integers(0, len(path) - 1))
        changed = [*path[:broken], b"\1" * 32, *path[broken + 1 :]]
        assert root_from_path(data[at], at, len(data), changed) != tree.root


def test_a_path_of_a_leaf_that_is_not_there_is_refused() -> None:
    for leaf in (-1, 8):
        with pytest.raises(IndexError):
            MerkleTree(LEAVES).path(leaf)
