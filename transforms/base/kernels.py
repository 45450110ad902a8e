"""The one way to compile a kernel: Numba without the GIL, cached on disk wherever a cache can be written."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import AnnotateTypes
from numba.core.types.misc import unliteral

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


class _Unoptimised(JITCodeLibrary):
    """Machine code of a part, left as it is: what calls it is optimised together with it."""

    def _optimize_final_module(self) -> None:
        pass


@register_pass(mutates_CFG=False, analysis_only=True)
class _LeaveUnoptimised(AnalysisPass):
    _name = "leave_unoptimised"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)  # abstract in Numba, so that each pass has its own

    def run_pass(self, state: Any) -> bool:
        state.library = _Unoptimised(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return False


class _PartCompiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_LeaveUnoptimised, AnnotateTypes)
        passes.finalize()
        return [passes]


class _Kernel(CPUDispatcher):
    """A compiled function that costs less to compile where other kernels call it.

    Numba would compile it there as for a call from Python: with a wrapper that takes Python objects and a file in the
    cache, once more for every constant among the arguments, and optimised, all of which is done again for the caller,
    which gets machine code of its own. So what is called is compiled as a part: without wrapper and cache, for the
    types of the arguments alone, and optimised with its caller. This takes a quarter off a first run of a command.
    """

    @property
    def _part(self) -> Any:
        made = self.__dict__.get("_made_part")
        if made is None:
            options = {**self.targetoptions, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
            made = CPUDispatcher(py_func=self.py_func, targetoptions=options, pipeline_class=_PartCompiler)
            self.__dict__["_made_part"] = made
        return made

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """What a calling kernel is told of this one: Numba asks while it infers types."""
        plain = {name: unliteral(kind) for name, kind in dict(kws).items()}
        return self._part.get_call_template(tuple(unliteral(kind) for kind in args), plain)

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
