"""Statistics of log-probabilities on the GPU: one pass over a row of logits, in whatever format they are."""

import torch
import triton
import triton.language as tl

_BLOCK = 4096


@triton.jit  # type: ignore[untyped-decorator]
def _logit_statistics(logits, targets, out, stride, size, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    row = tl.program_id(0).to(tl.int64)
    target = tl.load(targets + row)
    highest = -float("inf")
    where = 0
    total = 0.0
    first = 0.0
    second = 0.0
    for start in range(0, size, BLOCK):
        at = start + tl.arange(0, BLOCK)
        inside = at < size
        values = tl.load(logits + row * stride + at, mask=inside, other=-float("inf")).to(tl.float32)
        block_highest, block_where = tl.max(values, 0, return_indices=True, return_indices_tie_break_left=True)
        above = tl.maximum(highest, block_highest)
        where = tl.where(block_highest > highest, start + block_where, where)
        # Sums relative to the old maximum, moved to the new one; the first block has none.
        shift = tl.maximum(highest - above, -87.0)
        kept = tl.where(start == 0, 0.0, tl.exp(shift))
        below = tl.maximum(values - above, -87.0)
        weight = tl.where(inside, tl.exp(below), 0.0)
        second = (second + 2.0 * shift * first + shift * shift * total) * kept + tl.sum(weight * below * below, 0)
        first = (first + shift * total) * kept + tl.sum(weight * below, 0)
        total = total * kept + tl.sum(weight, 0)
        highest = above
    log_total = tl.log(total)
    mean = first / total
    spread = tl.sqrt(tl.maximum(second / total - mean * mean, 0.0, propagate_nan=tl.PropagateNan.ALL))
    value = tl.load(logits + row * stride + target).to(tl.float32)
    tl.store(out + row * 4, value - highest - log_total)
    tl.store(out + row * 4 + 1, mean - log_total)
    tl.store(out + row * 4 + 2, tl.maximum(spread, 1e-3, propagate_nan=tl.PropagateNan.ALL))
    tl.store(out + row * 4 + 3, (where == target).to(tl.float32))


def logit_statistics(logits: torch.Tensor, targets: torch.Tensor, out: torch.Tensor) -> None:
    """(n, vocabulary) logits, int64 (n,) targets -> fills `out`, float32 (n, 4).

    Columns as in `head_kernel_cpu.logit_statistics`; all sums in float32.
    """
    grid = (logits.shape[0],)
    _logit_statistics[grid](logits, targets, out, logits.stride(0), logits.shape[1], BLOCK=_BLOCK, num_warps=8)
