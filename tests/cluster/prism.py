"""Prism: Beam's own portable runner, one process, with a pool of workers beside it."""

import os
import sys

from tests.cluster import components
from tests.cluster.services import ROOT, Services, free_port, listening, until


def start_pool(
    services: Services, name: str = "pool", prefix: tuple[str, ...] = (), host: str = "127.0.0.1", port: int = 0
) -> int:
    """Start a worker pool; returns its port."""
    port = port or free_port()
    pool = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", "--service_port", port]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "PATH": os.environ["PATH"]}
    services.start(name, [*prefix, *pool, "--container_executable", services.worker()], **environment)
    until(lambda: listening(port, host), "a worker pool")
    return port


def start(services: Services) -> list[str]:
    """Start the runner and a pool; returns the flags that lead to them."""
    jobs = free_port()
    services.start(
        "prism",
        [components.prism(), "-job_port", jobs, "-serve_http=false", "-log_kind", "json"],
        HOME=str(services.folder),
    )
    until(lambda: listening(jobs), "Prism")
    pool = start_pool(services)
    return [
        "--runner", "PrismRunner", "--job_endpoint", f"localhost:{jobs}", "--environment_type", "EXTERNAL",
        "--environment_config", f"localhost:{pool}",
    ]  # fmt: skip


CALLERS = ("pool",)
"""The processes that start workers."""
