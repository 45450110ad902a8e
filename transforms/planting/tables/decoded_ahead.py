"""The table of the sealed probes, decoded by a thread while imports keep this one busy."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from transforms.planting import folder as names


class DecodedAhead:
    """Begins to decode the probes of a folder of secrets at once.

    Decoding and looking for text that is not UTF-8 is done without the GIL. Whatever takes the GIL again and again
    would slow the imports of the other thread down by more than it saves.
    """

    def __init__(self, secrets: Path) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="probes")
        self._decoded = self._pool.submit(_decoded, secrets / names.PROBES)
        self._pool.shutdown(wait=False)

    def __call__(self, data: bytes) -> pa.Table | None:
        """The table in the bytes of the file; None if it cannot be read as one.

        What was decoded ahead counts only if it was made of these very bytes.
        """
        read, table = self._decoded.result()
        return table if read == data else names.read_parquet(data)


def _decoded(path: Path) -> tuple[bytes, pa.Table | None]:
    """The bytes of a file and the table in them; nothing of what cannot be read."""
    try:
        data = path.read_bytes()
    except OSError:
        return b"", None
    return data, names.read_parquet(data)
