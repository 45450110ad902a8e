"""Where compiled kernels are kept if the package's own folder cannot be written: a real folder of this user alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_SAY_WHERE = """
import os
really = os.access
os.access = lambda path, mode, **more: False if mode == os.W_OK else really(path, mode, **more)
import numba, transforms.base.kernels
print(numba.config.CACHE_DIR)
"""


def cache_folder(temporary: Path) -> Path:
    """Where a new process keeps its kernels."""
    settings = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", _SAY_WHERE],
        env=settings | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def _is_absent(place: Path) -> None:
    assert not place.exists()


def _is_own(place: Path) -> None:
    place.mkdir(mode=0o700)


def _is_open(place: Path) -> None:
    place.mkdir()
    place.chmod(0o750)


def _is_link(place: Path) -> None:
    (place.parent / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(place.parent / "elsewhere")


def _is_dangling(place: Path) -> None:
    place.symlink_to(place.parent / "nowhere")


def _is_file(place: Path) -> None:
    place.write_text("x")


@pytest.mark.parametrize(
    ("prepared", "used"),
    [
        (_is_absent, True),
        (_is_own, True),
        (_is_open, False),
        (_is_link, False),
        (_is_dangling, False),
        (_is_file, False),
    ],
)
def test_kernels_are_kept_in_a_real_private_folder(
    prepared: Callable[[Path], None], used: bool, tmp_path: Path
) -> None:
    place = tmp_path / f"trapline-kernels-{os.getuid()}"
    prepared(place)
    found = cache_folder(tmp_path)
    assert (found == place) == used
    assert found.parent == tmp_path
    assert not found.is_symlink()
    assert found.lstat().st_mode & 0o7777 == 0o700
