"""Which device scores, and how fast it multiplies matrices."""

import time

import torch


def default_device() -> str:
    """The GPU where there is one that `torch` can use, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def chosen_device(device: str) -> str:
    """`device` itself, or for "auto" what this machine has."""
    return default_device() if device == "auto" else device


def matrix_rate(device: str, dtype: str) -> float:
    """Floating-point operations a second of a large matrix product here and now: what utilisation is measured by."""
    size, times = (8192, 20) if device == "cuda" else (1024, 3)
    kind = getattr(torch, dtype)
    left, right = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
    out = left @ right
    if device == "cuda":
        for _ in range(3):
            torch.matmul(left, right, out=out)
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(times):
        torch.matmul(left, right, out=out)
    if device == "cuda":
        torch.cuda.synchronize()
    return times * 2.0 * size**3 / (time.perf_counter() - began)
