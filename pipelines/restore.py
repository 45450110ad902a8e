"""`trapline restore`: the corpus as it was before planting, bit for bit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from pipelines.running.sizes import parse_size

if TYPE_CHECKING:
    from pipelines.running.progress import Progress
    from transforms.base.folders import Folder
    from transforms.base.runs import Work
    from transforms.planting.ledger.check_secrets import Sealed
    from transforms.planting.ledger.restoration import PlantedShard, RestoreConfig

_Flag = Parameter(negative=())


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RestoreCommand:
    """Settings of `trapline restore`; the same names stand in the `[restore]` table of a config file."""

    input: str
    """The planted corpus: the output folder of trapline prepare."""
    secrets: str
    """The folder of secrets that holds its ledger."""
    output: str
    """Folder for the restored corpus; it must be new, empty or an unfinished output."""
    overwrite: Annotated[bool, _Flag] = False
    """Replace a finished output in the same folder."""
    threads: int = 0
    """Threads a worker; 0: all cores. Give 1 on Dataflow, Flink or Spark."""
    dry_run: Annotated[bool, _Flag] = False
    """Check the secrets and that they go with the corpus; write nothing."""

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


def run(config: RestoreCommand, options: Callable[[], Any], progress: "Progress") -> int:
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
        raise UsageError(f"--output {config.output} lies in --input or --secrets, or they in it: give another folder")
    with locked(path):
        sealed = open_secrets(path)
        manifest = _manifest(source, sealed)
        shards = manifest["content"]["shards"]
        if config.dry_run:
            print(f"{len(shards)} shards would be restored; the ledger goes with {config.input}; nothing was written")
            return 0
        # Of the secrets only what is public tells one restoration from another.
        identity = {"restore": outputs.sha256_of_manifest(source)}
        work = Work(output, run_name(identity, versions(), ()))
        outputs.refuse_foreign(output)
        SecretWork.announce(path)
        with outputs.locked(output):
            if outputs.enter(work, overwrite=config.overwrite, say=progress.say):
                return 0
            _restore(config, options, progress, source, manifest, sealed, work)
    progress.say(f"done: {output.uri}")
    return 0


def _folder(uri: str) -> "Folder":
    import os

    from transforms.base.folders import Folder

    return Folder(uri.rstrip("/") if "://" in uri else os.path.abspath(uri))  # noqa: PTH100


def _manifest(source: "Folder", sealed: "Sealed") -> dict[str, Any]:
    """The planted corpus' manifest, if it is the one that these secrets planted."""
    from pipelines.running import output as outputs
    from transforms.base.errors import SealError

    if sealed.planting is None:
        raise SealError("these secrets were not planted yet, so there is no ledger: trapline prepare plants")
    manifest = outputs.finished(source)
    if manifest is None:
        raise RunError(f"--input {source.uri}: is no finished output of trapline prepare (there is no _SUCCESS)")
    if outputs.sha256_of_manifest(source) != sealed.planting.manifest.hex():
        raise SealError(
            f"--input {source.uri}: its manifest.json is not that of the corpus that these secrets were planted into: "
            "the ledger belongs to another output"
        )
    return manifest


def _restore(
    config: RestoreCommand,
    options: Callable[[], Any],
    progress: "Progress",
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
    with progress.stage("restore", work.folder.child("restore"), sizes) as stage:
        done = work.once(
            "restore",
            lambda: build_and_launch(options, build_restore, shards, restore, work, config.threads or cores()),
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
