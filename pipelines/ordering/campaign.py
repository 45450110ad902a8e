"""The secret side of `trapline order`: the planted units whose copies are scheduled, and the record of the events."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.ordering.input import OrderInput
from pipelines.running.errors import RunError, UsageError
from pipelines.running.machine import cores
from pipelines.sealing.planted_corpus import planted_manifest
from transforms.base.folders import Folder
from transforms.corpus.output.manifest import Manifest
from transforms.ordering.planning.plan import Plan, PlantedUnit
from transforms.ordering.planning.record import OrderRecord, events, moved, planted_units
from transforms.ordering.planning.rules import ScheduleFile
from transforms.ordering.planning.shuffle import Rows
from transforms.planting import folder as names
from transforms.planting.ledger.check_secrets import Sealed, open_secrets
from transforms.planting.ledger.planted import file_sha256
from transforms.planting.ledger.restoration import read_ledger, refuse_changed_file

if TYPE_CHECKING:
    from pipelines.order import OrderConfig

ORDERS, EVENTS_FILE, RECORD_FILE = "orders", "events.parquet", "order.json"


@dataclass(frozen=True)
class Campaign:
    """A planted corpus that is brought into order, with its ledger.

    Attributes:
        config: the settings.
        path: the folder of secrets.
        sealed: what it holds.
        manifest: of the planted corpus.
        ledger: one row per copy.
        units: planted ones.
        unit_of: int64[rows of the ledger], number of the unit.
        rows: int64[rows of the ledger], row of the input.
    """

    config: "OrderConfig"
    path: Path
    sealed: Sealed
    manifest: Manifest
    ledger: pa.Table
    units: list[PlantedUnit]
    unit_of: Rows
    rows: Rows

    @classmethod
    def open(cls, config: "OrderConfig", path: Path, output: Folder, found: OrderInput) -> "Campaign":
        """Open the secrets and hold the corpus against them.

        Raises:
            UsageError: if the output and the secrets overlap.
            SealError, RunError: if the secrets fail their check, or the corpus is not the planted one.
        """
        if names.overlap(output, path):
            raise UsageError(
                f"--secrets {config.secrets} and --output {config.output} overlap: choose an output that is not "
                "in the secrets folder and does not contain it"
            )
        source = Folder.of(config.input[0])
        sealed = open_secrets(path)
        manifest = planted_manifest(source, sealed)
        _refuse_other_files(source, manifest, found)
        ledger = read_ledger(str(path))
        return cls(config, path, sealed, manifest, ledger, *planted_units(ledger, found.starts))

    def key(self) -> bytes:
        """The key of the order, 32 bytes."""
        return self.sealed.key.derive("order").hmac("trapline/v1/order-seed", self.config.seed)

    def identity(self) -> dict[str, Any]:
        """Keyed hash of the schedule, for the public run name: it reveals nothing."""
        root, text = self.sealed.commitment.root, self.config.schedule_text()
        return {"order": self.sealed.key.hmac("trapline/v1/order-run", root, text).hex()}

    def events_path(self, run: str) -> Path:
        """Where the events of a run are."""
        return self.path / ORDERS / run / EVENTS_FILE

    def refuse_changed(self) -> None:
        """Hold every shard against the manifest: the ledger speaks of these rows.

        Raises:
            SealError: naming the first that differs.
        """
        source = Folder.of(self.config.input[0])
        with ThreadPoolExecutor(self.config.threads or cores()) as pool:
            list(pool.map(lambda shard: refuse_changed_file(source, shard.path, shard.sha256), self.manifest.shards))

    def finish(self, run: str, manifest: bytes, plan: Plan, file: ScheduleFile, starts: Sequence[int]) -> None:
        """Write the events and the record of the order, before the output counts as finished."""
        config = self.config
        table = events(plan, file, self.ledger, self.unit_of, self.rows, config.batch, starts)
        data = names.parquet(table)
        record = OrderRecord(
            run=run,
            manifest=file_sha256(manifest),
            planted=self.sealed.planting.manifest if self.sealed.planting is not None else b"",
            schedule=config.schedule_text(),
            settings={"batch": config.batch, "seed": config.seed},
            counts={
                "events": table.num_rows,
                "scheduled": len(plan.wanted.step),
                "moved": moved(plan, config.batch),
            },
            files={EVENTS_FILE: file_sha256(data)},
        )
        for name, content in ((EVENTS_FILE, data), (RECORD_FILE, record.to_bytes())):
            names.write(self.path, f"{ORDERS}/{run}/{name}", content)


def _refuse_other_files(source: Folder, manifest: Manifest, found: OrderInput) -> None:
    """Check that the input is the planted shards, in their order and with their rows."""
    listed = [(source.at(shard.path), shard.rows) for shard in manifest.shards]
    sizes = (found.starts[1:] - found.starts[:-1]).tolist()
    if listed != list(zip((one.uri for one in found.sources), sizes, strict=True)):
        raise RunError(
            f"--input {source.uri}: data/ does not hold the shards that manifest.json lists: give the output of "
            "trapline prepare, whole and unchanged"
        )
