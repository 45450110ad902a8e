"""Flink standalone: one JobManager, two TaskManagers, and Beam's job server for it."""

import json
import urllib.request

from tests.cluster import components
from tests.cluster.services import JAVA, Services, free_port, listening, until

_MEMORY = {
    "cpu.cores": "1", "memory.task.heap.size": "256m", "memory.task.off-heap.size": "0b",
    "memory.framework.heap.size": "128m", "memory.framework.off-heap.size": "64m", "memory.network.min": "64m",
    "memory.network.max": "64m", "memory.managed.size": "64m", "memory.jvm-metaspace.size": "256m",
    "memory.jvm-overhead.min": "64m", "memory.jvm-overhead.max": "64m",
}  # fmt: skip
_LOG = """rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %-5p %c{1} %m%n
"""


def start(services: Services) -> list[str]:
    """Start the cluster; returns the flags that lead to it."""
    java = components.java()
    flink = components.distribution("apache-flink-libraries", components.FLINK)
    server = components.one_jar("beam-runners-flink-1.19")
    rest, rpc, jobs = free_port(), free_port(), free_port()
    conf = services.folder / "conf"
    conf.mkdir()
    settings = {
        "jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": rpc, "jobmanager.bind-host": "127.0.0.1",
        "taskmanager.host": "127.0.0.1", "taskmanager.bind-host": "127.0.0.1", "rest.address": "127.0.0.1",
        "rest.port": rest, "rest.bind-address": "127.0.0.1", "jobmanager.memory.process.size": "700m",
        "taskmanager.numberOfTaskSlots": 1, "parallelism.default": 2, "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": 5, "restart-strategy.fixed-delay.delay": "6 s",
        "heartbeat.timeout": 60000, "classloader.resolve-order": "parent-first",
        "io.tmp.dirs": services.folder / "tmp",
    }  # fmt: skip
    (conf / "config.yaml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    (conf / "log4j.properties").write_text(_LOG)
    # Beam loads its classes anew for each job, and ends a worker after each step, unless Flink has them already.
    path = ":".join(map(str, [*sorted((flink / "lib").glob("*.jar")), server]))
    common = [*JAVA, f"-Dlog4j.configurationFile={conf}/log4j.properties", "-cp", path]
    runtime = "org.apache.flink.runtime"
    manager = f"{runtime}.entrypoint.StandaloneSessionClusterEntrypoint"
    services.start("jobmanager", [java, "-Xmx400m", *common, manager, "--configDir", conf])
    for number in (1, 2):
        own = [f"-Dtaskmanager.{name}={value}" for name, value in {**_MEMORY, "resource-id": f"tm{number}"}.items()]
        runner = [f"{runtime}.taskexecutor.TaskManagerRunner", "--configDir", conf]
        services.start(
            f"taskmanager-{number}",
            [java, "-Xmx384m", "-XX:MaxMetaspaceSize=256m", *common, *runner, *own],
        )
    until(lambda: _managers(rest) == 2, "two TaskManagers")
    services.start(
        "jobserver",
        [java, "-Xmx500m", *JAVA, "-cp", server, "org.apache.beam.runners.flink.FlinkJobServerDriver",
         "--flink-master", f"http://127.0.0.1:{rest}", "--artifacts-dir", services.folder / "staged", "--job-host",
         "localhost", "--job-port", jobs, "--artifact-port", 0, "--expansion-port", 0],
    )  # fmt: skip
    until(lambda: listening(jobs), "Beam's job server for Flink")
    worker = json.dumps({"command": str(services.worker())})
    return [
        "--runner", "FlinkRunner", "--flink_master", f"http://127.0.0.1:{rest}", "--job_endpoint", f"localhost:{jobs}",
        "--environment_type", "PROCESS", "--environment_config", worker, "--parallelism", "2",
        "--environment_cache_millis", "3000",
    ]  # fmt: skip


def _managers(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/overview", timeout=5) as answer:
            return int(json.load(answer)["taskmanagers"])
    except OSError:  # it listens for a moment before it answers, with 503
        return 0


CALLERS = ("taskmanager-1", "taskmanager-2")
"""The processes that start workers."""
