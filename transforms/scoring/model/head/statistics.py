"""From hidden states to token statistics, a chunk of tokens at a time: the full matrix of logits never exists."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch

COLUMNS = ("log_prob", "mean", "deviation", "hit")
_CHUNK_BYTES = {"cpu": 16 << 20, "cuda": 1 << 30}


def head_statistics(
    hidden: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor], vocabulary: int, targets: torch.Tensor
) -> torch.Tensor:
    """Hidden states (n, width), targets int64 (n,) -> float32 (n, 4), columns `COLUMNS`.

    `head` gives the logits, in the model's own format; everything after is reduced in float32.
    """
    out = torch.empty((len(targets), len(COLUMNS)), dtype=torch.float32, device=hidden.device)
    rows = max(16, _CHUNK_BYTES[hidden.device.type] // (vocabulary * hidden.element_size()))
    for at in range(0, len(targets), rows):
        logits = head(hidden[at : at + rows])
        logit_statistics(logits, targets[at : at + rows], out[at : at + rows])
    return out


def logit_statistics(logits: torch.Tensor, targets: torch.Tensor, out: torch.Tensor) -> None:
    """Logits (n, vocabulary), targets int64 (n,) -> fills `out`, float32 (n, 4)."""
    if logits.is_cuda:
        from transforms.scoring.model.head.gpu import logit_statistics as on_gpu

        return on_gpu(logits, targets, out)
    from transforms.scoring.model.head.cpu import logit_statistics as on_cpu

    values, wanted, filled = logits.float().contiguous().numpy(), targets.numpy(), out.numpy()
    parts = _shares(len(wanted), torch.get_num_threads())
    if len(parts) == 1:
        return on_cpu(values, wanted, filled)
    pool = _pool(len(parts))
    for done in [pool.submit(on_cpu, values[a:b], wanted[a:b], filled[a:b]) for a, b in parts]:
        done.result()
    return None


def _shares(rows: int, threads: int) -> Sequence[tuple[int, int]]:
    share = max(8, -(-rows // threads))
    return [(at, min(rows, at + share)) for at in range(0, rows, share)] or [(0, 0)]


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="statistics")
