"""`trapline reveal`: proofs of some units, which anyone can check against the published commitment."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelines.running.errors import UsageError
from pipelines.running.new_file import new_file
from transforms.base.flags import INPUT, OUTPUT, RUNNING, SELECTION, Several, Whole
from transforms.base.stores.address import shown

if TYPE_CHECKING:
    from pipelines.running.context import Context
    from schemas.plan import Plan
    from transforms.planting.tables.unit import Unit


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RevealConfig:
    """Write proofs of single units, a tranche or all units; they disclose nothing about the others."""

    secrets: Annotated[str, INPUT]
    """The folder that trapline seal made and trapline draw completed."""
    unit: Annotated[Several, SELECTION] = ()
    """Ids of the units to reveal."""
    tranche: Annotated[Whole | None, SELECTION] = None
    """Number of a whole tranche to reveal; the first is 0."""
    all: Annotated[bool, SELECTION] = False
    """Reveal every unit."""
    output: Annotated[str, OUTPUT]
    """A new file for the proofs, readable only by its owner until you publish it."""
    dry_run: Annotated[bool, RUNNING] = False
    """Say how many units would be revealed and burned; write nothing."""

    def __post_init__(self) -> None:
        """Check that exactly one selection is given."""
        if bool(self.unit) + (self.tranche is not None) + self.all != 1:
            raise ValueError("give exactly one of --unit ID, --tranche NUMBER and --all")


def run(config: RevealConfig, _: "Context") -> int:
    """Write the proofs and record their units as burned; returns the exit code.

    Raises:
        SealError: if the secrets do not hold or nothing was drawn yet.
        UsageError: for a unit or tranche that does not exist, or an output that does.
    """
    from transforms.planting.folder import locked, secrets_path

    path = secrets_path(config.secrets)
    with locked(path):
        return _reveal(config, path)


def _reveal(config: RevealConfig, path: Path) -> int:
    from transforms.base.errors import SealError
    from transforms.base.folders import Folder
    from transforms.base.readable import counted
    from transforms.planting import folder as names
    from transforms.planting.ledger.check_secrets import open_secrets
    from transforms.planting.sealing.burned import burned_bytes
    from transforms.planting.sealing.reveal import Scope, reveal_bytes

    parent, output = new_file(config.output, "--output")
    found = open_secrets(path)
    if found.randomness is None:
        raise SealError(
            f"{path}: nothing was drawn yet, and a unit revealed before the draw is lost: run trapline draw first"
        )
    chosen, scope = _chosen(config, found.plan, found.units), Scope("units")
    if config.tranche is not None or config.all:
        scope = Scope("tranche", config.tranche) if config.tranche is not None else Scope("all")
    burned = {*found.burned, *(found.units[at].id for at in chosen)}
    new = len(burned) - len(found.burned)
    if config.dry_run:
        print(f"{counted(len(chosen), 'unit')} would be revealed, {new} for the first time; nothing was written")
        return 0
    data = reveal_bytes(
        found.key,
        found.units,
        found.leaves,
        chosen,
        scope,
        commitment=found.commitment,
        plan=(path / names.PLAN).read_bytes(),
        randomness=found.randomness,
    )
    Folder(str(path)).remove_temporaries("")
    # Burned first: proofs that left the folder are never of units that it takes for fresh.
    names.write(path, names.BURNED, burned_bytes(burned))
    parent.write(output, data, 0o600)
    where, all_units = parent.at(output), len(found.units)
    print(shown(f"revealed {counted(len(chosen), 'unit')} in {where}; {len(burned)} of {all_units} are now burned"))
    return 0


def _chosen(config: RevealConfig, plan: "Plan", units: "Sequence[Unit]") -> list[int]:
    """The leaves to reveal."""
    if config.all:
        return list(range(len(units)))
    if config.tranche is not None:
        try:
            return list(plan.tranche(config.tranche))
        except IndexError:
            raise UsageError(f"--tranche {config.tranche}: tranches are 0 to {len(plan.tranche_sizes) - 1}") from None
    leaf_of = {unit.id: at for at, unit in enumerate(units)}
    unknown = [number for number, unit in enumerate(config.unit, 1) if unit not in leaf_of]
    if unknown:
        raise UsageError(f"--unit: number {unknown[0]} of those given is not a unit of these secrets")
    return sorted({leaf_of[unit] for unit in config.unit})
