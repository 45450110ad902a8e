"""What `trapline score` wrote: held against its manifest and read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.running.errors import RunError
from pipelines.running.output import MANIFEST, finished
from transforms.base.folders import Folder, sha256
from transforms.base.readable import branch, branches, number, text, whole

if TYPE_CHECKING:
    import pyarrow as pa

SCORES = "scores"
OUTSIDE = "outside"
_COLUMNS = ("id", "checkpoint", "slots", "tokens")


@dataclass(frozen=True, repr=False)
class ScoresFolder:
    """Scores and how they were made.

    Attributes:
        uri: of the folder.
        table: all rows: id, checkpoint, slots, tokens and a float64 column a metric.
        settings: bos, dtype, context, slots, tokenizer_sha256 and metrics, as the manifest has them.
        checkpoints: name and sha256 of each, in the order of the manifest.
        references: sha256 of each reference checkpoint.
        sequences: sha256 of each file of sequences.
        slots_sha256: of the file of slots; empty where candidates were scored without context.
        manifest_sha256: of the file `manifest.json`.
        tokenizers: sha256 of each checkpoint's tokenizer, where the manifest has it.
        columns: names of the columns of ids and texts, where the manifest has them.
        uneven_answers: cues whose answers do not all have equally many tokens; None where that was not counted.
        outside: for scores that another program made, who made them and which of them mean remembered; empty for ours.
    """

    uri: str
    table: "pa.Table"
    settings: Mapping[str, Any]
    checkpoints: Sequence[tuple[str, str]]
    references: Sequence[str]
    sequences: Sequence[str]
    slots_sha256: str
    manifest_sha256: str
    tokenizers: Sequence[str] = ()
    columns: tuple[str, str] = ("id", "text")
    uneven_answers: int | None = None
    outside: Mapping[str, str] = field(default_factory=dict)

    @property
    def tokenizer(self) -> str:
        """Whose tokenizer was used: "checkpoint", "given", or empty where the manifest does not say it."""
        return text(self.settings, "tokenizer") or ""

    @property
    def metrics(self) -> dict[str, int]:
        """Version by metric."""
        return dict(self.settings["metrics"])


def read_scores(uri: str, flag: str = "--scores") -> ScoresFolder:
    """Read a folder of scores.

    Args:
        uri: of the folder.
        flag: that named it, for messages.

    Raises:
        RunError: if it is unfinished, was changed since, or is not what `trapline score` writes.
    """
    folder = Folder.of(uri)
    where = f"{flag} {uri}"
    manifest = finished(folder)
    if manifest is None:
        raise RunError(f"{where}: there is no finished run of trapline score (no _SUCCESS): run it to its end")
    if manifest.get("schema") != "trapline.manifest" or manifest.get("command") not in ("score", OUTSIDE):
        raise RunError(f"{where}: is the output of trapline {manifest.get('command')}, not of trapline score")
    content = branch(manifest, "content")
    config = branch(content, "config")
    settings = branch(content, "settings")
    missing = sorted({"bos", "dtype", "context", "slots", "tokenizer_sha256", "metrics"} - set(settings))
    if missing or not isinstance(settings["metrics"], Mapping):
        raise RunError(f"{where}: manifest.json does not say {(missing or ['metrics'])[0]!r} of its settings")
    outside = _outside(settings, where) if manifest["command"] == OUTSIDE else {}
    checkpoints = [(text(one, "name") or "", text(one, "sha256") or "") for one in branches(content, "checkpoints")]
    if not checkpoints or len({name for name, _ in checkpoints}) < len(checkpoints):
        raise RunError(f"{where}: manifest.json lists no checkpoints, or two of one name")
    table = _read_files(folder, where, content, list(settings["metrics"]))
    return ScoresFolder(
        uri,
        table,
        settings,
        checkpoints,
        [text(one, "sha256") or "" for one in branches(content, "references")],
        [text(one, "sha256") or "" for one in branches(content, "sequences")],
        text(content, "slots_sha256") or "",
        sha256(folder.read(MANIFEST)),
        [found for one in branches(content, "checkpoints") if (found := text(one, "tokenizer_sha256"))],
        (text(config, "id_column") or "id", text(config, "text_column") or "text"),
        whole(branch(content, "counts"), "uneven_answers"),
        outside,
    )


def _outside(settings: Mapping[str, Any], where: str) -> dict[str, str]:
    """Who made scores outside, and which of them mean remembered; those are the only metrics of the folder."""
    from schemas.outside import is_outside

    said = branch(settings, "outside")
    found = {name: text(said, name) or "" for name in ("made_by", "remembered")}
    if not all(found.values()) or not all(map(is_outside, settings["metrics"])):
        raise RunError(f"{where}: manifest.json does not say who made these scores, or has other metrics than theirs")
    return found


def _read_files(folder: Folder, where: str, content: Mapping[str, object], metrics: Sequence[str]) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    from schemas.described import SchemaMismatchError, check
    from schemas.public.scores import scores

    listed = {text(one, "path") or "": one for one in branches(content, "files")}
    listed = {name: one for name, one in listed.items() if name.split("/")[0] == SCORES}
    present = {f"{SCORES}/{name}" for name in folder.names(SCORES)}
    odd = sorted(present ^ set(listed))
    if odd or not listed:
        raise RunError(f"{where}: {(odd or [SCORES])[0]} is missing, or is there and not in manifest.json")
    parts = []
    for name, entry in sorted(listed.items()):
        data = folder.read(name)
        if sha256(data) != entry.get("sha256") or len(data) != number(entry, "bytes"):
            raise RunError(f"{where}: {name} was changed since it was written (sha256): score again")
        try:
            part = pq.read_table(pa.BufferReader(data))
            check(part.schema, scores(part.column_names[len(_COLUMNS) :]), f"{where}: {name}")
        except (pa.ArrowException, SchemaMismatchError) as error:
            raise RunError(f"{where}: {name} cannot be read as scores ({str(error).splitlines()[0]})") from error
        if sorted(part.column_names[len(_COLUMNS) :]) != sorted(metrics):
            raise RunError(f"{where}: {name} has other metrics than manifest.json says")
        parts.append(part)
    return pa.concat_tables([part.select(parts[0].column_names) for part in parts])


def refuse_differing(one: ScoresFolder, other: ScoresFolder) -> None:
    """Check that two folders were scored alike.

    Raises:
        RunError: naming the setting.
    """
    for name in sorted({*one.settings, *other.settings} - {"metrics"}):
        if one.settings.get(name) != other.settings.get(name):
            raise RunError(
                f"{other.uri}: was scored with {name} {json.dumps(other.settings.get(name))}, "
                f"{one.uri} with {json.dumps(one.settings.get(name))}: score both alike"
            )
