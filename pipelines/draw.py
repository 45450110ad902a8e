"""`trapline draw`: public randomness decides which candidate of each unit is planted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from transforms.base.flags import INPUT, RANDOMNESS, RUNNING

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.running.context import Context
    from transforms.planting.sealing.public_randomness import Randomness


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DrawConfig:
    """Draw which candidate of each unit is planted, using public randomness that nobody could know at the seal."""

    secrets: Annotated[str, INPUT]
    """The folder that trapline seal made."""
    beacon: Annotated[str, RANDOMNESS] = ""
    """Output of the beacon round that the seal declared, as hexadecimal digits."""
    nonce: Annotated[str, RANDOMNESS] = ""
    """The counterparty's nonce, as hexadecimal digits."""
    self_attested: Annotated[bool, Parameter(name="--self"), RANDOMNESS] = False
    """No public randomness: the verdict is then valid only if the key's holder did not choose the key."""
    dry_run: Annotated[bool, RUNNING] = False
    """Check the secrets and the randomness; draw nothing."""

    def randomness(self) -> "Randomness":
        """What decides the draw."""
        from transforms.planting.sealing.public_randomness import Randomness

        return Randomness.given(self.beacon, self.nonce, self.self_attested)


def run(config: DrawConfig, _: "Context") -> int:
    """Draw; returns the exit code.

    Raises:
        SealError: if the secrets do not hold, for another kind of randomness than declared, or for a second draw.
    """
    from transforms.planting.folder import locked, secrets_path

    randomness = config.randomness()
    path = secrets_path(config.secrets)
    with locked(path):
        return _draw(path, randomness, config.dry_run)


def _draw(path: "Path", randomness: "Randomness", dry_run: bool) -> int:
    from transforms.base.errors import SealError
    from transforms.base.folders import Folder
    from transforms.base.readable import counted
    from transforms.planting import folder as names
    from transforms.planting.ledger.check_secrets import open_secrets
    from transforms.planting.sealing.drawn import DrawRecord, draw_files

    found = open_secrets(path, draw=False)
    randomness.refuse_other_than(found.commitment.randomness)
    before = path / names.DRAW_RECORD
    if before.exists():
        try:
            same = DrawRecord.parse(before.read_bytes()).randomness == randomness
        except ValueError as error:
            raise SealError(f"{before}: {error}; trapline check --secrets says more") from error
        if not same:
            raise SealError(f"{path}: the draw was already made with other randomness, and a draw is made only once")
    elif (path / names.DRAW).exists():
        raise SealError(f"{path}: there is a {names.DRAW} but no {names.DRAW_RECORD}: a draw is made only once")
    record, data, _ = draw_files(found.key, found.units, randomness, found.commitment.root)
    if dry_run:
        print(f"{counted(len(found.units), 'unit')} would be drawn, decided by {found.commitment.randomness.in_words}")
        return 0
    Folder(str(path)).remove_temporaries("")
    # What decided is written first: a draw that was cut short can only be finished with the same randomness.
    names.write(path, names.DRAW_RECORD, record.to_bytes())
    names.write(path, names.DRAW, data)
    print(f"drew {counted(len(found.units), 'unit')}, decided by {found.commitment.randomness.in_words}")
    print(f"  {path / names.DRAW}  (secret)")
    if randomness.kind == "self":
        print("  self-attested: exact only if the holder did not choose the key")
    return 0
