"""Where the Python of a judge's environment is, and how to make one."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from transforms.certify.registry import OWN, Environment, Judge

VARIABLE = "TRAPLINE_JUDGES"
"""Environment variable with the folder of judges' environments."""


def folder_of(given: str) -> Path:
    """The folder of environments: what was given, what the variable says, or one in the user's cache."""
    return Path(given or os.environ.get(VARIABLE) or Path.home() / ".cache" / "trapline" / "judges").absolute()


def python_of(environment: Environment, folder: Path) -> Path:
    """The Python of an environment, whether it is there or not."""
    return Path(sys.executable) if environment == OWN else folder / environment.name / "bin" / "python"


def how_to_install(environment: Environment, folder: Path) -> str:
    """The commands that make an environment."""
    place = folder / environment.name
    make = f"python{environment.python or '3'} -m venv {place} && {place}/bin/pip install"
    packages = " ".join(f"'{one}'" if "[" in one else one for one in environment.packages)
    alone = f" && {place}/bin/pip install --no-deps {' '.join(environment.alone)}" if environment.alone else ""
    return f"{make} {packages}{alone}"


@dataclass(frozen=True)
class State:
    """Whether a judge can run here: the versions of its packages, or why not."""

    versions: dict[str, str]
    missing: str = ""

    @property
    def available(self) -> bool:
        """Whether it can."""
        return not self.missing


_ASK = (
    "import json, sys; from importlib.metadata import version, PackageNotFoundError\n"
    "found = {}\n"
    "for name in sys.argv[1:]:\n"
    "    try: found[name] = version(name)\n"
    "    except PackageNotFoundError: found[name] = ''\n"
    "print(json.dumps(found))"
)


def state_of(judge: Judge, folder: Path) -> State:
    """Look for a judge's Python and packages, without importing any of them."""
    python = python_of(judge.environment, folder)
    if not python.exists():
        return State({}, f"there is no {python}")
    wanted = (*judge.packages, "pyarrow")
    # S603: the Python is one that the user has set up.
    asked = subprocess.run(  # noqa: S603
        [str(python), "-I", "-c", _ASK, *wanted], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        return State({}, f"{python} does not run: {(asked.stderr.strip().splitlines() or ['no message'])[-1]}")
    versions: dict[str, str] = json.loads(asked.stdout)
    absent = [name for name, found in versions.items() if not found]
    if absent:
        return State(versions, f"{python} has no {', '.join(absent)}")
    pinned = dict(one.split("==") for one in (*judge.environment.packages, *judge.environment.alone) if "==" in one)
    pins = {name.partition("[")[0]: wanted for name, wanted in pinned.items()}
    for name, found in versions.items():
        if name in pins and found != pins[name]:
            return State(versions, f"{python} has {name} {found}, {pins[name]} is wanted")
    return State({name: found for name, found in versions.items() if name != "pyarrow"})
