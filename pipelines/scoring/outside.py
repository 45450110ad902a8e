"""`trapline outside`: scores that another program made, written as `trapline score` would have left them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipelines.running.errors import RunError
from schemas.outside import PREFIX, VERSION, is_outside
from transforms.base.flags import INPUT, METRICS, OUTPUT, RUNNING

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.running.context import Context

_FILE = "scores/outside-00000-of-00001.parquet"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OutsideConfig:
    """Take scores that another program made of the sealed candidates, so that trapline verify can judge them.

    The table is Parquet or CSV with the columns id and score, and checkpoint where several models were scored: one row
    for each candidate, planted or held out, and each checkpoint.
    """

    table: Annotated[str, INPUT]
    """The scores: a Parquet file, or a CSV file with a header."""
    sequences: Annotated[str, INPUT]
    """probes/probes.parquet of the secrets, byte for byte: what was scored."""
    metric: Annotated[str, METRICS]
    """Name of the score: 'outside.' and what it is, such as outside.logit. A verdict needs it sealed: seal --metric."""
    remembered: Annotated[Literal["high", "low"], METRICS]
    """Which scores mean that a candidate is remembered. It is sealed too: seal --sign 1 for high, -1 for low."""
    made_by: Annotated[str, METRICS]
    """Who made the scores, and with what: the verdict repeats it."""
    output: Annotated[str, OUTPUT]
    """Folder for scores/ and the manifest; it must be new, empty or a finished output (--overwrite)."""
    questions: Annotated[str, INPUT] = ""
    """questions.parquet of the secrets, if answers to cues were scored."""
    ask: Annotated[str, INPUT] = ""
    """Kind of question whose answers were scored."""
    overwrite: Annotated[bool, OUTPUT] = False
    """Replace a finished output in the same folder."""
    dry_run: Annotated[bool, RUNNING] = False
    """Check the table and print its size; write nothing."""

    def __post_init__(self) -> None:
        """Check what can be checked without the files."""
        name = self.metric.removeprefix(PREFIX)
        if not is_outside(self.metric) or not re.fullmatch(r"[a-z0-9][a-z0-9_.@%+-]*", name):
            raise ValueError(
                f"--metric {self.metric}: give '{PREFIX}' and a name of small letters, digits and _ . @ % + -, such as "
                f"{PREFIX}logit"
            )
        if not self.made_by.strip():
            raise ValueError("--made-by: say who made the scores, and with what")
        if bool(self.questions) != bool(self.ask):
            raise ValueError("--questions and --ask go together")


def write_outside_scores(config: OutsideConfig) -> int:
    """Check the table and write the folder of scores; returns the number of rows. A dry run writes nothing.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    import io

    import pyarrow.parquet as pq

    from pipelines.running import output as outputs
    from pipelines.running.versions import versions
    from pipelines.scoring.input import private
    from transforms.base.folders import Folder, sha256
    from transforms.base.runs import Work, run_name
    from transforms.scoring.outside import conform_outside, outside_scores

    where = f"--table {config.table}"
    ids, slots, hashes = _candidates(config)
    table = conform_outside(_read(config.table), where)
    made: pa.Table = outside_scores(
        table, ids, config.metric, high=config.remembered == "high", slots=slots, where=where
    )
    rows: int = made.num_rows
    if config.dry_run:
        return rows
    buffer = io.BytesIO()
    pq.write_table(made, buffer, compression="zstd")
    data = buffer.getvalue()
    names = table["checkpoint"].unique().to_pylist()
    content: dict[str, Any] = {
        "config": {"metric": config.metric, "remembered": config.remembered, "made_by": config.made_by},
        "settings": _settings(config, hashes),
        "versions": versions(),
        "checkpoints": [{"name": name, "sha256": ""} for name in names],
        "references": [],
        "sequences": [{"path": Path(config.sequences).name, "rows": len(ids), "sha256": hashes["sequences"]}],
        "counts": {"sequences": len(ids)},
        "files": [{"path": _FILE, "rows": rows, "bytes": len(data), "sha256": sha256(data)}],
    }
    output = Folder(config.output)
    work = Work(output, run_name({**content["config"], **hashes, "table": sha256(data)}, versions(), []))
    outputs.refuse_foreign(output)
    private(output)
    with outputs.locked(output):
        if outputs.enter(work, overwrite=config.overwrite, say=print):
            return rows
        outputs.announce_outputs(work, [_FILE])
        folder, _, name = _FILE.rpartition("/")
        output.child(folder).write(name, data, 0o600)
        head = {"schema": "trapline.manifest", "version": 1, "command": "outside", "run": work.run}
        outputs.succeed(work, {**head, "content": content}, {})
    return rows


def run(config: OutsideConfig, _: "Context") -> int:
    """Write the folder of scores; returns the exit code."""
    from transforms.base.readable import counted

    rows = write_outside_scores(config)
    print(
        f"{counted(rows, 'score')} of {config.metric}, made by {config.made_by}: {config.remembered} means remembered"
    )
    print("nothing was written" if config.dry_run else f"done: {config.output}  (secret, as scores of probes are)")
    return 0


def _settings(config: OutsideConfig, hashes: dict[str, str]) -> dict[str, Any]:
    """What a verdict compares with the plan. What only a model of ours has is null."""
    asked = {"ask": config.ask, "questions_sha256": hashes["questions"]} if config.ask else {}
    return {
        **dict.fromkeys(("bos", "dtype", "context", "slots", "tokenizer_sha256")),
        "metrics": {config.metric: VERSION},
        "outside": {"made_by": config.made_by, "remembered": config.remembered},
        **asked,
    }


def _candidates(config: OutsideConfig) -> tuple[list[str], list[int], dict[str, str]]:
    """Ids of all candidates, the cues that each was asked, and hashes of the files that say so."""
    import hashlib

    import pyarrow.parquet as pq

    from pipelines.scoring.input import units_asked
    from transforms.corpus.input.sources import list_sources
    from transforms.scoring.cues import read_cues

    path = Path(config.sequences)
    try:
        data = path.read_bytes()
        columns = pq.read_schema(path).names
    except (OSError, ValueError) as error:
        raise RunError(f"--sequences {path}: cannot be read ({str(error).splitlines()[0]})") from error
    if not {"id", "unit", "candidate"} <= set(columns):
        raise RunError(f"--sequences {path}: has no columns id, unit and candidate: give the sealed probes.parquet")
    ids: list[str] = pq.read_table(path, columns=["id"])["id"].to_pylist()
    hashes = {"sequences": hashlib.sha256(data).hexdigest()}
    if not config.ask:
        return ids, [0] * len(ids), hashes
    cues = read_cues(str(Path(config.questions).absolute()), config.ask)
    units = units_asked(config.questions, config.ask, list_sources([str(path)]))
    hashes["questions"] = hashlib.sha256(Path(config.questions).read_bytes()).hexdigest()
    return ids, [len(cues.by_unit[unit]) for rows in units.values() for unit in rows], hashes


def _read(path: str) -> "pa.Table":
    """A table of Parquet or CSV. Ids and names in CSV are text, whatever they look like."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    try:
        if Path(path).suffix.lower() in (".csv", ".tsv"):
            as_text = pyarrow.csv.ConvertOptions(
                column_types={"id": pa.string(), "checkpoint": pa.string(), "score": pa.float64()}
            )
            parse = pyarrow.csv.ParseOptions(delimiter="\t" if path.lower().endswith(".tsv") else ",")
            return pyarrow.csv.read_csv(path, convert_options=as_text, parse_options=parse)
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"--table {path}: cannot be read ({str(error).splitlines()[0]}): give Parquet or CSV") from error
