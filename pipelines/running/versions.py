"""Versions of what an output depends on."""

from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("trapline", "pyarrow", "numpy", "numba", "apache-beam", "tokenizers")


def versions() -> dict[str, str]:
    """Version by package; "not installed" where there is none."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
