"""What the pages on the verdict say holds: commands run, redraws can be repeated, the table of units is the code's."""

import hashlib
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.verdict.campaign import Campaign, probe_rows
from tests.verification.slow_draws import redraw
from transforms.verification.power import units_needed

DOCS = Path(__file__).resolve().parents[3] / "docs"


def lp(*fields: bytes) -> bytes:
    return b"".join(len(one).to_bytes(8, "big") + one for one in fields)


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    found = Campaign(tmp_path / "campaign", "--redraws", "1999", rows=probe_rows({10: 25}))
    found.write(found.scored(0.15, 2))
    found.write(found.scored(), "twin-scores")
    return found


def test_its_commands_run(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(campaign.folder)
    text = (DOCS / "guide/verdict.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if line.startswith("    trapline ")]
    assert len(lines) == 3
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, line


def test_the_p_value_can_be_computed_from_its_words_alone(campaign: Campaign) -> None:
    assert campaign.verify(campaign.folder / "scores") == 0
    commitment = json.loads((campaign.secrets / "commitment.json").read_bytes())
    randomness = bytes.fromhex(campaign.decides[1])
    seed = hashlib.sha256(lp(b"trapline/v1/monte-carlo", bytes.fromhex(commitment["root"]), randomness)).digest()
    scores = {row["id"]: row["loss"] for row in pq.read_table(campaign.folder / "scores/scores").to_pylist()}
    drawn = pq.read_table(campaign.secrets / "draw.parquet").to_pylist()
    rows = {(row["unit"], row["candidate"]): row for row in campaign.rows}
    table = np.array([[scores[rows[one["unit"], at]["id"]] for at in range(4)] for one in drawn])
    strata = [rows[one["unit"], 0]["stratum"] for one in drawn]
    centred = table - table.mean(axis=1, keepdims=True)
    aligned = np.empty_like(table)
    for stratum in set(strata):
        own = [at for at, one in enumerate(strata) if one == stratum]
        ranks = centred[own].ravel().argsort().argsort().reshape(-1, 4) + 1
        aligned[own] = ranks / (4 * len(own) + 1) - 0.5
    units = np.arange(len(drawn))
    observed = aligned[units, [one["arm"] for one in drawn]].sum()
    redraws = [aligned[units, redraw(seed, number, len(drawn), 4)].sum() for number in range(1999)]
    expected = (1 + sum(one >= observed - 1e-9 for one in redraws)) / 2000
    found = campaign.verdict()
    assert found["redraws"]["seed_hex"] == seed.hex()
    assert found["p_value"] == expected
    assert found["doses"][0]["statistic"] == pytest.approx(observed)
    assert 0.001 < expected < 0.9


def test_its_table_of_units_is_that_of_the_code() -> None:
    text = (DOCS / "reference/statistics.md").read_text(encoding="utf-8")
    found = re.search(
        r"that\sis\s([\d, ]+)\sunits\swith\sm = 1\sand\s([\d, ]+)\swith\sm = 9", re.sub(r"\s+", " ", text)
    )
    assert found is not None
    for controls, listed in zip((1, 9), found.groups(), strict=True):
        numbers = [int(one.replace(",", "")) for one in listed.split(", ")]
        assert numbers == [units_needed(auc, controls, 0.001) for auc in (0.75, 0.65, 0.6, 0.55)]
