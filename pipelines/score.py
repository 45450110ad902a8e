"""`trapline score`: what a checkpoint makes of sequences, token by token, and metrics of memorisation."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transforms.scoring.metric_rows import MetricJob
    from transforms.scoring.tasks import ScoreJob, ScoreTask

_Several = Parameter(consume_multiple=True, negative=())
_Flag = Parameter(negative=())


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """Settings of `trapline score`; the same names stand in the `[score]` table of a config file."""

    checkpoint: Annotated[tuple[str, ...], _Several]
    """Local folders in the Hugging Face layout (config.json, *.safetensors); nothing is downloaded."""
    sequences: Annotated[tuple[str, ...], _Several]
    """Parquet files, folders or quoted globs: texts, or token ids in a column token_ids. Probes are such files."""
    output: str
    """Folder for token_scores/, scores/ and the manifest; it must be new, empty or an unfinished output."""
    slots: str = ""
    """slots.parquet of the secrets: each candidate is scored behind the text of its unit's slots."""
    reference: str = ""
    """A checkpoint that saw none of it, for the metrics that compare."""
    metrics: Annotated[tuple[str, ...], _Several] = ()
    """Metrics by name; by default all that need nothing but this run."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Number format of the model; statistics are reduced in float32 in any case."""
    max_tokens: int = 0
    """Tokens of a batch; 0: 32,768 on a GPU, 4,096 on the CPU. It is lowered where memory ends."""
    bos: Literal["checkpoint", "always", "never"] = "checkpoint"
    """A begin-of-sequence token first: where the checkpoint's tokenizer puts one, always or never."""
    tokenizer: str = ""
    """A tokenizer.json for all checkpoints; by default each one's own."""
    context: int = 512
    """Tokens before a slot that the model is given."""
    id_column: str = "id"
    """The column of ids; without a column id, sequences are numbered."""
    text_column: str = "text"
    """The column of texts; where it is missing, token_ids is taken."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; auto: on a GPU if there is one."""
    allow_pickle: Annotated[bool, _Flag] = False
    """Load pickled weights, which can run any code: only if you trust their author."""
    trust_remote_code: Annotated[bool, _Flag] = False
    """Run a checkpoint's own Python code: only if you trust its author."""
    overwrite: Annotated[bool, _Flag] = False
    """Replace a finished output in the same folder."""
    threads: int = 0
    """Threads of the CPU; 0: all cores."""
    dry_run: Annotated[bool, _Flag] = False
    """Read metadata only; print the resolved settings and the size of the work; write nothing."""
    no_space_check: Annotated[bool, _Flag] = False
    """Begin even if the free disk space looks too small."""

    def __post_init__(self) -> None:
        """Check every value that can be checked without the data."""
        checks = (
            (bool(self.checkpoint), "--checkpoint: give at least one folder"),
            (bool(self.sequences), "--sequences: give at least one file, folder or glob"),
            (
                self.max_tokens == 0 or 16 <= self.max_tokens <= 1 << 24,
                f"--max-tokens {self.max_tokens}: give 0 (what suits the device) or 16 to 16777216",
            ),
            (0 <= self.context <= 1 << 20, f"--context {self.context}: give 0 to 1048576 tokens"),
            (0 <= self.threads <= 1024, f"--threads {self.threads}: give 0 (all cores) to 1024"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)

    def what_the_output_depends_on(self) -> dict[str, Any]:
        """The settings that change the output; of files and folders, what is in them counts, by their hashes."""
        kept = ("bos", "dtype", "context", "metrics", "max_tokens", "id_column", "text_column")
        settings = asdict(self)
        return {name: settings[name] for name in kept}


def build_score(root: Any, job: "ScoreJob", tasks: "Sequence[ScoreTask]") -> Any:
    """SCORE on `root`: rows of the input -> one file of token statistics a task."""
    from transforms.scoring.handler import ScoreSequences

    return root | ScoreSequences(job, tasks)


def build_metrics(root: Any, job: "MetricJob", tasks: "Sequence[ScoreTask]", threads: int) -> Any:
    """METRICS on `root`: token statistics -> one file of scores a task and checkpoint."""
    from transforms.scoring.handler import ComputeMetrics

    return root | ComputeMetrics(job, tasks, threads)
