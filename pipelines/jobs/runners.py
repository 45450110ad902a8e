"""What a portable runner needs on the launcher, checked before any work: Java, a jar, a binary, an endpoint."""

import os
import shutil
import socket
from pathlib import Path
from typing import Any

from pipelines.running.errors import UsageError

_BEAM_JARS = "take it from Maven Central (org.apache.beam, of Beam's version) and give its path"
_CONNECT_SECONDS = 10.0


def runner_name(options: Any) -> str:
    """The runner's class name, such as `FlinkRunner`; empty where none was named."""
    from apache_beam.options.pipeline_options import StandardOptions

    return str(options.view_as(StandardOptions).runner or "").rpartition(".")[2]


def is_remote(options: Any) -> bool:
    """Whether workers may run on other machines: a runner was named that is not one of this process."""
    return runner_name(options) not in ("", "DirectRunner", "FnApiRunner", "BundleBasedDirectRunner")


def refuse_what_cannot_start(options: Any) -> None:
    """Refuse a runner whose parts are missing here; nothing is started or downloaded by this check.

    Raises:
        UsageError: naming the flag, what was found, and what to give.
    """
    from apache_beam.options.pipeline_options import PortableOptions

    name, endpoint = runner_name(options), options.view_as(PortableOptions).job_endpoint
    if endpoint:
        if endpoint != "embed":
            _refuse_dead(f"--job_endpoint {endpoint}", endpoint, "start the job server, or give its address")
        return
    if name == "PortableRunner":
        raise UsageError("--runner PortableRunner: give the job server's address with --job_endpoint HOST:PORT")
    if name == "FlinkRunner":
        _refuse_flink(options)
    if name == "SparkRunner":
        _refuse_spark(options)
    if name == "PrismRunner":
        _refuse_prism(options)


def _refuse_flink(options: Any) -> None:
    from apache_beam.options.pipeline_options import FlinkRunnerOptions

    flink = options.view_as(FlinkRunnerOptions)
    master = flink.flink_master.strip()
    if master not in ("[auto]", "[local]", "[collection]"):
        address = master.partition("://")[2] or master
        _refuse_dead(f"--flink_master {master}", address.rstrip("/"), "give the JobManager's REST address, HOST:PORT")
    if flink.flink_submit_uber_jar and master != "[auto]":
        _refuse_jar("FlinkRunner", "--flink_job_server_jar", flink.flink_job_server_jar)
        return
    _refuse_no_java("FlinkRunner", options)
    _refuse_jar("FlinkRunner", "--flink_job_server_jar", flink.flink_job_server_jar)


def _refuse_spark(options: Any) -> None:
    from apache_beam.options.pipeline_options import SparkRunnerOptions

    spark = options.view_as(SparkRunnerOptions)
    if spark.spark_master_url.startswith("spark://") and "," not in spark.spark_master_url:
        address = spark.spark_master_url.removeprefix("spark://").rstrip("/")
        _refuse_dead(f"--spark_master_url {spark.spark_master_url}", address, "give the master's spark://HOST:PORT")
    if not spark.spark_submit_uber_jar:
        _refuse_no_java("SparkRunner", options)
    _refuse_jar("SparkRunner", "--spark_job_server_jar", spark.spark_job_server_jar)


def _refuse_prism(options: Any) -> None:
    from apache_beam.options.pipeline_options import PrismRunnerOptions

    location = options.view_as(PrismRunnerOptions).prism_location
    if location and "://" not in location and not os.access(location, os.X_OK):
        found = "cannot be executed" if Path(location).exists() else "there is no such file"
        raise UsageError(f"--prism_location {location}: {found}; give Beam's prism binary")


def _refuse_no_java(runner: str, options: Any) -> None:
    from apache_beam.options.pipeline_options import JobServerOptions

    java = options.view_as(JobServerOptions).job_server_java_launcher
    if shutil.which(java) is None:
        raise UsageError(
            f"--runner {runner}: Beam's job server needs Java, and {java!r} is not found; install a Java 11 or 17, "
            "name one with --job_server_java_launcher, or give --job_endpoint of a job server that runs already"
        )


def _refuse_jar(runner: str, flag: str, jar: str | None) -> None:
    if jar and "://" not in jar and not Path(jar).is_file():
        raise UsageError(f"{flag} {jar}: there is no such file; {_BEAM_JARS} (--runner {runner})")


def _refuse_dead(what: str, address: str, advice: str) -> None:
    if not answers(address):
        raise UsageError(f"{what}: nothing answers there; {advice}")


def answers(address: str, seconds: float = _CONNECT_SECONDS) -> bool:
    """Whether a TCP connection to HOST:PORT can be made now."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]") or "localhost", int(port)), seconds):
            return True
    except (OSError, ValueError, OverflowError):
        return False


def one_line(error: BaseException, name: str) -> str | None:
    """What a portable runner's own failure means; None for an error that is not one of its kinds.

    Beam reports a missing part, a job server that does not start and a failed job by errors of several classes, with
    a Java stack trace as their text.
    """
    import grpc

    text = str(error).strip()
    if isinstance(error, grpc.FutureTimeoutError):
        return f"--runner {name}: the job server did not answer in time; see --job_server_timeout"
    if isinstance(error, grpc.RpcError):
        return f"--runner {name}: the job server cannot be reached any more ({_first(_details(error))})"
    if isinstance(error, RuntimeError | ValueError | OSError | NotImplementedError) and name:
        return f"--runner {name}: {_first(text)}"
    return None


def _details(error: Any) -> str:
    details = getattr(error, "details", None)
    return str(details() if callable(details) else error)


def _first(text: str) -> str:
    """The line of a stack trace that says most, in at most 500 characters.

    That is the last exception of a Python worker, or the last cause that Java names, or the first line.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "no reason was given"
    causes = [line.removeprefix("Caused by:").strip() for line in lines if line.startswith("Caused by:")]
    best = causes[-1] if causes else lines[0]
    return best if len(best) <= 500 else best[:500] + "..."
