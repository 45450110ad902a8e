"""The gate before the seal: units whose every candidate survives the judges that were named."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipelines.running.errors import RunError, UsageError
from transforms.base.folders import Folder
from transforms.certify.certificate import Certified
from transforms.planting.folder import RECORD


def refuse_sealed(probes: Sequence[str]) -> None:
    """Refuse candidates that stand in a folder of secrets: what is sealed is neither dropped nor redrawn.

    Raises:
        UsageError: naming the folder.
    """
    for source in probes:
        place = Folder.of(source)
        real = Folder(str(place.local_path().resolve())) if place.local else place
        for folder in (place, *place.parents(), real, *real.parents()):
            if folder.exists(RECORD):
                raise UsageError(
                    f"--probes {source}: lies in {folder.uri}, a folder of secrets: these candidates are sealed; give "
                    "--secrets to certify what was planted"
                )


def passing(certified: Sequence[Certified], gate: Sequence[str], least: float, units: int) -> npt.NDArray[np.bool_]:
    """Which units pass: bool[units]. Of each the worst candidate counts, under the worst of the judges in the gate.

    A unit passes a judge that keeps none of its documents: that judge says nothing of it.

    Raises:
        RunError: for a judge in the gate that failed: a gate is never passed unseen.
    """
    failed = sorted(set(gate) - {one.facts["judge"] for one in certified})
    if failed:
        raise RunError(f"--gate {failed[0]}: this judge failed, so that no unit can pass it: mend it, or name another")
    passes = np.ones(units, np.bool_)
    for one in certified:
        if one.facts["judge"] in gate:
            passes &= one.worst >= least
    return passes


def untried(certified: Sequence[Certified], gate: Sequence[str], units: int) -> int:
    """Units of which some judge in the gate keeps no document, so that it says nothing of them."""
    nothing = np.zeros(units, np.bool_)
    for one in certified:
        if one.facts["judge"] in gate:
            nothing |= one.untried
    return int(nothing.sum())
