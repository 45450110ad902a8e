"""Every stage of every command compiles to a Dataflow job that names the image and stages no secret."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.cli import main
from pipelines.jobs import launch
from pipelines.jobs.hints import GPU, plan_memory, with_hints
from tests.pipelines.planting.planted import LIMITS, probe_rows, seal_and_draw, write_corpus
from tests.scoring.tiny_checkpoints import tiny_checkpoint

IMAGE = "europe-docker.pkg.dev/my-project/images/trapline:1"
RAM, ACCELERATOR = "beam:resources:min_ram_bytes:v1", "beam:resources:accelerator:v1"


def options(*more: str) -> PipelineOptions:
    """Options of a job that is compiled and not sent."""
    return PipelineOptions(
        [
            "--runner=DataflowRunner", "--project=my-project", "--region=europe-west4", "--job_name=job",
            "--temp_location=gs://my-bucket/tmp", "--staging_location=gs://my-bucket/staging", "--no_auth",
            "--dry_run=True", f"--sdk_container_image={IMAGE}", "--sdk_location=container", *more,
        ]
    )  # fmt: skip


def compiled(build: Callable[[Any], Any], with_options: PipelineOptions) -> Any:
    """The job that `build` makes."""
    pipeline = beam.Pipeline(options=with_options)
    build(pipeline)
    return pipeline.run().job


def hints_of(job: Any) -> dict[str, bytes]:
    """All resource hints of a job's environments."""
    environments = job.proto_pipeline.components.environments.values()
    return {urn: value for one in environments for urn, value in one.resource_hints.items()}


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The jobs of the commands that are run: each stage is compiled for Dataflow, then run here."""
    pytest.importorskip("google.cloud.dataflow_v1beta3", reason="needs apache-beam[gcp]: pip install 'trapline[gcp]'")
    found: list[Any] = []
    wanted: list[Sequence[str]] = []
    packages_once = "--experiments=disable_logging_submission_environment"  # the first job stages pip's list of them
    run = launch.launch

    def note(given: Any, hints: Sequence[str]) -> Any:
        wanted.append(hints)
        return given

    def both(build: Callable[[Any], Any], given: Any, work: Any = None) -> None:
        more = (packages_once,) if found else ()
        found.append(compiled(build, with_hints(options(*more), wanted.pop() if wanted else ())))
        run(build, given, work)

    monkeypatch.setattr(launch, "with_hints", note)
    monkeypatch.setattr(launch, "launch", both)
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_all_commands_compile_and_stage_no_secret(jobs: list[Any], tmp_path: Path) -> None:
    corpus, rows = write_corpus(tmp_path / "corpus", 120), probe_rows(6)
    secrets = seal_and_draw(tmp_path / "hidden-place", rows)
    pq.write_table(pa.table({"text": [row["text"] for row in rows]}), tmp_path / "probes.parquet")
    tiny_checkpoint(tmp_path / "model", "llama")
    out = {name: str(tmp_path / "out" / name) for name in ("dedup", "prepare", "restore", "order", "puzzles", "score")}
    beside = ["--secrets", str(secrets)]
    stages = {}
    for name, flags in {
        "dedup": ["--input", str(corpus)],
        "prepare": ["--input", str(corpus), *beside, *LIMITS],
        "restore": ["--input", out["prepare"], *beside],
        "order": ["--input", out["prepare"], *beside],
        "puzzles": ["--as", "dataset", "--people", "3", "--count", "5", "--test", "2"],
        "score": ["--checkpoint", str(tmp_path / "model"), "--sequences", str(tmp_path / "probes.parquet")],
    }.items():
        before = len(jobs)
        assert main([name, *flags, "--output", out[name], "--threads", "1"]) == 0
        stages[name] = jobs[before:]
    counts = {name: len(made) for name, made in stages.items()}
    assert counts == {"dedup": 3, "prepare": 3, "restore": 1, "order": 2, "puzzles": 2, "score": 2}
    key = (secrets / "key").read_bytes().strip()
    secret = [key, key.hex().encode(), str(secrets).encode(), b"hidden-", *(row["text"].encode() for row in rows)]
    for name, made in stages.items():
        for job in made:
            sent = job.proto_pipeline.SerializeToString() + str(job.proto).encode()
            assert not [one for one in secret if one in sent], name
            environments = str(job.proto_pipeline.components.environments)
            assert IMAGE in environments, name
            assert not [one for one in environments.splitlines() if "staged" in one and "secret" in one]
    for name in ("dedup", "prepare"):
        scan, plan, rewrite = (hints_of(job) for job in stages[name])
        assert int(plan[RAM]) >= 4 << 30
        assert RAM not in scan
        assert RAM not in rewrite


def _nothing(root: Any) -> Any:
    return root | beam.Create([1])


@pytest.mark.filterwarnings("default")
def test_scoring_on_gpus_asks_for_one_and_the_users_own_hint_stays() -> None:
    pytest.importorskip("google.cloud.dataflow_v1beta3", reason="needs apache-beam[gcp]: pip install 'trapline[gcp]'")
    asked = hints_of(compiled(_nothing, with_hints(options(), [GPU])))
    assert asked[ACCELERATOR] == b"type:nvidia-l4;count:1;install-nvidia-driver"
    own = options("--resource_hint", "accelerator=type:nvidia-tesla-t4;count:1;install-nvidia-driver")
    assert b"tesla-t4" in hints_of(compiled(_nothing, with_hints(own, [GPU])))[ACCELERATOR]


def test_only_dataflow_is_given_hints() -> None:
    flink = PipelineOptions(["--runner=FlinkRunner"])
    assert with_hints(flink, [plan_memory(10)]).get_all_options()["resource_hints"] == []


@pytest.mark.parametrize(("documents", "gib"), [(0, 4), (1, 5), (100_000_000, 24)])
def test_memory_of_the_plan_grows_with_documents(documents: int, gib: int) -> None:
    assert plan_memory(documents) == f"min_ram={gib}GiB"
