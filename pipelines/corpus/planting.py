"""The secret side of `trapline prepare`: the sealed campaign that a corpus run plants."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.corpus.hooks import Added
from pipelines.corpus.input import Input
from pipelines.corpus.summaries import PlanSummary, ScanSummary
from pipelines.running import output as outputs
from pipelines.running.errors import RunError
from transforms.base.errors import SealError
from transforms.base.folders import Folder
from transforms.base.readable import count, counted, size
from transforms.base.runs import Work, canonical_json
from transforms.corpus.input.addresses import file_of
from transforms.corpus.input.columns import check_text_column
from transforms.corpus.input.condition import check_condition
from transforms.corpus.input.formats import format_for, schema_of, schemas_known
from transforms.corpus.input.merged_schema import together
from transforms.corpus.input.pieces import Piece, read_piece
from transforms.corpus.input.sources import Source
from transforms.corpus.output.edits import read_edits
from transforms.corpus.output.names import edits_name, quarantined_addresses
from transforms.corpus.output.shards import output_rows
from transforms.corpus.output.utf8 import rows_not_utf8
from transforms.corpus.row_numbers import row_numbers
from transforms.corpus.scan_numbers import ScannedNumbers
from transforms.corpus.types.conform import conform
from transforms.planting import folder as names
from transforms.planting.columns.followers import (
    FILES,
    LOOKED_AT,
    LOOKED_AT_IN_A_FILE,
    Follower,
    find_followers,
    find_unique,
)
from transforms.planting.forms import LINE
from transforms.planting.insertion.editor import PlantingEditor
from transforms.planting.insertion.watch import WatchForProbes, forget_phrases, lend_phrases, write_phrases
from transforms.planting.ledger.check_planting import check_planting
from transforms.planting.ledger.check_secrets import Sealed
from transforms.planting.ledger.covered import covered_bytes
from transforms.planting.ledger.ledger import gather_ledger, gather_slots, ledger_root, refuse_other_places
from transforms.planting.ledger.planted import Planted, PlantingRecord, file_sha256, planting_hash
from transforms.planting.places.by_shard import FOLDER, write_plantings
from transforms.planting.places.places import PURPOSE, Places, Room, find_places, needed_bytes
from transforms.planting.tables.units import columns_of, drawn_of, texts_of
from transforms.planting.work import SecretWork

if TYPE_CHECKING:
    from pipelines.prepare import PrepareConfig

_LOOKED_INTO = 1 << 20
"""Bytes of a JSONL file that are read to learn its columns."""


@dataclass
class Campaign:
    """A sealed and drawn campaign that is being planted: the `Planting` of `pipelines.corpus.hooks`."""

    config: "PrepareConfig"
    path: Path
    sealed: Sealed
    work: SecretWork
    followers: tuple[Follower, ...] = ()
    places: Places | None = None
    rows: npt.NDArray[np.uint64] | None = None
    shards: int = 0
    counts: Mapping[str, int] | None = None

    @classmethod
    def of(cls, config: "PrepareConfig", path: Path, sealed: Sealed) -> "Campaign":
        """The campaign of secrets that were opened for planting; nothing is written.

        Raises:
            SealError: if nothing was drawn yet.
        """
        if sealed.randomness is None:
            raise SealError(f"--secrets {path}: nothing was drawn yet: trapline draw")
        if not sealed.announced:
            raise SealError(
                f"--secrets {path}: {names.DRAWN} is missing, the public statement of the draw: the same trapline draw "
                "again writes it; publish it before the data"
            )
        return cls(config, path, sealed, SecretWork(""))

    def identity(self) -> dict[str, Any]:
        """Keyed hash of the planting settings, for the public run name. Keyed, so that the name reveals nothing."""
        draw = self.sealed.randomness
        decided = [] if draw is None else [draw.kind, draw.value.hex()]
        settings = canonical_json(self.config.planting_settings())
        root = self.sealed.commitment.root
        return {"planting": self.sealed.key.hmac("trapline/v2/run", root, settings, *decided).hex()}

    def begin(self, work: Work, found: Input) -> None:
        """Bind to a run: check the columns, and refuse secrets that another run has planted.

        The files of an earlier planting stay until this one is finished.

        Raises:
            SealError: for secrets that were planted already, or a column that would give a changed text away.
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
                "planted only once: seal new probes, or name the same output with --overwrite to replace it"
            )
        self.work.remove_others()

    def enter(self) -> None:
        """Make the secret work folder, by which an interrupted run is recognised when it is resumed.

        Raises:
            SealError: if the secrets cannot be written.
        """
        self.work.make(FOLDER, "ledger", "slots")
        if self.work.local:
            lend_phrases(self.work, texts_of(self.sealed.units))
        else:
            write_phrases(self.work, texts_of(self.sealed.units))

    def _planted_before(self) -> PlantingRecord | None:
        """The record of an earlier planting; None if there was none.

        Raises:
            SealError: if its files fail their check.
        """
        own = self.sealed
        record, problems = check_planting(self.path, own.key, own.commitment, None, own.announced)
        if problems:
            raise SealError(f"--secrets {self.path}: {problems[0]}; trapline check --secrets lists every problem")
        return record

    def _may_replace(self, record: PlantingRecord, output: Folder) -> bool:
        """Whether the output is the planted one, or has been removed already in order to be replaced."""
        if not output.exists(outputs.MANIFEST):
            return True
        return file_sha256(output.read(outputs.MANIFEST)) == record.manifest

    def _look_at_columns(self, found: Input) -> tuple[Follower, ...]:
        config = self.config
        for source in found.sources:
            if config.where and format_for(source).knows_schema:
                check_condition(schema_of(source), config.where, source.uri)
        first: dict[int, Piece] = {}
        for piece in found.pieces:
            first.setdefault(piece.source.ordinal, piece)
        spread = np.unique(np.linspace(0, len(first) - 1, min(FILES, len(first))).astype(np.int64)).tolist()
        chosen = [list(first.values())[at] for at in spread]
        most = max(LOOKED_AT_IN_A_FILE, LOOKED_AT // max(1, len(chosen)))
        named = schemas_known(found.sources)
        looked_into = []
        for piece in chosen:
            uri, known = piece.source.uri, format_for(piece.source).knows_schema
            if known:
                schema = schema_of(piece.source)
            else:
                if piece.hi is not None:
                    piece = replace(piece, hi=min(piece.hi, piece.lo + _LOOKED_INTO))
                records = next(iter(read_piece(piece)), None)
                if records is None:
                    continue
                schema = records.table.schema
            if config.text_column in schema.names:
                check_text_column(schema, config.text_column, uri)
                looked_into.append(piece)
                named += [] if known else [(uri, schema)]
        # Files that are not looked into tell at least the names and types of their columns.
        schema = together(named)
        if not looked_into:
            return ()
        with ThreadPoolExecutor(2) as readers:  # they decode without the GIL
            parts = list(readers.map(lambda piece: self._documents(piece, schema, most), looked_into))
        sample = pa.concat_tables(parts).unify_dictionaries()
        followers = find_followers(sample, config.text_column, config.unrelated_columns, config.id_column)
        if columns_of(self.sealed.units).as_document.any():
            followers += find_unique(sample, config.text_column, followers, config.id_column)
        return tuple(followers)

    def _documents(self, piece: Piece, schema: pa.Schema, most: int) -> pa.Table:
        """The first documents of a piece, at most `most`, read and conformed as the rewrite does it.

        Those with text that is not UTF-8 are left out: whether a column depends on the text is seen in others.
        """
        if format_for(piece.source).knows_schema:  # whose positions are rows
            piece = replace(piece, hi=piece.lo + most if piece.hi is None else min(piece.hi, piece.lo + most))
        records = next(iter(read_piece(piece, schema=schema)), None)
        if records is None:
            return schema.empty_table()
        table = conform(records.table.slice(0, most), schema, piece.source.uri)
        good = np.ones(table.num_rows, np.bool_)
        for column in table.columns:
            good[rows_not_utf8(column)] = False
        # `take` copies the rows: a slice would keep the whole batch in memory for a few documents.
        return table.take(pa.array(np.flatnonzero(good)))

    def watch(self) -> WatchForProbes:
        """Looks for the candidates' texts during the scan."""
        return WatchForProbes(self.work)

    def refuse(self, scan: ScanSummary, sources: Sequence[Source]) -> None:
        """Check that no document of the corpus contains a candidate's text.

        Raises:
            RunError: if one does; it names the file, never the text.
        """
        if scan.watched:
            first = min(scan.watched)
            raise RunError(
                f"{counted(len(scan.watched), 'document')} of the input hold the text of a sealed candidate, the "
                f"first in {sources[file_of(first)].uri}: this corpus was already planted under the same seal, or the "
                "candidates leaked; give the corpus as it was before planting, or seal new probes"
            )

    def plan(self, work: Work, scan: ScanSummary, plan: PlanSummary) -> Added:
        """Choose every place and write one file of plantings per shard.

        Nothing goes into a document that the report shows as an example: it would show what was planted, or, if the
        example were left out, that something was.

        Raises:
            PlacesError: if the corpus is too small for the doses.
        """
        numbers = ScannedNumbers(work, scan.committed)
        addresses = numbers.numbers("address", np.uint64)
        rows = row_numbers(addresses, quarantined_addresses(work, scan.committed))
        shards, self.shards = plan.shards, len(plan.shards)
        removed = [read_edits(work.folder, edits_name(shard.ordinal)).removed for shard in shards]
        kept = ~np.isin(addresses, np.concatenate(removed))
        sizes = numbers.numbers("bytes", np.uint32)[kept]
        shown = np.isin(addresses[kept], np.array([pair.kept_address for pair in plan.examples], np.uint64))
        room = Room(addresses[kept], sizes, numbers.flags("eligible")[kept] & (sizes > 0) & ~shown)
        key, units = self.sealed.key.derive(PURPOSE), self.sealed.units
        self.places = find_places(key, units, room, self.config.limits())
        write_plantings(self.work, self.places, units, self.sealed.arms, self.sealed.plan.slots, shards)
        documents = np.searchsorted(addresses, self.places.address)
        self.rows = rows[documents]
        beside = self.places.as_document
        added = Added(np.sort(self.rows[beside]), np.sort(output_rows(kept, shards)[documents[beside]]))
        planted = drawn_of(units, self.sealed.arms).sizes(self.places.leaf, self.places.copy).sum()
        self.counts = {
            "copies": len(self.places.leaf),
            "documents_added": len(added.in_input),
            "documents_before": len(sizes),
            "planted_bytes": int(planted),
            "text_bytes_before": room.text_bytes,
        }
        return added

    def covered_bytes(self, duplicates: Iterable[pa.Table]) -> dict[str, int]:
        """What was inserted into the kept documents of removed ones, by reason."""
        return covered_bytes(self._ledger, duplicates)

    @functools.cached_property
    def _ledger(self) -> pa.Table:
        """The ledger of the whole output, with row numbers for addresses."""
        assert self.places is not None and self.rows is not None  # noqa: S101, PT018 - for the type checker
        ledger = gather_ledger(self.work, self.shards, self.sealed.units)
        refuse_other_places(ledger, self.places, self.sealed.units, self.sealed.arms)
        found, first = np.unique(self.places.address, return_index=True)
        rows = self.rows[first[np.searchsorted(found, ledger["address"].to_numpy())]]
        at = ledger.column_names.index("address")
        return ledger.set_column(at, ledger.schema.field(at), pa.array(rows))

    def editor(self) -> PlantingEditor:
        """Inserts the plantings while the shards are written."""
        return PlantingEditor(self.work, self.config.text_column, self.followers, self.sealed.plan.context)

    def finish(self, manifest: bytes) -> None:
        """Write the ledger, the slots and the second commitment, before the output counts as finished."""
        assert self.counts is not None  # noqa: S101 - for the type checker
        ledger, key = self._ledger, self.sealed.key
        self.counts = {**self.counts, **self._sentences(ledger)}
        with ThreadPoolExecutor(2) as writers:  # they compress and hash without the GIL, which the root needs
            written = {names.LEDGER: writers.submit(names.parquet, ledger), names.SLOTS: writers.submit(self._slots)}
            root = ledger_root(key, ledger)
        files = {name: one.result() for name, one in written.items()}
        record = PlantingRecord(
            run=self.work.run,
            manifest=file_sha256(manifest),
            settings=self.config.planting_settings(),
            text_column=self.config.text_column,
            followers=self.followers,
            counts=self.counts,
            files={name: file_sha256(data) for name, data in files.items()},
        ).to_bytes()
        planted = Planted(
            commitment=self.sealed.commitment.sha256,
            manifest=file_sha256(manifest),
            ledger_root=root,
            record_hash=planting_hash(record, key),
            drawn=self.sealed.announced,
        )
        self._set_aside()
        for name, data in {**files, names.PLANTING: record, names.PLANTED: planted.to_bytes()}.items():
            names.write(self.path, name, data)

    def _slots(self) -> bytes:
        return names.parquet(gather_slots(self.work, self.shards, self.sealed.units))

    def _sentences(self, ledger: pa.Table) -> dict[str, int]:
        """Copies that are sentences, and those of them that stand elsewhere than between two sentences."""
        units = columns_of(self.sealed.units)
        own = pa.array(units.ids, pa.string()).filter(pa.array(~units.as_document & (units.forms != LINE)))
        copies = ledger.filter(pc.is_in(ledger["unit"], own))
        between = pc.sum(pc.equal(copies["boundary"], "sentence")).as_py() or 0
        return {"sentences": copies.num_rows, "sentences_elsewhere": copies.num_rows - between}

    def _set_aside(self) -> None:
        """Archive the files of a replaced planting: its corpus may already have been given to others."""
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
                names.remove(self.path, name)

    def close(self) -> None:
        """Remove what the run kept for its workers."""
        forget_phrases(self.work)
        self.work.remove()

    def describe(self) -> list[str]:
        """The size of the planting, for a dry run: totals only, no strata."""
        units = self.sealed.units
        copies, need = int(columns_of(units).doses.sum()), size(needed_bytes(units, self.config.limits()))
        return [f"{counted(len(units), 'unit')}, {count(copies)} copies; they need about {need} of kept text"]

    def results(self) -> list[str]:
        """Where the ledger is, and what is to be published."""
        lines = [f"planted; ledger and {names.PLANTED} (to be published) are in {self.path}"]
        units = columns_of(self.sealed.units)
        repeated = int(((units.copies > 1) & (units.copies < units.doses)).sum())
        if repeated:
            lines.append(
                f"{counted(repeated, 'unit')} {'has' if repeated == 1 else 'have'} more copies than texts: the texts "
                "are planted in turn, and some copies are exactly alike"
            )
        counts = self.counts or {}
        if counts.get("sentences_elsewhere"):
            lines.append(
                f"{count(counts['sentences_elsewhere'])} of {count(counts['sentences'])} copies of sentences do not "
                "stand between sentences: their documents have no such place that is free"
            )
        return lines
