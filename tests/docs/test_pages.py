"""Examples, diagrams and lists of the documentation agree with the code."""

import doctest
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pipelines.verdict.words import details, statement
from transforms.scoring.metrics.registry import METRICS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_examples_in_python_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(ROOT / "docs/guide/python.md"), module_relative=False, encoding="utf-8")
    assert (failed, tried > 30) == (0, True)


def test_the_pictures_are_what_the_program_draws(tmp_path: Path) -> None:
    runpy.run_path(str(ROOT / "docs/pictures.py"))["main"](tmp_path)
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in (ROOT / "docs/pictures").glob("*.svg")}
    assert drawn == kept, "run: make pictures"


def test_every_capability_is_in_the_diagram_and_every_room_in_the_list() -> None:
    diagram = (ROOT / "docs/pictures/rooms.svg").read_text(encoding="utf-8")
    for folder in (ROOT / "transforms").iterdir():
        if (folder / "__init__.py").exists():
            assert re.search(rf">{folder.name}\b", diagram), f"docs/pictures.py: no {folder.name} in rooms()"
    listed = set(re.findall(r"^\| `([\w/]+)` \|", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE))
    rooms = {
        path.parent.relative_to(ROOT).as_posix()
        for top in ("schemas", "transforms", "pipelines")
        for path in (ROOT / top).rglob("*.py")
        if path.name != "__init__.py"
    }
    nested = {room for room in rooms if "/" in room}
    missing = {room for room in nested if room not in listed} - {"transforms/probes"}
    assert not missing, f"ARCHITECTURE.md does not list {sorted(missing)}"
    assert not {room for room in listed if not (ROOT / room).is_dir()}


@pytest.mark.slow
def test_a_folder_of_tests_runs_on_its_own() -> None:
    command = [sys.executable, "-P", "-m", "pytest", "--collect-only", "--quiet", "tests/verification"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout


def test_every_metric_is_described() -> None:
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    for name in METRICS:
        assert f"| `{name}` |" in page


def test_the_version_is_written_once() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    files = [ROOT / "CITATION.cff", ROOT / "mkdocs.yml", *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    files += [path for top in ("schemas", "transforms", "pipelines") for path in (ROOT / top).rglob("*.py")]
    allowed = {ROOT / "docs/benchmarks/dedup.md"}  # the version that was measured
    assert [one for one in files if one not in allowed and f"{version}" in one.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("p", "rejected", "auc"), [(1e-6, True, (0.93, 0.9, 0.96)), (0.692, False, (0.46, 0.37, 0.56))]
)
def test_the_readme_shows_the_words_of_a_verdict(p: float, rejected: bool, auc: tuple[float, float, float]) -> None:
    dose = {"dose": 20, "p_value": p, "smallest_p": 1e-6, "reject": rejected, "cannot_reject": False}
    effect = dict(zip(("value", "low", "high"), auc, strict=True), units=40)
    verdict = {
        "confirmatory": True,
        "doses": [dose],
        "alpha": 0.001,
        "alpha_sealed": 0.001,
        "controls": 9,
        "minimum_detected_dose": 20 if rejected else None,
        "exploratory": {"by_dose": [{"dose": 20, "auc": effect}]},
    }
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in [statement(verdict), *details(verdict)]:
        assert f"    {line}\n" in readme
