"""`trapline score`: log-probabilities of sequences under checkpoints, token by token, and memorisation metrics."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from transforms.base.flags import GENERATION, INPUT, METRICS, MODEL, OUTPUT, RUNNING, Several, Whole

if TYPE_CHECKING:
    from pipelines.running.context import Context
    from transforms.scoring.generation.plan import GenerationPlan


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """Run checkpoints on sequences: log-probabilities token by token, and memorisation metrics.

    Sequences are probes, or any Parquet of texts or token ids. The command never learns which probes were planted,
    or how often.
    """

    checkpoint: Annotated[Several, MODEL]
    """Folders in the Hugging Face layout (config.json, *.safetensors), here or in a bucket; no hub is asked."""
    sequences: Annotated[Several, INPUT]
    """Parquet files, folders or quoted globs of texts, or of token ids in a column token_ids. Probes are such files."""
    output: Annotated[str, OUTPUT]
    """Folder for token_scores/, scores/ and the manifest; it must be new, empty or an unfinished output."""
    slots: Annotated[str, INPUT] = ""
    """slots.parquet of the secrets: each candidate is scored after the text that precedes its unit's slots."""
    questions: Annotated[str, INPUT] = ""
    """questions.parquet of the secrets: what --ask can ask about each unit."""
    ask: Annotated[str, INPUT] = ""
    """Kind of question: each candidate's answers to its unit's cues are scored, in place of its text."""
    reference: Annotated[str, MODEL] = ""
    """A checkpoint trained without the sequences, for metrics that compare two models."""
    metrics: Annotated[Several, METRICS] = ()
    """Metrics by name. Default: every metric that needs no text generation (slow) and no other run."""
    dtype: Annotated[Literal["float32", "bfloat16"], MODEL] = "float32"
    """Number format of the model; statistics are always reduced in float32."""
    max_tokens: Annotated[Whole, MODEL] = 0
    """Tokens per batch; 0: 32,768 on a GPU, 4,096 on the CPU. Lowered automatically when memory runs out."""
    bos: Annotated[Literal["checkpoint", "always", "never"], MODEL] = "checkpoint"
    """Begin-of-sequence token in front: where the checkpoint's tokenizer adds one, always, or never."""
    tokenizer: Annotated[str, MODEL] = ""
    """A tokenizer.json for all checkpoints. Default: each checkpoint's own."""
    context: Annotated[Whole, INPUT] = 512
    """Tokens before a slot that the model is given."""
    id_column: Annotated[str, INPUT] = "id"
    """The column of ids; without a column id, sequences are numbered."""
    text_column: Annotated[str, INPUT] = "text"
    """The column of texts; if it is missing, token_ids is used."""
    samples: Annotated[Whole, GENERATION] = 50
    """Continuations sampled per sequence from its first half, for cdd_peak and ted."""
    temperature: Annotated[float | None, GENERATION] = None
    """Sampling temperature. Default: 0.8 for cdd_peak and ted, 1 for extraction_probability and np_discoverable."""
    top_k: Annotated[Whole | None, GENERATION] = None
    """Sample from the k most probable tokens; 0: all. Default: all for cdd_peak and ted, 40 for the other two."""
    seed: Annotated[Whole, GENERATION] = 0
    """Seed of sampling; each continuation depends on the seed, the sequence's id and the sample's number only."""
    keep_generations: Annotated[bool, GENERATION] = False
    """Also write the texts generated for metrics, to generations/."""
    generate: Annotated[bool, GENERATION] = False
    """Continue every sequence greedily and write the results to generations/: answers to prompts."""
    max_new_tokens: Annotated[Whole, GENERATION] = 256
    """With --generate: maximum number of tokens per continuation."""
    stop: Annotated[Several, GENERATION] = ()
    """With --generate: texts that end a continuation, besides the checkpoint's own end-of-sequence tokens."""
    device: Annotated[Literal["auto", "cpu", "cuda"], RUNNING] = "auto"
    """Where the model runs; auto: on a GPU if there is one."""
    allow_pickle: Annotated[bool, MODEL] = False
    """Load pickled weights, which can run arbitrary code: only if you trust their author."""
    trust_remote_code: Annotated[bool, MODEL] = False
    """Run a checkpoint's own Python code: only if you trust its author."""
    overwrite: Annotated[bool, OUTPUT] = False
    """Replace a finished output in the same folder."""
    threads: Annotated[Whole, RUNNING] = 0
    """CPU threads; 0: all cores."""
    dry_run: Annotated[bool, RUNNING] = False
    """Read metadata only; print the resolved settings and the size of the work; write nothing."""
    no_space_check: Annotated[bool, RUNNING] = False
    """Start even if free disk space looks too small."""

    def __post_init__(self) -> None:
        """Check every value that can be checked without the data."""
        checks = (
            (bool(self.checkpoint), "--checkpoint: give at least one folder"),
            (bool(self.sequences), "--sequences: give at least one file, folder or glob"),
            (bool(self.questions) == bool(self.ask), "--questions and --ask go together"),
            (not (self.ask and self.slots), "--ask: cues take the place of contexts: leave --slots out"),
            (
                not (self.ask and (self.generate or self.keep_generations)),
                "--ask: answers are scored, and nothing is generated: leave --generate and --keep-generations out",
            ),
            (
                self.max_tokens == 0 or 16 <= self.max_tokens <= 1 << 24,
                f"--max-tokens {self.max_tokens}: give 0 (chosen for the device) or 16 to 16777216",
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
            (all(self.stop), "--stop: an empty text would end every continuation at once; leave it out"),
            (
                self.generate or not self.stop,
                "--stop: only affects --generate; give --generate as well, or leave --stop out",
            ),
            (0 <= self.threads <= 1024, f"--threads {self.threads}: give 0 (all cores) to 1024"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)

    def what_the_output_depends_on(self) -> dict[str, Any]:
        """The settings that change the output. Files and folders are left out: their content's hashes count instead."""
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
        asked = ("ask",) if self.ask else ()
        return {name: settings[name] for name in (*kept, *generation, *asked)}

    def generation(self) -> "GenerationPlan | None":
        """What is generated; None for nothing."""
        from transforms.scoring.generation.plan import GenerationPlan, generated_needs

        if not generated_needs(self.metrics) and not self.generate:
            return None
        return GenerationPlan.of(
            self.metrics,
            samples=self.samples,
            temperature=self.temperature,
            top_k=self.top_k,
            seed=self.seed,
            max_new_tokens=self.max_new_tokens if self.generate else 0,
            stop=self.stop,
            keep=self.keep_generations,
        )


def run(config: ScoreConfig, context: "Context") -> int:
    """Score; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    from pipelines.scoring.run import run as run_scoring

    return run_scoring(config, context.beam_options, context.progress)
