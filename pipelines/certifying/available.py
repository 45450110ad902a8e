"""The judges that a run was asked for and that are there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.running.errors import UsageError
from transforms.certify.environments import folder_of, how_to_install, state_of
from transforms.certify.registry import Judge, judges_named

if TYPE_CHECKING:
    from pipelines.certify import CertifyConfig


@dataclass(frozen=True)
class Available:
    """The judges to run, and why others are skipped."""

    judges: list[Judge]
    skipped: dict[str, str]


def available(config: "CertifyConfig", say: Callable[[str], None]) -> Available:
    """The judges to run.

    Raises:
        UsageError: for a name that is no judge's, or a judge that is not installed, unless it is to be skipped.
    """
    try:
        wanted = judges_named(config.judges)
    except ValueError as error:
        raise UsageError(str(error)) from None
    folder, found, skipped = folder_of(config.environments), [], {}
    for judge in wanted:
        state = state_of(judge, folder)
        if state.available:
            found.append(judge)
        elif config.missing == "refuse":
            raise UsageError(
                f"judge {judge.name}: {state.missing}; install it ({how_to_install(judge.environment, folder)}), name "
                "others with --judges, or skip what is missing with --missing skip"
            )
        else:
            say(f"judge {judge.name} is skipped: {state.missing}")
            skipped[judge.name] = state.missing
    if not found:
        raise UsageError("none of these judges is installed: trapline certify --list says how to install them")
    return Available(found, skipped)
