"""The look into a corpus for n-grams of words that candidates share with it, as often as it is asked."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.corpus.input.pieces import Piece
from transforms.probes.corpus.overlap import FindShared
from transforms.probes.kind import Environment


def finder(
    pieces: Sequence[Piece], text_column: str, environment: Environment, scans: list[dict[str, Any]]
) -> FindShared:
    """What looks n-grams up in the corpus, one streaming scan each time; what was read is added to `scans`."""
    # Beam warns at import of every optional package that is not there, and logs each failure that is told here.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    from transforms.probes.corpus.search import SUMMARY, FindSharedNgrams, read_found, write_members

    def find(members: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        folder = environment.scratch.child(f"{len(scans):02d}")
        write_members(folder, members)
        scan = FindSharedNgrams(pieces, text_column, folder, environment.threads)
        environment.launch(lambda root: root | scan)
        scans.append(json.loads(folder.read(SUMMARY)))
        return read_found(folder)

    return find
