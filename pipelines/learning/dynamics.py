"""`trapline dynamics`: what training did to what was planted, over the checkpoints of one run."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelines.running.errors import UsageError
from transforms.base.flags import INPUT, METRICS, OUTPUT, RUNNING, Several, SeveralNumbers, Whole

if TYPE_CHECKING:
    from pipelines.running.context import Context

DYNAMICS, REPORT = "dynamics.json", "report.html"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DynamicsConfig:
    """Show how planted candidates are learnt and forgotten over the checkpoints of a training run.

    Everything is planted minus held-out, by groups of units, with intervals over units. It is descriptive: the
    verdict is that of trapline verify.
    """

    scores: Annotated[Several, INPUT]
    """Folders that trapline score wrote on all sealed candidates at several checkpoints; each kind of question is shown
    by itself."""
    secrets: Annotated[str, INPUT]
    """The folder of secrets, drawn."""
    output: Annotated[str, OUTPUT]
    """A new folder for dynamics.json and the report. It is secret: it shows strata."""
    metric: Annotated[str, METRICS] = ""
    """The metric to follow. Default: the sealed one."""
    steps: Annotated[SeveralNumbers, METRICS] = ()
    """Training steps done at each checkpoint, in the order of the scores. Default: the last number in each name."""
    events: Annotated[str, INPUT] = ""
    """events.parquet that trapline order left in the secrets: the step in which each copy was seen."""
    event: Annotated[Whole | None, METRICS] = None
    """In place of --events: steps done when all units were seen, in the step that follows."""
    window: Annotated[Whole, METRICS] = 50
    """Steps after an event in which the maximum is looked for."""
    by: Annotated[str, METRICS] = "stratum"
    """What groups the units: stratum, kind, dose, or a covariate of the probes."""
    tasks: Annotated[Several, METRICS] = ()
    """Groups in the order in which they were learnt, for the matrix of stages and tasks. Default: the phases of
    --events, if it names any."""
    stages: Annotated[SeveralNumbers, METRICS] = ()
    """With --tasks: the step at the end of each stage, as many as tasks."""
    subsets: Annotated[str, INPUT] = ""
    """Parquet with the columns checkpoint, id and included, where the checkpoints are models trained on subsets of the
    sequences: counterfactual memorisation by group."""
    overwrite: Annotated[bool, OUTPUT] = False
    """Replace an earlier report of this command."""
    dry_run: Annotated[bool, RUNNING] = False
    """Check the inputs and print what would be shown; write nothing."""

    def __post_init__(self) -> None:
        """Check what can be checked without the files."""
        checks = (
            (bool(self.scores), "--scores: give at least one folder"),
            (not (self.events and self.event is not None), "--events and --event: give only one of them"),
            (self.event is None or self.event >= 0, f"--event {self.event}: give 0 or more"),
            (self.window >= 1, f"--window {self.window}: give 1 or more"),
            (
                len(self.tasks) == len(self.stages),
                f"--tasks and --stages: {len(self.tasks)} and {len(self.stages)} values; give one stage for each task",
            ),
            (len(set(self.tasks)) == len(self.tasks), "--tasks: give each once"),
            (
                all(a < b for a, b in zip(self.stages, self.stages[1:], strict=False)),
                "--stages: steps in the order of training",
            ),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)


def run(config: DynamicsConfig, _: "Context") -> int:
    """Write the report; returns the exit code.

    Raises:
        UsageError, RunError, SealError: with what to change or mend.
    """
    from pipelines.learning.find import find
    from pipelines.learning.gather import gather
    from pipelines.pages.dynamics_page import dynamics_page
    from pipelines.pages.page import render
    from schemas.documents import to_bytes
    from schemas.secret.dynamics import NAME, VERSION
    from transforms.base.folders import Folder
    from transforms.base.readable import counted

    output = _output(config)
    gathered = gather(config)
    if config.dry_run:
        units = counted(len(gathered.judged.units), "unit")
        print(f"{units} at {counted(len(gathered.steps), 'checkpoint')}; nothing was written")
        return 0
    found = find(gathered, config)
    html = render(dynamics_page(found)).encode()
    output.mkdir(parents=True, exist_ok=True, mode=0o700)
    output.chmod(0o700)
    folder = Folder(str(output))
    for name in (DYNAMICS, REPORT):
        folder.remove(name)
    folder.write(REPORT, html, 0o600)
    folder.write(DYNAMICS, to_bytes(NAME, VERSION, found), 0o600)
    print(f"{output / DYNAMICS}\n{output / REPORT}  (secret: it shows strata)")
    return 0


def _output(config: DynamicsConfig) -> Path:
    """The folder to write into.

    Raises:
        UsageError: if it overlaps with the secrets, or holds anything but an earlier report of this command.
    """
    from transforms.base.folders import is_local
    from transforms.planting.folder import secrets_path

    if not is_local(config.output):
        raise UsageError(f"--output {config.output}: give a local folder")
    output, secrets = Path(config.output).resolve(), secrets_path(config.secrets)
    if output == secrets or output.is_relative_to(secrets) or secrets.is_relative_to(output):
        raise UsageError(f"--output {config.output}: overlaps with --secrets: choose a separate folder")
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {config.output}: is a file; give a folder")
    found = {path.name for path in output.iterdir()} if output.exists() else set()
    if found - {DYNAMICS, REPORT}:
        raise UsageError(
            f"--output {config.output}: holds other files than a report of dynamics: choose another folder"
        )
    if found and not config.overwrite:
        raise UsageError(f"--output {config.output}: holds a report: choose another folder, or pass --overwrite")
    return output
