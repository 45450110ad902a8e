"""One sealed campaign for all tests of a verdict."""

import shutil
from pathlib import Path

import pytest

from tests.pipelines.verdict.campaign import Campaign


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """One campaign for all tests that do not change its secrets."""
    return Campaign(
        tmp_path_factory.mktemp("verdict") / "sealed", "--redraws", "9999", "--tranches", "3", "--tranche-rule", "whole"
    )


@pytest.fixture
def campaign(sealed: Campaign, tmp_path: Path) -> Campaign:
    """The sealed campaign with a folder of its own."""
    own = object.__new__(Campaign)
    own.folder, own.rows, own.secrets, own.decides = tmp_path, sealed.rows, tmp_path / "secrets", sealed.decides
    shutil.copytree(sealed.secrets, own.secrets)
    return own
