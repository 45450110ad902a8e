"""Parts of the harness that need no engine: job servers as one jar, and the page of results."""

import json
import zipfile
from pathlib import Path

from tests.cluster.components import pack
from tests.cluster.page import table


def _jar(path: Path, **entries: str) -> Path:
    with zipfile.ZipFile(path, "w") as jar:
        for name, text in entries.items():
            jar.writestr(name, text)
    return path


def test_jars_become_one_with_the_first_of_each_name_and_all_services(tmp_path: Path) -> None:
    service, signature = "META-INF/services/a.Service", "META-INF/KEY.SF"
    one = _jar(tmp_path / "1.jar", **{"a/A.class": "first", service: "a.A", signature: "x"})
    two = _jar(tmp_path / "2.jar", **{"a/A.class": "second", "b/B.class": "b", service: "b.B\n"})
    pack([one, two], tmp_path / "whole.jar")
    with zipfile.ZipFile(tmp_path / "whole.jar") as whole:
        found = {name: whole.read(name).decode() for name in whole.namelist()}
    assert found.pop("META-INF/MANIFEST.MF").startswith("Manifest-Version: 1.0\n")
    assert found.pop(service).split() == ["a.A", "b.B"]
    assert found == {"a/A.class": "first", "b/B.class": "b"}


def test_the_page_says_what_was_run_and_what_was_not() -> None:
    whole = {"engine": "flink", "command": "dedup", "case": "whole", "seconds": 61.2, "tasks": 57, "workers": 4}
    killed = {"engine": "prism", "command": "dedup", "case": "killed", "seconds": 9.0, "again": 1}
    went_on = {**killed, "engine": "flink", "again": 0}
    traps = {"engine": "spark", "command": "traps", "case": "whole"}
    lines = table([json.dumps(one) for one in (whole, killed, went_on, traps)]).splitlines()
    assert lines[2] == "| dedup | whole | not run | not run | same, 61 s, 57 tasks | not run |"
    again = "same, 9 s, after the same command again (1 x)"
    assert lines[3] == f"| dedup | killed | {again} | not run | same, 9 s, the engine went on by itself | not run |"
    refused = "runs where it is called, and says so"
    assert lines[-1] == f"| traps | whole | not run | not run | not run | {refused} |"
