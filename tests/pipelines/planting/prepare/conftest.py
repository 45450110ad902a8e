"""A corpus that is planted once for all tests of `prepare` and `restore`."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import (
    NONCE,
    SMALL_SHARDS,
    prepare,
    probe_rows,
    seal_and_draw,
    write_corpus,
)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "in")


@pytest.fixture(scope="session")
def planted(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `out`, `secrets` and the plain `dedup` of the same corpus; to be copied before it is changed."""
    folder = tmp_path_factory.mktemp("planted")
    rows = probe_rows(16) + probe_rows(4, doses=(2,), seed=8, planted_as="document")
    secrets = seal_and_draw(folder / "secrets", rows, NONCE)
    assert prepare(corpus, folder / "out", secrets) == 0
    assert main(["dedup", "--input", str(corpus), "--output", str(folder / "plain"), *SMALL_SHARDS]) == 0
    return folder


@pytest.fixture
def copy(planted: Path, tmp_path: Path) -> Path:
    """A copy of `planted` that a test may break."""
    for name in ("out", "secrets"):
        shutil.copytree(planted / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def fails(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail; returns what it said."""

    def run(code: int, *arguments: object) -> str:
        capfd.readouterr()
        assert main([str(one) for one in arguments]) == code
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return said.err + said.out

    return run
