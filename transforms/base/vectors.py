"""What kernels ask of the machine that Python has no words for: unaligned loads, bits, wide vectors.

Each function is written in LLVM's portable code, which LLVM fits to the processor at hand: a vector of 64 bytes is
one register where there is AVX-512 and four where there is not. Addresses are int64. Numba's cache on disk does not
notice an edit here: remove the `__pycache__` folders after one.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

STEP = 64
"""Bytes that `fold_ascii` and `blanks` take at once: one bit each in an int64."""

LANES = 64
"""Minima that `lower_lanes` updates at once."""

SLACK = 32
"""Bytes that `copy32` copies at once, and so the spare bytes that a buffer needs at its end."""

_BIT, _BYTE, _INT, _LONG, _WIDE = (ir.IntType(bits) for bits in (1, 8, 32, 64, 128))
_VECTOR = ir.VectorType(_BYTE, STEP)
_COPIED = ir.VectorType(_BYTE, SLACK)


def _instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """From `function(context, types...)`, which returns a signature and a code generator, one for kernels to call."""
    return cast("Callable[..., Any]", intrinsic(function))


def _at(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


@_instruction
def load8(_context: Any, _address: Any) -> Any:
    """The byte at an address, as int64."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.zext(builder.load(_at(builder, args[0], _BYTE), align=1), _LONG)

    return types.int64(types.int64), code


@_instruction
def load64(_context: Any, _address: Any) -> Any:
    """The eight bytes at an address of any alignment, as uint64."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(_at(builder, args[0], _LONG), align=1)

    return types.uint64(types.int64), code


@_instruction
def store32(_context: Any, _address: Any, _value: Any) -> Any:
    """Store the low four bytes of an int64 at an address of any alignment."""

    def code(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(builder.trunc(args[1], _INT), _at(builder, args[0], _INT), align=1)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), code


@_instruction
def trailing_zeros(_context: Any, _bits: Any) -> Any:
    """Number of the lowest set bit of an int64; 64 if there is none."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(_BIT, 0))

    return types.int64(types.int64), code


@_instruction
def leading_zeros(_context: Any, _bits: Any) -> Any:
    """How many bits of an int64 are above its highest set one; 64 if there is none."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(_BIT, 0))

    return types.int64(types.int64), code


@_instruction
def set_bits(_context: Any, _bits: Any) -> Any:
    """How many bits of an int64 are set."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.int64), code


@_instruction
def multiply_fold(_context: Any, _a: Any, _b: Any) -> Any:
    """Exclusive or of the two halves of the 128-bit product of two uint64."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        product = builder.mul(builder.zext(args[0], _WIDE), builder.zext(args[1], _WIDE))
        high = builder.trunc(builder.lshr(product, ir.Constant(_WIDE, 64)), _LONG)
        return builder.xor(builder.trunc(product, _LONG), high)

    return types.uint64(types.uint64, types.uint64), code


def _every(value: int) -> Any:
    """`STEP` bytes of one value."""
    return ir.Constant(_VECTOR, [ir.Constant(_BYTE, value)] * STEP)


def _within(builder: Any, values: Any, first: str, last: str) -> Any:
    """Which of `STEP` bytes are ASCII characters from `first` to `last`."""
    return builder.icmp_unsigned("<=", builder.sub(values, _every(ord(first))), _every(ord(last) - ord(first)))


@_instruction
def fold_ascii(_context: Any, _source: Any, _target: Any) -> Any:
    """Copy 64 bytes with A-Z in lower case; two int64 of one bit a byte: is in a word, is not ASCII."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        text = builder.load(_at(builder, args[0], _VECTOR), align=1)
        lower = builder.or_(text, _every(ord("a") ^ ord("A")))
        letter = _within(builder, lower, "a", "z")
        word = builder.or_(letter, _within(builder, text, "0", "9"))
        word = builder.or_(word, _within(builder, text, "_", "_"))
        builder.store(builder.select(letter, lower, text), _at(builder, args[1], _VECTOR), align=1)
        other = builder.icmp_signed("<", text, _every(0))
        masks = [builder.bitcast(mask, _LONG) for mask in (word, other)]
        return context.make_tuple(builder, signature.return_type, masks)

    return types.UniTuple(types.int64, 2)(types.int64, types.int64), code


@_instruction
def blanks(_context: Any, _source: Any) -> Any:
    """Which of the 64 bytes at an address are ASCII blanks or control characters (32 or less): one bit each, int64."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        text = builder.load(_at(builder, args[0], _VECTOR), align=1)
        return builder.bitcast(builder.icmp_unsigned("<=", text, _every(32)), _LONG)

    return types.int64(types.int64), code


@_instruction
def letters(_context: Any, _source: Any) -> Any:
    """Which of the 64 bytes at an address are ASCII letters or digits: one bit each, int64."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        text = builder.load(_at(builder, args[0], _VECTOR), align=1)
        lower = builder.or_(text, _every(ord("a") ^ ord("A")))
        found = builder.or_(_within(builder, lower, "a", "z"), _within(builder, text, "0", "9"))
        return builder.bitcast(found, _LONG)

    return types.int64(types.int64), code


def _compared(builder: Any, relation: str, source: Any, other: Any) -> Any:
    """The 64 bytes at `source`, each compared with the low byte of `other`: one bit each."""
    undefined, first = ir.Constant(_VECTOR, ir.Undefined), ir.Constant(_INT, 0)
    same = builder.insert_element(undefined, builder.trunc(other, _BYTE), first)
    same = builder.shuffle_vector(same, undefined, ir.Constant(ir.VectorType(_INT, STEP), [first] * STEP))
    text = builder.load(_at(builder, source, _VECTOR), align=1)
    return builder.bitcast(builder.icmp_unsigned(relation, text, same), _LONG)


@_instruction
def equal_bytes(_context: Any, _source: Any, _wanted: Any) -> Any:
    """Which of the 64 bytes at an address are the low byte of `wanted` (int64): one bit each, int64."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _compared(builder, "==", *args)

    return types.int64(types.int64, types.int64), code


@_instruction
def at_least(_context: Any, _source: Any, _lowest: Any) -> Any:
    """Which of the 64 bytes at an address are at least the low byte of `lowest` (int64): one bit each, int64."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _compared(builder, ">=", *args)

    return types.int64(types.int64, types.int64), code


@_instruction
def lower_lanes(_context: Any, _values: Any, _count: Any, _a: Any, _b: Any, _minima: Any) -> Any:
    """minima[k] = min(minima[k], a[k] * x + b[k]), 0 <= k < 64, for each of `count` x in `values`.

    All but `count` are addresses of uint32s. The minima stay in registers throughout, which a compiler does not
    find in a loop over arrays.
    """

    def code(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        values, count, *arrays = args
        vector = ir.VectorType(_INT, LANES)
        undefined, first = ir.Constant(vector, ir.Undefined), ir.Constant(_INT, 0)
        everywhere = ir.Constant(vector, [first] * LANES)
        a, b, start = (builder.load(_at(builder, array, vector), align=4) for array in arrays)
        lowest = cgutils.alloca_once_value(builder, start)
        with cgutils.for_range(builder, count) as loop:
            x = builder.load(builder.gep(_at(builder, values, _INT), [loop.index]), align=4)
            x = builder.shuffle_vector(builder.insert_element(undefined, x, first), undefined, everywhere)
            y = builder.add(builder.mul(x, a), b)
            old = builder.load(lowest)
            builder.store(builder.select(builder.icmp_unsigned("<", y, old), y, old), lowest)
        builder.store(builder.load(lowest), _at(builder, arrays[2], vector), align=4)
        return context.get_dummy_value()

    return types.none(*[types.int64] * 5), code


@_instruction
def copy32(_context: Any, _source: Any, _target: Any) -> Any:
    """Copy the 32 bytes at one address to another; both of any alignment."""

    def code(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        source, target = (builder.inttoptr(address, _COPIED.as_pointer()) for address in args)
        builder.store(builder.load(source, align=1), target, align=1)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), code
