import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

from benchmarks.traps.models import LENGTH, TINY, Clock, main, train


def test_a_model_goes_through_the_data_as_often_as_its_size_says(capsys: pytest.CaptureFixture[str]) -> None:
    stream = (np.arange(3 * LENGTH) % 50).astype(np.uint16)
    train(dataclasses.replace(TINY, epochs=2), stream, 64, "cpu", Clock())
    assert "step 6 of 6" in capsys.readouterr().out


def test_a_model_that_there_is_not_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--experiment", str(tmp_path / "none"), "--output", str(tmp_path), "--device", "cpu"]
    with pytest.raises(SystemExit):
        main([*command, "--models", "9M planted"])
    assert "9M planted: there are 0.3M planted, 0.3M twin, 1M planted" in capsys.readouterr().err
