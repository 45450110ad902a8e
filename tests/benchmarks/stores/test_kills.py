from pathlib import Path

import pytest

from benchmarks.stores.emulators import Emulator
from benchmarks.stores.kills import kill_at_random, write_corpus


@pytest.mark.slow
def test_killed_runs_end_with_the_bytes_of_one_that_was_left_alone(emulator: Emulator, tmp_path: Path) -> None:
    write_corpus(tmp_path / "in", 60, 3)
    found = kill_at_random(emulator, tmp_path / "in", 2, 3)
    assert found.kills == 2
    assert found.shards > 1
    assert found.wrong == []
