"""Beam's Python job service and worker pools, each in a network namespace of its own, and an S3 server in another."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from tests.cluster.components import MissingError, tool
from tests.cluster.prism import start_pool
from tests.cluster.services import ROOT, Services, free_port, listening, until

NAMES = ("tlnjobs", "tlnpoola", "tlnpoolb", "tlnstore")
BRIDGE, NET = "tlnbridge", "10.213.57"
ADDRESS = {name: f"{NET}.{at}" for at, name in enumerate(NAMES, 2)}
BUCKET = "corpus"
STORE_PORT, POOL_PORT = 5123, 50123


def _ip(*words: str, check: bool = True) -> None:
    done = subprocess.run([tool("ip"), *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise MissingError(f"network namespaces are not allowed here: ip {' '.join(words)}: {done.stderr.strip()}")


def lay() -> None:
    """Lay the network: a bridge, and one namespace for each host, which all know each other's names.

    Raises:
        MissingError: where that is not allowed.
    """
    if os.geteuid() != 0:
        raise MissingError("network namespaces need root")
    remove()
    _ip("link", "add", BRIDGE, "type", "bridge")
    _ip("address", "add", f"{NET}.1/24", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    hosts = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in ADDRESS.items())
    for at, (name, address) in enumerate(ADDRESS.items()):
        etc = Path("/etc/netns") / name
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "hosts").write_text(hosts)
        _ip("netns", "add", name)
        _ip("link", "add", f"tlnv{at}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", f"tlnv{at}", "master", BRIDGE, "up")
        _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "link", "set", "lo", "up")


def remove() -> None:
    """Take the network away."""
    for at, name in enumerate(NAMES):
        _ip("link", "delete", f"tlnv{at}", check=False)  # a namespace goes only after the last of its processes
        _ip("netns", "delete", name, check=False)
        with contextlib.suppress(OSError):
            (Path("/etc/netns") / name / "hosts").unlink()
            (Path("/etc/netns") / name).rmdir()
    _ip("link", "delete", BRIDGE, check=False)


def inside(name: str) -> tuple[str, ...]:
    """What goes before a command that runs on the host `name`."""
    return (tool("unshare"), "-u", "sh", "-c", f'hostname {name}; exec ip netns exec {name} "$@"', "sh")


def store_variables() -> dict[str, str]:
    """What the S3 clients of launcher and workers read."""
    return {
        "AWS_ENDPOINT_URL": f"http://{ADDRESS['tlnstore']}:{STORE_PORT}", "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ALLOW_HTTP": "true",
    }  # fmt: skip


def start(services: Services) -> list[str]:
    """Lay the network, start store, pools and job service; returns the flags that lead to the first pool."""
    moto = Path(sys.executable).with_name("moto_server")
    if not moto.exists():
        raise MissingError("moto_server is not installed: pip install 'moto[server]'")
    lay()
    store, variables = ADDRESS["tlnstore"], store_variables()
    services.start("store", [*inside("tlnstore"), moto, "-H", "0.0.0.0", "-p", STORE_PORT])
    until(lambda: listening(STORE_PORT, store), "the store")
    make_bucket()
    os.environ.update(variables)  # of the pools, below
    try:
        for name in ("tlnpoola", "tlnpoolb"):
            start_pool(services, name, inside(name), ADDRESS[name], POOL_PORT)
    finally:
        for variable in variables:
            del os.environ[variable]
    jobs = free_port()
    service = [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main", "-p", jobs]
    services.start(
        "jobservice", [*inside("tlnjobs"), *service, "--staging_dir", services.folder / "staged"],
        PYTHONPATH=str(ROOT), PYTHONSAFEPATH="1", **variables,
    )  # fmt: skip
    # It listens on its own host's loopback only, where the launcher runs, too.
    probe = [*inside("tlnjobs"), "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{jobs}"]
    until(
        lambda: not subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode,
        "Beam's Python job service",
    )
    return [
        "--runner", "PortableRunner", "--job_endpoint", f"localhost:{jobs}", "--environment_type", "EXTERNAL",
        "--environment_config", f"tlnpoola:{POOL_PORT}",
    ]  # fmt: skip


def make_bucket() -> None:
    """The bucket of the tests."""
    import pyarrow.fs as pafs

    s3 = pafs.S3FileSystem(
        access_key="test", secret_key="test", endpoint_override=f"{ADDRESS['tlnstore']}:{STORE_PORT}", scheme="http",
        allow_bucket_creation=True, region="us-east-1",
    )  # fmt: skip
    s3.create_dir(BUCKET)


CALLERS = ("tlnpoola", "tlnpoolb")
"""The processes that start workers."""
