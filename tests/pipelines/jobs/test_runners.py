"""A runner whose parts are missing ends in one line that says which and what to do, before any work."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.jobs.runners import one_line


@pytest.fixture
def nobody() -> str:
    """An address where nothing answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def refused(
    write_parquet: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """The one line in which `trapline dedup` with these flags ends; nothing was written."""
    source = write_parquet(["one text", "another text"])

    def run(*flags: str) -> str:
        assert main(["dedup", "--input", str(source), "--output", str(tmp_path / "out"), *flags]) == 2
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1, said
        assert not (tmp_path / "out").exists()
        return said[0]

    return run


def test_a_portable_runner_needs_an_endpoint(refused: Callable[..., str]) -> None:
    assert "--job_endpoint HOST:PORT" in refused("--runner", "PortableRunner")


@pytest.mark.parametrize("runner", ["PortableRunner", "FlinkRunner", "SparkRunner", "PrismRunner"])
def test_a_dead_endpoint_is_named(refused: Callable[..., str], nobody: str, runner: str) -> None:
    said = refused("--runner", runner, "--job_endpoint", nobody)
    assert f"--job_endpoint {nobody}: nothing answers there" in said


@pytest.mark.parametrize(
    ("runner", "flag", "scheme"),
    [("FlinkRunner", "--flink_master", ""), ("SparkRunner", "--spark_master_url", "spark://")],
)
def test_a_dead_master_is_named(refused: Callable[..., str], nobody: str, runner: str, flag: str, scheme: str) -> None:
    assert f"{flag} {scheme}{nobody}: nothing answers there" in refused("--runner", runner, flag, f"{scheme}{nobody}")


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner"])
def test_a_job_server_needs_java(refused: Callable[..., str], runner: str) -> None:
    said = refused("--runner", runner, "--job_server_java_launcher", "no-such-java")
    assert "needs Java, and 'no-such-java' is not found" in said


@pytest.mark.parametrize(
    ("runner", "flag"), [("FlinkRunner", "--flink_job_server_jar"), ("SparkRunner", "--spark_job_server_jar")]
)
def test_a_missing_jar_is_named(refused: Callable[..., str], runner: str, flag: str) -> None:
    said = refused("--runner", runner, flag, "/no/such.jar", "--job_server_java_launcher", "true")
    assert f"{flag} /no/such.jar: there is no such file" in said


def test_a_missing_prism_is_named(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "there is no such file" in refused("--runner", "PrismRunner", "--prism_location", "/no/prism")
    (tmp_path / "prism").write_text("not a program")
    assert "cannot be executed" in refused("--runner", "PrismRunner", "--prism_location", str(tmp_path / "prism"))


def test_a_failure_of_a_job_server_is_one_line() -> None:
    trace = (
        "java.lang.RuntimeException: wrapped\n\tat a.b(C.java:1)\nCaused by: java.io.IOException: no space\n\tat d.e"
    )
    assert one_line(RuntimeError(trace), "FlinkRunner") == "--runner FlinkRunner: java.io.IOException: no space"
    assert one_line(RuntimeError("x" * 900), "SparkRunner") == f"--runner SparkRunner: {'x' * 500}..."
    assert one_line(KeyError("defect"), "SparkRunner") is None


@pytest.mark.parametrize("command", ["traps", "seal"])
def test_a_command_that_takes_no_runner_says_so(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = {"traps": ["--corpus", "c", "--output", "x"], "seal": ["--probes", "x", "--secrets", "y"]}
    assert main([command, *flags[command], "--runner", "FlinkRunner"]) == 2
    assert f"trapline {command} runs where it is called and takes no --runner" in capsys.readouterr().err
