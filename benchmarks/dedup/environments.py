"""An environment of its own for each peer: made once below the work folder, reused while its recipe is the same."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """What an environment holds.

    Attributes:
        name: of the folder, and of the peer's distribution.
        requirements: given to pip as they stand.
    """

    name: str
    requirements: tuple[str, ...]


# spaCy cuts words for datatrove in English; datatrove's own extra for it ("multilingual") brings TensorFlow along.
DATATROVE = Recipe("datatrove", ("datatrove[processing,io]==0.10.1", "spacy>=3.8,<4"))
DAFT = Recipe("daft", ("daft==0.7.26",))
TRAPLINE = Recipe("trapline", ("--editable", str(Path(__file__).resolve().parents[2])))
TEXT_DEDUP = Recipe("text-dedup", ("text-dedup==0.4.0",))


class InstallationError(RuntimeError):
    """A peer could not be installed here."""


def prepare(recipe: Recipe, folder: Path) -> Path:
    """Make the environment below `folder` unless it stands there already; returns its Python.

    Raises:
        InstallationError: if pip fails; the message has the end of its output.
    """
    place = (folder / recipe.name).absolute()
    python = place / "bin" / "python"
    marker = place / "installed.txt"
    wanted = "\n".join((f"{sys.version_info[0]}.{sys.version_info[1]}", *recipe.requirements)) + "\n"
    if marker.exists() and marker.read_text() == wanted:
        return python
    venv.create(place, clear=True, with_pip=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *recipe.requirements]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise InstallationError(f"pip could not install {recipe.name}:\n{outcome.stderr[-2000:]}")
    marker.write_text(wanted)
    return python


def version(python: Path, distribution: str) -> str:
    """Version of a distribution in an environment."""
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
