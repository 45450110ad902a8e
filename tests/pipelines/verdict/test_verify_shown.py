"""What a verdict shows: nothing secret, and nothing that a browser would run or load."""

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.verdict.words import probability
from tests.pipelines.verdict.campaign import (
    SCRIPT,
    SECRET,
    STRATUM,
    Campaign,
)


def test_what_is_shared_shows_no_candidate(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    scores = campaign.write(campaign.scored(1.0))
    assert campaign.verify(scores) == 0
    said = capsys.readouterr()
    key = (campaign.secrets / "key").read_bytes()
    shown = [path.read_text() for path in (campaign.folder / "verdict").iterdir()]
    for text in [*shown, said.out, said.err]:
        for secret in (SECRET, STRATUM, key.hex(), str(campaign.secrets)):
            assert secret not in text
    assert len(shown) == 2


def test_what_is_revealed_is_for_its_owner_alone(campaign: Campaign) -> None:
    assert campaign.verify(campaign.write(campaign.scored(1.0)), "--reveal") == 0
    folder = campaign.folder / "verdict"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    report = (folder / "report.html").read_text()
    assert f"{SECRET}-unit-" in report
    assert STRATUM in report
    assert str(campaign.secrets) not in report


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture
def revealed(campaign: Campaign) -> Path:
    twin = campaign.write(campaign.scored(), "twin")
    assert campaign.verify(campaign.write(campaign.scored(1.0)), "--reveal", "--baseline-scores", str(twin)) == 0
    return campaign.folder / "verdict/report.html"


def test_a_text_with_a_script_stays_text_and_nothing_is_loaded(revealed: Path) -> None:
    html = revealed.read_text()
    assert "&lt;script&gt;" in html
    parser = _Tags()
    parser.feed(html)
    assert "script" not in {tag for tag, _ in parser.tags}
    assert len([tag for tag, _ in parser.tags if tag == "svg"]) == 4
    assert len([tag for tag, _ in parser.tags if tag == "details"]) == 60
    for tag, attributes in parser.tags:
        for name, value in attributes.items():
            assert name not in ("src", "srcset", "data", "action", "formaction", "ping")
            assert name != "href" or value == "data:,", tag
            assert not name.startswith("on")
    assert "http://" not in html.replace("http://www.w3.org/", "")
    assert "https://" not in html
    assert "url(" not in html
    assert "@import" not in html


CHROMIUM = shutil.which("chromium")


def opened(page: Path, place: Path) -> tuple[str, set[str]]:
    """Open a page in a browser: its title afterwards, and all that it (not the browser itself) asked for."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # fmt: skip
    log = place / f"{page.stem}.net.json"
    command = [str(CHROMIUM), *flags, f"--user-data-dir={place / 'profile'}", f"--log-net-log={log}", "--dump-dom"]
    found = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "HOME": str(place)},
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", found.stdout)
    events = [one.get("params", {}) for one in json.loads(log.read_text())["events"]]
    asked = {one["url"] for one in events if one.get("network_isolation_key", "").startswith("file:")}
    return title[1] if title else "", asked


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_runs_nothing_and_asks_for_nothing(revealed: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.html"
    bare.write_text(f"<title>bare</title>{SCRIPT}<img src='http://127.0.0.1:9/pixel'>")
    assert opened(bare, tmp_path) == (SECRET, {"http://127.0.0.1:9/pixel"})
    assert opened(revealed, tmp_path) == ("trapline verify", set())


@pytest.mark.parametrize(
    ("value", "words"),
    [(1.0, "1"), (0.74, "0.74"), (0.7391, "0.739"), (0.03125, "0.0312"), (0.001, "0.001"), (1e-6, "0.000001"),
     (7.3e-5, "0.000073"), (1e-300, "less than 0.0000001")],
)  # fmt: skip
def test_a_p_value_is_written_for_people(value: float, words: str) -> None:
    assert probability(value) == words
