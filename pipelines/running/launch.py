"""Run one Beam pipeline to its end, with errors a person can read."""

import gc
import os
from collections.abc import Callable
from typing import Any

from pipelines.running.errors import RunError
from pipelines.running.signals import interrupted


def build_and_launch(options: Callable[[], Any], build: Callable[..., Any], *arguments: Any) -> None:
    """Build a stage with `build(root, *arguments)`, run it and wait."""
    launch(lambda root: build(root, *arguments), options())


def launch(build: Callable[[Any], Any], options: Any) -> None:
    """Build a pipeline with `build(root)`, run it and wait.

    Without `--runner` the pipeline runs in this process: Beam's own default would first try to download a runner.

    Raises:
        RunError: if the pipeline fails; the message is the task's own where there is one.
        KeyboardInterrupt: if it was interrupted, in whatever form Beam has wrapped that.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import StandardOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.runners.runner import PipelineState

    from transforms.base.tasks import task_message

    os.environ.setdefault("PYTHONSAFEPATH", "1")
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    named = options.view_as(StandardOptions).runner
    pipeline = beam.Pipeline(runner=None if named else FnApiRunner(), options=options)
    build(pipeline)
    try:
        result = pipeline.run()
        state = result.wait_until_finish()
    except Exception as error:
        if interrupted.is_set():
            raise KeyboardInterrupt from error
        message = task_message(error)
        if message is None:
            raise
        raise RunError(message) from error
    if state != PipelineState.DONE:
        raise RunError(f"the pipeline ended in state {state}: see the runner's own log")
