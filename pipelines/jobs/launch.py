"""Run one Beam pipeline to its end, with errors a person can read."""

import gc
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from pipelines.jobs.hints import with_hints
from pipelines.jobs.runners import is_remote, one_line, runner_name
from pipelines.jobs.watchdog import Watchdog, stall_seconds
from pipelines.running.errors import RunError
from pipelines.running.signals import interrupted
from transforms.base.runs import Work


def build_and_launch(
    options: Callable[[], Any],
    build: Callable[..., Any],
    *arguments: Any,
    hints: Sequence[str] = (),
) -> None:
    """Build a stage with `build(root, *arguments)`, run it and wait.

    `hints` say what a worker of this stage needs, for runners that choose machines by it. Tasks commit files in the
    work folder of the `Work` among the arguments, which tells whether a job on other machines still gets on.
    """
    works = [getattr(one, "work", one) for one in arguments]
    work = next((one for one in works if isinstance(one, Work)), None)
    launch(lambda root: build(root, *arguments), with_hints(options(), hints), work)


def launch(build: Callable[[Any], Any], options: Any, work: Work | None = None) -> None:
    """Build a pipeline with `build(root)`, run it and wait.

    Without `--runner` the pipeline runs in this process: Beam's own default would first try to download a runner.

    Raises:
        RunError: if the pipeline fails; the message is the task's own where there is one. Also if the workers of a
            job on other machines are gone, or it shows no sign of life.
        KeyboardInterrupt: if it was interrupted, in whatever form Beam has wrapped that.
    """
    import apache_beam as beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.runners.runner import PipelineState

    from transforms.base.tasks import task_message

    os.environ.setdefault("PYTHONSAFEPATH", "1")
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    name, remote = runner_name(options), is_remote(options)
    pipeline = beam.Pipeline(runner=None if name else FnApiRunner(), options=options)
    build(pipeline)
    try:
        state = _remote_state(pipeline, options, work) if remote else pipeline.run().wait_until_finish()
    except RunError:
        raise
    except Exception as error:
        if interrupted.is_set():
            raise KeyboardInterrupt from error
        message = task_message(error) or (one_line(error, name) if remote else None)
        if message is None:
            raise
        raise RunError(message) from error
    if state != PipelineState.DONE:
        raise RunError(f"the pipeline ended in state {state}: see the runner's own log")


def _remote_state(pipeline: Any, options: Any, work: Work | None) -> Any:
    from apache_beam.options.pipeline_options import PortableOptions

    from pipelines.jobs.runners import answers

    _quieten()
    portable = options.view_as(PortableOptions)
    pool = (portable.environment_config or "") if portable.environment_type == "EXTERNAL" else ""
    pool = pool if pool and answers(pool, 1.0) else ""
    stall = stall_seconds() if portable.job_endpoint else 0.0
    return Watchdog(pipeline.run(), lambda: _committed(work), pool, stall).wait()


def _quieten() -> None:
    """Keep a job server's own lines and its stack traces off the terminal: what matters of them becomes our error."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    for handler in root.handlers:
        handler.setLevel(logging.CRITICAL)


def _committed(work: Work | None) -> int:
    """How many files the run has committed so far; an error of the store is no sign of life."""
    try:
        return 0 if work is None else len(work.folder.all_files()) + len(work.output.all_files())
    except OSError:
        return -1
