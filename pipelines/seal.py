"""`trapline seal`: a key, a bound analysis plan, and the commitment to publish."""

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from pipelines.sealing.plan_settings import PlanSettings
from transforms.base.errors import cause_of
from transforms.base.flags import ANALYSIS_PLAN, INPUT, OUTPUT, RANDOMNESS, RUNNING, Several, Whole
from transforms.base.stores.address import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from pipelines.running.context import Context
    from pipelines.sealing.earlier import Earlier
    from schemas.plan import Plan
    from transforms.planting.sealing.commitment import Commitment
    from transforms.planting.sealing.public_randomness import Declared
    from transforms.planting.tables.unit import Unit


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SealConfig:
    """Seal probes and an analysis plan under a new secret key, and write the commitment to publish."""

    probes: Annotated[Several, INPUT] = ()
    """Parquet files of candidates, or folders of such files."""
    questions: Annotated[Several, INPUT] = ()
    """Files of questions about the candidates, besides the questions.parquet in the folders of --probes."""
    secrets: Annotated[str, OUTPUT]
    """A new folder for the key, the plan, the candidates and everything else that must stay secret."""
    beacon_name: Annotated[str, RANDOMNESS] = ""
    """A future round of this public beacon decides the draw."""
    beacon_round: Annotated[Whole, RANDOMNESS, Parameter(show_default=False)] = 0
    """Number of that round."""
    nonce_from: Annotated[str, RANDOMNESS] = ""
    """A nonce from this counterparty, given after the commitment, decides the draw."""
    previous: Annotated[Several, INPUT] = ()
    """commitment.json of the campaign before this one; earlier ones may be given with it."""
    attach: Annotated[Several, INPUT] = ()
    """Timestamps of an existing commitment.json (.tsr, .ots) to store next to it; --probes is then left out."""
    plan: Annotated[PlanSettings, Parameter(name="*"), ANALYSIS_PLAN] = field(default_factory=PlanSettings)
    """What will be computed from the scores, fixed before the draw."""
    dry_run: Annotated[bool, RUNNING] = False
    """Check the candidates and print the resolved settings; write nothing."""

    def __post_init__(self) -> None:
        """Check what can be checked without the candidates."""
        checks = (
            (bool(self.probes) != bool(self.attach), "give --probes to seal, or --attach to add to an existing seal"),
            (not (self.beacon_name and self.nonce_from), "--beacon-name and --nonce-from: give only one of them"),
            (bool(self.beacon_name) == (self.beacon_round > 0), "--beacon-name and --beacon-round go together"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)

    def declared(self) -> "Declared":
        """What will decide the draw."""
        from transforms.planting.sealing.public_randomness import Declared

        if self.beacon_name:
            from transforms.planting.attestations.nist import PulseChain
            from transforms.planting.attestations.rounds import source_of

            declared = Declared("beacon", self.beacon_name, self.beacon_round)
            if source_of(declared) == PulseChain(0):
                raise UsageError(
                    f"--beacon-name {self.beacon_name}: pulses are numbered within a chain: name it, 'NIST chain 2'"
                )
            return declared
        return Declared("nonce", self.nonce_from) if self.nonce_from else Declared("self")

    def resolved(self, plan: "Plan") -> dict[str, Any]:
        """The settings as a config file holds them, in one table, with the doses that were chosen."""
        settings = dataclasses.asdict(self)
        chosen = settings.pop("plan")
        settled = {"sequence": plan.sequence, "checkpoint_note": plan.checkpoint_note}
        return {**settings, **chosen, **settled, "dry_run": False}


def run(config: SealConfig, _: "Context") -> int:
    """Seal, or attach timestamps to a seal; returns the exit code."""
    from pipelines.sealing.earlier import earlier_campaigns
    from pipelines.sealing.probe_files import read_probes, read_questions
    from transforms.base.readable import counted
    from transforms.planting.folder import refuse_existing, secrets_path

    path = secrets_path(config.secrets)
    if config.attach:
        return _attach(config, path)
    refuse_existing(path)
    table, units = read_probes(config.probes)
    questions = read_questions(config.probes, config.questions, units)
    declared, plan, chain = config.declared(), config.plan.plan(units, questions), earlier_campaigns(config.previous)
    chain.refuse_again(units)
    if config.dry_run:
        from transforms.base.toml import table as toml_table

        print(toml_table("seal", config.resolved(plan)))
        print(f"# {counted(len(units), 'unit')} of {plan.controls + 1} candidates; nothing was written")
        return 0
    commitment = _write(path, table, units, plan, declared, chain, questions)
    print(shown(f"sealed {counted(len(units), 'unit')} of {plan.controls + 1} candidates in {path}"))
    if questions is not None:
        judged = f"judged by answers to {plan.ask!r}" if plan.ask else "judged by whole texts: no --ask was given"
        print(f"questions   {counted(questions.num_rows, 'cue')}; candidates are {judged}")
    print(shown(f"commitment  {path / 'commitment.json'}  (publish it, byte for byte, before the draw)"))
    print(f"  sha256    {commitment.sha256.hex()}")
    print(f"  root      {commitment.root.hex()}")
    print(f"  campaign  {commitment.campaign}")
    print(f"the draw is decided by {declared.in_words}")
    if chain.unseen:
        which = ", ".join(map(str, chain.unseen))
        print(f"not compared with the candidates of campaign {which}: --previous names no folder of secrets with them")
    for note in _notes(declared):
        print(f"  {note}")
    return 0


def _notes(declared: "Declared") -> list[str]:
    """What is known of a declared beacon that its holder should hear now."""
    from datetime import UTC, datetime

    from transforms.planting.attestations.rounds import KNOWN, source_of, time_of

    if declared.kind != "beacon":
        return []
    if source_of(declared) is None:
        return [f"rounds of {declared.name!r} cannot be checked here; those of {', '.join(KNOWN)} can"]
    time = time_of(declared)
    if time is not None and time <= datetime.now(UTC):
        came_out = f"that round came out at {time:%Y-%m-%d %H:%M:%S} UTC"
        return [f"{came_out}: its value is known already, and a draw by it shows nothing: declare a round to come"]
    return []


def _write(
    path: Path,
    table: "pa.Table",
    units: "Sequence[Unit]",
    plan: "Plan",
    declared: "Declared",
    chain: "Earlier",
    questions: "pa.Table | None",
) -> "Commitment":
    """Make the folder of secrets, whole or not at all."""
    import json
    from dataclasses import replace

    import pyarrow as pa

    from schemas.secret.sealed_units import SEALED_UNITS
    from transforms.planting import folder as names
    from transforms.planting.sealing.key import Key
    from transforms.planting.sealing.questions import conform_questions
    from transforms.planting.sealing.record import SealRecord, file_hashes, key_check
    from transforms.planting.sealing.seal import commit, leaf_of, order_units

    with names.new_secrets(path) as draft:
        key = Key.create(draft / names.KEY)
        order = order_units(key, units, len(plan.tranche_sizes))
        leaves = [leaf_of(key, unit) for unit in order.units]
        rows = {candidate: row for row, candidate in enumerate(table.column("id").to_pylist())}
        in_order = table.take([rows[one.id] for unit in order.units for one in unit.candidates])
        sealed = pa.table(
            [
                [unit.id for unit in order.units],
                order.tranches,
                leaves,
                [unit.field_digests() for unit in order.units],
            ],
            schema=SEALED_UNITS,
        )
        asked = {}
        if questions is not None:
            asked = {names.QUESTIONS: names.parquet(conform_questions([("questions", questions)], order.units))}
            plan = replace(plan, questions=hashlib.sha256(asked[names.QUESTIONS]).hexdigest())
        files = {
            names.PLAN: plan.to_bytes(),
            names.PROBES: names.parquet(in_order),
            names.UNITS: names.parquet(sealed),
            **asked,
        }
        content = {name: value for name, value in json.loads(files[names.PLAN]).items() if name not in _HEAD}
        link = (chain.campaign, chain.previous)
        record = SealRecord(
            *link,
            leaves=len(leaves),
            randomness=declared,
            key_check=key_check(key),
            plan=content,
            files=file_hashes(files),
        ).to_bytes()
        commitment = commit(key, leaves, files[names.PLAN], record, link, declared)
        beside = {names.EARLIER: names.parquet(chain.sealed)} if chain.previous else {}
        written = {**files, **beside, names.RECORD: record, names.COMMITMENT: commitment.to_bytes()}
        for name, data in written.items():
            names.write(draft, name, data)
    return commitment


_HEAD = ("schema", "version")


def _attach(config: SealConfig, path: Path) -> int:
    from transforms.base.errors import SealError
    from transforms.base.folders import canonical
    from transforms.base.stores.copies import fetched
    from transforms.planting import folder as names
    from transforms.planting.sealing.timestamps import read_timestamp

    with names.locked(path):
        wanted = _commitment_sha256(path / names.COMMITMENT)
        for file in config.attach:
            name = f"{names.ATTACHED}/{Path(canonical(file)).name}"
            try:
                data = fetched(file).read_bytes()
                stamp = read_timestamp(data)
            except OSError as error:
                raise UsageError(f"--attach {file}: cannot be read ({cause_of(error)})") from error
            except SealError as error:
                raise RunError(f"--attach {file}: {error}") from error
            if stamp.sha256.hex() != wanted:
                raise RunError(f"--attach {file}: is a timestamp of another document than {path / names.COMMITMENT}")
            if (path / name).exists() and (path / name).read_bytes() != data:
                raise RunError(f"--attach {file}: {path / name} exists with other content; rename this file")
            if not config.dry_run:
                names.write(path, name, data)
                print(shown(f"attached {path / name}: {stamp.kind} {stamp.time}".rstrip()))
    return 0


def _commitment_sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); --secrets names an existing seal here") from error
