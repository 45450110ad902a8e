"""A published commitment, read from the file that a user names."""

from typing import TYPE_CHECKING

from pipelines.running.errors import RunError
from transforms.base.errors import cause_of

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
        raise RunError(f"{path}: cannot be read ({cause_of(error)})") from error
    except ValueError as error:
        raise RunError(f"{path}: {error}") from error
