"""The Arrow file system of a store: made once for a process, after a look at whether the store can be used at all."""

import contextlib
import datetime as dt
import http.client
import os
import socket
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.fs as pafs

from transforms.base.errors import CorpusError
from transforms.base.stores.address import Store

_ANSWER_SECONDS = 5.0
_RETRY_SECONDS = 120
"""How long Google's client repeats a request; its own default of 15 minutes looks like a hang."""
_PAUSE_SECONDS = 60.0
"""How long a store that has answered may then send nothing; the default of 3 s fails on one that is busy."""
_S3_ATTEMPTS = 8
_METADATA_SERVER = "169.254.169.254"
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_environment = threading.Lock()


@lru_cache(maxsize=64)
def client(store: Store) -> pafs.FileSystem:
    """The file system that holds a bucket.

    Raises:
        CorpusError: if the store cannot be reached, or no credentials for it are found; it comes within seconds.
    """
    if store.scheme == "s3":
        return _s3(store)
    if store.scheme == "gs":
        return _google(store)
    if store.options:
        raise CorpusError(f"{store}: options of a store are known for s3:// and gs:// only")
    filesystem, _ = pafs.FileSystem.from_uri(str(store))
    return filesystem


def variable(store: Store, name: str) -> str:
    """A variable of the environment; with the option `account=VAULT` that is VAULT_`name` and no other."""
    account = store.option("account")
    return os.environ.get(f"{account}_{name}" if account else name, "")


def _s3(store: Store) -> pafs.S3FileSystem:
    endpoint = store.option("endpoint_override") or (
        variable(store, "AWS_ENDPOINT_URL_S3") or variable(store, "AWS_ENDPOINT_URL")
    )
    region = store.option("region") or variable(store, "AWS_REGION") or variable(store, "AWS_DEFAULT_REGION")
    scheme, host, port = _parts(endpoint, store.option("scheme"))
    if not region and not host:
        _refuse_unreachable(store, "s3.amazonaws.com", 443)
        region = _region_of(store)
    _refuse_unreachable(store, host or f"s3.{region}.amazonaws.com", port)
    credentials: dict[str, Any] = {}
    if store.option("anonymous") == "true":
        credentials["anonymous"] = True
    elif store.option("account"):
        credentials = {
            "access_key": _needed(store, "AWS_ACCESS_KEY_ID"),
            "secret_key": _needed(store, "AWS_SECRET_ACCESS_KEY"),
            "session_token": variable(store, "AWS_SESSION_TOKEN") or None,
        }
    return pafs.S3FileSystem(
        region=region or "us-east-1",
        scheme=scheme,
        endpoint_override=_with_port(host, port) if host else None,
        connect_timeout=_ANSWER_SECONDS,
        request_timeout=_PAUSE_SECONDS,
        # A small object is one request, and is there when it is whole.
        allow_delayed_open=True,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=_S3_ATTEMPTS),
        **credentials,
    )


def _region_of(store: Store) -> str:
    try:
        region: str = pafs.resolve_s3_region(store.bucket)
    except OSError as error:
        raise CorpusError(
            f"{store}: the region of the bucket cannot be found ({error}); check its name, or give ?region="
        ) from error
    return region


def _google(store: Store) -> pafs.GcsFileSystem:
    emulator = variable(store, "CLOUD_STORAGE_EMULATOR_ENDPOINT") or variable(store, "STORAGE_EMULATOR_HOST")
    endpoint = store.option("endpoint_override") or emulator
    plain = "http" if emulator and "://" not in endpoint else ""
    scheme, host, port = _parts(endpoint, store.option("scheme") or plain)
    file = variable(store, "GOOGLE_APPLICATION_CREDENTIALS")
    anonymous = store.option("anonymous") == "true" or (bool(emulator) and not file)
    if not anonymous:
        _refuse_without_credentials(store, file)
    _refuse_unreachable(store, host or "storage.googleapis.com", port)
    with _credentials_file(file if store.option("account") else ""):
        return pafs.GcsFileSystem(
            anonymous=anonymous,
            scheme=scheme,
            endpoint_override=_with_port(host, port) if host else None,
            retry_time_limit=dt.timedelta(seconds=_RETRY_SECONDS),
            project_id=variable(store, "GOOGLE_CLOUD_PROJECT") or None,
        )


@contextlib.contextmanager
def _credentials_file(path: str) -> Iterator[None]:
    """Let Google's client read another account's file: it knows one variable only, and reads it when it is made."""
    if not path:
        yield
        return
    name = "GOOGLE_APPLICATION_CREDENTIALS"
    with _environment:
        before = os.environ.get(name)
        os.environ[name] = path
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before


def _refuse_without_credentials(store: Store, file: str) -> None:
    """Look where Google's client would look: without credentials it asks a server that is not there, for minutes."""
    if file:
        if not Path(file).is_file():
            raise CorpusError(f"{store}: GOOGLE_APPLICATION_CREDENTIALS names {file}, which is no file: mend it")
        return
    if store.option("account"):
        _needed(store, "GOOGLE_APPLICATION_CREDENTIALS")
    folder = os.environ.get("CLOUDSDK_CONFIG") or str(Path.home() / ".config" / "gcloud")
    if (Path(folder) / "application_default_credentials.json").is_file():
        return
    if not _on_googles_machine():
        raise CorpusError(
            f"{store}: no Google credentials were found; set GOOGLE_APPLICATION_CREDENTIALS to the file of a service "
            f"account, run `gcloud auth application-default login`, or give {store}/...?anonymous=true for a bucket "
            "that is public"
        )


def _on_googles_machine() -> bool:
    """Whether Google's metadata server answers: other clouds have one of their own at the same address."""
    server = http.client.HTTPConnection(os.environ.get("GCE_METADATA_HOST") or _METADATA_SERVER, timeout=2.0)
    with contextlib.closing(server):
        try:
            server.request("GET", "/", headers={"Metadata-Flavor": "Google"})
            return server.getresponse().getheader("Metadata-Flavor") == "Google"
        except (OSError, http.client.HTTPException):
            return False


def _needed(store: Store, name: str) -> str:
    found = variable(store, name)
    if not found:
        raise CorpusError(f"{store}: account={store.option('account')} needs {store.option('account')}_{name}: set it")
    return found


def _parts(endpoint: str, scheme: str) -> tuple[str, str, int]:
    """Scheme, host and port of an endpoint; the host is empty where there is no endpoint."""
    named = urlsplit(endpoint if "://" in endpoint else f"{scheme or 'https'}://{endpoint}")
    scheme = scheme or named.scheme
    try:
        port = named.port
    except ValueError:
        raise CorpusError(f"endpoint {endpoint!r}: its port is no number up to 65535") from None
    return scheme, named.hostname or "", port or (80 if scheme == "http" else 443)


def _with_port(host: str, port: int) -> str:
    """What Arrow takes for an endpoint: no scheme, and brackets about an address of IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refuse_unreachable(store: Store, host: str, port: int) -> None:
    if any(os.environ.get(name) for name in _PROXIES):
        return  # Then it is the proxy that reaches the store.
    try:
        socket.create_connection((host, port), _ANSWER_SECONDS).close()
    except OSError as error:
        raise CorpusError(
            f"{store}: {host}:{port} does not answer ({error}); check the network and the endpoint: "
            "?endpoint_override=, AWS_ENDPOINT_URL, CLOUD_STORAGE_EMULATOR_ENDPOINT"
        ) from error
