"""Hold a folder of secrets against the commitment that was published for it, and say what differs.

What is said names files, leaves and fields, never their content.
"""

import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from schemas.described import SchemaMismatchError
from schemas.documents import DocumentError, parse
from schemas.plan import EARLIER as EARLIER_PLANS
from schemas.plan import NAME as PLAN_NAME
from schemas.plan import VERSION as PLAN_VERSION
from schemas.plan import WITH_QUESTIONS, Plan
from schemas.probes import conform, covariates_of
from schemas.secret.sealed_units import SEALED_UNITS
from transforms.base.errors import SealError
from transforms.planting import folder as names
from transforms.planting.attestations.drand import NotInstalledError
from transforms.planting.attestations.rounds import Round, read_round
from transforms.planting.ledger.check_planting import check_planting
from transforms.planting.ledger.planted import PlantingRecord
from transforms.planting.sealing.announcement import Announcement
from transforms.planting.sealing.burned import parse_burned
from transforms.planting.sealing.commitment import Commitment
from transforms.planting.sealing.drawn import MOST_DETAILS, DrawRecord, draw_problems
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.merkle import MerkleTree
from transforms.planting.sealing.public_randomness import Randomness
from transforms.planting.sealing.record import SealRecord, file_hashes, key_check
from transforms.planting.sealing.seal import leaves_of, plan_fits, plan_hash, plan_salt, record_hash
from transforms.planting.sealing.timestamps import read_timestamp
from transforms.planting.tables.unit import Unit
from transforms.planting.tables.units import columns_of, units_of

_T = TypeVar("_T")


@dataclass(repr=False)
class Secrets:
    """What a folder of secrets holds, as far as it could be read, and what in it does not hold."""

    path: Path
    problems: list[str] = field(default_factory=list)
    key: Key | None = None
    commitment: Commitment | None = None
    plan: Plan | None = None
    units: Sequence[Unit] = ()
    """In the order of the leaves."""
    questions: pa.Table | None = None
    """The sealed questions; None where there are none."""
    covariates: dict[str, str] = field(default_factory=dict)
    """"number" or "text" by column of the candidates, as `schemas.probes.covariates_of` gives them."""
    leaves: list[bytes] = field(default_factory=list)
    """What the tree holds of each unit."""
    randomness: Randomness | None = None
    """What decided the draw; None before it."""
    announced: bytes = b""
    """SHA-256 of `drawn.json`; empty where there is none."""
    round: Round | None = None
    """The beacon's round that `drawn.json` carries, where its signature could be checked."""
    arms: list[int] = field(default_factory=list)
    planting: PlantingRecord | None = None
    """How it was planted; None before that."""
    burned: list[str] = field(default_factory=list)
    timestamps: list[str] = field(default_factory=list)
    """Name, kind and time of each attached timestamp."""


def check_secrets(
    path: Path,
    published: bytes | None = None,
    planted: bytes | None = None,
    *,
    drawn: bytes | None = None,
    draw: bool = True,
    planting: bool = True,
    decode: Callable[[bytes], pa.Table | None] = names.read_parquet,
) -> Secrets:
    """Read secrets and check all that was committed.

    Args:
        path: the folder.
        published: `commitment.json` as it was published; the folder's own copy by default.
        planted: `planted.json` as it was published; the folder's own copy by default.
        drawn: `drawn.json` as it was published; the folder's own copy by default.
        draw: whether to read and check the draw, too.
        planting: whether to read and check what planting left, too.
        decode: how the bytes of the probes' file become a table; None where it cannot be read as one.
    """
    found = Secrets(path)
    if not path.is_dir():
        found.problems.append(f"{path}: there is no such folder")
        return found
    found.problems += [
        f"{name}: others than its owner may use it: chmod go-rwx {path / name}" for name in names.open_to_others(path)
    ]
    found.problems += [
        f"{name}: is a symbolic link: secrets are real files and folders; put what it leads to in its place"
        for name in names.links_in(path)
    ]
    held: dict[str, bytes] = {}
    questions = (names.QUESTIONS,) if (path / names.QUESTIONS).exists() else ()
    for name in (names.COMMITMENT, names.RECORD, *names.SEALED, *questions):
        data = _read(found, name, (path / name).read_bytes)
        if data is not None:
            held[name] = data
    found.key = _read(found, names.KEY, lambda: Key.load(path / names.KEY))
    if published is not None and held.get(names.COMMITMENT) != published:
        found.problems += _published_differs(held.get(names.COMMITMENT, b""), published)
    if _check_sealed(found, held, decode) and draw:
        _check_draw(found)
        _check_announcement(found, drawn)
        if planting and found.key is not None and found.commitment is not None:
            found.planting, problems = check_planting(path, found.key, found.commitment, planted, found.announced)
            found.problems += problems
    _check_burned(found)
    _check_timestamps(found, held.get(names.COMMITMENT, b"") if published is None else published)
    return found


@dataclass(frozen=True, repr=False)
class Sealed:
    """Secrets of which everything holds."""

    key: Key
    commitment: Commitment
    plan: Plan
    units: Sequence[Unit]
    leaves: list[bytes]
    randomness: Randomness | None
    arms: list[int]
    burned: list[str]
    planting: PlantingRecord | None
    covariates: Mapping[str, str]
    announced: bytes
    round: Round | None
    questions: pa.Table | None = None


def open_secrets(
    path: Path,
    published: bytes | None = None,
    planted: bytes | None = None,
    *,
    drawn: bytes | None = None,
    draw: bool = True,
    planting: bool = True,
    decode: Callable[[bytes], pa.Table | None] = names.read_parquet,
) -> Sealed:
    """Secrets that hold, with or without looking at the draw and at what planting left; `check_secrets` has the rest.

    Raises:
        SealError: if anything in them differs from what was committed.
    """
    found = check_secrets(path, published, planted, drawn=drawn, draw=draw, planting=planting, decode=decode)
    if found.problems or found.key is None or found.commitment is None or found.plan is None:
        more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
        raise SealError(f"--secrets {path}: {found.problems[0]}{more}; trapline check --secrets says all of it")
    return Sealed(
        found.key,
        found.commitment,
        found.plan,
        found.units,
        found.leaves,
        found.randomness,
        found.arms,
        found.burned,
        found.planting,
        found.covariates,
        found.announced,
        found.round,
        found.questions,
    )


def _read(found: Secrets, name: str, reader: Callable[[], _T]) -> _T | None:
    """What `reader` makes of the file `name`; None, and a problem, if it cannot."""
    try:
        return reader()
    except FileNotFoundError:
        found.problems.append(f"{name}: is missing")
    except OSError as error:
        found.problems.append(f"{name}: cannot be read ({error.strerror})")
    except (DocumentError, SealError, SchemaMismatchError) as error:
        found.problems.append(str(error) if name in str(error) else f"{name}: {error}")
    return None


def _check_sealed(found: Secrets, held: Mapping[str, bytes], decode: Callable[[bytes], pa.Table | None]) -> bool:
    """Commitment, record, plan, probes and leaves; whether the rest can be checked on top of them."""
    say = found.problems.append

    def parsed(name: str, parser: Callable[[bytes], _T]) -> _T | None:
        return _read(found, name, lambda: parser(held[name])) if name in held else None

    stated = parsed(names.COMMITMENT, Commitment.parse_unbound)
    found.commitment, root = stated or (None, b"")
    record = parsed(names.RECORD, SealRecord.parse)
    found.plan = parsed(names.PLAN, Plan.parse)
    found.units, found.covariates = parsed(names.PROBES, partial(_sealed_probes, decode)) or ((), {})
    key, commitment = found.key, found.commitment
    fits = _fits(found, held)
    if key is not None and not any(fits.values()) and (record is None or record.key_check != key_check(key)):
        say(f"{names.KEY}: is not the key with which this was sealed")
        found.key = key = None
    # A record that the commitment does not bind may itself be what was changed: it proves nothing of the files then.
    changed = (
        _changed_files(found, record, held) if record is not None and (fits["record_hash"] or key is None) else set()
    )
    if key is None or commitment is None:
        return False
    _compare_units(found, held, changed)
    intact = commitment.root == root
    for name, file in (
        ("record_hash", names.RECORD),
        ("plan_hash", names.PLAN),
        ("tree_root", names.PROBES),
    ):
        if not fits[name]:
            of_file = intact or file in changed
            say(
                f"{file}: is not what the commitment binds"
                if of_file
                else f"{names.COMMITMENT}: field {name!r} is not that of {file}"
            )
    if not intact:
        say(f"{names.COMMITMENT}: its root is not that of its other fields")
    if record is not None and fits["record_hash"]:
        for name in ("campaign", "previous", "leaves", "randomness"):
            if getattr(record, name) != getattr(commitment, name):
                say(f"{names.COMMITMENT}: field {name!r} is not what was sealed")
    if found.plan is not None and found.units and (misfit := plan_fits(found.plan, found.units)):
        say(f"{names.PLAN}: {misfit}")
    found.questions = _check_questions(found, held)
    return bool(found.units)


def _check_questions(found: Secrets, held: Mapping[str, bytes]) -> pa.Table | None:
    """The questions, if the plan binds any and they are those: its hash of the file is what counts."""
    wanted, data = found.plan.questions if found.plan is not None else "", held.get(names.QUESTIONS)
    if not wanted:
        if data is not None and found.plan is not None:
            found.problems.append(f"{names.QUESTIONS}: the plan binds no questions: take the file away")
        return None
    if data is None:
        found.problems.append(f"{names.QUESTIONS}: is missing")
        return None
    if hashlib.sha256(data).hexdigest() != wanted:
        found.problems.append(f"{names.QUESTIONS}: its bytes are not those that were sealed (sha256)")
        return None
    return names.read_parquet(data)


def _sealed_probes(decode: Callable[[bytes], pa.Table | None], data: bytes) -> tuple[Sequence[Unit], dict[str, str]]:
    table = decode(data)
    if table is None:
        raise SealError("cannot be read as Parquet")
    probes = conform([(names.PROBES, table)])
    return units_of(probes), covariates_of(probes.schema)


def _fits(found: Secrets, held: Mapping[str, bytes]) -> dict[str, bool]:
    """Whether each hash of the commitment is the one of what the folder holds, under its key."""
    key, commitment = found.key, found.commitment
    if key is None or commitment is None:
        return dict.fromkeys(("record_hash", "plan_hash", "tree_root"), False)
    found.leaves = leaves_of(key, found.units)
    return {
        "record_hash": commitment.record_hash == record_hash(held.get(names.RECORD, b""), key),
        "plan_hash": commitment.plan_hash == plan_hash(held.get(names.PLAN, b""), plan_salt(key)),
        "tree_root": commitment.tree_root == MerkleTree(found.leaves).root,
    }


def _changed_files(found: Secrets, record: SealRecord, held: Mapping[str, bytes]) -> set[str]:
    """Sealed files whose bytes are not those that the record lists."""
    listed = {name: record.files.get(name) for name in names.SEALED}
    present = file_hashes({name: held[name] for name in names.SEALED if name in held})
    changed = {name for name, sha256 in present.items() if sha256 != listed[name]}
    found.problems += [f"{name}: its bytes are not those that were sealed (sha256)" for name in sorted(changed)]
    if names.PLAN in changed:
        with contextlib.suppress(DocumentError):
            plan = parse(PLAN_NAME, WITH_QUESTIONS, held[names.PLAN], also=(*EARLIER_PLANS, PLAN_VERSION))
            differing = [name for name in sorted({*plan, *record.plan}) if plan.get(name) != record.plan.get(name)]
            found.problems += [f"{names.PLAN}: field {name!r} differs" for name in differing if name in record.plan]
    return changed


def _compare_units(found: Secrets, held: Mapping[str, bytes], changed: set[str]) -> None:
    """Leaves and fields in which the probes and `units.parquet` differ; that which was changed is named."""
    table = names.read_parquet(held.get(names.UNITS, b""))
    if table is None or not table.schema.equals(SEALED_UNITS):
        found.problems.append(f"{names.UNITS}: cannot be read as a list of sealed units")
        return
    if not found.units:
        return
    blamed = names.UNITS if names.UNITS in changed else names.PROBES
    if table.num_rows != len(found.units):
        found.problems.append(f"{blamed}: {len(found.units)} units in the probes, {table.num_rows} were sealed")
        return
    tranches = table.column("tranche").to_pylist()
    planned = found.plan.tranche_of_leaves() if found.plan is not None else tranches
    details: list[str] = []
    leaves, ids = (table.column(name).to_pylist() for name in ("leaf", "unit"))
    for at, (unit, leaf) in enumerate(zip(columns_of(found.units).ids, found.leaves, strict=True)):
        # A leaf holds every field: the fields are looked at one by one only where something was changed.
        if names.UNITS in changed or leaf != leaves[at] or unit != ids[at]:
            details += _differing_fields(
                found.units[at], leaf, table.slice(at, 1).to_pylist()[0], f"{blamed}: leaf {at}"
            )
        # A plan whose tranches do not add up was itself changed, which is said elsewhere.
        if len(planned) == len(tranches) and planned[at] != tranches[at]:
            details.append(f"{names.UNITS}: leaf {at}: tranche differs")
    found.problems += details[:MOST_DETAILS]
    if len(details) > MOST_DETAILS:
        found.problems.append(f"{blamed}: {len(details) - MOST_DETAILS} more fields differ")


def _differing_fields(unit: Unit, leaf: bytes, row: Mapping[str, Any], where: str) -> list[str]:
    """What of a unit is not as `units.parquet` has it."""
    digests, labels = unit.field_digests(), [label for label, _ in unit.fields()]
    found = []
    if len(digests) == len(row["fields"]):
        pairs = zip(labels, digests, row["fields"], strict=True)
        found = [f"{where}: {label} differs" for label, one, other in pairs if one != other]
    if not found and (row["leaf"] != leaf or row["unit"] != unit.id):
        found = [f"{where}: is another unit than was sealed, or has other fields"]
    return found


def _check_draw(found: Secrets) -> None:
    assert found.key is not None and found.commitment is not None  # noqa: S101, PT018 - for the type checker
    record_path, draw_path = found.path / names.DRAW_RECORD, found.path / names.DRAW
    if not record_path.exists():
        if draw_path.exists():
            found.problems.append(f"{names.DRAW_RECORD}: is missing, though there is a {names.DRAW}")
        return
    declared = found.commitment.randomness
    record = _read(found, names.DRAW_RECORD, lambda: DrawRecord.parse(record_path.read_bytes()))
    if record is None:
        return
    if record.randomness.kind != declared.kind:
        found.problems.append(
            f"{names.DRAW_RECORD}: the seal declared {declared.in_words}, not a {record.randomness.kind}"
        )
    data = _read(found, names.DRAW, draw_path.read_bytes)
    if data is None:
        found.problems.append(f"{names.DRAW}: the draw was not finished; the same trapline draw again writes it")
        return
    problems, found.arms = draw_problems(record, data, found.key, found.units, found.commitment.root)
    found.problems += problems
    found.randomness = record.randomness


def _check_announcement(found: Secrets, published: bytes | None) -> None:
    """Hold the public statement of the draw against the draw, and a published one against both."""
    assert found.commitment is not None  # noqa: S101 - for the type checker
    path = found.path / names.DRAWN
    own: Announcement | None = None
    if path.exists():
        own = _read(found, names.DRAWN, lambda: Announcement.parse(path.read_bytes()))
    expected = None if found.randomness is None else Announcement.of(found.commitment, found.randomness)
    if own is not None:
        found.announced = own.sha256
        if expected is None:
            found.problems.append(f"{names.DRAWN}: states a draw, and there is no {names.DRAW_RECORD} that holds")
        elif own.draw != expected.draw:
            found.problems.append(f"{names.DRAWN}: states another draw than {names.DRAW_RECORD} holds")
        elif own.response:
            found.round = _read(found, names.DRAWN, lambda: _round_of(own))
    if published is None:
        return
    try:
        stated = Announcement.parse(published)
    except DocumentError as error:
        found.problems.append(f"the published {names.DRAWN}: {error}")
        return
    if expected is None or stated.draw != expected.draw:
        found.problems.append(
            f"the published {names.DRAWN} states another draw than the one here: of one seal, two draws were made, or "
            "it is of another seal"
        )


def _round_of(announced: Announcement) -> Round | None:
    """The beacon's round that a statement carries; None where nothing here can check it."""
    try:
        found = read_round(announced.declared, announced.response.encode(), announced.certificate.encode())
    except NotInstalledError:
        return None
    if found.value != announced.randomness.value:
        raise SealError("the beacon's round that it carries has another value than the one that decided")
    return found


def _check_burned(found: Secrets) -> None:
    path = found.path / names.BURNED
    if path.exists():
        found.burned = _read(found, names.BURNED, lambda: parse_burned(path.read_bytes())) or []
    if found.units and not set(found.burned) <= set(columns_of(found.units).ids):
        found.problems.append(f"{names.BURNED}: lists a unit that was not sealed")


def _check_timestamps(found: Secrets, commitment: bytes) -> None:
    (sha256,) = file_hashes({names.COMMITMENT: commitment}).values()
    folder = found.path / names.ATTACHED
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = f"{names.ATTACHED}/{path.name}"
        stamp = _read(found, name, lambda path=path: read_timestamp(path.read_bytes()))  # type: ignore[misc]
        if stamp is None:
            continue
        found.timestamps.append(f"{name}: {stamp.kind} {stamp.time}".strip())
        if stamp.sha256 != sha256:
            found.problems.append(f"{name}: does not stamp this {names.COMMITMENT}")


def _published_differs(own: bytes, published: bytes) -> list[str]:
    try:
        theirs = Commitment.parse(published)
    except DocumentError as error:
        return [f"the published commitment: {error}"]
    try:
        ours, _ = Commitment.parse_unbound(own)
    except DocumentError:
        return []
    fields = [f"field {name!r}" for name in theirs.differing(ours)] or ["some byte"]
    return [f"the published commitment and {names.COMMITMENT} differ in {name}" for name in fields]
