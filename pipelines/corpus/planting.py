"""The secret side of `trapline prepare`: what is planted, kept apart from the run that everyone may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipelines.prepare import PrepareConfig
from pipelines.running import output as outputs
from pipelines.running.errors import RunError, UsageError
from transforms.base.errors import SealError
from transforms.base.folders import Folder
from transforms.base.readable import count, counted, size
from transforms.base.runs import Work, canonical_json
from transforms.corpus.input.addresses import file_of
from transforms.corpus.input.columns import check_text_column, without_views
from transforms.corpus.input.condition import check_condition
from transforms.corpus.input.merged_schema import merge_schemas, storable
from transforms.corpus.input.pieces import Piece, parquet_schema, read_piece
from transforms.corpus.input.sources import PARQUET
from transforms.corpus.output.edits import read_edits
from transforms.corpus.output.names import edits_name
from transforms.corpus.output.rewrite import conform
from transforms.corpus.output.shards import Shard
from transforms.corpus.scan_numbers import ScannedNumbers
from transforms.planting import folder as names
from transforms.planting.columns.followers import (
    FILES,
    LOOKED_AT,
    LOOKED_AT_IN_A_FILE,
    Follower,
    find_followers,
    find_unique,
)
from transforms.planting.insertion.editor import PlantingEditor
from transforms.planting.insertion.watch import WatchForProbes
from transforms.planting.ledger.check_planting import check_planting
from transforms.planting.ledger.check_secrets import Sealed, open_secrets
from transforms.planting.ledger.ledger import gather_ledger, gather_slots, ledger_root, refuse_other_places
from transforms.planting.ledger.planted import Planted, PlantingRecord, file_sha256, planting_hash
from transforms.planting.places.by_shard import FOLDER, write_plantings
from transforms.planting.places.places import PURPOSE, Places, Room, find_places, needed_bytes
from transforms.planting.work import SecretWork

if TYPE_CHECKING:
    from pipelines.corpus.run import Input

_LOOKED_INTO = 1 << 20
"""Bytes of a file of JSON lines that are looked into."""


@dataclass
class Campaign:
    """A sealed and drawn campaign that is being planted."""

    config: PrepareConfig
    path: Path
    sealed: Sealed
    work: SecretWork
    followers: tuple[Follower, ...] = ()
    places: Places | None = None
    counts: Mapping[str, int] | None = None

    @classmethod
    def open(cls, config: PrepareConfig, output: Folder) -> "Campaign":
        """Open the secrets for planting; nothing is written.

        Raises:
            UsageError: if output and secrets lie in one another.
            SealError: if the secrets do not hold, or nothing was drawn yet.
        """
        path = names.secrets_path(config.secrets)
        if output.local:
            public = output.local_path().resolve()
            if public == path or public in path.parents or path in public.parents:
                raise UsageError(
                    f"--secrets {config.secrets} and --output {config.output} lie in one another: "
                    "what is secret must stand apart from what is published"
                )
        sealed = open_secrets(path, planting=False)
        if sealed.randomness is None:
            raise SealError(f"--secrets {path}: nothing was drawn yet: trapline draw")
        return cls(config, path, sealed, SecretWork(""))

    def identity(self) -> dict[str, Any]:
        """What of the campaign the output depends on, under the key: the run's name is public and must tell nothing."""
        draw = self.sealed.randomness
        decided = [] if draw is None else [draw.kind, draw.value.hex()]
        settings = canonical_json(self.config.planting_settings())
        root = self.sealed.commitment.root
        return {"planting": self.sealed.key.hmac("trapline/v2/run", root, settings, *decided).hex()}

    def begin(self, work: Work, found: "Input") -> None:
        """Bind to a run: look at the columns, and refuse secrets that were planted by another run.

        What an earlier planting left stays until this one is finished.

        Raises:
            SealError: for secrets that were planted already, or a column that would betray a changed text.
            CorpusError: for a condition that does not fit the columns.
        """
        self.work = SecretWork(work.run)
        SecretWork.announce(self.path)
        self.followers = self._look_at_columns(found)
        record = None if self.work.exists() else self._planted_before()
        other = record is not None and record.run != work.run
        if record is not None and other and not (self.config.overwrite and self._may_replace(record, work.output)):
            raise SealError(
                f"--secrets {self.path}: were planted already, into another output or with other settings; a seal is "
                "planted once: seal new probes, or give that very output with --overwrite to replace it"
            )
        self.work.remove_others()

    def enter(self) -> None:
        """Make the secret work folder: from here on an interrupted run is known as this one.

        Raises:
            SealError: if the secrets cannot be written.
        """
        self.work.make(FOLDER, "ledger", "slots")

    def _planted_before(self) -> PlantingRecord | None:
        """What planted these secrets; None before that.

        Raises:
            SealError: if what it left does not hold.
        """
        record, problems = check_planting(self.path, self.sealed.key, self.sealed.commitment)
        if problems:
            raise SealError(f"--secrets {self.path}: {problems[0]}; trapline check --secrets says all of it")
        return record

    def _may_replace(self, record: PlantingRecord, output: Folder) -> bool:
        """Whether an output is the one that was planted, or was, before it was taken away to be replaced."""
        if not output.exists(outputs.MANIFEST):
            return True
        return file_sha256(output.read(outputs.MANIFEST)) == record.manifest

    def _look_at_columns(self, found: "Input") -> tuple[Follower, ...]:
        config = self.config
        for source in found.sources:
            if config.where and source.kind == PARQUET:
                check_condition(parquet_schema(source), config.where, source.uri)
        first: dict[int, Piece] = {}
        for piece in found.pieces:
            first.setdefault(piece.source.ordinal, piece)
        spread = np.unique(np.linspace(0, len(first) - 1, min(FILES, len(first))).astype(np.int64)).tolist()
        chosen = [list(first.values())[at] for at in spread]
        most = max(LOOKED_AT_IN_A_FILE, LOOKED_AT // max(1, len(chosen)))
        named = [(one.uri, without_views(parquet_schema(one))) for one in found.sources if one.kind == PARQUET]
        tables = []
        for piece in chosen:
            uri, json = piece.source.uri, piece.source.kind != PARQUET
            if json and piece.hi is not None:
                piece = replace(piece, hi=min(piece.hi, piece.lo + _LOOKED_INTO))
            records = next(iter(read_piece(piece)), None)
            if records is not None and config.text_column in records.table.column_names:
                check_text_column(records.table.schema, config.text_column, uri)
                tables.append((uri, records.table.slice(0, most)))
                named += [(uri, without_views(records.table.schema))] if json else []
        # Parquet files that are not looked into tell at least the names and types of their columns.
        schema = storable(merge_schemas(named))
        if not tables:
            return ()
        # Taken, so that no whole batch is kept for the sake of a few documents.
        parts = [conform(part, schema, uri).take(pa.array(range(part.num_rows), pa.int64())) for uri, part in tables]
        sample = pa.concat_tables(parts).unify_dictionaries()
        followers = find_followers(sample, config.text_column, config.unrelated_columns, config.id_column)
        if any(unit.as_document for unit in self.sealed.units):
            followers += find_unique(sample, config.text_column, followers, config.id_column)
        return tuple(followers)

    @property
    def watch(self) -> WatchForProbes:
        """What the scan looks for in the texts."""
        return WatchForProbes(self.work)

    def refuse_planted_corpus(self, scan: Mapping[str, Any], sources: Sequence[Any]) -> None:
        """Check that the corpus holds no candidate's text.

        Raises:
            RunError: if it does, with a file; never with the text.
        """
        if scan["watched"]:
            first = min(scan["watched"])
            raise RunError(
                f"{counted(len(scan['watched']), 'document')} of the input hold the text of a sealed candidate, the "
                f"first in {sources[file_of(first)].uri}: this corpus was planted under the same seal already, or the "
                "candidates leaked; give the corpus as it was before, or seal new probes"
            )

    def plan(self, work: Work, scan: dict[str, Any], shards: Sequence[Shard]) -> int:
        """Decide every place and write what each shard takes; returns the number of documents that are added.

        Raises:
            PlacesError: if the corpus cannot hold the doses.
        """
        numbers = ScannedNumbers(work, scan)
        addresses = numbers.numbers("address", np.uint64)
        removed = [read_edits(work.folder, edits_name(shard.ordinal)).removed for shard in shards]
        kept = ~np.isin(addresses, np.concatenate(removed))
        sizes = numbers.numbers("bytes", np.uint32)[kept]
        room = Room(addresses[kept], sizes, numbers.flags("eligible")[kept] & (sizes > 0))
        key, units = self.sealed.key.derive(PURPOSE), self.sealed.units
        self.places = find_places(key, units, room, self.config.limits())
        write_plantings(self.work, self.places, units, self.sealed.arms, self.sealed.plan.slots, shards)
        added = int(self.places.as_document.sum())
        planted = sum(
            unit.dose * len(unit.candidates[arm].text.encode())
            for unit, arm in zip(units, self.sealed.arms, strict=True)
        )
        self.counts = {
            "copies": len(self.places.leaf),
            "documents_added": added,
            "documents_before": len(sizes),
            "planted_bytes": planted,
            "text_bytes_before": room.text_bytes,
        }
        return added

    def planted_addresses(self) -> set[int]:
        """Documents of the input that do not stand in the output as they were."""
        return set() if self.places is None else set(self.places.address[~self.places.as_document].tolist())

    def editor(self) -> PlantingEditor:
        """What plants while the text streams by."""
        return PlantingEditor(self.work, self.config.text_column, self.followers, self.sealed.plan.context)

    def finish(self, manifest: bytes, shards: int) -> None:
        """Write the ledger, the slots and the second commitment, before the output counts as finished."""
        assert self.places is not None and self.counts is not None  # noqa: S101, PT018 - for the type checker
        ledger = gather_ledger(self.work, shards)
        refuse_other_places(ledger, self.places, self.sealed.units, self.sealed.arms)
        files = {
            names.LEDGER: names.parquet(ledger),
            names.SLOTS: names.parquet(gather_slots(self.work, shards, self.sealed.units)),
        }
        record = PlantingRecord(
            run=self.work.run,
            manifest=file_sha256(manifest),
            settings=self.config.planting_settings(),
            text_column=self.config.text_column,
            followers=self.followers,
            counts=self.counts,
            files={name: file_sha256(data) for name, data in files.items()},
        ).to_bytes()
        key = self.sealed.key
        planted = Planted(
            commitment=self.sealed.commitment.sha256,
            manifest=file_sha256(manifest),
            ledger_root=ledger_root(key, ledger),
            record_hash=planting_hash(record, key),
        )
        self._set_aside()
        for name, data in {**files, names.PLANTING: record, names.PLANTED: planted.to_bytes()}.items():
            names.write(self.path, name, data)

    def _set_aside(self) -> None:
        """Move what a replaced planting left out of the way: its corpus may have been given to others."""
        Folder(str(self.path)).remove_temporaries("")
        file = self.path / names.PLANTING
        try:
            run = PlantingRecord.parse(file.read_bytes()).run
        except (OSError, ValueError):
            return
        if run == self.work.run:
            return
        for name in (names.PLANTED, names.LEDGER, names.SLOTS, names.PLANTING):
            if (self.path / name).exists():
                names.write(self.path, f"{names.REPLACED}/{run}/{Path(name).name}", (self.path / name).read_bytes())
                (self.path / name).unlink()

    def close(self) -> None:
        """Remove what the run kept for its workers."""
        self.work.remove()

    def describe(self) -> list[str]:
        """What would be planted, for a dry run: numbers, no strata."""
        units = self.sealed.units
        copies, need = sum(unit.dose for unit in units), size(needed_bytes(units, self.config.limits()))
        return [f"{counted(len(units), 'unit')}, {count(copies)} copies; they need some {need} of kept text"]
