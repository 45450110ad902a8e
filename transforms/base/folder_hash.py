"""One hash for a folder of files, such as a checkpoint."""

import hashlib
from pathlib import Path


def folder_sha256(folder: Path) -> str:
    """SHA-256 over the names and contents of all files in `folder`, hidden ones left out; hex digits.

    What is hashed is, for each file in byte order of its path within the folder (with `/` between names): the length
    of the path (8 bytes, big-endian), the path in UTF-8, and the 32 bytes of the file's own SHA-256.

    Raises:
        FileNotFoundError: if there is no file in it.
    """
    paths = {
        path.relative_to(folder).as_posix().encode(): path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    if not paths:
        raise FileNotFoundError(2, "there is no file in it", str(folder))
    whole = hashlib.sha256()
    for name, path in sorted(paths.items()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        whole.update(len(name).to_bytes(8, "big") + name + digest)
    return whole.hexdigest()
