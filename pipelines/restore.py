"""`trapline restore`: the corpus as it was before planting, bit for bit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from pipelines.running.flags import INPUT, OUTPUT, RUNNING, Whole
from pipelines.running.sizes import parse_size

if TYPE_CHECKING:
    from pipelines.running.context import Context
    from transforms.base.folders import Folder
    from transforms.base.runs import Work
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
    from transforms.base.runs import Work, run_name
    from transforms.planting.folder import locked, secrets_path
    from transforms.planting.ledger.check_secrets import open_secrets
    from transforms.planting.work import SecretWork

    source, output = (_folder(uri) for uri in (config.input, config.output))
    path = secrets_path(config.secrets)
    inside = f"{output.uri}/".startswith((f"{source.uri}/", f"{path}/")) or source.uri.startswith(f"{output.uri}/")
    if inside or f"{path}/".startswith(f"{output.uri}/"):
        raise UsageError(f"--output {config.output}: overlaps with --input or --secrets: choose a separate folder")
    with locked(path):
        sealed = open_secrets(path)
        manifest = _manifest(source, sealed)
        shards = manifest["content"]["shards"]
        if config.dry_run:
            print(f"{len(shards)} shards would be restored; the ledger belongs to {config.input}; nothing was written")
            return 0
        # The name of a run is public, so it is made of what is public about the secrets only.
        identity = {"restore": outputs.sha256_of_manifest(source)}
        work = Work(output, run_name(identity, versions(), ()))
        outputs.refuse_foreign(output)
        SecretWork.announce(path)
        with outputs.locked(output):
            if outputs.enter(work, overwrite=config.overwrite, say=context.progress.say):
                return 0
            _restore(config, context, source, manifest, sealed, work)
    context.progress.say(f"done: {output.uri}")
    return 0


def _folder(uri: str) -> "Folder":
    import os

    from transforms.base.folders import Folder

    return Folder(uri.rstrip("/") if "://" in uri else os.path.abspath(uri))  # noqa: PTH100


def _manifest(source: "Folder", sealed: "Sealed") -> dict[str, Any]:
    """The planted corpus' manifest, if it is the one that these secrets planted."""
    from pipelines.running import output as outputs
    from transforms.base.secret_errors import SealError

    if sealed.planting is None:
        raise SealError("nothing was planted from these secrets yet, so there is no ledger: run trapline prepare first")
    manifest = outputs.finished(source)
    if manifest is None:
        raise RunError(f"--input {source.uri}: not a finished output of trapline prepare (it has no _SUCCESS file)")
    if outputs.sha256_of_manifest(source) != sealed.planting.manifest.hex():
        raise SealError(
            f"--input {source.uri}: these secrets were planted into a different corpus (manifest.json differs): "
            "give the output of their own trapline prepare run"
        )
    return manifest


def _restore(
    config: RestoreCommand,
    context: "Context",
    source: "Folder",
    manifest: Mapping[str, Any],
    sealed: "Sealed",
    work: "Work",
) -> None:
    from pipelines.corpus.run import build_and_launch
    from pipelines.running import output as outputs
    from pipelines.running.machine import cores
    from transforms.corpus.output.card import dataset_card
    from transforms.corpus.output.sink import ParquetFormat
    from transforms.planting.ledger.restoration import PlantedShard, RestoreConfig

    assert sealed.planting is not None  # noqa: S101 - for the type checker
    content = manifest["content"]
    settings = content["config"]
    layout = ParquetFormat(
        settings["compression"], parse_size(settings["row_group_bytes"]), sealed.planting.text_column
    )
    shards = [
        PlantedShard(number, shard["path"], shard["rows"], shard["sha256"])
        for number, shard in enumerate(content["shards"])
    ]
    outputs.announce_outputs(work, [entry["path"] for entry in [*content["shards"], *content["files"]]])
    restore = RestoreConfig(source, layout, sealed.planting.followers)
    sizes = {f"{shard.number:06d}.json": shard.rows for shard in shards}
    with context.progress.stage("restore", work.folder.child("restore"), sizes) as stage:
        done = work.once(
            "restore",
            lambda: build_and_launch(
                context.beam_options, build_restore, shards, restore, work, config.threads or cores()
            ),
        )
        stage.documents = sum(shard["rows"] for shard in done["shards"])
        stage.bytes = sum(shard["text_bytes"] for shard in done["shards"])
    for entry in content["files"]:
        work.output.write(entry["path"], source.read(entry["path"]))
    kept, text_bytes = (sum(shard[key] for shard in done["shards"]) for key in ("rows", "text_bytes"))
    planted = content["counts"]
    counts = {
        **planted,
        "documents_in": planted["documents_in"] - planted["kept"] + kept,
        "bytes_in": planted["bytes_in"] - planted["bytes_kept"] + text_bytes,
        "kept": kept,
        "bytes_kept": text_bytes,
    }
    restored = {
        **manifest,
        "run": work.run,
        "content": {**content, "shards": done["shards"], "counts": counts},
    }
    outputs.succeed(work, restored, {outputs.CARD: dataset_card(restored).encode()})
