"""Spark standalone: a master, two workers, and Beam's Spark 3 job server."""

import json

from tests.cluster import components
from tests.cluster.services import JAVA, QUICK, Services, free_port, listening, until


def start(services: Services) -> list[str]:
    """Start the cluster; returns the flags that lead to it."""
    java = components.java()
    spark = components.distribution("pyspark", components.SPARK)
    beam = components.one_jar("beam-runners-spark-3")
    nothing = services.folder / "nothing.jar"
    components.pack([], nothing)
    master, jobs = free_port(), free_port()
    here = {"SPARK_HOME": str(spark), "SPARK_SCALA_VERSION": "2.12", "SPARK_LOCAL_IP": "127.0.0.1"}
    every = ["-cp", f"{spark}/jars/*"]
    services.start(
        "master",
        [java, "-Xmx256m", *JAVA, QUICK, *every, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1",
         "--port", master, "--webui-port", free_port()], **here,
    )  # fmt: skip
    until(lambda: listening(master), "Spark's master")
    for number in (1, 2):
        services.start(
            f"worker-{number}",
            [java, "-Xmx192m", *JAVA, QUICK, *every, "org.apache.spark.deploy.worker.Worker", f"spark://127.0.0.1:{master}",
             "--host", "127.0.0.1", "--webui-port", free_port(), "--cores", 1, "--memory", "600m", "--work-dir",
             services.folder / f"worker-{number}"], **here,
        )  # fmt: skip
    for number in (1, 2):
        log = services.logs / f"worker-{number}.log"
        until(lambda log=log: "Successfully registered" in log.read_text(), "two workers")  # type: ignore[misc]
    services.start(
        "jobserver",
        [java, "-Xmx600m", *JAVA, QUICK, "-Dspark.executor.memory=500m", "-Dspark.executor.cores=1",
         "-Dspark.driver.host=127.0.0.1", "-Dspark.driver.bindAddress=127.0.0.1", "-Dspark.ui.enabled=false",
         f"-Dspark.executor.extraJavaOptions={' '.join([*JAVA, QUICK])}", f"-Dspark.executor.extraClassPath={beam}",
         "-cp", f"{beam}:{spark}/jars/*",
         "org.apache.beam.runners.spark.SparkJobServerDriver", "--spark-master-url", f"spark://127.0.0.1:{master}",
         "--artifacts-dir", services.folder / "staged", "--job-host", "localhost", "--job-port", jobs,
         "--artifact-port", 0, "--expansion-port", 0], **here,
    )  # fmt: skip
    until(lambda: listening(jobs), "Beam's job server for Spark")
    # Executors have Beam on their class path. Otherwise the job server would send its own, with all of Spark, to each
    # executor of each job.
    worker = json.dumps({"command": str(services.worker())})
    return [
        "--runner", "SparkRunner", "--spark_master_url", f"spark://127.0.0.1:{master}", "--job_endpoint",
        f"localhost:{jobs}", "--environment_type", "PROCESS", "--environment_config", worker,
        "--environment_cache_millis", "30000", "--files_to_stage", str(nothing),
    ]  # fmt: skip


CALLERS = ("worker-1", "worker-2")
"""The processes that start executors, which start Beam's workers."""
