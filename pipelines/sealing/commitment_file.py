"""A published commitment, read from the file that a user names."""

from typing import TYPE_CHECKING

from pipelines.running.errors import RunError

if TYPE_CHECKING:
    from transforms.planting.sealing.commitment import Commitment


def read_commitment(path: str) -> "Commitment":
    """A published commitment.

    Raises:
        RunError: if it cannot be read or was changed.
    """
    from transforms.base.stores.copies import fetched
    from transforms.planting.sealing.commitment import Commitment

    try:
        return Commitment.parse(fetched(path).read_bytes())
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise RunError(f"{path}: {error}") from error
