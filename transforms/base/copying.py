"""Copies of a few bytes, of which a text is put together: thirty-two at a time, without a call.

Addresses are int64. A copy reads and writes up to 31 bytes more than it is asked for: source and target both
need `SLACK` spare bytes behind them. Numba's cache on disk does not notice an edit here: remove the `__pycache__`
folders after one.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

SLACK = 32
"""Bytes of a copy's step, and so the spare bytes that a buffer needs at its end."""

_STEP = ir.VectorType(ir.IntType(8), SLACK)


def _instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """From `function(context, types...)`, which returns a signature and a code generator, one for kernels to call."""
    return cast("Callable[..., Any]", intrinsic(function))


@_instruction
def copy32(_context: Any, _source: Any, _target: Any) -> Any:
    """Copy the 32 bytes at one address to another; both of any alignment."""

    def code(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        source, target = (builder.inttoptr(address, _STEP.as_pointer()) for address in args)
        builder.store(builder.load(source, align=1), target, align=1)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), code
