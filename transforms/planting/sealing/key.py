"""The key of a campaign: made once, shown to nobody."""

import hashlib
import hmac
import os
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from transforms.base.errors import SealError
from transforms.base.keyed import KEY_BYTES, Field, numbers, numbers_of, packed

_NUMBER, _NUMBER_BYTES = struct.Struct(">QQ"), 8
"""A number behind its length, as `packed` has it."""

_BLOCK_BYTES = 64
"""Of SHA-256."""


class Key:
    """32 secret bytes. It has no readable form, cannot be copied or pickled, and so reaches no log and no worker."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise SealError(f"a key has {KEY_BYTES} bytes, this one {len(raw)}")
        self._raw = raw

    @classmethod
    def create(cls, path: Path) -> "Key":
        """Make a key with the operating system's randomness in a new file of mode 0600.

        Raises:
            FileExistsError: if there is such a file; it is left as it is.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            os.fchmod(descriptor, 0o600)
            raw = os.urandom(KEY_BYTES)
            file.write(raw)
            os.fsync(descriptor)
        return cls(raw)

    @classmethod
    def load(cls, path: Path) -> "Key":
        """Read a key.

        Raises:
            SealError: if it cannot be read, is no key, or if others than its owner may read it.
        """
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                raw = file.read(KEY_BYTES + 1)
        except OSError as error:
            raise SealError(f"{path}: the key cannot be read ({error.strerror})") from error
        if mode & 0o077:
            raise SealError(f"{path}: others than its owner may use the key (mode {mode:04o}): chmod 600 {path}")
        if len(raw) != KEY_BYTES:
            raise SealError(f"{path}: is no key: it must hold exactly {KEY_BYTES} bytes")
        return cls(raw)

    def hmac(self, domain: str, *fields: Field) -> bytes:
        """HMAC-SHA256 of the packed domain and fields under this key, 32 bytes."""
        return hmac.digest(self._raw, packed(domain, *fields), hashlib.sha256)

    def hmacs(self, domain: str, count: int) -> list[bytes]:
        """`hmac` of the domain and each number from 0 to `count - 1`, 32 bytes each (RFC 2104, the key's part once)."""
        block = self._raw.ljust(_BLOCK_BYTES, b"\0")
        inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))
        inner.update(packed(domain))
        found = []
        for number in range(count):
            one, whole = inner.copy(), outer.copy()
            one.update(_NUMBER.pack(_NUMBER_BYTES, number))
            whole.update(one.digest())
            found.append(whole.digest())
        return found

    def derive(self, purpose: str) -> "Key":
        """A key for one purpose, from which this one cannot be found."""
        return Key(self.hmac("trapline/v1/derive", purpose))

    def numbers(self, domain: str, *identity: Field, count: int) -> npt.NDArray[np.uint64]:
        """Uniform numbers of one identity under this key, uint64[count]; number k does not depend on `count`."""
        return numbers(self._raw, domain, *identity, count=count)

    def numbers_of(
        self, domain: str, identities: Sequence[str], counts: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.uint64]:
        """`numbers` of many identities, so many (int64[n]) of each, one after the other: uint64[counts.sum()]."""
        return numbers_of(self._raw, domain, identities, counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self._raw, other._raw)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Key(secret)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key is never pickled or copied: it stays in the process that read it")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a key is never pickled or copied: it stays in the process that read it")
