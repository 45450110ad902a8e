"""`trapline seal` as a user runs it."""

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.sealing.sealed import STRATUM, Run, check, files, killed_at, rows


def test_existing_secrets_are_never_replaced(seal: Run, secrets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seal() == 0
    before = files(secrets)
    assert seal() == 1
    assert "never replaced" in capsys.readouterr().err
    assert files(secrets) == before


def test_a_folder_with_anything_in_it_is_refused_and_an_empty_one_is_taken(seal: Run, secrets: Path) -> None:
    secrets.mkdir(mode=0o755)
    (secrets / "thesis.tex").write_text("years of work")
    assert seal() == 1
    assert files(secrets) == {"thesis.tex": b"years of work"}
    (secrets / "thesis.tex").unlink()
    assert seal() == 0
    assert secrets.stat().st_mode & 0o777 == 0o700
    other = secrets.with_name("file")
    other.write_text("mine")
    assert seal(target=other) == 1
    assert other.read_text() == "mine"


def test_secrets_are_kept_here_or_in_a_bucket(seal: Run, probes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["seal", "--probes", str(probes), "--secrets", "hdfs://host/secrets"]) == 1
    assert "give a local folder, or one under gs:// or s3://" in capsys.readouterr().err


def test_a_killed_seal_leaves_no_secrets_and_the_next_one_cleans_up(
    probes: Path, secrets: Path, tmp_path: Path
) -> None:
    flags = ["seal", "--probes", str(probes), "--secrets", str(secrets)]
    for write in (0, 4, 5):
        assert killed_at(write, *flags) == -9
        assert not secrets.exists()
        assert len(list(tmp_path.glob(".secrets.*.tmp"))) == 1
    assert main(flags) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["probes.parquet", "secrets"]
    assert check("--secrets", secrets) == 0


def test_campaigns_form_a_chain_and_candidates_are_not_used_twice(
    drawn: Path, tmp_path: Path, seal: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    first = drawn / "commitment.json"
    assert seal("--previous", str(first), target=tmp_path / "again") == 1
    assert "never enters another campaign" in capsys.readouterr().err
    commitments = [first]
    for number in (2, 3):
        fresh = tmp_path / f"fresh{number}.parquet"
        pq.write_table(pa.Table.from_pylist(rows(name=f"other{number}")), fresh)
        assert seal("--previous", str(commitments[-1]), source=fresh, target=tmp_path / f"s{number}") == 0
        commitments.append(tmp_path / f"s{number}/commitment.json")
        capsys.readouterr()
        assert seal("--previous", str(commitments[-1]), target=tmp_path / "again") == 1
        assert "sealed in campaign 1 of this chain" in capsys.readouterr().err
    second = json.loads(commitments[1].read_bytes())
    assert (second["campaign"], second["previous"]) == (2, hashlib.sha256(first.read_bytes()).hexdigest())
    assert check("--secrets", tmp_path / "s3", "--previous", *commitments[:2]) == 0
    assert check("--commitment", commitments[2], "--previous", commitments[1], commitments[0]) == 0
    assert "chain of 3 campaigns is unbroken" in capsys.readouterr().out
    assert check("--commitment", commitments[2], "--previous", commitments[1]) == 1
    assert check("--commitment", commitments[2], "--previous", first) == 1
    assert check("--commitment", commitments[2]) == 0
    assert "were not checked" in capsys.readouterr().out


def test_seal_says_which_campaigns_it_could_not_look_into(
    drawn: Path, tmp_path: Path, seal: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh, public = tmp_path / "fresh.parquet", tmp_path / "public.json"
    pq.write_table(pa.Table.from_pylist(rows(name="other")), fresh)
    public.write_bytes((drawn / "commitment.json").read_bytes())
    assert seal("--previous", str(public), source=fresh, target=tmp_path / "s2") == 0
    assert "not compared with the candidates of campaign 1" in capsys.readouterr().out
    second = tmp_path / "s2/commitment.json"
    # The second folder does not know the first campaign's candidates: the first one's own folder does.
    assert seal("--previous", str(second), target=tmp_path / "unseen") == 0
    assert "of campaign 1" in capsys.readouterr().out
    assert seal("--previous", str(second), str(drawn / "commitment.json"), target=tmp_path / "s3") == 1
    assert "sealed in campaign 1" in capsys.readouterr().err
    assert seal("--previous", str(tmp_path / "unseen/commitment.json"), str(public), target=tmp_path / "s4") == 1
    (tmp_path / "s2/earlier.parquet").write_bytes(b"x")
    assert seal("--previous", str(second), source=fresh, target=tmp_path / "s5") == 1
    assert "earlier.parquet" in capsys.readouterr().err
    assert seal(target=tmp_path / "alone") == 0
    other = tmp_path / "alone/commitment.json"
    assert seal("--previous", str(drawn / "commitment.json"), str(other), target=tmp_path / "s6") == 1
    assert "does not belong to the chain" in capsys.readouterr().err


def test_the_plan_holds_what_was_asked_for(
    seal: Run, secrets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights.safetensors").write_bytes(b"weights")
    flags = [
        "--metric", "ratio_nll", "--metric-version", "1", "--sign", "-1", "--statistic", "mean", "--weights",
        f"{STRATUM}1=0.5", "--sequence", "1000", "--alpha", "0.01", "--redraws", "9999", "--slots", "2", "--context",
        "64", "--bos", "always", "--dtype", "bfloat16", "--tokenizer", str(tmp_path / "tokenizer.json"), "--reference",
        str(tmp_path / "model"), "--checkpoints", "maximum", "--checkpoint-note", "every 1000 steps", "--tranches", "5",
    ]  # fmt: skip
    assert seal(*flags, "--dry-run") == 0
    assert not secrets.exists()
    printed = capsys.readouterr().out
    assert "12 units of 3 candidates; nothing was written" in printed
    (tmp_path / "settings.toml").write_text(printed)
    assert main(["seal", "--config", str(tmp_path / "settings.toml")]) == 0
    plan = json.loads((secrets / "plan.json").read_bytes())
    name = b"weights.safetensors"
    model = len(name).to_bytes(8, "big") + name + hashlib.sha256(b"weights").digest()
    assert plan == {
        "schema": "trapline.plan", "version": 2, "metric": "ratio_nll", "metric_version": 1, "sign": -1,
        "statistic": "mean", "weights": {f"{STRATUM}0": 1.0, f"{STRATUM}1": 0.5}, "sequence": [1000], "alpha": 0.01,
        "redraws": 9999, "redraws_many": 9999, "many_units": 10_000, "enumerate_up_to": 1_000_000,
        "monte_carlo_seed": "root-and-randomness", "missing": "drop-unit", "slots": 2, "context": 64, "bos": "always",
        "dtype": "bfloat16", "tokenizer": "sha256:" + hashlib.sha256(b"{}").hexdigest(),
        "references": [hashlib.sha256(model).hexdigest()], "checkpoints": "maximum",
        "checkpoint_note": "every 1000 steps", "series_lambda": 1.0, "tranche_sizes": [3, 3, 2, 2, 2], "controls": 2,
        "generation": {}, "checkpoint_names": [], "tranche_rule": "each", "scorer": "",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["nosuch = 3", "plan = 3", "plan.alpha = 0.01"])
def test_a_key_that_is_no_setting_of_the_seal_is_refused(
    text: str, probes: Path, secrets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.toml").write_text(f"[seal]\n{text}\n")
    given = ["--probes", str(probes), "--secrets", str(secrets), "--config", str(tmp_path / "settings.toml")]
    assert main(["seal", *given]) == 2
    assert text.partition(" ")[0].partition(".")[0] in capsys.readouterr().err
    assert not secrets.exists()


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--weights", "nosuch=2"], 2, "entry 1 is not STRATUM=WEIGHT"),
        (["--weights", f"{STRATUM}0=heavy"], 2, "the weight is not a number"),
        (["--sequence", "10", "1000"], 2, "highest dose first"),
        (["--sequence", "7"], 2, "no probe has dose 7"),
        (["--tranches", "13"], 2, "there are 12 units"),
        (["--alpha", "2"], 2, "alpha"),
        (["--tokenizer", "/nowhere/t.json"], 2, "cannot be read"),
        (["--reference", "/nowhere"], 2, "cannot be read"),
        (["--nonce-from", "A", "--beacon-name", "d", "--beacon-round", "1"], 2, "give only one of them"),
        (["--nonce-from", "A", "--beacon-round", "1"], 2, "go together"),
        (["--previous", "/nowhere/commitment.json"], 1, "cannot be read"),
        (["--attach", "x.tsr"], 2, "--attach"),
        (["--alhpa", "0.1"], 2, "did you mean --alpha"),
        (["--runner", "DirectRunner"], 2, "takes no --runner"),
    ],
)
def test_a_wrong_call_writes_nothing(
    flags: list[str], code: int, message: str, probes: Path, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["seal", "--probes", str(probes), "--secrets", str(secrets), *flags]) == code
    err = capsys.readouterr().err
    assert message in err
    assert "Beam's own flags" not in err
    assert not secrets.exists()


def test_probes_come_from_files_and_folders_and_mistakes_are_placed(
    tmp_path: Path, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for at in range(3):
        pq.write_table(pa.Table.from_pylist(rows(2, name=f"n{at}")), folder / f"{at}.parquet")
    (folder / "README.md").write_text("about")
    pq.write_table(pa.Table.from_pylist(rows(2, name="n1")), tmp_path / "again.parquet")
    flags = ["seal", "--secrets", str(secrets), "--probes", str(folder)]
    assert main([*flags, str(tmp_path / "again.parquet")]) == 1
    err = capsys.readouterr().err
    assert f"{tmp_path / 'again.parquet'}: row 0: the same id as in {folder / '1.parquet'}: row 0" in err
    (tmp_path / "bad.parquet").write_bytes(b"not Parquet")
    assert main([*flags, str(tmp_path / "bad.parquet")]) == 1
    assert "bad.parquet: cannot be read" in capsys.readouterr().err
    assert not secrets.exists()
    assert main(flags) == 0
    assert pq.read_table(secrets / "probes/probes.parquet").num_rows == 18


def ots(document: bytes) -> bytes:
    head = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08"
    return head + hashlib.sha256(document).digest() + b"\xf0\x01x"


def test_timestamps_are_kept_beside_the_commitment_and_checked(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, wrong = tmp_path / "c.ots", tmp_path / "w.ots"
    good.write_bytes(ots((drawn / "commitment.json").read_bytes()))
    wrong.write_bytes(ots(b"another"))
    flags = ["seal", "--secrets", str(drawn), "--attach"]
    assert main([*flags, str(wrong)]) == 1
    assert "another document" in capsys.readouterr().err
    assert main([*flags, str(tmp_path / "none.ots")]) == 2
    assert main([*flags, str(good)]) == 0
    assert check("--secrets", drawn) == 0
    assert "OpenTimestamps" in capsys.readouterr().out
    (drawn / "attached/c.ots").write_bytes(ots(b"another"))
    assert check("--secrets", drawn) == 1
    assert "attached/c.ots: does not stamp this commitment.json" in capsys.readouterr().out
