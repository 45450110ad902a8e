"""`trapline restore`: the corpus as it was before planting, bit for bit."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from pipelines.running.sizes import parse_size
from transforms.base.flags import INPUT, OUTPUT, RUNNING, Whole

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from pipelines.running.context import Context
    from transforms.base.folders import Folder
    from transforms.base.runs import Work
    from transforms.corpus.output.manifest import Counts, Manifest, WrittenFile
    from transforms.planting.ledger.check_secrets import Sealed
    from transforms.planting.ledger.restoration import PlantedShard, RestoreConfig


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RestoreCommand:
    """Remove everything that prepare planted: the corpus as it was before, bit for bit."""

    input: Annotated[str, INPUT]
    """The planted corpus: the output folder of trapline prepare."""
    secrets: Annotated[str, INPUT]
    """The folder of secrets with the ledger of what was planted."""
    output: Annotated[str, OUTPUT]
    """Folder for the restored corpus; it must be new, empty or an unfinished output."""
    overwrite: Annotated[bool, OUTPUT] = False
    """Replace a finished output in the same folder."""
    threads: Annotated[Whole, RUNNING] = 0
    """Threads per worker; 0: all cores. Give 1 on Dataflow, Flink or Spark."""
    dry_run: Annotated[bool, RUNNING] = False
    """Check that the secrets are intact and belong to this corpus; write nothing."""

    def __post_init__(self) -> None:
        """Check what can be checked without the data."""
        if not 0 <= self.threads <= 1024:
            raise ValueError(f"--threads {self.threads}: give 0 (all cores) to 1024")


def build_restore(
    root: Any, shards: "Sequence[PlantedShard]", config: "RestoreConfig", work: "Work", threads: int
) -> Any:
    """RESTORE on `root`: the shards of a planted corpus -> the shards as they were."""
    from transforms.planting.ledger.restoration import RestoreCorpus

    return root | RestoreCorpus(shards, config, work, threads)


def run(config: RestoreCommand, context: "Context") -> int:
    """Restore; returns the exit code.

    Raises:
        UsageError, RunError, SealError: with what to change or mend.
    """
    from pipelines.running import output as outputs
    from pipelines.running.versions import versions
    from pipelines.sealing.planted_corpus import planted_manifest
    from transforms.base.folders import Folder
    from transforms.base.readable import counted
    from transforms.base.runs import Work, run_name
    from transforms.planting.folder import locked, secrets_path
    from transforms.planting.ledger.check_secrets import open_secrets
    from transforms.planting.ledger.restoration import read_ledger
    from transforms.planting.work import SecretWork

    source, output = (Folder.of(uri) for uri in (config.input, config.output))
    path = secrets_path(config.secrets)
    _refuse_overlap(config, source, output, path)
    with locked(path):
        sealed = open_secrets(path)
        manifest = planted_manifest(source, sealed)
        _refuse_changed(source, manifest)
        if config.dry_run:
            shards = counted(len(manifest.shards), "shard")
            print(f"{shards} would be restored; the ledger belongs to {config.input}; nothing was written")
            return 0
        # The run's name is public: it depends on the planted manifest, and on nothing secret.
        identity = {"restore": outputs.sha256_of_manifest(source)}
        work = Work(output, run_name(identity, versions(), ()))
        outputs.refuse_foreign(output)
        SecretWork.announce(path)
        with outputs.locked(output):
            if outputs.enter(work, overwrite=config.overwrite, say=context.progress.say):
                return 0
            with _clean_after_refusal(source, manifest, work):
                _restore(config, context, source, manifest, sealed, work, read_ledger(str(path)))
    context.progress.say(f"done: {output.uri}")
    return 0


def _refuse_overlap(config: RestoreCommand, source: "Folder", output: "Folder", secrets: "Path") -> None:
    from transforms.base.stores.address import shown
    from transforms.planting.folder import overlap

    here, other = (f"{shown(place.uri).rstrip('/')}/" for place in (output, source))
    if here.startswith(other) or other.startswith(here) or overlap(output, secrets):
        raise UsageError(f"--output {config.output} overlaps with --input or --secrets: choose a separate folder")


def _refuse_changed(source: "Folder", manifest: "Manifest") -> None:
    """Check all that can be checked at once: that no shard is missing, and that the other files are the planted ones.

    The shards are held against their sha256 as they are read: so the document that differs can be named.
    """
    from transforms.base.errors import SealError
    from transforms.planting.ledger.restoration import refuse_changed_file

    for file in manifest.files:
        refuse_changed_file(source, file.path, file.sha256)
    for shard in manifest.shards:
        if not source.exists(shard.path):
            raise SealError(
                f"{source.at(shard.path)}: is missing, though the manifest lists it: give the output of trapline "
                "prepare, whole and unchanged"
            )


@contextlib.contextmanager
def _clean_after_refusal(source: "Folder", manifest: "Manifest", work: "Work") -> "Iterator[None]":
    """Leave nothing behind of a corpus that is not the planted one.

    After any other trouble, such as a full disk, what was restored stays: the same command continues from there.
    """
    from pipelines.running import output as outputs
    from transforms.base.errors import CorpusError, SealError
    from transforms.planting.ledger.restoration import refuse_changed_file

    try:
        yield
    except (RunError, CorpusError):
        try:
            listed = {entry.path: entry.sha256 for entry in manifest.files}
            for name, sha256 in (listed | {shard.path: shard.sha256 for shard in manifest.shards}).items():
                refuse_changed_file(source, name, sha256)
        except SealError:
            outputs.discard_refused(work)
        raise


def _restore(
    config: RestoreCommand,
    context: "Context",
    source: "Folder",
    manifest: "Manifest",
    sealed: "Sealed",
    work: "Work",
    ledger: "pa.Table",
) -> None:
    from pipelines.corpus.summaries import RewriteSummary
    from pipelines.jobs.launch import build_and_launch
    from pipelines.running import output as outputs
    from pipelines.running.machine import cores
    from transforms.corpus.output.card import dataset_card
    from transforms.corpus.output.sink import ParquetFormat
    from transforms.planting.ledger.restoration import PlantedShard, RestoreConfig, write_ledger_parts
    from transforms.planting.work import SecretWork

    assert sealed.planting is not None  # noqa: S101 - for the type checker
    layout = ParquetFormat(
        manifest.config["compression"], parse_size(manifest.config["row_group_bytes"]), sealed.planting.text_column
    )
    shards = [
        PlantedShard(number, shard.path, shard.rows, shard.sha256) for number, shard in enumerate(manifest.shards)
    ]
    outputs.announce_outputs(work, [shard.path for shard in manifest.shards] + [file.path for file in manifest.files])
    secrets = SecretWork(work.run)
    if not secrets.local:
        write_ledger_parts(secrets, ledger, shards)
    restore = RestoreConfig(source, layout, sealed.planting.followers)
    sizes = {f"{shard.number:06d}.json": shard.rows for shard in shards}
    with context.progress.stage("restore", work.folder.child("restore"), sizes) as stage:
        done = work.once(
            "restore",
            lambda: build_and_launch(
                context.beam_options, build_restore, shards, restore, work, config.threads or cores()
            ),
        )
        written = RewriteSummary.parse(done)
        stage.documents, stage.bytes = written.rows, written.text_bytes
    files, covered = _restored_files(source, manifest, ledger, work)
    counts = _counts(manifest.counts, written.rows, written.text_bytes, covered)
    restored = replace(manifest, run=work.run, shards=written.shards, files=files, counts=counts)
    outputs.succeed(work, restored.to_json(), {outputs.CARD: dataset_card(restored).encode()})
    if not secrets.local:
        secrets.remove()


def _restored_files(
    source: "Folder", manifest: "Manifest", ledger: "pa.Table", work: "Work"
) -> "tuple[tuple[WrittenFile, ...], Mapping[str, int]]":
    """The tables beside the data without planted documents in their row numbers; bytes that removed ones counted."""
    import functools

    import numpy as np

    from pipelines.corpus.renumber import renumbered, tables
    from transforms.corpus.row_numbers import rows_of_added, without_added
    from transforms.planting.ledger.covered import added_in_input, added_in_output, covered_bytes
    from transforms.planting.ledger.ledger import has_row_numbers
    from transforms.planting.ledger.restoration import refuse_changed_file

    numbered = has_row_numbers(ledger.schema)
    added = added_in_input(ledger) if numbered else np.empty(0, np.uint64)
    own = {"address": rows_of_added(added), "kept_address": added_in_output(ledger)}
    changes = {column: functools.partial(without_added, own=rows) for column, rows in own.items()}
    found = []
    for file in manifest.files:
        if len(added):
            found.append(renumbered(source, work.output, file.path, changes))
            refuse_changed_file(source, file.path, file.sha256)
        else:
            _copy(source, work.output, file.path, file.sha256)
            found.append(file)
    duplicates = [file.path for file in found if file.path.startswith("duplicates/")]
    removed = (table for name in duplicates for table in tables(source, name))
    return tuple(found), covered_bytes(ledger, removed) if numbered else {}


def _copy(source: "Folder", output: "Folder", name: str, sha256: str) -> None:
    from transforms.base.errors import SealError

    with source.open(name) as stream, output.create(name) as sink:
        while chunk := stream.read(1 << 20):
            sink.write(chunk)
        if sink.sha256 != sha256:
            raise SealError(f"{name}: was changed while the corpus was restored: leave --input alone and run again")


def _counts(planted: "Counts", kept: int, bytes_kept: int, covered: "Mapping[str, int]") -> "Counts":
    """The counts as they were before planting: the number of removed documents is unchanged."""
    removed_bytes = {reason: found - covered.get(reason, 0) for reason, found in planted.removed_bytes.items()}
    return replace(
        planted,
        documents_in=planted.documents_in - planted.kept + kept,
        bytes_in=bytes_kept + sum(removed_bytes.values()),
        removed_bytes=removed_bytes,
        kept=kept,
        bytes_kept=bytes_kept,
    )
