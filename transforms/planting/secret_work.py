"""Where workers find what is secret: named by the environment, so that no path of secrets travels with a pipeline."""

import os
from dataclasses import dataclass
from pathlib import Path

from transforms.corpus.storage import Folder
from transforms.planting.errors import SealError

VARIABLE = "TRAPLINE_SECRETS"
"""Environment variable with the folder of secrets. The command sets it for its own workers; on machines of their own
it is set there."""

WORK = "work"


@dataclass(frozen=True)
class SecretWork:
    """The part of the secrets that a run of `prepare` or `restore` shares with its workers, by the run's name."""

    run: str

    @staticmethod
    def announce(secrets: Path) -> None:
        """Tell this process, and the workers that it will start, where the secrets are."""
        os.environ[VARIABLE] = str(secrets)

    @property
    def secrets(self) -> Path:
        """The folder of secrets.

        Raises:
            SealError: if this worker was not told.
        """
        found = os.environ.get(VARIABLE)
        if not found:
            raise SealError(f"this worker does not know where the secrets are: set {VARIABLE} where it runs")
        return Path(found)

    @property
    def folder(self) -> Folder:
        """Where this run keeps what it has done so far."""
        return Folder(str(self.secrets / WORK / self.run))

    def make(self, *names: str) -> None:
        """Make the folder, and folders in it, for their owner only."""
        base = self.secrets / WORK
        for path in (base, base / self.run, *(base / self.run / name for name in names)):
            path.mkdir(mode=0o700, exist_ok=True)
            path.chmod(0o700)

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole, for its owner only."""
        self.folder.write(name, data, 0o600)

    def remove(self) -> None:
        """Remove the run's folder, and the folder of runs if no other is left."""
        Folder(str(self.secrets / WORK)).remove_folder(self.run)
        Folder(str(self.secrets)).remove_if_empty(WORK)
