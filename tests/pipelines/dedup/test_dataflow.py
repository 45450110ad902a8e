"""The pipelines compile to Dataflow jobs without a network or an account."""

from pathlib import Path

import pyarrow as pa
import pytest
from apache_beam import Pipeline
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.corpus.stages import build_plan, build_rewrite, build_scan
from pipelines.dedup import DedupConfig
from transforms.base.folders import Folder
from transforms.base.runs import Work
from transforms.corpus.input.pieces import Piece
from transforms.corpus.input.sources import Source
from transforms.corpus.output.rewrite import Expected, RewriteConfig
from transforms.corpus.output.shards import END, Shard
from transforms.corpus.output.sink import ParquetFormat

SOURCE = Source(0, "gs://my-bucket/in/part.parquet", "parquet", "", 1000, 0)
CONFIG = DedupConfig(input=("gs://my-bucket/in",), output="gs://my-bucket/out", threads=1)
WORK = Work(Folder("gs://my-bucket/out"), "0" * 32)
IMAGE = "europe-docker.pkg.dev/my-project/images/trapline:1"


def scan(root: Pipeline) -> object:
    return build_scan(root, CONFIG, [Piece(SOURCE, 0, 10, 1000)], WORK, 1)


def plan(root: Pipeline) -> object:
    return build_plan(root, CONFIG, {"rows": 10, "tasks": [], "quarantined": {}}, WORK, [], 1)


def rewrite(root: Pipeline) -> object:
    schema = pa.schema([("text", pa.string())]).serialize().to_pybytes()
    config = RewriteConfig((SOURCE,), schema, ParquetFormat(), "train", 1)
    return build_rewrite(root, [Shard(0, 0, END, 10, 1000)], config, WORK, Expected(10, 10), 1)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("stage", [scan, plan, rewrite])
def test_a_stage_compiles_to_a_dataflow_job(stage: object, tmp_path: Path) -> None:
    pytest.importorskip("google.cloud.dataflow_v1beta3", reason="needs apache-beam[gcp]: pip install 'trapline[gcp]'")
    package = tmp_path / "trapline-0.1.0.tar.gz"
    package.write_bytes(b"")
    options = PipelineOptions(
        [
            "--runner=DataflowRunner", "--project=my-project", "--region=europe-west4", "--job_name=dedup",
            "--temp_location=gs://my-bucket/tmp", "--staging_location=gs://my-bucket/staging", "--no_auth",
            "--dry_run=True", f"--sdk_container_image={IMAGE}", "--sdk_location=container",
            f"--extra_package={package}",
        ]
    )  # fmt: skip
    pipeline = Pipeline(options=options)
    stage(pipeline)  # type: ignore[operator]
    job = pipeline.run().job
    assert job.proto.name == "dedup"
    described = job.proto_pipeline.components
    assert IMAGE in str(described.environments)
    assert package.name in str(described.environments)
    assert any("Run tasks" in transform.unique_name for transform in described.transforms.values())


def test_what_workers_receive_holds_no_text_and_pickles_small() -> None:
    import pickle

    from transforms.dedup.scan import ScanCorpus

    assert len(pickle.dumps(ScanCorpus([Piece(SOURCE, 0, 10, 1000)], CONFIG.scan(), WORK, 1))) < 2000
