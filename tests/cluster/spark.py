"""Spark standalone: a master, two workers, and Beam's Spark 3 job server."""

import json

from tests.cluster import components
from tests.cluster.services import OPEN, Services, free_port, listening, until

_NEEDLESS = (
    "hive", "kubernetes", "mesos", "spark-mllib", "breeze", "spire", "derby", "datanucleus", "arpack", "rocksdbjni",
    "zookeeper", "spark-yarn", "spark-graphx", "spark-repl", "JTransforms", "JLargeArrays", "cats-", "algebra",
    "bonecp", "blas", "lapack",
)  # fmt: skip
"""Jars of Spark that a job of Beam does not use: the job server sends its whole class path to every executor."""


def start(services: Services) -> list[str]:
    """Start the cluster; returns the flags that lead to it."""
    java = components.java()
    spark = components.distribution("pyspark", components.SPARK)
    beam = components.beam_jars("beam-runners-spark-3")
    master, jobs = free_port(), free_port()
    here = {"SPARK_HOME": str(spark), "SPARK_SCALA_VERSION": "2.12", "SPARK_LOCAL_IP": "127.0.0.1"}
    every = ["-cp", f"{spark}/jars/*"]
    services.start(
        "master",
        [java, "-Xmx256m", *OPEN, *every, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1",
         "--port", master, "--webui-port", free_port()], **here,
    )  # fmt: skip
    until(lambda: listening(master), "Spark's master")
    for number in (1, 2):
        services.start(
            f"worker-{number}",
            [java, "-Xmx192m", *OPEN, *every, "org.apache.spark.deploy.worker.Worker", f"spark://127.0.0.1:{master}",
             "--host", "127.0.0.1", "--webui-port", free_port(), "--cores", 1, "--memory", "600m", "--work-dir",
             services.folder / f"worker-{number}"], **here,
        )  # fmt: skip
    for number in (1, 2):
        log = services.logs / f"worker-{number}.log"
        until(lambda log=log: "Successfully registered" in log.read_text(), "two workers")  # type: ignore[misc]
    needed = [jar for jar in sorted((spark / "jars").glob("*.jar")) if not jar.name.startswith(_NEEDLESS)]
    services.start(
        "jobserver",
        [java, "-Xmx600m", *OPEN, "-Dspark.executor.memory=500m", "-Dspark.executor.cores=1",
         "-Dspark.driver.host=127.0.0.1", "-Dspark.driver.bindAddress=127.0.0.1", "-Dspark.ui.enabled=false",
         f"-Dspark.executor.extraJavaOptions={' '.join(OPEN)}", "-cp", ":".join(map(str, [*beam, *needed])),
         "org.apache.beam.runners.spark.SparkJobServerDriver", "--spark-master-url", f"spark://127.0.0.1:{master}",
         "--artifacts-dir", services.folder / "staged", "--job-host", "localhost", "--job-port", jobs,
         "--artifact-port", 0, "--expansion-port", 0], **here,
    )  # fmt: skip
    until(lambda: listening(jobs), "Beam's job server for Spark")
    worker = json.dumps({"command": str(services.worker())})
    return [
        "--runner", "SparkRunner", "--spark_master_url", f"spark://127.0.0.1:{master}", "--job_endpoint",
        f"localhost:{jobs}", "--environment_type", "PROCESS", "--environment_config", worker,
        "--environment_cache_millis", "30000",
    ]  # fmt: skip


CALLERS = ("worker-1", "worker-2")
"""The processes that start executors, which start Beam's workers."""
