"""Every flag of `trapline puzzles` in every way of running it: used, or refused in one line before any work."""

import dataclasses
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.puzzles import _FLAGS, PuzzlesConfig

WAYS = {
    "probes": ["--as", "probes"],
    "dataset": ["--as", "dataset"],
    "judge": ["--judge", "replies.jsonl", "--dataset", "set"],
}
GIVEN = {
    "judge": ["--judge", "replies.jsonl"],
    "dataset": ["--dataset", "set"],
    "level": ["--level", "0.9"],
    "people": ["--people", "4..8"],
    "count": ["--count", "1000"],
    "test": ["--test", "100"],
    "languages": ["--languages", "en"],
    "lang_variants": ["--no-lang-variants"],
    "edits": ["--edits", "1"],
    "controls": ["--controls", "9"],
    "doses": ["--doses", "1"],
    "thoughts": ["--thoughts"],
    "knights": ["--knights", "any"],
    "depth": ["--depth", "2"],
    "width": ["--width", "2"],
    "constant_claims": ["--constant-claims"],
    "hamming": ["--hamming", "0"],
    "minimal": ["--minimal"],
    "shares": ["--shares", "0.4", "0.2", "0.4"],
    "seed": ["--seed", "x"],
    "export": ["--export", "none"],
    "compression": ["--compression", "zstd"],
    "overwrite": ["--overwrite"],
    "threads": ["--threads", "0"],
}
"""Each flag as a user gives it, where there is one with the value of its default."""


def test_every_flag_is_among_those_tried() -> None:
    names = {one.name for one in dataclasses.fields(PuzzlesConfig)}
    assert set(GIVEN) == names - {"output", "as_", "dry_run"}
    assert {name for names in _FLAGS.values() for name in names} == set(GIVEN)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", GIVEN)
def test_a_flag_is_used_or_refused(
    way: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = [*WAYS[way], *(() if way == "judge" and name in ("judge", "dataset") else GIVEN[name])]
    code = main(["puzzles", "--output", "out", "--dry-run", *flags])
    said = capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    if name not in _FLAGS[way]:
        assert code == 2
        assert "would be ignored with" in said or "give one of them" in said
        assert len(said.strip().splitlines()) == 1
    elif way == "judge":
        assert "--dataset set: is no finished output" in said
    else:
        assert code == 0, said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--count", "2.5"], "'2.5' is not a whole number"),
        (["--hamming", "0.5"], "'0.5' is not a whole number"),
        (["--edits", "1.5"], "'1.5' is not a whole number"),
        (["--edits", "0"], "--edits 0: give 1 to 16"),
        (["--threads", "1.5"], "'1.5' is not a whole number"),
        (["--as", "probes", "--doses", "1", "2.5"], "'2.5' is not a whole number"),
        (["--as", "probes", "--doses", "9999999999"], "--doses (9999999999,): give numbers from 1 to 2,147,483,647"),
        (["--as", "probes", "--controls", "3.5"], "'3.5' is not a whole number"),
        (["--people", "3.5"], "--people '3.5'"),
        (["--knights", "1.5"], "--knights '1.5'"),
        (["--compression", "foo"], "--compression foo: compression 'foo' is unknown"),
        (["--compression", "zstd:abc"], "--compression zstd:abc"),
        (["--compression", "zstd:99"], "zstd has levels from"),
        (["--compression", "snappy:3"], "snappy has no levels"),
        (["--shares", "nan", "nan", "nan"], "each above 0, together 1"),
        (["--shares", "inf", "0.1", "0.1"], "each above 0, together 1"),
        (["--judge", "x.jsonl"], "--judge and --as dataset"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_at_once(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_ = [] if "--as" in flags else ["--as", "dataset"]
    for dry in (["--dry-run"], []):
        assert main(["puzzles", "--output", str(tmp_path / "no"), "--people", "4", *as_, *flags, *dry]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("way", ["probes", "judge"])
def test_flags_of_apache_beam_are_refused_where_it_does_not_run(
    way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["puzzles", "--output", str(tmp_path / "no"), *WAYS[way], "--runner=DirectRunner"]) == 2
    assert "would be ignored with" in capsys.readouterr().err


def test_a_config_file_is_held_to_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line, message in (
        ('as = "probes"\ntest = 5', "--test would be ignored with --as probes"),
        ('as = "dataset"\ndoses = [1, 2]', "--doses would be ignored with --as dataset"),
        ('as = "dataset"\ncount = 2.5', "'2.5' is not a whole number"),
        ("doses = [1, 2.5]", "'2.5' is not a whole number"),
        ('as = "probes"\nlang_variants = false', "--no-lang-variants would be ignored"),
    ):
        (tmp_path / "c.toml").write_text(f"[puzzles]\n{line}\n")
        assert main(["puzzles", "--output", str(tmp_path / "no"), "--config", str(tmp_path / "c.toml")]) == 2
        assert message in capsys.readouterr().err
