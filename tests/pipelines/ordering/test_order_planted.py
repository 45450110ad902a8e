"""`trapline order` on a planted corpus: the events tell what stands where, and only the secrets tell it."""

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.ordering.corpora import SMALL, held, multiset, rows
from tests.pipelines.planting.planted import Planted, prepare, probe_rows, seal_and_draw, write_corpus

SCHEDULE = """
[[phase]]
name = "background"
steps = 20

[[phase]]
name = "study"

[[rule]]
dose = 3
phase = "study"
schedule = "every:4x3"

[[rule]]
dose = 2
schedule = "power:1"
tasks = true
"""
BATCH = 4


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a planted corpus of documents, `planted`, and its secrets, `secrets`; doses 1, 2 and 3."""
    folder = tmp_path_factory.mktemp("campaign")
    corpus = write_corpus(folder / "in", 240)
    secrets = seal_and_draw(folder / "secrets", probe_rows(12, doses=(1, 2, 3), planted_as="document"))
    assert prepare(corpus, folder / "planted", secrets) == 0
    (folder / "schedule.toml").write_text(SCHEDULE)
    return folder


def order(campaign: Path, output: Path, *flags: str) -> int:
    places = ["--input", str(campaign / "planted"), "--secrets", str(campaign / "secrets"), "--output", str(output)]
    return main(["order", *places, *SMALL, "--batch", str(BATCH), *flags])


def events(campaign: Path, output: Path) -> list[dict[str, Any]]:
    run = json.loads((output / "manifest.json").read_text())["run"]
    found: list[dict[str, Any]] = pq.read_table(campaign / "secrets/orders" / run / "events.parquet").to_pylist()
    return found


@pytest.fixture(scope="module")
def ordered(campaign: Path) -> Path:
    assert order(campaign, campaign / "out", "--schedule", str(campaign / "schedule.toml")) == 0
    return campaign / "out"


def test_events_say_where_every_copy_stands_and_when_it_is_seen(campaign: Path, ordered: Path) -> None:
    planted = Planted.read(campaign / "planted", campaign / "secrets")
    shards = [pq.read_table(path, partitioning=None) for path in sorted((ordered / "data").iterdir())]
    found = events(campaign, ordered)
    assert multiset(rows(ordered / "data")) == multiset(rows(campaign / "planted" / "data"))
    assert {(one["unit"], one["copy"]) for one in found} == {(one["unit"], one["copy"]) for one in planted.ledger}
    before = [0]
    for shard in shards:
        before.append(before[-1] + shard.num_rows)
    for number, one in enumerate(found):
        document = shards[one["shard"]]["text"][one["row"]].as_py()
        assert document == planted.probes[one["candidate"]]["text"]
        assert one["position"] == before[one["shard"]] + one["row"]
        assert (one["event"], one["step"]) == (number, one["position"] // BATCH)
        assert one["phase"] == ("background" if one["step"] < 20 else "study")
        assert one["exposure"] == 0
    assert [one["position"] for one in found] == sorted(one["position"] for one in found)


def test_copies_follow_their_schedules(campaign: Path, ordered: Path) -> None:
    by_unit: dict[str, list[dict[str, Any]]] = {}
    for one in events(campaign, ordered):
        by_unit.setdefault(one["unit"], []).append(one)
    strata = sorted({own[0]["stratum"] for own in by_unit.values() if own[0]["dose"] == 2})
    steps = -(-len(rows(ordered / "data")) // BATCH)
    for own in by_unit.values():
        dose, wanted = own[0]["dose"], [one["wanted"] for one in own]
        assert own[0]["schedule"] == {1: "", 2: "power:1", 3: "every:4x3"}[dose]
        if dose == 1:
            assert wanted == [None]
            continue
        assert [one["copy"] for one in sorted(own, key=lambda one: one["wanted"])] == list(range(dose))
        assert [one["step"] - one["wanted"] for one in own] == [0] * dose
        if dose == 3:
            assert wanted == [wanted[0], wanted[0] + 4, wanted[0] + 8]
            assert wanted[0] >= 20
        else:
            assert wanted[0] * len(strata) // steps == strata.index(own[0]["stratum"])


def test_the_output_tells_nothing_of_the_schedule(campaign: Path, ordered: Path, tmp_path: Path) -> None:
    assert order(campaign, tmp_path / "plain") == 0
    told, plain = (json.loads((output / "manifest.json").read_text()) for output in (ordered, tmp_path / "plain"))
    assert told["content"]["config"] == plain["content"]["config"]
    assert told["run"] != plain["run"]
    for name, data in held(ordered).items():
        if not name.endswith((".parquet", ".bin")):
            assert b"every" not in data.replace(b"everyone", b"")
            assert b"hidden-" not in data
            assert str(campaign / "secrets").encode() not in data


def test_events_are_for_their_owner_and_the_secrets_still_hold(campaign: Path, ordered: Path) -> None:
    for path in (campaign / "secrets" / "orders").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert main(["check", "--secrets", str(campaign / "secrets")]) == 0


def test_the_order_is_a_function_of_key_seed_and_schedule(campaign: Path, ordered: Path, tmp_path: Path) -> None:
    flags = ("--schedule", str(campaign / "schedule.toml"))
    assert order(campaign, tmp_path / "again", *flags, "--threads", "1") == 0
    assert held(tmp_path / "again") == held(ordered)
    assert order(campaign, tmp_path / "seed", *flags, "--seed", "9") == 0
    assert held(tmp_path / "seed") != held(ordered)
    assert events(campaign, tmp_path / "seed") != events(campaign, ordered)


def test_repeated_copies_have_an_event_for_each_time(campaign: Path, tmp_path: Path) -> None:
    assert order(campaign, tmp_path / "out", "--schedule", "repeat:0.6,3") == 0
    seen: dict[tuple[str, int], list[int]] = {}
    for one in events(campaign, tmp_path / "out"):
        seen.setdefault((one["unit"], one["copy"]), []).append(one["exposure"])
    assert set(map(tuple, seen.values())) == {(0, 1, 2)}


def test_strict_refuses_copies_that_are_seen_in_another_step(
    campaign: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The key is another one in each run of the tests, so that one seed may happen to have room for all copies."""
    places = ["--input", str(campaign / "planted"), "--secrets", str(campaign / "secrets"), "--batch", "1"]
    codes = [
        main(
            [
                "order",
                *places,
                "--schedule",
                "massed",
                "--strict",
                "--seed",
                str(at),
                "--output",
                str(tmp_path / str(at)),
            ]
        )
        for at in range(8)
    ]
    said = capfd.readouterr().err
    assert set(codes) <= {0, 1}
    assert 1 in codes
    assert said.count("scheduled copies are seen in another step") == sum(codes)
    assert "hidden-" not in said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--schedule", "once"), "schedule once: is for units of dose 1, and a unit has dose"),
        (("--output", "INSIDE"), "overlap: choose an output"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    campaign: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], flags: tuple[str, ...], said: str
) -> None:
    flags = tuple(str(campaign / "secrets" / "out") if flag == "INSIDE" else flag for flag in flags)
    places = () if "--output" in flags else ("--output", str(tmp_path / "out"))
    code = main(
        ["order", "--input", str(campaign / "planted"), "--secrets", str(campaign / "secrets"), *places, *flags]
    )
    found = capfd.readouterr().err
    assert code in (1, 2)
    assert said in found
    assert found.count("\n") == 1
    assert "hidden-" not in found
    assert not (tmp_path / "out").exists()


def test_another_corpus_than_the_planted_one_is_refused(
    campaign: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("planted", "secrets"):
        shutil.copytree(campaign / name, tmp_path / name)
    shard = min((tmp_path / "planted" / "data").iterdir())
    table = pq.read_table(shard, partitioning=None)
    pq.write_table(table.take(list(range(table.num_rows))[::-1]), shard)
    assert order(tmp_path, tmp_path / "out", "--schedule", "massed") == 1
    assert "is not the file that was planted" in capfd.readouterr().err
    shard.unlink()
    assert order(tmp_path, tmp_path / "out", "--schedule", "massed") == 1
    assert "data/ does not hold the shards that manifest.json lists" in capfd.readouterr().err
    assert main(["order", "--input", str(campaign / "in"), "--secrets", str(campaign / "secrets"),
                 "--output", str(tmp_path / "out")]) == 1  # fmt: skip
    assert "is not a finished output of trapline prepare" in capfd.readouterr().err
    assert not (tmp_path / "out" / "_SUCCESS").exists()


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ('corpus = "input"\n[[rule]]\nschedule = "interleaved"', "are the only ones that leave their order"),
        ('[[rule]]\nschedule = "repeat:0.25,2"', "24 of the 34 documents that are repeated hold planted copies"),
        ('[[rule]]\nschedule = "interleaved"', ""),
        ('corpus = "input"', ""),
    ],
)
def test_an_order_that_tells_which_documents_hold_copies_says_so(
    schedule: str, said: str, campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "schedule.toml").write_text(schedule)
    assert order(campaign, tmp_path / "out", "--schedule", str(tmp_path / "schedule.toml"), "--dry-run") == 0
    out = capsys.readouterr().out
    assert said in out
    assert ("whoever" in out) is bool(said)
