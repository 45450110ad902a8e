import copy
import multiprocessing
import os
import pickle
from pathlib import Path

import pytest
from apache_beam.internal import cloudpickle_pickler

from transforms.base.errors import SealError
from transforms.planting.sealing.key import Key

RAW = bytes(range(100, 132))


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        key = Key.create(tmp_path / "key")
    finally:
        os.umask(before)
    raw = (tmp_path / "key").read_bytes()
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert len(raw) == 32
    assert Key.load(tmp_path / "key") == key == Key(raw)
    with pytest.raises(FileExistsError):
        Key.create(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == raw
    assert Key.create(tmp_path / "other") != key


def test_a_key_is_not_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        Key.create(tmp_path / "key")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(bytes(size))
    path.chmod(0o600)
    with pytest.raises(SealError, match="exactly 32 bytes"):
        Key.load(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(RAW)
    path.chmod(mode)
    with pytest.raises(SealError, match="chmod 600"):
        Key.load(path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="key: the key cannot be read"):
        Key.load(tmp_path / "key")


def test_a_key_has_no_readable_form() -> None:
    key = Key(RAW)
    for shown in (repr(key), str(key), f"{key}", f"{key!r:>20}", repr([key]), "%s" % key, str(vars(Key))):  # noqa: UP031
        assert RAW.hex() not in shown
        assert repr(RAW)[2:-1] not in shown
    assert not hasattr(key, "__dict__")


def test_a_key_cannot_be_pickled_or_copied() -> None:
    key = Key(RAW)
    for take in (
        pickle.dumps,
        cloudpickle_pickler.dumps,
        copy.copy,
        copy.deepcopy,
        lambda one: cloudpickle_pickler.dumps(lambda: one),
        multiprocessing.reduction.ForkingPickler.dumps,
        lambda one: one.__getstate__(),
        hash,
    ):
        with pytest.raises(TypeError):
            take(key)


def test_derived_keys_differ_by_purpose_and_from_their_parent() -> None:
    key = Key(RAW)
    assert key.derive("slots") == key.derive("slots")
    assert key.derive("slots") != key.derive("order")
    assert key.derive("slots") != key
    assert (key == RAW) is False


def test_hashes_of_numbers_are_those_of_one_at_a_time() -> None:
    key = Key(RAW)
    assert key.hmacs("domain", 4) == [key.hmac("domain", number) for number in range(4)]
    assert key.hmacs("domain", 0) == []
