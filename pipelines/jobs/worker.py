"""`trapline-worker`: starts one Beam worker in the Python that trapline is installed in.

It keeps to the contract of Beam's SDK containers, so a runner can call it where no container is wanted: Flink and Spark
with `--environment_type PROCESS`, and Beam's worker pool with `--container_executable`. Nothing is installed: what is
staged for the job is ignored, since trapline is there.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

_WAIT_SECONDS = 60


def environment(arguments: Sequence[str]) -> dict[str, str]:
    """The environment variables that Beam's worker reads, from the flags that a runner gives.

    The provisioning service is asked for the job's options and for addresses that the flags lack.
    """
    parser = argparse.ArgumentParser(prog="trapline-worker", description=__doc__, allow_abbrev=False)
    parser.add_argument("--id", required=True)
    for name in ("logging", "artifact", "provision", "control"):
        parser.add_argument(f"--{name}_endpoint", default="")
    given, _ = parser.parse_known_args(list(arguments))
    logs, control, options, capabilities = given.logging_endpoint, given.control_endpoint, "{}", ""
    if given.provision_endpoint:
        info = _provision(given.provision_endpoint, given.id)
        logs, control = logs or info.logging_endpoint.url, control or info.control_endpoint.url
        options, capabilities = _json(info.pipeline_options), " ".join(info.runner_capabilities)
    return {
        "WORKER_ID": given.id,
        "PIPELINE_OPTIONS": options,
        "LOGGING_API_SERVICE_DESCRIPTOR": f"url: {json.dumps(logs)}",
        "CONTROL_API_SERVICE_DESCRIPTOR": f"url: {json.dumps(control)}",
        "RUNNER_CAPABILITIES": capabilities,
    }


def _provision(endpoint: str, worker: str) -> Any:
    import grpc
    from apache_beam.portability.api import beam_provision_api_pb2 as messages
    from apache_beam.portability.api import beam_provision_api_pb2_grpc as services

    with grpc.insecure_channel(endpoint) as channel:
        stub = services.ProvisionServiceStub(channel)
        request = messages.GetProvisionInfoRequest()
        return stub.GetProvisionInfo(request, metadata=[("worker_id", worker)], timeout=_WAIT_SECONDS).info


def _json(options: object) -> str:
    from google.protobuf import json_format

    return str(json_format.MessageToJson(options))


def main() -> None:
    """Become a Beam worker; returns when the runner ends it."""
    from apache_beam.runners.worker import sdk_worker_main

    os.environ.update(environment(sys.argv[1:]))
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)  # besides the runner's own log, which may drop lines
    sdk_worker_main.main(sys.argv[:1])


if __name__ == "__main__":
    main()
