"""`trapline-worker` gives Beam's worker what a runner says, and asks the runner for the rest."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import beam_provision_api_pb2 as messages
from apache_beam.portability.api import beam_provision_api_pb2_grpc as services

from pipelines.jobs.worker import environment


class Provision(services.ProvisionServiceServicer):
    """A runner's provisioning service."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def GetProvisionInfo(self, _: Any, context: Any) -> Any:  # noqa: N802 - the service's own name
        self.asked += [value for name, value in context.invocation_metadata() if name == "worker_id"]
        info = messages.ProvisionInfo(runner_capabilities=["a:b"])
        info.pipeline_options.update({"beam:option:experiments:v1": ["x"]})
        info.logging_endpoint.url, info.control_endpoint.url = "logs:1", "control:2"
        return messages.GetProvisionInfoResponse(info=info)


@pytest.fixture
def provision() -> Iterator[tuple[Provision, str]]:
    server, service = grpc.server(ThreadPoolExecutor(1)), Provision()
    services.add_ProvisionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield service, f"127.0.0.1:{port}"
    server.stop(None)


def test_addresses_and_options_come_from_the_runner(provision: tuple[Provision, str]) -> None:
    service, address = provision
    found = environment(["--id=7-1", f"--provision_endpoint={address}"])
    assert service.asked == ["7-1"]
    assert json.loads(found.pop("PIPELINE_OPTIONS")) == {"beam:option:experiments:v1": ["x"]}
    assert found == {
        "WORKER_ID": "7-1",
        "LOGGING_API_SERVICE_DESCRIPTOR": 'url: "logs:1"',
        "CONTROL_API_SERVICE_DESCRIPTOR": 'url: "control:2"',
        "RUNNER_CAPABILITIES": "a:b",
    }


def test_a_flag_goes_before_what_the_service_says(provision: tuple[Provision, str]) -> None:
    _, address = provision
    flags = ["--id=w", f"--provision_endpoint={address}", "--control_endpoint=mine:3", "--artifact_endpoint=x:9"]
    assert environment(flags)["CONTROL_API_SERVICE_DESCRIPTOR"] == 'url: "mine:3"'


def test_without_a_service_the_flags_are_all() -> None:
    found = environment(["--id=w", "--control_endpoint=c:1", "--logging_endpoint=l:2"])
    assert found["PIPELINE_OPTIONS"] == "{}"
    assert found["CONTROL_API_SERVICE_DESCRIPTOR"] == 'url: "c:1"'
