"""Every command on every engine leaves the bytes of a run in memory, whole and with a worker killed in the middle."""

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import psutil
import pyarrow.parquet as pq
import pytest

from tests.cluster import flink, portable, prism, spark
from tests.cluster.commands import COMMANDS, Campaign, digest, trapline
from tests.cluster.components import MissingError
from tests.cluster.services import Services
from transforms.base.folders import Folder

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

ENGINES: dict[str, ModuleType] = {"prism": prism, "portable": portable, "flink": flink, "spark": spark}
_DONE = re.compile(r"(\S.*?) done in [\d.]+ s by process (\d+) on ")
_LIMIT = float(os.environ.get("TRAPLINE_CLUSTER_SECONDS", "420"))


Task = tuple[str, int, int]
"""What was done, the worker's process, and the process that started it."""


@dataclass
class Cluster:
    """A started engine with the campaign, and what is the same in memory."""

    name: str
    services: Services
    flags: list[str]
    campaign: Campaign
    expected: dict[str, str]
    prefix: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    root: str = ""

    def output(self, command: str, case: str) -> str:
        """Where a run of the matrix writes."""
        return f"{self.root}/{command}-{case}"

    def arguments(self, command: str, case: str) -> list[str]:
        """The whole command line of a run."""
        corpus = f"s3://{portable.BUCKET}/in" if self.name == "portable" else str(self.campaign.folder / "corpus")
        planted = self.output("prepare", case)
        made = self.campaign.arguments(command, corpus, self.output(command, case), planted, self.services.secrets)
        return [*made, "--threads", "1", *self.flags]

    def done(self, but: Container[Task] = ()) -> list[Task]:
        """Tasks in the workers' own logs, except those that are known; in no order of time."""
        found: list[Task] = []
        for path in sorted(self.services.logs.glob("worker-*-*.log")):
            caller = int(path.stem.split("-")[1])
            found += [(what, int(pid), caller) for what, pid in _DONE.findall(path.read_text(errors="replace"))]
        return [task for task in found if task not in but]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """Made anew, or kept for several runs in the folder that `TRAPLINE_CLUSTER_CAMPAIGN` names."""
    kept = os.environ.get("TRAPLINE_CLUSTER_CAMPAIGN")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("campaign")
    return Campaign(folder) if (folder / "probes.parquet").exists() else Campaign.make(folder)


@pytest.fixture(scope="module")
def expected(campaign: Campaign) -> dict[str, str]:
    """The hash of every command's output, run in memory."""
    found, secrets = {}, campaign.folder / "secrets"
    if not (campaign.folder / "memory").exists():
        campaign.fresh_secrets(secrets)
    for command in COMMANDS:
        output = campaign.folder / "memory" / command
        planted = str(campaign.folder / "memory" / "prepare")
        asked = campaign.arguments(command, str(campaign.folder / "corpus"), str(output), planted, secrets)
        log = campaign.folder / f"{command}.log"
        if not (output / "_SUCCESS").exists():
            assert trapline([*asked, "--threads", "1"], log).wait(_LIMIT) == 0, log.read_text()
        found[command] = digest(Folder(str(output)))
    found["ledger"] = _ledger(secrets)
    return found


def _ledger(secrets: Path) -> str:
    rows = pq.read_table(secrets / "ledger" / "ledger.parquet").to_pylist()
    return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()


@pytest.fixture(scope="module", params=list(ENGINES))
def cluster(
    request: pytest.FixtureRequest,
    campaign: Campaign,
    expected: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    name: str = request.param
    services = Services(tmp_path_factory.mktemp(name))
    try:
        try:
            flags = ENGINES[name].start(services)
        except MissingError as reason:
            pytest.skip(f"{name}: {reason}")
        made = Cluster(name, services, flags, campaign, expected, root=str(services.folder / "out"))
        if name == "portable":
            made.prefix, made.variables = portable.inside("tlnjobs"), portable.store_variables()
            made.root = f"s3://{portable.BUCKET}/out"
            _upload(campaign.folder / "corpus")
        yield made
    finally:
        services.close()
        if name == "portable":
            portable.remove()


@pytest.fixture(autouse=True)
def _store(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cluster.variables.items():
        monkeypatch.setenv(name, value)


def _upload(corpus: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in portable.store_variables().items():
            patch.setenv(name, value)
        for path in corpus.iterdir():
            Folder(f"s3://{portable.BUCKET}/in").write(path.name, path.read_bytes())


def _record(cluster: Cluster, command: str, case: str, **facts: object) -> None:
    """Add a line to the file that `TRAPLINE_CLUSTER_RESULTS` names, for the page of results."""
    path = os.environ.get("TRAPLINE_CLUSTER_RESULTS")
    if path:
        with Path(path).open("a") as file:
            file.write(json.dumps({"engine": cluster.name, "command": command, "case": case, **facts}) + "\n")


def _ancestors(pid: int) -> set[int]:
    with contextlib.suppress(psutil.Error):
        return {pid, *(parent.pid for parent in psutil.Process(pid).parents())}
    return {pid}


def _run(cluster: Cluster, command: str, case: str, meanwhile: Callable[[], bool] | None = None) -> tuple[int, str]:
    """Run a command on the cluster; `meanwhile` is called until it is true. Exit code and what was said."""
    if command == "prepare":
        cluster.campaign.fresh_secrets(cluster.services.secrets)
    return _once(cluster, command, case, meanwhile)


def _once(cluster: Cluster, command: str, case: str, meanwhile: Callable[[], bool] | None = None) -> tuple[int, str]:
    log = cluster.services.folder / f"{command}-{case}.log"
    # Only Beam's Python job service never notices that a worker died.
    stall = 60 if cluster.name == "portable" and case == "killed" else _LIMIT
    variables = {**cluster.variables, "TRAPLINE_STALL_SECONDS": str(stall)}
    process = trapline(cluster.arguments(command, case), log, cluster.prefix, **variables)
    end = time.monotonic() + _LIMIT
    try:
        while process.poll() is None and time.monotonic() < end:
            if meanwhile is not None and meanwhile():
                meanwhile = None
            time.sleep(0.05)
        assert process.poll() is not None, f"still running after {_LIMIT} s: {log.read_text()[-2000:]}"
        return process.returncode, log.read_text(errors="replace")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _same(cluster: Cluster, command: str, case: str) -> None:
    assert digest(Folder(cluster.output(command, case))) == cluster.expected[command]
    if command == "prepare":
        assert _ledger(cluster.services.secrets) == cluster.expected["ledger"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_engines_workers_leave_the_same_bytes(cluster: Cluster, command: str) -> None:
    before, began = set(cluster.done()), time.monotonic()
    callers: set[int] = set()
    started = {cluster.services.running[name].pid for name in ENGINES[cluster.name].CALLERS}

    def note() -> bool:
        for _, _, caller in cluster.done(before):
            if caller not in callers and _ancestors(caller) & started:
                callers.add(caller)
        return False

    code, said = _run(cluster, command, "whole", note)
    assert code == 0, said
    tasks = cluster.done(before)
    assert tasks, "no worker's log has a finished task"
    assert callers, "no process of the engine started a worker that finished a task"
    _same(cluster, command, "whole")
    facts = {"tasks": len(tasks), "workers": len({one[1] for one in tasks}), "callers": len(callers)}
    _record(cluster, command, "whole", seconds=time.monotonic() - began, **facts)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_killed_worker_changes_no_byte(cluster: Cluster, command: str) -> None:
    before, began = set(cluster.done()), time.monotonic()
    killed: list[int] = []

    def kill() -> bool:
        for _, pid, _ in cluster.done(before):
            with contextlib.suppress(psutil.Error):
                worker = psutil.Process(pid)
                if "pipelines.jobs.worker" in worker.cmdline():  # a number that has been free may be another's now
                    worker.kill()
                    killed.append(pid)
                    return True
        return False

    code, said = _run(cluster, command, "killed", kill)
    assert killed, f"no worker could be killed: {said}"
    again = 0
    while code != 0 and again < 3:
        assert "Traceback" not in said, said
        again += 1
        code, said = _run_again(cluster, command)
    assert code == 0, said
    _same(cluster, command, "killed")
    _record(cluster, command, "killed", seconds=time.monotonic() - began, again=again, said=_last(cluster, command))


def _run_again(cluster: Cluster, command: str) -> tuple[int, str]:
    """The same command once more, on the other pool where there are two."""
    other = [flag.replace("tlnpoola", "tlnpoolb") for flag in cluster.flags]
    cluster.flags, kept = other, cluster.flags
    log = cluster.services.folder / f"{command}-killed.log"
    log.rename(log.with_suffix(".first"))
    try:
        return _once(cluster, command, "killed")
    finally:
        cluster.flags = kept


def _last(cluster: Cluster, command: str) -> str:
    first = cluster.services.folder / f"{command}-killed.first"
    lines = first.read_text().splitlines() if first.exists() else [""]
    return lines[-1]


def test_traps_says_that_it_runs_where_it_is_called(cluster: Cluster) -> None:
    log, corpus = cluster.services.folder / "traps.log", str(cluster.campaign.folder / "corpus")
    asked = ["traps", "--corpus", corpus, "--output", cluster.output("traps", "whole"), *cluster.flags]
    assert trapline(asked, log, cluster.prefix, **cluster.variables).wait(_LIMIT) == 2
    said = "trapline: trapline traps runs where it is called and takes no --runner: leave it out"
    assert log.read_text().strip() == said
    _record(cluster, "traps", "whole")


def test_logs_hold_no_key_no_text_and_no_path_of_secrets(cluster: Cluster) -> None:
    """Workers' and engines' logs, what was staged, and the launcher's output, after everything above."""
    probes = pq.read_table(cluster.campaign.folder / "drawn" / "probes" / "probes.parquet")
    key = (cluster.campaign.folder / "drawn" / "key").read_bytes()
    forbidden = [text.encode() for text in probes["text"].to_pylist()] + [key.strip(), key.strip().hex().encode()]
    path = str(cluster.services.secrets).encode()
    looked = 0
    own = {cluster.services.folder / "worker.sh"}  # the test's own: it names the folder for the workers
    for file in cluster.services.folder.rglob("*"):
        inside = file.relative_to(cluster.services.folder).parts[0] in ("secrets", "out")
        if inside or not file.is_file() or file in own or file.suffix == ".jar":
            continue
        data = file.read_bytes()
        looked += 1
        assert not [one for one in forbidden if one and one in data], file
        if file.parent == cluster.services.folder and file.suffix in (".log", ".first"):
            continue  # the launcher was given the path by its user
        assert path not in data, file
    assert looked
