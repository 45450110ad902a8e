"""The course of every command that makes probes: refuse, look, make, write into a new secret folder.

`KINDS` in `transforms.probes.kind` lists the kinds; `trapline puzzles --as probes` comes here as well.
"""

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.running.errors import UsageError
from transforms.probes.kind import Environment, Kind, Looked, SettingError, Settings, load_kind

if TYPE_CHECKING:
    import pyarrow as pa


QUESTIONS, BACKGROUND = "questions.parquet", "background/background.parquet"
PROBES, REPORT, REPORT_PAGE = "probes.parquet", "report.json", "report.html"
_SCRATCH = "scratch"


def run(name: str, config: Settings) -> int:
    """Make probes of a kind in `KINDS`; returns the exit code."""
    return run_kind(load_kind(name), config)


def run_kind(kind: Kind, config: Settings) -> int:
    """Make probes; returns the exit code.

    Raises:
        UsageError, CorpusError, SealError, RunError: with what to change or mend.
    """
    try:
        return _run(kind, config)
    except SettingError as error:
        raise UsageError(str(error)) from error


def _run(kind: Kind, config: Settings) -> int:
    from pipelines.running.machine import cores, peak_rss_bytes
    from pipelines.running.progress import Progress
    from pipelines.running.versions import versions
    from schemas.probes import conform, with_covariates
    from transforms.base.folders import Folder
    from transforms.base.readable import counted
    from transforms.base.runs import pretty_json
    from transforms.planting import folder as secret_folder
    from transforms.planting.sealing.questions import conform_questions
    from transforms.planting.tables.units import units_of

    path = secret_folder.secrets_path(config.output, "--output")
    secret_folder.refuse_existing(path, "--output")
    _refuse_public(path, config)
    looked = kind.look(config)
    if config.dry_run:
        _describe(kind, config, looked)
        return 0
    began, progress, threads = time.perf_counter(), Progress(), config.threads or cores()

    def running() -> dict[str, Any]:
        return {
            "seconds": time.perf_counter() - began,
            "threads": threads,
            "peak_rss_bytes": peak_rss_bytes(),
        }

    key = config.new_key()
    with secret_folder.new_secrets(path, "--output") as draft:
        scratch = Folder(str(draft)).child(_SCRATCH)
        made = kind.make(config, key, Environment(threads, scratch, looked.found, progress.say, _launch, running))
        Folder(str(draft)).remove_folder(_SCRATCH)
        table = with_covariates(conform([(kind.name, made.probes)]), made.covariates, kind.name)
        facts = {"command": kind.name, "config": config.resolved(), "versions": versions(), **made.facts}
        secret_folder.write(draft, PROBES, secret_folder.parquet(table))
        if made.questions is not None:
            questions = conform_questions([(kind.name, made.questions)], units_of(table))
            secret_folder.write(draft, QUESTIONS, secret_folder.parquet(questions))
        if made.background is not None:
            secret_folder.write(draft, BACKGROUND, secret_folder.parquet(made.background))
        secret_folder.write(draft, REPORT, pretty_json(facts))
        secret_folder.write(draft, REPORT_PAGE, _page(kind.name)(facts, table).encode())
    units = len(table.column("unit").unique())
    progress.say(made.summary or f"{counted(table.num_rows, 'candidate')} in {counted(units, 'unit')}")
    progress.say(f"done: {path / PROBES}  (secret: it tells what is planted)")
    return 0


def _refuse_public(path: Path, config: Settings) -> None:
    """Candidates are secret: they stand neither in a public output nor where they would be read as corpus."""
    from transforms.base.folders import Folder
    from transforms.corpus.input.sources import would_list
    from transforms.planting.mirror import remote_of

    remote = remote_of(path)
    for parent in (remote or Folder(str(path))).parents():
        if parent.exists("manifest.json") or parent.exists("_SUCCESS"):
            raise UsageError(f"--output {path} lies inside the public output {parent.uri}: choose a folder elsewhere")
    for flag, patterns in config.corpus_inputs().items():
        pattern = would_list(patterns, str(path) if remote is None else remote.uri, (PROBES,))
        if pattern is not None:
            raise UsageError(f"--output {path} lies inside {flag} {pattern}: choose a folder elsewhere")


def _describe(kind: Kind, config: Settings, looked: Looked) -> None:
    """The resolved settings as TOML, then the size of the work, on standard output."""
    from transforms.base.toml import table as toml_table

    print(toml_table(kind.name, {"output": config.output, **config.resolved()}))
    for line in (*looked.size, "nothing was written"):
        print(f"# {line}")


def _launch(build: Callable[[Any], Any]) -> None:
    from pipelines.jobs.launch import launch
    from pipelines.running.beam_flags import beam_options

    launch(build, beam_options([], []))


def _page(name: str) -> "Callable[[Mapping[str, Any], pa.Table], str]":
    """The page of a kind: `report_html` of `pipelines.pages.<name>_page`, or the one for all kinds."""
    own = f"pipelines.pages.{name}_page"
    module = import_module(own if find_spec(own) else "pipelines.pages.kind_page")
    page: Callable[[Mapping[str, Any], pa.Table], str] = module.report_html
    return page
