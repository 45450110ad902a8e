"""`trapline score`: what a checkpoint makes of sequences, token by token, and metrics of memorisation."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipelines.running.flags import Whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transforms.scoring.generation.plan import GenerationPlan
    from transforms.scoring.tasks.generate import GenerationJob
    from transforms.scoring.tasks.metric_rows import MetricJob
    from transforms.scoring.tasks.score import ScoreJob, ScoreTask

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
    """Metrics by name; by default all that need no generation, which is dear, and nothing but this run."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Number format of the model; statistics are reduced in float32 in any case."""
    max_tokens: Whole = 0
    """Tokens of a batch; 0: 32,768 on a GPU, 4,096 on the CPU. It is lowered where memory ends."""
    bos: Literal["checkpoint", "always", "never"] = "checkpoint"
    """A begin-of-sequence token first: where the checkpoint's tokenizer puts one, always or never."""
    tokenizer: str = ""
    """A tokenizer.json for all checkpoints; by default each one's own."""
    context: Whole = 512
    """Tokens before a slot that the model is given."""
    id_column: str = "id"
    """The column of ids; without a column id, sequences are numbered."""
    text_column: str = "text"
    """The column of texts; where it is missing, token_ids is taken."""
    samples: Whole = 50
    """Continuations drawn of each sequence's first half, for cdd_peak and ted."""
    temperature: float | None = None
    """Of what is drawn; by default 0.8 for cdd_peak and ted, 1 for extraction_probability and np_discoverable."""
    top_k: Whole | None = None
    """Draw among so many tokens, 0: all; by default all for cdd_peak and ted, 40 for the other two."""
    seed: Whole = 0
    """Of the random numbers; each continuation's belong to it, the sequence's id and the sample."""
    keep_generations: Annotated[bool, _Flag] = False
    """Write what was generated for metrics, too: generations/."""
    generate: Annotated[bool, _Flag] = False
    """Continue every sequence greedily, into generations/: answers to prompts."""
    max_new_tokens: Whole = 256
    """With --generate: most tokens of a continuation."""
    stop: Annotated[tuple[str, ...], _Several] = ()
    """With --generate: texts that end a continuation, beside the checkpoint's own end-of-sequence tokens."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; auto: on a GPU if there is one."""
    allow_pickle: Annotated[bool, _Flag] = False
    """Load pickled weights, which can run any code: only if you trust their author."""
    trust_remote_code: Annotated[bool, _Flag] = False
    """Run a checkpoint's own Python code: only if you trust its author."""
    overwrite: Annotated[bool, _Flag] = False
    """Replace a finished output in the same folder."""
    threads: Whole = 0
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
            (1 <= self.samples <= 10_000, f"--samples {self.samples}: give 1 to 10000"),
            (
                self.temperature is None or 0 < self.temperature <= 100,
                f"--temperature {self.temperature}: give a number above 0 and at most 100",
            ),
            (self.top_k is None or self.top_k >= 0, f"--top-k {self.top_k}: give 0 (all tokens) or more"),
            (0 <= self.seed < 1 << 64, f"--seed {self.seed}: give 0 to {(1 << 64) - 1}"),
            (
                1 <= self.max_new_tokens <= 1 << 20,
                f"--max-new-tokens {self.max_new_tokens}: give 1 to 1048576",
            ),
            (all(self.stop), "--stop: an empty text would stop everything; leave it out"),
            (self.generate or not self.stop, "--stop: it ends what --generate writes; give that, too"),
            (0 <= self.threads <= 1024, f"--threads {self.threads}: give 0 (all cores) to 1024"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)

    def what_the_output_depends_on(self) -> dict[str, Any]:
        """The settings that change the output; of files and folders, what is in them counts, by their hashes."""
        kept = ("bos", "dtype", "context", "metrics", "max_tokens", "id_column", "text_column")
        generation = (
            "samples",
            "temperature",
            "top_k",
            "seed",
            "keep_generations",
            "generate",
            "max_new_tokens",
            "stop",
        )
        settings = asdict(self)
        return {name: settings[name] for name in (*kept, *generation)}

    def generation(self) -> "GenerationPlan | None":
        """What is generated; None for nothing."""
        from transforms.scoring.generation.plan import GenerationPlan, generated_needs

        metrics = tuple(name for name in self.metrics if generated_needs([name]))
        if not metrics and not self.generate:
            return None
        return GenerationPlan(
            metrics,
            self.samples,
            0.8 if self.temperature is None else self.temperature,
            self.top_k or 0,
            1.0 if self.temperature is None else self.temperature,
            40 if self.top_k is None else self.top_k,
            self.seed,
            self.max_new_tokens if self.generate else 0,
            self.stop,
            self.keep_generations,
        )


def build_score(root: Any, job: "ScoreJob", tasks: "Sequence[ScoreTask]") -> Any:
    """SCORE on `root`: rows of the input -> one file of token statistics a task."""
    from transforms.scoring.tasks.beam import RunCheckpoint

    return root | RunCheckpoint(job, tasks, "Score sequences")


def build_generation(root: Any, job: "GenerationJob", tasks: "Sequence[ScoreTask]") -> Any:
    """GENERATE on `root`: rows of the input and their token statistics -> continuations, and metrics of them."""
    from transforms.scoring.tasks.beam import RunCheckpoint

    return root | RunCheckpoint(job, tasks, "Generate continuations")


def build_metrics(root: Any, job: "MetricJob", tasks: "Sequence[ScoreTask]", threads: int) -> Any:
    """METRICS on `root`: token statistics -> one file of scores a task and checkpoint."""
    from transforms.scoring.tasks.beam import ComputeMetrics

    return root | ComputeMetrics(job, tasks, threads)
