"""A cluster is shut down however the tests end."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _end_tidily() -> Iterator[None]:
    """SIGTERM, as `timeout` sends it, becomes an interrupt: fixtures then end what they started."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)
