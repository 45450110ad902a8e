"""The one way to compile a kernel: Numba without the GIL, cached on disk wherever a cache can be written."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_F = TypeVar("_F", bound=Callable[..., Any])


def _use_private_cache_if_needed() -> None:
    """Send Numba's cache to a private temporary folder when the installed packages' own folder is read-only.

    Numba would otherwise try a folder under the home directory, which a worker may not have, and fail at import.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    package = Path(__file__).resolve().parents[1]
    if os.access(package, os.W_OK):
        return
    folder = Path(tempfile.gettempdir()) / f"trapline-kernels-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    numba.config.CACHE_DIR = str(folder) if _is_private(folder) else tempfile.mkdtemp(prefix="trapline-kernels-")


def _is_private(folder: Path) -> bool:
    """Whether it is a real folder that nobody but this user may enter: compiled code is loaded from there.

    A symbolic link is none: whoever made it can point it elsewhere afterwards.
    """
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


_use_private_cache_if_needed()


def kernel(function: _F) -> _F:
    """Compile `function` with Numba: no Python objects, GIL released, machine code cached on disk."""
    return cast("_F", numba.njit(cache=True, nogil=True)(function))


def inline_kernel(function: _F) -> _F:
    """Compile `function` to be inlined into the kernels that call it."""
    return cast("_F", numba.njit(inline="always", nogil=True)(function))


def vector_kernel(function: _F) -> _F:
    """Compile `function` as `kernel` does, and let sums be reordered, so that float loops vectorise; NaN is kept."""
    return cast("_F", numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})(function))
