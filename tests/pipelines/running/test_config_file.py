import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.running.config_file import read_config, take_config_flag
from pipelines.running.errors import UsageError


@pytest.mark.parametrize(
    ("tokens", "left", "path"),
    [
        ([], [], None),
        (["dedup", "--strict"], ["dedup", "--strict"], None),
        (["dedup", "--config", "a b", "--strict"], ["dedup", "--strict"], "a b"),
        (["--config=a=b", "dedup"], ["dedup"], "a=b"),
        (["dedup", "--config", "--strict"], ["dedup"], "--strict"),
        (["dedup", "--configure"], ["dedup", "--configure"], None),
    ],
)
def test_the_flag_is_taken_out(tokens: list[str], left: list[str], path: str | None) -> None:
    assert take_config_flag(tokens) == (left, path)


def test_the_flag_needs_a_value() -> None:
    with pytest.raises(UsageError, match="--config needs a file"):
        take_config_flag(["dedup", "--config"])


def read(folder: Path, text: str, name: str = "a.toml") -> tuple[dict[str, dict[str, Any]], list[str]]:
    path = folder / name
    path.write_text(text)
    return read_config(str(path), ("dedup", "seal"))


def test_tables_by_command_and_beams_flags(tmp_path: Path) -> None:
    settings, beam = read(
        tmp_path,
        "[dedup]\nnum_perm = 64\ntext-column = 'body'\nthreshold = 0.5\nstrict = true\ninput = ['a', 'b']\n"
        "[seal]\nseed = 3\n[beam]\nrunner = 'X'\nstreaming = true\nno_auth = false\n"
        "experiments = ['a', 'b=c']\nworkers = 3\n",
    )
    assert settings == {
        "dedup": {"num-perm": 64, "text-column": "body", "threshold": "0.5", "strict": True, "input": ["a", "b"]},
        "seal": {"seed": 3},
    }
    assert beam == ["--runner=X", "--streaming", "--experiments=a", "--experiments=b=c", "--workers=3"]


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == ({}, [])


def test_a_manifest_is_read_for_its_own_command(tmp_path: Path) -> None:
    manifest = {"command": "seal", "content": {"config": {"seed": 3, "bands": None}, "counts": {}}}
    assert read(tmp_path, json.dumps(manifest), "manifest.json") == ({"seal": {"seed": 3, "bands": None}}, [])


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("[prepare]\n", "a.toml", r"unknown table \[prepare\]; tables are \[dedup\], \[seal\] and \[beam\]"),
        ("dedup = 1\n", "a.toml", "dedup must be a table"),
        ("beam = [1]\n", "a.toml", "beam must be a table"),
        ("= 1", "a.toml", "a.toml: .*line 1"),
        ('{"command": "dedup"}', "a.json", "not the manifest"),
        ('{"command": "dedup", "content": 3}', "a.json", "not the manifest"),
        ('"dedup"', "a.json", "not the manifest"),
        ('{"command": "scan", "content": {"config": {}}}', "a.json", r"unknown table \[scan\]"),
    ],
)
def test_what_cannot_be_read(text: str, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, text, name)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read \(No such file"):
        read_config(str(tmp_path / "missing.toml"), ("dedup",))
