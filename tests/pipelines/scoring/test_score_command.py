"""`trapline score` as a user runs it: what it writes, what it is not told, and how it goes on after a kill."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch

from pipelines.cli import main
from schemas.public.scores import scores
from schemas.public.token_scores import TOKEN_SCORES
from schemas.secret.slots import SLOTS
from tests.scoring.tiny_checkpoints import CONTEXT, tiny_checkpoint, tiny_model, tiny_tokenizer
from transforms.base.folders import folder_sha256
from transforms.scoring.model.scorer import Scorer
from transforms.scoring.tasks import score as tasks

WORDS = ("the keeper of the lighthouse wrote knights tell truth knaves lie grey geese Dorf gezählt").split()  # noqa: SIM905 - a list would fill a page


def some_text(seed: int, words: int = 7) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


def probe_rows(**drawn: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{unit}-{candidate}", "kind": "trap", "unit": f"u{unit}", "candidate": candidate, "stratum": "25",
            "dose": 10, "text": some_text(10 * unit + candidate), **drawn,
        }
        for unit in range(4) for candidate in range(3)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    return {
        name: str(tiny_checkpoint(folder / name, architecture, seed))
        for name, architecture, seed in (("first", "llama", 0), ("second", "gpt2", 1), ("other", "llama", 5))
    }


@pytest.fixture
def slots(tmp_path: Path) -> str:
    rows = [
        {"unit": f"u{unit}", "slot": slot, "before": some_text(100 + unit + slot, 12), "lead": lead}
        for unit in range(3)
        for slot, lead in enumerate((" ", "\n\n"))
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SLOTS), tmp_path / "slots.parquet")
    return str(tmp_path / "slots.parquet")


@pytest.fixture
def score(tmp_path: Path, models: dict[str, str], capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command on a file and return what it said; it ends as `code` says, and never with a traceback."""

    def run(*flags: str, sequences: Path, output: str = "out", checkpoint: str = "first", code: int = 0) -> str:
        capfd.readouterr()
        target = tmp_path / output
        asked = ["score", "--checkpoint", models.get(checkpoint, checkpoint), "--sequences", str(sequences)]
        assert main([*asked, "--output", str(target), "--threads", "1", *flags]) == code
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        assert (target / "_SUCCESS").exists() == (code == 0 and "--dry-run" not in flags)
        return said.err + said.out

    return run


def written(tmp_path: Path, part: str, output: str = "out") -> pa.Table:
    files = sorted((tmp_path / output / part).glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file, partitioning=None) for file in files])


def file_hashes(folder: Path) -> dict[str, str]:
    return {
        f"{file.parent.name}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for part in ("token_scores", "scores")
        for file in sorted((folder / part).iterdir())
    }


def reference_log_probs(model: torch.nn.Module, ids: list[int], first: int) -> np.ndarray:
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return logits[range(first - 1, len(ids) - 1), ids[first:]].numpy()


def test_every_text_has_its_log_probabilities_and_metrics(
    score: Callable[..., str], write_parquet: Callable[..., Path], tmp_path: Path, models: dict[str, str]
) -> None:
    texts = [some_text(at, 3 + at % 9) for at in range(20)]
    path = write_parquet(texts)
    score("--reference", models["other"], sequences=path)
    table, model, tokenizer = written(tmp_path, "token_scores"), tiny_model("llama"), tiny_tokenizer()
    assert table.schema.equals(TOKEN_SCORES)
    own = table.filter(pc.equal(table["checkpoint"], "first")).to_pylist()
    assert [row["id"] for row in own] == [f"in/part.parquet:{at}" for at in range(20)]
    for row, text in zip(own, texts, strict=True):
        assert row["token_ids"] == tokenizer(text, add_special_tokens=False).input_ids
        np.testing.assert_allclose(row["log_probs"], reference_log_probs(model, row["token_ids"], 1), atol=1e-5)
        assert (row["slot"], row["reason"], row["unscored"]) == (None, None, 1)
    found = written(tmp_path, "scores")
    metrics = found.column_names[4:]
    assert found.schema.equals(scores(metrics))
    assert {"loss", "min_k", "ratio_nll", "difference_nll", "zlib_total_nll", "exact_memorisation"} <= set(metrics)
    assert not {"recall", "cdd_peak", "ted", "extraction_probability", "np_discoverable"} & set(metrics), "dear"
    assert not (tmp_path / "out/generations").exists()
    assert found["checkpoint"].unique().to_pylist() == ["first"]
    assert found["slots"].to_pylist() == [0] * 20
    np.testing.assert_allclose(found["loss"], [np.mean(row["log_probs"]) for row in own], rtol=1e-6)
    other = table.filter(pc.equal(table["checkpoint"], "other")).to_pylist()
    wanted = [np.mean(a["log_probs"]) - np.mean(b["log_probs"]) for a, b in zip(own, other, strict=True)]
    np.testing.assert_allclose(found["difference_nll"], wanted, rtol=1e-4, atol=1e-6)


def test_the_manifest_binds_what_was_scored_and_how(
    score: Callable[..., str], tmp_path: Path, models: dict[str, str], slots: str
) -> None:
    path = tmp_path / "probes.parquet"
    pq.write_table(pa.Table.from_pylist(probe_rows()), path)
    flags = ("--slots", slots, "--context", "20", "--reference", models["other"], "--metrics", "loss", "ratio_nll")
    score(*flags, sequences=path)
    data = (tmp_path / "out/manifest.json").read_bytes()
    assert json.loads((tmp_path / "out/_SUCCESS").read_text())["manifest_sha256"] == hashlib.sha256(data).hexdigest()
    manifest = json.loads(data)
    content, tokenizer = manifest["content"], hashlib.sha256((Path(models["first"]) / "tokenizer.json").read_bytes())
    assert (manifest["schema"], manifest["command"]) == ("trapline.manifest", "score")
    assert content["settings"] == {
        "bos": "checkpoint", "dtype": "float32", "context": 20, "slots": 2, "tokenizer": "checkpoint",
        "tokenizer_sha256": tokenizer.hexdigest(), "metrics": {"loss": 1, "ratio_nll": 1},
    }  # fmt: skip
    assert [(one["name"], one["sha256"]) for one in content["checkpoints"]] == [
        ("first", folder_sha256(Path(models["first"])))
    ]
    assert [one["name"] for one in content["references"]] == ["other"]
    hashed = hashlib.sha256(path.read_bytes()).hexdigest()
    assert content["sequences"] == [{"path": "probes.parquet", "rows": 12, "sha256": hashed}]
    assert {one["path"]: one["sha256"] for one in content["files"]} == file_hashes(tmp_path / "out")
    for file in content["files"]:
        on_disk = tmp_path / "out" / file["path"]
        assert (file["bytes"], file["rows"]) == (on_disk.stat().st_size, pq.read_metadata(on_disk).num_rows)
        assert on_disk.stat().st_mode & 0o077 == 0
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert str(tmp_path) not in data.decode()
    shutil.copy(tmp_path / "out/manifest.json", tmp_path / "settings.json")
    same = ("--slots", slots, "--reference", models["other"], "--config", str(tmp_path / "settings.json"))
    assert "is finished already" in score(*same, sequences=path)
    asked = ["score", "--checkpoint", models["first"], "--sequences", str(path), "--output", str(tmp_path / "out")]
    assert main(asked) == 2, "another run in the same folder is refused"
    assert (tmp_path / "out/manifest.json").read_bytes() == data


def test_a_candidate_is_scored_behind_each_slot_and_its_score_is_the_mean(
    score: Callable[..., str], tmp_path: Path, slots: str
) -> None:
    path = tmp_path / "probes.parquet"
    pq.write_table(pa.Table.from_pylist(probe_rows()), path)
    score("--slots", slots, "--context", "500", "--metrics", "loss", "min_k", sequences=path)
    table, model, tokenizer = written(tmp_path, "token_scores"), tiny_model("llama"), tiny_tokenizer()
    contexts = {(row["unit"], row["slot"]): row["before"] + row["lead"] for row in pq.read_table(slots).to_pylist()}
    by_id = {row["id"]: row for row in probe_rows()}
    assert table.num_rows == 9 * 2 + 3
    means: dict[str, list[float]] = {}
    for row in table.to_pylist():
        probe = by_id[row["id"]]
        context = contexts.get((probe["unit"], row["slot"]), "")
        joint = tokenizer(context + probe["text"], add_special_tokens=False, return_offsets_mapping=True)
        first = max(1, sum(end <= len(context) for _, end in joint.offset_mapping))
        assert row["token_ids"] == joint.input_ids[first - 1 :]
        np.testing.assert_allclose(row["log_probs"], reference_log_probs(model, joint.input_ids, first), atol=1e-5)
        means.setdefault(row["id"], []).append(float(np.mean(row["log_probs"])))
    found = written(tmp_path, "scores")
    assert found["id"].to_pylist() == list(by_id)
    assert found["slots"].to_pylist() == [2] * 9 + [0] * 3
    np.testing.assert_allclose(found["loss"], [np.mean(means[one]) for one in by_id], rtol=1e-5)


def test_what_was_drawn_changes_not_a_byte(score: Callable[..., str], tmp_path: Path, slots: str) -> None:
    for name, more in (("a", {}), ("b", {"arm": 1, "planted": True, "dose": 1000, "stratum": "x", "drawn": "0-1"})):
        path = tmp_path / name / "probes.parquet"
        path.parent.mkdir()
        pq.write_table(pa.Table.from_pylist(probe_rows(**more)), path)
        score("--slots", slots, sequences=path, output=f"out-{name}")
    assert file_hashes(tmp_path / "out-a") == file_hashes(tmp_path / "out-b")


def test_nothing_is_lost_and_each_reason_is_counted(
    score: Callable[..., str], tmp_path: Path, write_parquet: Callable[..., Path]
) -> None:
    texts = ["the knights", None, "", "t", "lighthouse " * CONTEXT, "knaves lie"]
    said = score(sequences=write_parquet([{"id": at, "text": text} for at, text in enumerate(texts)]))
    found = written(tmp_path, "scores").to_pylist()
    assert [row["id"] for row in found] == list("012345")
    assert [row["loss"] is None for row in found] == [False, True, True, True, True, False]
    reasons = written(tmp_path, "token_scores")["reason"].to_pylist()
    assert reasons == [None, "null", "empty", "single_token", "too_long", None]
    counted = json.loads((tmp_path / "out/metrics.json").read_text())["counts"]
    assert counted["sequences"] == 6
    assert counted["without_scores"] == {"first": {"null": 1, "empty": 1, "single_token": 1, "too_long": 1}}
    assert counted["metrics_missing"]["loss"] == 4
    assert "first: 1 row without scores: longer than the model's context" in said


def test_token_ids_are_scored_as_they_are_and_rows_without_id_are_numbered(
    score: Callable[..., str], tmp_path: Path, models: dict[str, str]
) -> None:
    rows = [[5, 6, 7, 8], [9, 10], [11, 12, 13]]
    pq.write_table(pa.table({"token_ids": rows}), tmp_path / "ids.parquet")
    score("--bos", "always", sequences=tmp_path / "ids.parquet")
    table = written(tmp_path, "token_scores")
    assert table["id"].to_pylist() == ["0", "1", "2"]
    assert table["token_ids"].to_pylist() == [[0, *row] for row in rows]
    for row in table.to_pylist():
        wanted = reference_log_probs(tiny_model("llama"), row["token_ids"], 1)
        np.testing.assert_allclose(row["log_probs"], wanted, atol=1e-5)


def test_a_killed_run_goes_on_where_it_stopped(
    score: Callable[..., str], tmp_path: Path, write_parquet: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_ROWS", 4)
    path = write_parquet([some_text(at) for at in range(14)])
    score(sequences=path, output="whole")
    inner, calls = Scorer.score, []

    def killed(self: Scorer, sequences: Any) -> Any:
        calls.append(len(sequences))
        if len(calls) == 3:
            raise OSError("the power went out")
        return inner(self, sequences)

    monkeypatch.setattr(Scorer, "score", killed)
    assert "the power went out" in score(sequences=path, code=1)
    shards = sorted((tmp_path / "out/token_scores").iterdir())
    assert len(shards) == 2
    before = [shard.stat().st_ino for shard in shards]
    score(sequences=path)
    assert calls == [4, 4, 4, 4, 2]
    assert [shard.stat().st_ino for shard in shards] == before
    assert file_hashes(tmp_path / "out") == file_hashes(tmp_path / "whole")
    assert not (tmp_path / "out/.work").exists() or not list((tmp_path / "out/.work").glob("*/"))


def test_a_dry_run_writes_nothing_and_says_what_would_be_done(
    score: Callable[..., str], tmp_path: Path, write_parquet: Callable[..., Path]
) -> None:
    said = score("--dry-run", sequences=write_parquet(["the knights", "tell truth"]))
    assert "[score]" in said
    assert "# 1 file, 2 sequences" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--metrics", "losss"), 2, "--metrics: metric 'losss' is unknown"),
        (("--metrics", "ratio_nll"), 2, "--metrics: metric 'ratio_nll' needs reference"),
        (("--text-column", "body"), 1, "no column 'body' and no 'token_ids'; it has 'id', 'text'"),
        (("--id-column", "key"), 1, "no column 'key'; it has 'id', 'text'"),
        (("--slots", "nowhere.parquet"), 1, "--slots needs the columns 'unit' and 'text'"),
        (("--reference", "nowhere"), 1, "no such folder"),
        (("--max-tokens", "3"), 2, "--max-tokens 3"),
        (("--tokenizer", "nowhere.json"), 1, "--tokenizer nowhere.json: cannot be read"),
        (("--ouput", "x"), 2, "--output"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(
    score: Callable[..., str],
    write_parquet: Callable[..., Path],
    tmp_path: Path,
    flags: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    assert said in score(*flags, sequences=write_parquet(["the knights"]), code=code)
    assert not (tmp_path / "out").exists()


def test_broken_weights_fail_the_run_with_their_name(
    score: Callable[..., str], write_parquet: Callable[..., Path], tmp_path: Path, models: dict[str, str]
) -> None:
    from safetensors.torch import load_file, save_file

    broken = Path(shutil.copytree(models["first"], tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    weights["lm_head.weight"][0] = torch.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    said = score(sequences=write_parquet(["the knights"]), checkpoint=str(broken), code=1)
    assert f"--checkpoint {broken}: weight 'lm_head.weight' holds NaN" in said


def test_the_folder_that_a_command_wrote_its_probes_into_is_taken_as_it_is(
    score: Callable[..., str], tmp_path: Path
) -> None:
    folder = tmp_path / "probes"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(probe_rows()), folder / "probes.parquet")
    for name in ("report.json", "report.html"):
        (folder / name).write_text("{}\n")
    assert "# 1 file, 12 sequences" in score("--dry-run", sequences=folder)
    (folder / "more.jsonl").write_text('{"id": "a", "text": "b"}\n')
    assert "more.jsonl" in score("--dry-run", sequences=folder, code=1)
