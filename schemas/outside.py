"""Metrics that other programs compute: how their names are told from ours. Imported for --help, so nothing heavy."""

PREFIX = "outside."
"""Metrics made outside have names that begin so, in the plan and in every table: no reader takes them for ours."""
VERSION = 1
"""Version of every such metric: what is computed is not known here, so its name must say it."""


def is_outside(metric: str) -> bool:
    """Whether a metric is made outside."""
    return metric.startswith(PREFIX)
