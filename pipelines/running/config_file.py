"""The file behind `--config`: TOML with one table per command and `[beam]`, or the manifest of an earlier run."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.running.errors import UsageError


def take_config_flag(tokens: Sequence[str]) -> tuple[list[str], str | None]:
    """Take `--config FILE` (or `--config=FILE`) out of `tokens`."""
    left: list[str] = []
    path: str | None = None
    rest = iter(tokens)
    for token in rest:
        if token in ("--config",):
            path = next(rest, None)
            if path is None:
                raise UsageError("--config needs a file: a TOML file, or an earlier run's manifest.json")
        elif token.startswith("--config="):
            path = token.split("=", 1)[1]
        else:
            left.append(token)
    return left, path


def read_config(path: str, commands: Sequence[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The settings of each command and the Beam flags that the file holds.

    Raises:
        UsageError: if the file cannot be read or has a table that belongs to no command.
    """
    tables = _tables(Path(path))
    beam = tables.pop("beam", {})
    unknown = sorted(set(tables) - set(commands))
    if unknown:
        raise UsageError(
            f"{path}: unknown table [{unknown[0]}]; tables are {', '.join(f'[{name}]' for name in commands)} and [beam]"
        )
    for name, table in {**tables, "beam": beam}.items():
        if not isinstance(table, Mapping):
            raise UsageError(f"{path}: {name} must be a table: write [{name}] above its settings")
    settings = {
        name: {key.replace("_", "-"): _as_written(value) for key, value in table.items()}
        for name, table in tables.items()
    }
    return settings, _as_flags(beam)


def _tables(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            manifest = json.loads(text)
            return {manifest["command"]: manifest["content"]["config"]}
        return tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"--config {path}: cannot be read ({error.strerror})") from error
    except (KeyError, TypeError) as error:
        raise UsageError(f"--config {path}: not the manifest of a trapline run; give one, or a .toml file") from error
    except ValueError as error:
        raise UsageError(f"--config {path}: {error}") from error


def _as_written(value: Any) -> Any:
    """A fraction as text: where a whole number is expected, cyclopts would cut it short."""
    return repr(value) if isinstance(value, float) else value


def _as_flags(beam: Mapping[str, Any]) -> list[str]:
    flags: list[str] = []
    for key, value in beam.items():
        values = value if isinstance(value, list) else [value]
        flags += [f"--{key}" if one is True else f"--{key}={one}" for one in values if one is not False]
    return flags
