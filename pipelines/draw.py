"""`trapline draw`: public randomness decides which candidate of each unit is planted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelines.sealing.given import PublicRandomness, any_given, evidence, given
from transforms.base.flags import INPUT, RANDOMNESS, RUNNING
from transforms.base.stores.address import shown

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.running.context import Context
    from transforms.planting.sealing.announcement import Announcement
    from transforms.planting.sealing.commitment import Commitment
    from transforms.planting.sealing.public_randomness import Randomness


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DrawConfig(PublicRandomness):
    """Draw which candidate of each unit is planted, using public randomness that nobody could know at the seal."""

    secrets: Annotated[str, INPUT]
    """The folder that trapline seal made."""
    self_attested: Annotated[bool, Parameter(name="--self"), RANDOMNESS] = False
    """No public randomness: the verdict is then valid only if the key's holder did not choose the key."""
    dry_run: Annotated[bool, RUNNING] = False
    """Check the secrets and the randomness; draw nothing."""


def run(config: DrawConfig, _: "Context") -> int:
    """Draw; returns the exit code.

    Raises:
        SealError: if the secrets do not hold, for another kind of randomness than declared, or for a second draw.
        RunError: for a beacon's response that is not of the declared round, or whose signature is wrong.
    """
    from transforms.base.errors import SealError
    from transforms.planting.folder import locked, secrets_path

    if not any_given(config, config.self_attested):
        raise SealError("give one of --beacon-response FILE, --beacon HEX, --nonce HEX and --self")
    path = secrets_path(config.secrets)
    with locked(path):
        return _draw(config, path)


def _draw(config: DrawConfig, path: "Path") -> int:
    from transforms.base.errors import SealError
    from transforms.base.folders import Folder
    from transforms.base.readable import counted
    from transforms.planting import folder as names
    from transforms.planting.ledger.check_secrets import open_secrets
    from transforms.planting.sealing.announcement import Announcement
    from transforms.planting.sealing.drawn import DrawRecord, draw_files

    found = open_secrets(path, draw=False)
    randomness = given(config, found.commitment.randomness, config.self_attested)
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
    _refuse_second(path, Announcement.of(found.commitment, randomness))
    record, data, _ = draw_files(found.key, found.units, randomness, found.commitment.root)
    if config.dry_run:
        print(f"{counted(len(found.units), 'unit')} would be drawn, decided by {found.commitment.randomness.in_words}")
        return 0
    Folder(str(path)).remove_temporaries("")
    # What decided is written first: a draw that was cut short can only be finished with the same randomness.
    names.write(path, names.DRAW_RECORD, record.to_bytes())
    names.write(path, names.DRAW, data)
    _announce(config, path, found.commitment, randomness)
    print(f"drew {counted(len(found.units), 'unit')}, decided by {found.commitment.randomness.in_words}")
    print(shown(f"  {path / names.DRAW}  (secret)"))
    print(shown(f"  {path / names.DRAWN}  (publish it, byte for byte, before the data)"))
    if randomness.kind == "self":
        print("  self-attested: exact only if the holder did not choose the key")
    else:
        print(f"  value     {randomness.value.hex()}")
    if randomness.kind == "beacon" and not config.beacon_response:
        print("  nobody checked that the beacon gave this value: --beacon-response takes the beacon's own document")
    return 0


def _refuse_second(path: "Path", stated: "Announcement") -> None:
    """Check that no statement of another draw is there, whatever became of the draw itself."""
    from transforms.base.errors import SealError
    from transforms.planting.folder import DRAWN
    from transforms.planting.sealing.announcement import Announcement

    try:
        before = Announcement.parse((path / DRAWN).read_bytes())
    except FileNotFoundError:
        return
    except ValueError as error:
        raise SealError(f"{path / DRAWN}: {error}; trapline check --secrets says more") from error
    if before.draw != stated.draw:
        raise SealError(f"{path}: {DRAWN} states a draw with other randomness, and a draw is made only once")


def _announce(config: DrawConfig, path: "Path", commitment: "Commitment", randomness: "Randomness") -> None:
    """Write the public statement; one that is there already stays once a planting has bound it."""
    from transforms.planting import folder as names
    from transforms.planting.sealing.announcement import Announcement

    response, certificate = evidence(config)
    if not (path / names.DRAWN).exists() or (response and not (path / names.PLANTED).exists()):
        stated = Announcement.of(commitment, randomness, response.decode(), certificate.decode("ascii", "replace"))
        names.write(path, names.DRAWN, stated.to_bytes())
