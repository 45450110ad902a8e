"""`trapline seal`: a key, a bound analysis plan, and the commitment to publish."""

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from schemas.plan import Plan
    from transforms.planting.sealing.commitment import Commitment
    from transforms.planting.sealing.public_randomness import Declared
    from transforms.planting.sealing.units import Unit

_Several = Parameter(consume_multiple=True, negative=())


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SealConfig:
    """Settings of `trapline seal`; the same names stand in the `[seal]` table of a config file."""

    probes: Annotated[tuple[str, ...], _Several] = ()
    """Parquet files of candidates, or folders of such files."""
    secrets: str
    """A new local folder for key, plan, candidates and all else that must stay secret."""
    beacon_name: str = ""
    """The draw is decided by a round of this public beacon, still to come."""
    beacon_round: int = 0
    """Number of that round."""
    nonce_from: str = ""
    """The draw is decided by a nonce from this counterparty, given after the commitment."""
    previous: str = ""
    """commitment.json of the campaign before this one."""
    attach: Annotated[tuple[str, ...], _Several] = ()
    """Timestamps of an existing commitment.json (.tsr, .ots) to keep beside it; give no --probes then."""
    metric: str = "loss"
    """Plan: the primary metric."""
    metric_version: int = 1
    """Plan: version of the metric's definition."""
    sign: Literal[1, -1] = 1
    """Plan: 1 if high means memorised, -1 if low does."""
    statistic: Literal["aligned_rank", "mean"] = "aligned_rank"
    """Plan: aligned ranks within a stratum, or the mean of centred scores."""
    weights: Annotated[tuple[str, ...], _Several] = ()
    """Plan: STRATUM=WEIGHT; strata that are not named weigh 1."""
    sequence: Annotated[tuple[int, ...], _Several] = ()
    """Plan: doses in the order of their tests, highest first; all doses of the probes by default."""
    alpha: float = 0.001
    """Plan: probability of a false rejection."""
    redraws: int = 0
    """Plan: Monte Carlo redraws; 0: 999,999, and 99,999 above 10,000 units."""
    slots: int = 4
    """Plan: slots at which a candidate is scored, at most."""
    context: int = 512
    """Plan: tokens before the slot that the model is given."""
    bos: Literal["checkpoint", "always", "never"] = "checkpoint"
    """Plan: a begin-of-sequence token first, as the checkpoint defines it, always or never."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Plan: number format of the scored model."""
    tokenizer: str = ""
    """Plan: a tokenizer.json for scoring; the checkpoint's own by default."""
    reference: Annotated[tuple[str, ...], _Several] = ()
    """Plan: folders of reference checkpoints; their hashes are recorded."""
    checkpoints: Literal["single", "maximum", "series"] = "single"
    """Plan: one checkpoint, the maximum over a fixed list, or a growing series."""
    checkpoint_note: str = ""
    """Plan: which checkpoint or checkpoints, in words."""
    series_lambda: float = 1.0
    """Plan: lambda of the e-values of a series."""
    tranches: int = 1
    """Plan: parts into which the units are dealt, each of which can be revealed by itself."""
    dry_run: Annotated[bool, Parameter(negative=())] = False
    """Check the candidates, print the resolved settings; write nothing."""

    def __post_init__(self) -> None:
        """Check what can be checked without the candidates."""
        checks = (
            (bool(self.probes) != bool(self.attach), "give --probes to seal, or --attach to add to an existing seal"),
            (not (self.beacon_name and self.nonce_from), "--beacon-name and --nonce-from: give one of them"),
            (bool(self.beacon_name) == (self.beacon_round > 0), "--beacon-name and --beacon-round go together"),
            (self.tranches >= 1, f"--tranches {self.tranches}: give 1 or more"),
            (self.redraws >= 0, f"--redraws {self.redraws}: give 0 (the rule) or more"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)

    def declared(self) -> "Declared":
        """What will decide the draw."""
        from transforms.planting.sealing.public_randomness import Declared

        if self.beacon_name:
            return Declared("beacon", self.beacon_name, self.beacon_round)
        return Declared("nonce", self.nonce_from) if self.nonce_from else Declared("self")

    def plan(self, units: "Sequence[Unit]") -> "Plan":
        """The analysis plan for these units.

        Raises:
            UsageError: naming the flag that does not suit them.
        """
        from schemas.plan import CHECKPOINT_TOKENIZER, Plan
        from transforms.planting.sealing.seal import plan_fits

        weights = dict.fromkeys(sorted({unit.stratum for unit in units}), 1.0)
        for number, entry in enumerate(self.weights, 1):
            stratum, _, weight = entry.rpartition("=")
            if stratum not in weights:
                raise UsageError(f"--weights: entry {number} is not STRATUM=WEIGHT with a stratum of the probes")
            try:
                weights[stratum] = float(weight)
            except ValueError:
                raise UsageError(f"--weights: entry {number}: the weight is not a number") from None
        if self.tranches > len(units):
            raise UsageError(f"--tranches {self.tranches}: there are {len(units)} units; give at most as many")
        redraws = dict.fromkeys(("redraws", "redraws_many"), self.redraws) if self.redraws else {}
        doses = sorted({unit.dose for unit in units}, reverse=True)
        same = ("metric", "metric_version", "sign", "statistic", "alpha", "slots", "context", "bos", "dtype")
        try:
            plan = Plan(
                controls=len(units[0].candidates) - 1,
                weights=weights,
                sequence=self.sequence or tuple(doses),
                tranche_sizes=tuple(len(range(first, len(units), self.tranches)) for first in range(self.tranches)),
                tokenizer=f"sha256:{_file_sha256(self.tokenizer)}" if self.tokenizer else CHECKPOINT_TOKENIZER,
                references=tuple(_checkpoint_sha256(folder) for folder in self.reference),
                checkpoints=self.checkpoints,
                checkpoint_note=self.checkpoint_note,
                series_lambda=self.series_lambda,
                **{name: getattr(self, name) for name in same},
                **redraws,  # type: ignore[arg-type]
            )
        except ValueError as error:
            raise UsageError(str(error)) from error
        misfit = plan_fits(plan, units)
        if misfit:
            raise UsageError(f"plan: {misfit}")
        return plan


def run(config: SealConfig) -> int:
    """Seal, or attach timestamps to a seal; returns the exit code."""
    from transforms.base.readable import counted
    from transforms.planting.folder import refuse_existing, secrets_path

    path = secrets_path(config.secrets)
    if config.attach:
        return _attach(config, path)
    refuse_existing(path)
    table, units = read_probes(config.probes)
    declared, plan, chain = config.declared(), config.plan(units), _chain(config.previous, units)
    if config.dry_run:
        from transforms.base.toml import table as toml_table

        print(toml_table("seal", {**dataclasses.asdict(config), "sequence": plan.sequence, "dry_run": False}))
        print(f"# {counted(len(units), 'unit')} of {plan.controls + 1} candidates; nothing was written")
        return 0
    commitment = _write(path, table, units, plan, declared, chain)
    print(f"sealed {counted(len(units), 'unit')} of {plan.controls + 1} candidates in {path}")
    print(f"commitment  {path / 'commitment.json'}  (publish it, byte for byte, before the draw)")
    print(f"  sha256    {commitment.sha256.hex()}")
    print(f"  root      {commitment.root.hex()}")
    print(f"  campaign  {commitment.campaign}")
    print(f"the draw is decided by {declared.in_words}")
    return 0


def read_probes(sources: "Sequence[str]") -> "tuple[pa.Table, list[Unit]]":
    """All probes of some files and folders as one table with its units.

    Raises:
        SealError, SchemaMismatchError, RunError: naming file, row and column of what cannot be used.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from schemas.probes import conform
    from transforms.planting.sealing.units import units_of

    files: list[Path] = []
    for source in sources:
        path = Path(source)
        inside = sorted(one for one in path.glob("*.parquet") if one.is_file()) if path.is_dir() else [path]
        if not inside:
            raise RunError(f"--probes {source}: there is no .parquet file in this folder")
        files += inside
    tables = []
    for path in files:
        try:
            tables.append((str(path), pq.ParquetFile(path).read()))
        except (OSError, pa.ArrowException) as error:
            detail = error.strerror if isinstance(error, OSError) and error.strerror else "it is no Parquet file"
            raise RunError(f"--probes {path}: cannot be read ({detail})") from error
    places = [f"{name}: row {row}" for name, table in tables for row in range(table.num_rows)]
    table = conform(tables)
    return table, units_of(table, places)


def _chain(previous: str, units: "Sequence[Unit]") -> tuple[int, bytes]:
    """Number of this campaign, and the hash of the commitment before it."""
    if not previous:
        return 1, b""
    from pipelines.check import read_commitment

    before = read_commitment(previous)
    _refuse_sealed_before(Path(previous).parent, units)
    return before.campaign + 1, before.sha256


def _refuse_sealed_before(folder: Path, units: "Sequence[Unit]") -> None:
    """A sealed candidate never enters another campaign; seen where the previous commitment stands in its secrets."""
    from transforms.planting.folder import KEY, PROBES

    if not (folder / KEY).exists() or not (folder / PROBES).exists():
        return
    _, before = read_probes([str(folder / PROBES)])
    ids, texts = {unit.id for unit in before}, {one.text for unit in before for one in unit.candidates}
    again = sum(unit.id in ids or any(one.text in texts for one in unit.candidates) for unit in units)
    if again:
        raise RunError(
            f"--probes: {again} of the units were sealed in the campaign before, by name or by a text: "
            "make new ones, a sealed candidate never enters another campaign"
        )


def _write(
    path: Path,
    table: "pa.Table",
    units: "Sequence[Unit]",
    plan: "Plan",
    declared: "Declared",
    chain: tuple[int, bytes],
) -> "Commitment":
    """Make the folder of secrets, whole or not at all."""
    import json

    import pyarrow as pa

    from schemas.secret.sealed_units import SEALED_UNITS
    from transforms.planting import folder as names
    from transforms.planting.sealing.key import Key
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
        files = {
            names.PLAN: plan.to_bytes(),
            names.PROBES: names.parquet(in_order),
            names.UNITS: names.parquet(sealed),
        }
        content = {name: value for name, value in json.loads(files[names.PLAN]).items() if name not in _HEAD}
        record = SealRecord(
            *chain,
            leaves=len(leaves),
            randomness=declared,
            key_check=key_check(key),
            plan=content,
            files=file_hashes(files),
        ).to_bytes()
        commitment = commit(key, leaves, files[names.PLAN], record, chain, declared)
        for name, data in {**files, names.RECORD: record, names.COMMITMENT: commitment.to_bytes()}.items():
            names.write(draft, name, data)
    return commitment


_HEAD = ("schema", "version")


def _attach(config: SealConfig, path: Path) -> int:
    from transforms.base.errors import SealError
    from transforms.planting import folder as names
    from transforms.planting.sealing.timestamps import read_timestamp

    with names.locked(path):
        wanted = _file_sha256(str(path / names.COMMITMENT))
        for file in config.attach:
            name = f"{names.ATTACHED}/{Path(file).name}"
            try:
                data = Path(file).read_bytes()
                stamp = read_timestamp(data)
            except OSError as error:
                raise UsageError(f"--attach {file}: cannot be read ({error.strerror})") from error
            except SealError as error:
                raise RunError(f"--attach {file}: {error}") from error
            if stamp.sha256.hex() != wanted:
                raise RunError(f"--attach {file}: stamps another document than {path / names.COMMITMENT}")
            if (path / name).exists() and (path / name).read_bytes() != data:
                raise RunError(f"--attach {file}: {path / name} is another file of that name; rename this one")
            if not config.dry_run:
                names.write(path, name, data)
                print(f"attached {path / name}: {stamp.kind} {stamp.time}".rstrip())
    return 0


def _file_sha256(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error


def _checkpoint_sha256(folder: str) -> str:
    from transforms.base.folders import folder_sha256

    try:
        return folder_sha256(Path(folder))
    except OSError as error:
        raise UsageError(f"--reference {folder}: cannot be read ({error.strerror}); give a folder") from error
