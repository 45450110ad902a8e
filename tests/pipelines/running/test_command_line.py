"""What the command line understands, what it refuses, and what it says then."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import DirectOptions, StandardOptions

from pipelines.cli import COMMANDS, main
from transforms.probes.kind import KINDS

GIVEN = ("dedup", "--input", "in", "--output", "out")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def understood(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Config and Beam options of each run that the command line would have begun."""
    runs: list[tuple[Any, Any]] = []

    def run(config: Any, options: Callable[[], Any], _progress: Any, **_: Any) -> int:
        runs.append((config, options()))
        return 0

    monkeypatch.setattr("pipelines.corpus.run.run", run)
    return runs


@pytest.fixture
def refusal(understood: list[Any], capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run with arguments that must be refused; returns the message, which is one line."""

    def run(*arguments: str) -> str:
        assert main(arguments) == 2
        assert understood == []
        said = capfd.readouterr()
        assert said.out == ""
        assert re.fullmatch(r"trapline: [^\n]+\n", said.err)
        return said.err.removeprefix("trapline: ").strip()

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dedupe", "--input", "in"), ("unknown command 'dedupe'", "did you mean dedup?")),
        (("frobnicate",), ("unknown command 'frobnicate'", "commands are dedup")),
        (("--threshold", "0.8", "dedup"), ("--threshold comes before the command", "one of dedup")),
        (("--runner=FnApiRunner", "dedup"), ("comes before the command",)),
        (("dedup",), ("--input", "requires an argument")),
        (("dedup", "--input", "in"), ("--output", "requires an argument")),
        (("dedup", "--input", "--output", "out"), ("--input: give at least one file",)),
        ((*GIVEN, "--thresold", "0.8"), ("unknown flag --thresold", "did you mean --threshold?")),
        ((*GIVEN, "--thresold=0.8"), ("unknown flag --thresold", "did you mean --threshold?")),
        ((*GIVEN, "--no-strict"), ("unknown flag --no-strict",)),
        ((*GIVEN, "--qzx"), ("unknown flag --qzx", "see --help", "Beam's own flags")),
        ((*GIVEN, "stray"), ("unexpected argument 'stray'",)),
        (("dedup", "stray", *GIVEN[1:]), ("unexpected argument 'stray'",)),
        ((*GIVEN, "--threshold"), ("--threshold requires an argument",)),
        ((*GIVEN, "--output", "other"), ("--output specified multiple times",)),
        ((*GIVEN, "--ngram=3", "--ngram=4"), ("--ngram specified multiple times",)),
        ((*GIVEN, "--dry_run"), ("--dry_run is not a flag", "write --dry-run")),
        ((*GIVEN, "--dry_run=True"), ("--dry_run is not a flag", "write --dry-run")),
        ((*GIVEN, "--num_perm", "64"), ("--num_perm is not a flag", "write --num-perm")),
        ((*GIVEN, "--runn", "FnApiRunner"), ("unknown flag --runn", "did you mean --runner?")),
        ((*GIVEN, "--direct_num_work=2"), ("unknown flag --direct_num_work", "did you mean --direct_num_workers?")),
        ((*GIVEN, "--direct_num_workers", "two"), ("Beam refuses", "--direct_num_workers", "'two'")),
        ((*GIVEN, "--runner", "Abacus"), ("--runner Abacus", "DataflowRunner", "FlinkRunner")),
        ((*GIVEN, "--runner", "DataflowRunner"), ("--runner DataflowRunner", "project", "region", "temp_location")),
        ((*GIVEN, "--input", "\udcff"), (r"b'\xff'", "UTF-8")),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else None,
)
def test_what_is_not_understood(
    arguments: tuple[str, ...], words: tuple[str, ...], refusal: Callable[..., str]
) -> None:
    said = refusal(*arguments)
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    ("flag", "value", "allowed"),
    [
        ("--threshold", "1.5", "above 0 and at most 1"),
        ("--threshold", "0", "above 0 and at most 1"),
        ("--threshold", "nan", "above 0 and at most 1"),
        ("--threshold", "high", "float"),
        ("--num-perm", "8", "16 to 4096"),
        ("--num-perm", "5000", "16 to 4096"),
        ("--num-perm", "64.5", "whole number"),
        ("--num-perm", "1e2", "whole number"),
        ("--ngram", "0", "1 to 64"),
        ("--ngram", "65", "1 to 64"),
        ("--bucket-cap", "0", "1 or more"),
        ("--threads", "-1", "0 (all cores) to 1024"),
        ("--threads", "1025", "0 (all cores) to 1024"),
        ("--keep", "shortest", "first, longest or max:COLUMN"),
        ("--keep", "max:", "first, longest or max:COLUMN"),
        ("--method", "magic", '"survivors", "components"'),
        ("--plan", "many", '"auto", "one", "partitioned"'),
        ("--until", "scan", '"plan", "end"'),
        ("--shard-bytes", "0", "64MB, 128MiB or 1.5GB"),
        ("--shard-bytes", "12 apples", "64MB, 128MiB or 1.5GB"),
        ("--row-group-bytes", "-5", "64MB, 128MiB or 1.5GB"),
        ("--compression", "zip", "one of zstd, snappy, gzip, lz4, brotli, none"),
        ("--compression", "zstd:", "'zstd:3'"),
        ("--compression", "zstd:99", "to 22"),
        ("--compression", "snappy:3", "no levels"),
        ("--split", "a/b", "letters, digits, _ and single dots"),
        ("--split", "", "letters, digits, _ and single dots"),
        ("--tokenizer", "missing.json", "No such file"),
    ],
)
def test_values_out_of_range_are_refused_with_what_is_allowed(
    flag: str, value: str, allowed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*GIVEN, f"{flag}={value}"]) == 2
    said = capfd.readouterr().err
    assert flag.lstrip("-").partition("-")[0] in said
    assert value in said
    assert allowed in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("bands", "rows"), [("0", "0"), ("0", "4"), ("-1", "-4"), ("26", "10"), ("257", "1")])
def test_bands_and_rows_must_fit_the_sketch(bands: str, rows: str, refusal: Callable[..., str]) -> None:
    assert f"--bands {bands} x --rows {rows}: each at least 1" in refusal(*GIVEN, "--bands", bands, "--rows", rows)
    assert "--bands and --rows: give both or neither" in refusal(*GIVEN, "--bands", bands)
    assert "--bands and --rows: give both or neither" in refusal(*GIVEN, "--rows", rows)


def test_our_flags_and_beams_are_told_apart(understood: list[Any]) -> None:
    arguments = ["dedup", "--direct_num_workers", "3", "--input", "a", "b", "--runner=FnApiRunner", "--output", "out",
                 "--threshold", "0.5", "--bands", "9", "--rows=4", "--strict", "--input", "c"]  # fmt: skip
    assert main(arguments) == 0
    config, options = understood[0]
    assert (config.input, config.output, config.threshold) == (("a", "b", "c"), "out", 0.5)
    assert (config.bands, config.rows, config.strict, config.overwrite) == (9, 4, True, False)
    assert options.view_as(DirectOptions).direct_num_workers == 3
    assert options.view_as(StandardOptions).runner == "FnApiRunner"


CONFIG = """
[dedup]
input = ["a", "b"]
output = "there"
threshold = 0.5
num_perm = 128
shard-bytes = "1MB"
strict = true

[beam]
direct_num_workers = 3
experiments = ["one", "two"]
"""


@pytest.mark.parametrize("flag", [["--config", "my file.toml"], ["--config=my file.toml"]])
@pytest.mark.parametrize("first", [True, False])
def test_a_config_file_is_read_and_the_command_line_goes_over_it(
    flag: list[str], first: bool, understood: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "my file.toml").write_text(CONFIG)
    rest = ["dedup", "--threshold", "0.9"]
    assert main([*flag, *rest] if first else [*rest, *flag]) == 0
    config, options = understood[0]
    assert (config.input, config.output, config.num_perm) == (("a", "b"), "there", 128)
    assert (config.threshold, config.shard_bytes, config.strict) == (0.9, "1MB", True)
    assert options.view_as(DirectOptions).direct_num_workers == 3
    assert options.get_all_options()["experiments"] == ["one", "two"]


def test_a_config_file_does_not_outlive_its_run(understood: list[Any], tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[dedup]\nthreshold = 0.5\n")
    assert main([*GIVEN, "--config", "a.toml"]) == 0
    assert main(GIVEN) == 0
    assert [config.threshold for config, _ in understood] == [0.5, 0.8]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[dedup]\nthresold = 0.5\n", ("thresold", "a.toml", "--threshold")),
        ("[dedup]\nthreshold = 1.5\n", ("--threshold 1.5", "at most 1")),
        ("[dedup]\nthreshold = 'high'\n", ("threshold", "a.toml", '"high"')),
        ("[dedup]\nnum_perm = 64.5\n", ("num-perm", "'64.5' is not a whole number")),
        ("[dedup]\nstrict = 'maybe'\n", ("strict", '"maybe"')),
        ("[dedupe]\nthreshold = 0.5\n", ("a.toml: unknown table [dedupe]", "[dedup]", "[beam]")),
        ("threshold = 0.5\n", ("a.toml: unknown table [threshold]", "[dedup]")),
        ("dedup = 3\n", ("dedup must be a table", "[dedup]")),
        ("beam = 3\n", ("beam must be a table", "[beam]")),
        ("[dedup\n", ("a.toml", "line 1")),
        ("[beam]\nrunnr = 'FnApiRunner'\n", ("unknown flag --runnr", "--runner")),
        ("[beam]\nthreshold = 0.5\n", ("--threshold is trapline's own flag", "[beam]")),
        ("[beam]\ndry_run = true\n", ("--dry_run is not a flag", "--dry-run")),
    ],
)
def test_a_config_file_that_is_wrong(
    text: str, words: tuple[str, ...], refusal: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "a.toml").write_text(text)
    said = refusal(*GIVEN, "--config", "a.toml")
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("missing.toml", None, ("missing.toml", "No such file")),
        ("bytes.toml", b"\xff\xfe", ("bytes.toml", "utf-8")),
        ("m.json", b"{}", ("m.json", "not the manifest")),
        ("m.json", b"[1]", ("m.json", "not the manifest")),
        ("m.json", b"{", ("m.json", "line 1")),
    ],
)
def test_a_config_file_that_is_none(
    name: str, data: bytes | None, words: tuple[str, ...], refusal: Callable[..., str], tmp_path: Path
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    said = refusal(*GIVEN, "--config", name)
    assert [word for word in words if word not in said] == []
    assert "--config needs a file" in refusal(*GIVEN, "--config")


def test_a_folder_is_no_config_file(refusal: Callable[..., str], tmp_path: Path) -> None:
    assert "Is a directory" in refusal(*GIVEN, f"--config={tmp_path}")


def test_the_tokenizer_counts_by_its_content_and_its_place_stays_private(
    folder: Path, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    pq.write_table(pa.table({"text": ["one two", "one two"]}), folder / "a.parquet")
    for vocabulary in (["one", "two"], ["one", "two", "three"]):
        tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(["?", *vocabulary])}, "?"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.save(str(tmp_path / f"{len(vocabulary)}.json"))
    (tmp_path / "private").mkdir()
    path = tmp_path / "private/tokenizer.json"
    (tmp_path / "2.json").rename(path)
    assert attempt(folder, "--tokenizer", str(path)).code == 0
    content = json.loads((tmp_path / "out/manifest.json").read_text())["content"]
    assert content["config"]["tokenizer"] == "tokenizer.json"
    assert re.fullmatch("[0-9a-f]{64}", content["tokenizer_sha256"])
    assert "private" not in str(content)
    moved = path.rename(tmp_path / "tokenizer.json")
    assert "finished already" in attempt(folder, "--tokenizer", str(moved)).said
    (tmp_path / "3.json").rename(moved)
    assert main(["dedup", "--input", str(folder), "--output", "out", "--tokenizer", str(moved)]) == 2
    moved.write_text("no tokenizer")
    outcome = attempt(folder, "--tokenizer", str(moved), output=tmp_path / "other")
    assert outcome.code == 1
    assert "tokenizer.json: cannot be read as a tokenizers file" in outcome.said


SLOW_TO_IMPORT = ("apache_beam", "pyarrow", "numba", "numpy", "polars", "matplotlib", "tokenizers", "scipy")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("dedup", "Usage: trapline")),
        (("--help",), ("dedup", "Usage: trapline", "--config FILE")),
        (("-h",), ("dedup", "Usage: trapline")),
        (("dedup", "--help"), ("--input", "--threshold", "[default: 0.8]", "--until")),
        (("dedup", "--input", "in", "--help"), ("--input", "--threshold")),
        (("--version",), ("0.",)),
        (("dedup", "--version"), ("0.",)),
    ],
    ids=" ".join,
)
def test_help_and_version_import_nothing_large(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    script = (
        "import sys; from pipelines.cli import main; code = main(sys.argv[1:]);"
        f"print(sorted(set({SLOW_TO_IMPORT}) & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert result.stderr == "[]\n"
    assert [word for word in words if word not in result.stdout] == []


ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_help_has_headings_and_shows_no_empty_default(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert not re.search(r"\[default: (\(\)|\"\"|''|\[\]|False|None|)\]", said)
    assert "Settings of" not in said
    assert " a table a " not in said
    assert "─ Parameters ─" not in said
    assert re.search("─ (Input|Puzzles) ─", said)


def test_the_seals_help_groups_the_analysis_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["seal", "--help"]) == 0
    said = capsys.readouterr().out
    plan = said[said.index("─ Analysis plan ─") : said.index("─ Output ─")]
    assert [flag for flag in ("--metric", "--alpha", "--weights", "--tranches") if flag not in plan] == []
    assert "--probes" not in plan
    assert "Plan:" not in said


def test_every_file_of_a_command_is_in_the_table() -> None:
    files = {path.stem for path in (ROOT / "pipelines").glob("*.py")} - {"__init__", "cli"}
    own = [command for command in COMMANDS if command.name not in KINDS]
    assert {command.name for command in own if command.run.__module__.count(".") == 1} == files - set(KINDS)
    for command in own:
        module = command.run.__module__
        assert module.startswith("pipelines.")
        assert module.rpartition(".")[2] == command.name
        assert command.config.__module__ == module


@pytest.fixture
def corpus(folder: Path) -> Path:
    pq.write_table(pa.table({"text": ["one two", "three", "one two"]}), folder / "a.parquet")
    return folder


def test_a_line_a_stage_where_there_is_no_terminal(corpus: Path, attempt: Callable[..., Any], tmp_path: Path) -> None:
    said = attempt(corpus, "--threads", "1").said.splitlines()
    wanted = [
        r"1 file, about .* of text, 1 thread",
        r"scan +\d+\.\d s  3 documents  .*/s",
        r"plan +\d+\.\d s  3 documents",
        r"rewrite +\d+\.\d s  2 documents  .*/s",
        r"3 documents in: 2 kept, 1 exact and 0 near duplicates removed, 0 quarantined",
        r"done: .*/out/report.html",
    ]
    assert len(said) == len(wanted)
    assert [line for line, pattern in zip(said, wanted, strict=True) if not re.fullmatch(pattern, line)] == []


def test_a_bar_on_a_terminal(corpus: Path, tmp_path: Path) -> None:
    leader, terminal = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "dedup",
        "--input",
        str(corpus),
        "--output",
        str(tmp_path / "out"),
    ]
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(terminal)
        shown = b""
        while True:
            try:
                part = os.read(leader, 1 << 16)
            except OSError:  # how Linux says that the other side is gone
                break
            if not part:
                break
            shown += part
    os.close(leader)
    assert process.returncode == 0
    text = shown.decode()
    assert "━" in text
    assert re.search(r"scan.*%", text)
    assert re.search(r"rewrite.*%", text)
    assert "done: " in text
