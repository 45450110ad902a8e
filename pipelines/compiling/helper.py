"""A process that compiles kernels, as the main process hands them out, and leaves them in Numba's cache on disk."""

import contextlib
import gc
import os
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.compiling.needed import ALL, Kernel

if TYPE_CHECKING:
    from numba.core.types import Type


def compile_kernel(kernel: Kernel) -> str:
    """Compile a kernel, or load it if it is in the cache; returns the path of its index in the cache.

    Raises:
        AttributeError, ImportError: if there is no such kernel.
    """
    function: Any = getattr(import_module(kernel.module), kernel.name)
    function.compile(tuple(numba_type(one) for one in kernel.types.split(", ")))
    return str(function._cache._cache_file._index_path)  # noqa: SLF001 - Numba does not say it otherwise


def numba_type(text: str) -> "Type":
    """The type that the list of kernels writes as `text`: `i64`, or an array such as `u8[const]` or `u64[,]`."""
    from numba.core import types

    item, bracket, axes = text.partition("[")
    named = item if item == "bool" else {"i": "int", "u": "uint", "f": "float"}[item[0]] + item[1:]
    found = types.boolean if named == "bool" else getattr(types, named)
    return types.Array(found, 1 + axes.count(","), "C", readonly="const" in axes) if bracket else found


def main(tasks: int, results: int) -> None:
    """Take numbers of kernels from one pipe, write `number path` lines to another, until there are no more numbers.

    One byte is one kernel, so that several helpers may read from the same pipe. Standard input is a pipe that the
    main process holds open as long as it lives: this process does not outlive it.
    """
    gc.disable()  # compiling makes much garbage in circles, and little for this process, which soon ends
    threading.Thread(target=_end_with_the_main_process, daemon=True).start()
    while number := os.read(tasks, 1):
        with contextlib.suppress(Exception):  # the main process sees to what is not reported
            path = compile_kernel(ALL[number[0]])
            if Path(path).exists():
                os.write(results, f"{number[0]} {path}\n".encode())


def _end_with_the_main_process() -> None:
    sys.stdin.buffer.read()
    os._exit(1)
