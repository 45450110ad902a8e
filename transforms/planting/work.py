"""Where workers find what is secret: named by the environment, so that no path of secrets travels with a pipeline."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.errors import CorpusError, SealError
from transforms.base.folders import Folder

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

    def exists(self) -> bool:
        """Whether the run was begun before and not finished."""
        return (self.secrets / WORK / self.run).is_dir()

    def make(self, *names: str) -> None:
        """Make the folder, and folders in it, for their owner only.

        Raises:
            SealError: if the secrets cannot be written.
        """
        base = self.secrets / WORK
        try:
            for path in (base, base / self.run, *(base / self.run / name for name in names)):
                path.mkdir(mode=0o700, exist_ok=True)
                path.chmod(0o700)
        except OSError as error:
            raise SealError(f"the folder of secrets cannot be written ({error.strerror})") from error

    def remove_others(self) -> None:
        """Remove what other runs left that were not finished: they can be begun anew."""
        base = self.secrets / WORK
        for path in base.iterdir() if base.is_dir() else ():
            if path.name != self.run:
                Folder(str(base)).remove_folder(path.name)

    def read(self, name: str) -> pa.Table:
        """A Parquet file of the run; `name` is what an error says, never where the secrets are.

        Raises:
            SealError: if it cannot be read here.
        """
        return read_secret(self.folder.local_path(name), name)

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole, for its owner only.

        Raises:
            SealError: if it cannot be written; the message does not say where.
        """
        try:
            self.folder.write(name, data, 0o600)
        except (OSError, CorpusError) as error:
            reason = error.strerror if isinstance(error, OSError) else "the disk is full"
            raise SealError(f"{name}: cannot be written into the folder of secrets ({reason})") from None

    def remove(self) -> None:
        """Remove the run's folder, and the folder of runs if no other is left."""
        Folder(str(self.secrets / WORK)).remove_folder(self.run)
        Folder(str(self.secrets)).remove_if_empty(WORK)


def read_secret(path: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A Parquet file among the secrets, read by a worker.

    Raises:
        SealError: if it cannot be read; the message says its name and not where it is.
    """
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns), partitioning=None)
    except (OSError, pa.ArrowException):
        raise SealError(
            f"{name}: cannot be read from the folder of secrets; {VARIABLE} must name it on every worker"
        ) from None
