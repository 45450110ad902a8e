"""What the order of the documents itself tells of planted copies, to whoever holds the input and the output."""

import numpy as np

from transforms.base.readable import count
from transforms.ordering.planning.plan import Plan, PlantedUnit
from transforms.ordering.planning.rules import Repeat, ScheduleFile

_MOST = 0.5
"""Share of the repeated documents that may hold planted copies before that is said."""


def what_order_tells(schedule: ScheduleFile, plan: Plan, units: list[PlantedUnit]) -> list[str]:
    """A sentence for each way in which the documents with scheduled copies can be told from the others."""
    told = []
    if schedule.corpus == "input" and len(plan.wanted.row):
        told.append(
            "corpus = 'input': documents with scheduled copies are the only ones that leave their order, so that "
            "whoever holds the input finds them; with 'shuffle' they are among all others"
        )
    planted = {
        row
        for unit, rule in zip(units, plan.rules, strict=True)
        if rule is not None and isinstance(rule.schedule, Repeat)
        for row in unit.rows
    }
    repeated = int(np.count_nonzero(np.bincount(plan.order) > 1))
    if planted and len(planted) > _MOST * repeated:
        told.append(
            f"{count(len(planted))} of the {count(repeated)} documents that are repeated hold planted copies, so that "
            "whoever sees what is repeated finds them; with a larger share, or fewer times, they are among others"
        )
    return told
