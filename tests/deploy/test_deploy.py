"""What `deploy/` holds agrees with the package: images, the template's parameters, the Flink example."""

import fnmatch
import json
import re
import runpy
import tomllib
from pathlib import Path

import apache_beam
import pytest

from pipelines.cli import COMMANDS
from pipelines.dedup import DedupConfig
from pipelines.running.beam_flags import beam_options

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
IMAGES = ("Dockerfile", "Dockerfile.gpu")


def entering(path: str) -> bool:
    """Whether a file enters an image, by the last rule of .dockerignore that meets it."""
    inside = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!").removeprefix("**/")
        parts = Path(path).parts
        met = pattern == "**" or path == pattern or path.startswith(f"{pattern}/")
        met = met or ("**/" in rule and any(fnmatch.fnmatch(part, pattern) for part in parts))
        if met:
            inside = rule.startswith("!")
    return inside


@pytest.mark.parametrize(
    "path",
    [
        "demo-out/secrets/key", "secrets/key", "secrets/draw.parquet", ".git/config", ".venv/bin/python",
        "out/data/x.parquet",
        "tests/conftest.py", "probes/probes.parquet", ".env", "pipelines/__pycache__/cli.cpython-311.pyc",
    ],
)  # fmt: skip
def test_nothing_secret_or_needless_enters_an_image(path: str) -> None:
    assert not entering(path)


def test_the_package_enters_whole() -> None:
    for top in ("schemas", "transforms", "pipelines"):
        assert all(entering(path.relative_to(ROOT).as_posix()) for path in (ROOT / top).rglob("*.py"))
    for image in (*IMAGES, "dataflow/Dockerfile"):
        for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / image).read_text(), re.MULTILINE):
            for name in copied.split():
                assert (ROOT / name).exists(), (image, name)
                assert entering(f"{name}/x.py" if (ROOT / name).is_dir() else name), (image, name)


@pytest.mark.parametrize("image", IMAGES)
def test_images_have_the_beam_of_the_launcher(image: str) -> None:
    text = (DEPLOY / image).read_text()
    assert f"ARG BEAM={apache_beam.__version__}\n" in text
    assert "FROM apache/beam_python3.11_sdk:${BEAM}" in text
    extras = re.search(r"'/src\[(.+)\]'", text)
    assert extras is not None
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras[1].split(",")) <= set(known)
    assert ("score" in extras[1]) == image.endswith(".gpu")


def test_the_templates_parameters_are_flags() -> None:
    parameters = json.loads((DEPLOY / "dataflow/metadata.json").read_text())["parameters"]
    arguments = runpy.run_path(str(DEPLOY / "dataflow/launch_template.py"))["arguments"]
    assert all(one["name"] in DedupConfig.__dataclass_fields__ for one in parameters)
    given = {
        "input": "gs://b/a gs://b/c",
        "output": "gs://b/out",
        "text_column": "body",
        "threshold": "",
        "shard_bytes": "",
        "plan": "one",
    }
    assert set(given) == {one["name"] for one in parameters}
    for one in parameters:
        for pattern in one.get("regexes", []):
            assert re.fullmatch(pattern, given[one["name"]])
    made = arguments([*(f"--{name}={value}" for name, value in given.items()), "--runner=DirectRunner", "--project=p"])
    assert made == [
        "dedup", "--input", "gs://b/a", "--input", "gs://b/c", "--output", "gs://b/out", "--text-column", "body",
        "--plan", "one", "--threads", "1", "--runner", "DataflowRunner", "--sdk_location", "container", "--project=p",
    ]  # fmt: skip


def test_the_flink_example_runs_a_command_that_exists() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with the development dependencies")
    session = yaml.safe_load((DEPLOY / "flink/session.yaml").read_text())
    job = yaml.safe_load((DEPLOY / "flink/run.yaml").read_text())["spec"]["template"]["spec"]
    [launcher] = job["containers"]
    words = launcher["args"]
    assert words[0] in {command.name for command in COMMANDS}
    options = beam_options(words[words.index("--runner") :], []).get_all_options()
    [pool] = [one for one in session["spec"]["taskManager"]["podTemplate"]["spec"]["containers"] if "args" in one]
    port = pool["ports"][0]["containerPort"]
    assert (options["environment_type"], options["environment_config"]) == ("EXTERNAL", f"localhost:{port}")
    [server] = job["initContainers"]
    version = re.search(r"flink([\d.]+)_job_server:([\d.]+)", server["image"])
    assert version is not None
    assert session["spec"]["image"].startswith(f"flink:{version[1]}-")
    assert session["spec"]["flinkVersion"] == f"v{version[1].replace('.', '_')}"
    assert version[2] == apache_beam.__version__
