"""The rules of import hold, and each is reported when it is broken."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "transforms", "pipelines")
MOST_MODULES = 14
BREAKS = {
    "Imports run one way": ("schemas/described.py", "import transforms.base.errors"),
    "A capability uses base, corpus and its own rooms": (
        "transforms/dedup/bands.py",
        "import transforms.scoring.contexts",
    ),
    "A kind of probe knows no other kind": (
        "transforms/probes/traps/rules.py",
        "import transforms.probes.puzzles.card",
    ),
    "Rooms of a capability do not import each other in a circle": (
        "transforms/corpus/input/addresses.py",
        "import transforms.corpus.output.card",
    ),
}


def lint(root: Path) -> dict[str, bool]:
    """Each contract's first words, and whether it is kept."""
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", script, "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root), "PYTHONSAFEPATH": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()
    found = {}
    for name in BREAKS:
        lines = [line for line in said if line.startswith(name) and line.rstrip().endswith(("KEPT", "BROKEN"))]
        assert len(lines) == 1, (name, done.stdout, done.stderr)
        found[name] = lines[0].rstrip().endswith("KEPT")
    assert done.returncode == (not all(found.values()))
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_rules_hold(copy: Path) -> None:
    assert lint(copy) == dict.fromkeys(BREAKS, True)


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_rule_is_reported(copy: Path, name: str) -> None:
    module, line = BREAKS[name]
    path = copy / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    assert not lint(copy)[name]


@pytest.mark.parametrize("package", [*PACKAGES, "benchmarks"])
def test_no_folder_has_too_many_modules(package: str) -> None:
    for folder in [ROOT / package, *(ROOT / package).rglob("*/")]:
        modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= MOST_MODULES, (folder, sorted(modules))


def test_benchmarks_import_modules_that_exist() -> None:
    """Most of them run for minutes, by hand: their imports of each other are looked up, not executed."""
    for path in (ROOT / "benchmarks").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "benchmarks":
                module = ROOT / str(node.module).replace(".", "/")
                for name in node.names:
                    places = (module.with_suffix(".py"), module / f"{name.name}.py", module / name.name / "__init__.py")
                    assert any(place.is_file() for place in places), (path, node.module, name.name)
