"""A store that cannot be used is said at once, and one that hangs can be left."""

import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.stores.emulators import Emulator
from pipelines.cli import main
from transforms.base.folders import Folder
from transforms.base.stores.clients import client

_QUICK = "from pipelines.running import signals; signals.GRACE_SECONDS = 0.2; from pipelines.cli import entry; entry()"


@pytest.fixture
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials anywhere, and no metadata server that would give some."""
    for name in (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "CLOUD_STORAGE_EMULATOR_ENDPOINT",
        "STORAGE_EMULATOR_HOST",
        "CLOUDSDK_CONFIG",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1")
    client.cache_clear()


@pytest.mark.usefixtures("nothing_known")
@pytest.mark.parametrize("flag", ["--input", "--output"])
def test_without_credentials_google_is_not_asked(flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    flags = {"--input": str(tmp_path / "a.jsonl"), "--output": str(tmp_path / "out"), flag: "gs://some-bucket/x"}
    assert main(["dedup", *(part for pair in flags.items() for part in pair)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("trapline: ")
    assert "gs://some-bucket: no Google credentials were found; set GOOGLE_APPLICATION_CREDENTIALS" in said
    assert said.count("\n") == 1


class _OtherCloud(BaseHTTPRequestHandler):
    """The metadata server of a cloud that is not Google's."""

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.usefixtures("nothing_known")
def test_the_metadata_server_of_another_cloud_gives_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _OtherCloud) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{server.server_port}")
        assert main(["dedup", "--input", "gs://some-bucket/x", "--output", str(tmp_path / "out")]) == 1
        server.shutdown()
    assert "gs://some-bucket: no Google credentials were found" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_known")
def test_credentials_that_are_no_file_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    assert main(["dedup", "--input", "gs://some-bucket/x", "--output", str(tmp_path / "out")]) == 1
    assert "GOOGLE_APPLICATION_CREDENTIALS names /nowhere/key.json, which is no file" in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_store_that_does_not_answer_is_named(scheme: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{free.getsockname()[1]}"
    uri = f"{scheme}://some-bucket/x?endpoint_override=http://{where}&anonymous=true"
    assert main(["dedup", "--input", uri, "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert f"{scheme}://some-bucket: {where} does not answer" in said
    assert "%3A" not in said


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_run_whose_store_hangs_ends_at_sigterm(scheme: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"{scheme}://some-bucket/x?endpoint_override=127.0.0.1:{server.getsockname()[1]}&scheme=http"
        command = ["dedup", "--input", f"{uri}&anonymous=true", "--output", str(tmp_path / "out")]
        process = subprocess.Popen([sys.executable, "-c", _QUICK, *command], stderr=subprocess.PIPE, text=True)
        try:
            server.settimeout(60)
            server.accept()[0].close()  # this looked whether anything answers
            asked, _ = server.accept()
            with asked:
                assert asked.recv(1 << 16)  # a request, which now gets no answer
                process.send_signal(signal.SIGTERM)
                _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 1
    assert said == "trapline: stopped; run the same command again to continue\n"


def test_a_store_is_found_by_the_variables_of_its_own_clients(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, here = f"{emulator.bucket()}/folder", emulator.endpoint
    variables = {
        "s3": {"AWS_ENDPOINT_URL": here, "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests"},
        "gs": {"STORAGE_EMULATOR_HOST": here.partition("://")[2]},
    }
    for name, value in variables[emulator.scheme].items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    Folder.of(f"{emulator.scheme}://{path}").write("file", b"data")
    client.cache_clear()
    assert emulator.files(path) == {"file": b"data"}


def test_two_accounts_are_two(emulators: dict[str, Emulator], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTHER_AWS_ACCESS_KEY_ID", raising=False)
    uri = f"s3://some-bucket/x?endpoint_override={emulators['s3'].endpoint}&account=OTHER"
    with pytest.raises(Exception, match="account=OTHER needs OTHER_AWS_ACCESS_KEY_ID: set it"):
        Folder.of(uri).names()


def test_a_bucket_that_cannot_be_written_is_said_with_the_stores_own_reason(
    emulators: dict[str, Emulator], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    output = emulators["s3"].uri("there-is-no-such-bucket/out")
    assert main(["dedup", "--input", str(tmp_path / "a.jsonl"), "--output", output]) == 1
    said = capsys.readouterr().err
    assert "--output s3://there-is-no-such-bucket/out: cannot be written" in said
    assert "NO_SUCH_BUCKET" in said
    assert "None" not in said
