"""The one way to compile a kernel: Numba without the GIL, cached on disk wherever a cache can be written."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import types
from numba.core.registry import CPUDispatcher

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
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        folder = Path(tempfile.mkdtemp(prefix="trapline-kernels-"))
    numba.config.CACHE_DIR = str(folder)


_use_private_cache_if_needed()


class _Kernel(CPUDispatcher):
    """A compiled function that costs less to compile where other kernels call it.

    Numba would compile it there as for a call from Python: with a wrapper that takes Python objects and a file in the
    cache, and once more for every constant among the arguments. A caller gets machine code of its own all the same, so
    what is called is compiled as a part: for the types of the arguments alone, without wrapper and cache.
    """

    @property
    def _part(self) -> Any:
        made = self.__dict__.get("_made_part")
        if made is None:
            options = {**self.targetoptions, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
            made = self.__dict__["_made_part"] = CPUDispatcher(py_func=self.py_func, targetoptions=options)
        return made

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """What a calling kernel is told of this one: Numba asks while it infers types."""
        plain = {name: types.unliteral(kind) for name, kind in dict(kws).items()}
        return self._part.get_call_template(tuple(types.unliteral(kind) for kind in args), plain)

    def get_overload(self, sig: Any) -> Any:
        """The compiled part for a signature: Numba asks when it links it into the caller."""
        return self._part.get_overload(sig)


def _compiled(function: _F, **options: Any) -> _F:
    if numba.config.DISABLE_JIT:
        return function
    made = _Kernel(py_func=function, targetoptions={"nopython": True, "nogil": True, "boundscheck": None, **options})
    made.enable_caching()
    return cast("_F", made)


def kernel(function: _F) -> _F:
    """Compile `function` with Numba: no Python objects, GIL released, machine code cached on disk."""
    return _compiled(function)


def inline_kernel(function: _F) -> _F:
    """Compile `function` to be inlined into the kernels that call it."""
    return cast("_F", numba.njit(inline="always", nogil=True)(function))


def vector_kernel(function: _F) -> _F:
    """Compile `function` as `kernel` does, and let sums be reordered, so that float loops vectorise; NaN is kept."""
    return _compiled(function, fastmath={"reassoc", "contract", "nsz"})
