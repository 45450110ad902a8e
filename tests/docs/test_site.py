"""The documentation builds as a site without warnings and loads nothing from the network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_site_builds_without_warnings(tmp_path: Path) -> None:
    pytest.importorskip("mkdocstrings", reason="a development dependency")
    site = tmp_path / "site"
    command = ["make", "-o", ".venv/.current", "docs", f"BIN={Path(sys.executable).parent}", f"SITE={site}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, env=os.environ)
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stderr.lower(), result.stderr
    assert (site / "reference/api/index.html").exists()
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"?(https?:|//)", page.read_text("utf-8")
        )
        assert not loaded, page
