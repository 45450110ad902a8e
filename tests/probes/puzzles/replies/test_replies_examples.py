"""The examples in the docstrings of the Python API run as they stand."""

import doctest
from types import ModuleType

import pytest

from transforms.probes.puzzles.replies import answers, assignments, limem, prompts


@pytest.mark.parametrize("module", [answers, assignments, limem, prompts], ids=lambda module: module.__name__)
def test_each_module_begins_with_an_example_that_runs(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
