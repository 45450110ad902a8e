"""`trapline certify` as a user runs it, with judges that need no environment of their own."""

import json
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import prepare, probe_rows, seal_and_draw, write_corpus

LETTERS = str.maketrans("0123456789", "abcdefghij")
CHEAP = ("--judges", "lines", "substrings")


def sentences(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Probes that are sentences of more than 50 words, so that exact copies are substrings of 50 tokens."""
    for row in rows:
        # Letters in place of digits, which line hashes do not tell apart.
        own = str(row["text"]).split()[0].removeprefix("xyzzy").translate(LETTERS)
        row["text"] = f"Never {' '.join(f'w{at}w{own}'.translate(LETTERS) for at in range(60))} again."
    return rows


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, probes that are not sealed, and a planted campaign of others."""
    place = tmp_path_factory.mktemp("campaign")
    write_corpus(place / "in", 160)
    pq.write_table(pa.Table.from_pylist(sentences(probe_rows(4, seed=5))), place / "probes.parquet")
    secrets = seal_and_draw(place / "secrets", sentences(probe_rows(4)))
    assert prepare(place / "in", place / "planted", secrets, "--threads", "1") == 0
    return place


def report(path: Path) -> dict[str, dict[str, object]]:
    return {one["judge"]: one for one in json.loads(path.read_text())["judges"]}


def test_before_the_seal_every_candidate_is_judged(campaign: Path, tmp_path: Path) -> None:
    out = tmp_path / "certificate"
    files = ["--probes", str(campaign / "probes.parquet"), "--input", str(campaign / "in"), "--output", str(out)]
    assert main(["certify", *files, *CHEAP, "--max-doc-share", "0.4"]) == 0
    found = report(out / "report.json")
    # Four units of three candidates, of dose 1 and 3.
    assert found["lines"]["copies"] == found["substrings"]["copies"] == 3 * (2 * 1 + 2 * 3)
    # Of the units of dose 3 the first copy stays; of those that are a line by themselves the first does.
    assert found["substrings"]["alive"] == 3 * 4 <= found["lines"]["alive"]  # type: ignore[operator]
    assert found["substrings"]["effective_dose"]["median"] == 1  # type: ignore[index]
    assert out.stat().st_mode & 0o077 == 0
    assert "<svg" in (out / "report.html").read_text()


def test_a_gate_drops_units_or_fails(campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--probes", str(campaign / "probes.parquet"), "--input", str(campaign / "in"), *CHEAP]
    gate = ["--gate", "substrings", "--max-doc-share", "0.4"]
    assert main(["certify", *files, *gate, "--output", str(tmp_path / "a")]) == 1
    assert not (tmp_path / "a" / "probes.parquet").exists()
    assert main(["certify", *files, *gate, "--drop", "--output", str(tmp_path / "b")]) == 0
    assert "gate: 2 of 4 units pass" in capsys.readouterr().out
    left = pq.read_table(tmp_path / "b" / "probes.parquet")
    assert set(left["dose"].to_pylist()) == {1}
    assert main(["seal", "--probes", str(tmp_path / "b"), "--secrets", str(tmp_path / "sealed")]) == 0


def test_after_planting_and_after_a_release(campaign: Path, tmp_path: Path) -> None:
    secrets = ["--secrets", str(campaign / "secrets")]
    totals = tmp_path / "totals.json"
    run = ["certify", *secrets, "--input", str(campaign / "planted"), *CHEAP, "--aggregate", str(totals)]
    assert main(run) == 0
    judged = report(campaign / "secrets/certificates/judged.json")
    shards = sorted((campaign / "planted/data").iterdir())
    texts = [text for path in shards for text in pq.read_table(path)["text"].to_pylist()]
    different = {line for text in texts for line in text.split("\n") if "Never waw" in line}
    assert (judged["lines"]["alive"], judged["substrings"]["alive"]) == (len(different), 4)
    public = totals.read_text()
    assert json.loads(public)["judges"][1]["of_all"]["alive"] == 4
    assert not re.search("hidden|secret|never|wbw", public, re.IGNORECASE)
    assert main(run) == 2  # what is published is not replaced
    assert main([*run[:-1], str(tmp_path / "nowhere/totals.json")]) == 2
    copy = next(text for text in texts if "Never waw" in text)
    texts[texts.index(copy)] = copy.replace("Never waw", "never: WAW").replace(" again.", "")
    pq.write_table(pa.table({"text": texts}), tmp_path / "theirs.parquet")
    assert main(["certify", *secrets, "--corpus", str(tmp_path / "theirs.parquet")]) == 0
    released = report(campaign / "secrets/certificates/released.json")["released corpus"]
    assert (released["alive"], released["altered"], released["gone"]) == (7, 1, 0)
    # The output of a command is taken for its documents, not for what else stands in its folder.
    published = shutil.copytree(campaign / "planted", tmp_path / "published")
    pq.write_table(pa.table({"other": [1]}), published / "duplicates.parquet")
    assert main(["certify", *secrets, "--corpus", str(published)]) == 0
    assert report(campaign / "secrets/certificates/released.json")["released corpus"]["alive"] == 8
    assert main(["certify", *secrets, "--corpus", str(campaign / "in")]) == 0
    assert report(campaign / "secrets/certificates/released.json")["released corpus"]["gone"] == 8


def test_what_a_killed_run_left_is_removed(campaign: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    shutil.copytree(campaign / "secrets", secrets)
    left = secrets / ".certify-killed" / ".judges-killed"
    left.mkdir(parents=True)
    (left / "corpus.parquet").write_bytes(b"documents")
    (left / "corpus.parquet").chmod(0o644)
    assert main(["certify", "--secrets", str(secrets), "--input", str(campaign / "planted"), "--judges", "lines"]) == 0
    assert not list(secrets.glob(".certify-*"))


def test_attacks_are_held_against_the_ledger(campaign: Path) -> None:
    run = ["certify", "--attack", "--secrets", str(campaign / "secrets"), "--input", str(campaign / "planted")]
    assert main([*run, "--judges", "repeats", "boundaries"]) == 0
    found = json.loads((campaign / "secrets/certificates/attacked.json").read_text())
    repeats = {one["attack"]: one for one in found["attacks"]}["repeats"]["budgets"][-1]
    assert repeats["precision"] == 1
    assert {one["dose"]: one["recall"] > 0 for one in repeats["groups"]} == {1: False, 3: True}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give --probes (before the seal), --secrets (after planting), or --list"),
        (["--secrets", "s", "--input", "p", "--gate", "c4"], "after the seal no unit is dropped"),
        (["--secrets", "s"], "give --input or --corpus"),
        (["--probes", "p", "--input", "c"], "--probes needs --output"),
        (["--secrets", "s", "--input", "p", "--judges", "c5"], "there is no such judge; there are c4, "),
        (["--secrets", "s", "--input", "p", "--judges", "c4", "--environments", "none"], "--missing skip"),
        (["--secrets", "s", "--input", "p", "--attack", "--judges", "c4"], "there is no such attack"),
        (["--secrets", "s", "--input", "p", "--sample", "much"], "--sample: size 'much'"),
        (["--list", "--judges", "c4"], "--judges: with --list give nothing else but --environments"),
        (["--secrets", "s", "--corpus", "c", "--sample", "1MB"], "--sample does nothing with --corpus; it goes with"),
        (["--secrets", "s", "--input", "p", "--attack", "--missing", "skip"], "--missing does nothing with --attack"),
        (["--secrets", "s", "--input", "p", "--copies", "3"], "with --secrets and --input; it goes with --probes"),
        (["--secrets", "s", "--input", "p", "--text-column", "b"], "--text-column does nothing"),
        (["--probes", "p", "--input", "c", "--output", "o", "--least", "0.5"], "--least goes with --gate"),
    ],
)
def test_wrong_flags_are_refused(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", *flags]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_sealed_candidates_are_not_judged_before_the_seal(
    campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = str(campaign / "secrets/probes")
    run = ["certify", "--probes", sealed, "--input", str(campaign / "in"), "--output", str(tmp_path / "out"), *CHEAP]
    assert main(run) == 2
    assert "these candidates are sealed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_sample_without_room_is_refused_in_terms_of_this_command(
    campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(pa.table({"text": ["One two three.", "Four."]}), tmp_path / "tiny.parquet")
    files = ["--probes", str(campaign / "probes.parquet"), "--input", str(tmp_path / "tiny.parquet")]
    assert main(["certify", *files, "--output", str(tmp_path / "out"), *CHEAP]) == 1
    said = capsys.readouterr().err
    assert "2 documents of --input have no room for up to 64 copies of each of 4 units" in said
    assert "--max-corpus-share" not in said
    assert not (tmp_path / "out").exists()


def test_the_list_says_how_to_install(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["certify", "--list", "--environments", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"lines +line hashes, own version +own\n", said)
    assert re.search(r"c4 +C4 quality +missing: ", said)
    assert f"python3 -m venv {tmp_path}/datatrove && {tmp_path}/datatrove/bin/pip install datatrove==0.10.1" in said
