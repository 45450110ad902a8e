"""Statistics of log-probabilities on the CPU: two passes over a row of logits that is still in the cache."""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import vector_kernel

Floats = npt.NDArray[np.float32]

_LOG2E = np.float32(1.44269504088896341)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(-2.12194440e-4)
_LOWEST = np.float32(-87.0)
MIN_DEVIATION = np.float32(1e-3)


@vector_kernel
def logit_statistics(logits: Floats, targets: npt.NDArray[np.int64], out: Floats) -> None:
    """float32[n, vocabulary] logits, int64[n] targets -> fills `out`, float32[n, 4].

    Columns: log-probability of the target, mean and deviation (at least 1e-3) of the log-probability under the model,
    and 1 where the target is the first of the largest logits. exp is Cephes' expf (range reduction by ln 2 in two
    parts, a polynomial of degree 6; error below 2 units in the last place), which vectorises where a library call
    would not.
    """
    size = logits.shape[1]
    for row in range(logits.shape[0]):
        line = logits[row]
        highest = line[0]
        for at in range(size):
            highest = max(highest, line[at])
        total, first, second = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for at in range(size):
            below = max(line[at] - highest, _LOWEST)
            whole = np.floor(below * _LOG2E + np.float32(0.5))
            rest = below - whole * _LN2_HIGH - whole * _LN2_LOW
            power = np.float32(1.9875691500e-4)
            power = power * rest + np.float32(1.3981999507e-3)
            power = power * rest + np.float32(8.3334519073e-3)
            power = power * rest + np.float32(4.1665795894e-2)
            power = power * rest + np.float32(1.6666665459e-1)
            power = power * rest + np.float32(5.0000001201e-1)
            power = power * rest * rest + rest + np.float32(1.0)
            scale = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
            weight = power * scale
            total += weight
            first += weight * below
            second += weight * below * below
        target = line[targets[row]]
        log_total = np.log(total)
        mean = first / total
        spread = np.sqrt(max(second / total - mean * mean, np.float32(0.0)))
        hit = target == highest
        if hit:
            for at in range(targets[row]):
                if line[at] == highest:
                    hit = False
                    break
        out[row, 0] = target - highest - log_total
        out[row, 1] = mean - log_total
        out[row, 2] = max(spread, MIN_DEVIATION) if spread == spread else spread
        out[row, 3] = np.float32(1.0) if hit else np.float32(0.0)
