"""Where workers find what is secret: named by the environment, so that no path of secrets travels with a pipeline."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.errors import CorpusError, SealError
from transforms.base.folders import Folder, is_local
from transforms.planting.mirror import WORK, remote_of

VARIABLE = "TRAPLINE_SECRETS"
"""Environment variable with the folder of secrets, or with a bucket. The command sets it for its own workers; on
machines of their own it is set there."""

_BEGUN = "begun"
_UNREADABLE = f"{{}}: cannot be read from the folder of secrets; {VARIABLE} must name it on every worker"
_announced: set[str] = set()


@dataclass(frozen=True)
class SecretWork:
    """The part of the secrets that a run of `prepare` or `restore` shares with its workers, by the run's name."""

    run: str

    @staticmethod
    def announce(secrets: Path) -> None:
        """Tell this process, and the workers that it will start, where they meet: in the secrets.

        Where the variable names a bucket already, they meet there: then the secrets themselves need not leave this
        machine.
        """
        named = os.environ.get(VARIABLE, "")
        if named and not is_local(named) and named not in _announced:
            return
        remote = remote_of(secrets)
        os.environ[VARIABLE] = str(secrets) if remote is None else remote.uri
        _announced.add(os.environ[VARIABLE])

    @property
    def place(self) -> Folder:
        """The folder in which a run and its workers meet: that of the secrets, or one in a bucket.

        Raises:
            SealError: if this worker was not told.
        """
        found = os.environ.get(VARIABLE)
        if not found:
            raise SealError(f"this worker does not know where the secrets are: set {VARIABLE} where it runs")
        return Folder.of(found)

    @property
    def local(self) -> bool:
        """Whether workers share a folder of secrets with the command; else they get what is theirs by a bucket."""
        return self.place.local

    @property
    def secrets(self) -> Path:
        """The folder of secrets; only where it is shared."""
        return self.place.local_path()

    @property
    def folder(self) -> Folder:
        """Where this run keeps what it has done so far."""
        return self.place.child(WORK).child(self.run)

    def exists(self) -> bool:
        """Whether the run was begun before and not finished."""
        return self.folder.local_path().is_dir() if self.local else self.folder.exists(_BEGUN)

    def make(self, *names: str) -> None:
        """Make the folder, and folders in it, for their owner only.

        Raises:
            SealError: if the secrets cannot be written.
        """
        if not self.local:
            self.write(_BEGUN, b"")
            return
        base = self.secrets / WORK
        try:
            for path in (base, base / self.run, *(base / self.run / name for name in names)):
                path.mkdir(mode=0o700, exist_ok=True)
                path.chmod(0o700)
        except OSError as error:
            raise SealError(f"the folder of secrets cannot be written ({error.strerror})") from error

    def remove_others(self) -> None:
        """Remove what other runs left that were not finished: they can be begun anew.

        Runs meet their workers in the secrets, which this one holds. In a bucket that is not the secrets, runs of
        other campaigns may be under way: there everything stays.
        """
        if os.environ.get(VARIABLE, "") not in _announced:
            return
        base = self.place.child(WORK)
        for name in base.names():
            if name != self.run:
                base.remove_folder(name)

    def read(self, name: str) -> pa.Table:
        """A Parquet file of the run; `name` is what an error says, never where the secrets are.

        Raises:
            SealError: if it cannot be read here.
        """
        if self.local:
            return read_secret(self.folder.local_path(name), name)
        try:
            return pq.read_table(pa.BufferReader(self.folder.read(name)), partitioning=None)
        except (OSError, CorpusError, pa.ArrowException):
            raise SealError(_UNREADABLE.format(name)) from None

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole, for its owner only.

        Raises:
            SealError: if it cannot be written; the message does not say where.
        """
        try:
            self.folder.write(name, data, 0o600)
        except (OSError, CorpusError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or (
                "the disk is full" if self.local else "the store refuses it"
            )
            raise SealError(f"{name}: cannot be written into the folder of secrets ({reason})") from None

    def remove(self) -> None:
        """Remove the run's folder, and the folder of runs if no other is left."""
        self.place.child(WORK).remove_folder(self.run)
        self.place.remove_if_empty(WORK)


def secret_columns(path: Path, name: str) -> list[str]:
    """The columns of a Parquet file among the secrets.

    Raises:
        SealError: if it cannot be read; the message says its name and not where it is.
    """
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        raise SealError(_UNREADABLE.format(name)) from None


def read_secret(path: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A Parquet file among the secrets, read by a worker.

    Raises:
        SealError: if it cannot be read; the message says its name and not where it is.
    """
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns), partitioning=None)
    except (OSError, pa.ArrowException):
        raise SealError(_UNREADABLE.format(name)) from None
