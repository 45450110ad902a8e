"""A campaign whose scores a test makes up, sealed and drawn by the commands."""

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.verdict.scores_writer import write_scores

SECRET, STRATUM = "xyzzy", "plugh"
SCRIPT = f"<script>document.title = '{SECRET}'</script>"
BEACON = "c0ffee" * 10
M = 3
UNITS = {100: 30, 10: 20, 1: 10}
Row = dict[str, Any]
Verify = Callable[..., int]


def probe_rows(units: dict[int, int] = UNITS, m: int = M) -> list[Row]:
    doses = [dose for dose, count in units.items() for _ in range(count)]
    return [
        {
            "id": f"{SECRET}-id-{number}-{candidate}",
            "kind": "puzzle" if number % 4 == 3 else "trap",
            "unit": f"{SECRET}-unit-{number}",
            "candidate": candidate,
            "stratum": f"{STRATUM}{number % 2}",
            "dose": dose,
            "text": f"{SCRIPT} {SECRET} text {number} {candidate}",
            "length_tokens": 25 << number % 2,
            "perplexity": 20.0 + number + candidate / 10,
        }
        for number, dose in enumerate(doses)
        for candidate in range(m + 1)
    ]


class Campaign:
    """Secrets of a campaign, drawn, and scores that a test makes up."""

    def __init__(self, folder: Path, *flags: str, rows: list[Row] | None = None, own: bool = False) -> None:
        self.folder, self.rows = folder, rows or probe_rows()
        self.secrets = folder / "secrets"
        folder.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(self.rows), folder / "probes.parquet")
        source = [] if own else ["--beacon-name", "drand", "--beacon-round", "99"]
        plan = [] if "--context" in flags else ["--context", "0"]
        command = ["seal", "--probes", str(folder / "probes.parquet"), "--secrets", str(self.secrets)]
        # A key of this folder's name: a draw that is made anew in every run would now and then be a rare one.
        numbers = itertools.count()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "transforms.planting.sealing.key.os.urandom",
                lambda size: hashlib.sha256(f"{folder.name} {next(numbers)}".encode()).digest()[:size],
            )
            assert main([*command, *source, *plan, *flags]) == 0
        self.decides = ["--self"] if own else ["--beacon", BEACON]
        self.draw()

    def draw(self) -> None:
        assert main(["draw", "--secrets", str(self.secrets), *self.decides]) == 0

    def arms(self) -> dict[str, int]:
        table = pq.read_table(self.secrets / "draw.parquet")
        return dict(zip(table["unit"].to_pylist(), table["arm"].to_pylist(), strict=True))

    def scored(self, effect: float = 0.0, seed: int = 0, **more: Any) -> list[Row]:
        """A row a candidate; planted ones score higher by the effect times the logarithm of the dose, plus one."""
        rng, arms = np.random.default_rng(seed), self.arms()
        return [
            {
                "id": row["id"],
                "loss": float(rng.standard_normal())
                + effect * (arms[row["unit"]] == row["candidate"]) * (1 + np.log10(row["dose"])),
                **more,
            }
            for row in self.rows
        ]

    def write(self, rows: Iterable[Row], name: str = "scores", **settings: Any) -> Path:
        sequences = self.secrets / "probes/probes.parquet"
        return write_scores(self.folder / name, list(rows), sequences=sequences, **settings)

    def verify(self, scores: Path, *flags: str, output: str = "verdict") -> int:
        return main(
            ["verify", "--scores", str(scores), "--secrets", str(self.secrets),
             "--output", str(self.folder / output), *flags]
        )  # fmt: skip

    def verdict(self, output: str = "verdict") -> Row:
        found: Row = json.loads((self.folder / output / "verdict.json").read_bytes())
        return found


def assert_refused(
    campaign: Campaign, scores: Path, message: str, capsys: pytest.CaptureFixture[str], *flags: str
) -> None:
    """There is no verdict, one line says why, and nothing secret is in it."""
    capsys.readouterr()
    assert campaign.verify(scores, *flags) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(r"trapline: [^\n]+\n", said.err)
    assert message in said.err
    assert SECRET not in said.err
    assert STRATUM not in said.err
    assert not (campaign.folder / "verdict").exists()


def several(campaign: Campaign, effects: dict[str, float]) -> list[Row]:
    return [
        {**row, "checkpoint": name}
        for seed, (name, effect) in enumerate(effects.items())
        for row in campaign.scored(effect, seed)
    ]
