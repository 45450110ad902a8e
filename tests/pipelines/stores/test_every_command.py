"""Every command on this machine and in each object store: the same bytes, from the seal to the verdict.

`CAMPAIGN` is the table: one line for each command, with the files that must not depend on where it ran.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.stores.emulators import Emulator
from pipelines.cli import main
from tests.pipelines.planting.planted import LIMITS, SMALL_SHARDS, probe_rows, write_corpus
from tests.scoring.tiny_checkpoints import tiny_checkpoint, tiny_tokenizer
from transforms.base.folders import Folder
from transforms.planting.sealing.key import Key
from transforms.planting.work import VARIABLE

NONCE = "c0ffee" * 8
SEALED = ("--context=16", "--slots=2", "--bos=never", "--alpha=0.01", "--tokenizer=@model/tokenizer.json")

# A command, its flags, and what must not depend on where it ran. `@` stands for the place.
Command = tuple[str, tuple[str, ...], tuple[str, ...]]
CAMPAIGN: list[Command] = [
    ("dedup", ("--input=@corpus", "--output=@clean", *SMALL_SHARDS), ("clean/data", "clean/duplicates")),
    (
        "traps",
        ("--corpus=@corpus", "--output=@traps", "--lengths=12", "--units=3", "--doses=1", "--controls=1", "--seed=5"),
        (),
    ),
    (
        "puzzles",
        ("--as=dataset", "--people=3", "--count=20", "--test=10", "--edits=1", "--output=@puzzles", "--seed=0"),
        ("puzzles/data",),
    ),
    (
        "seal",
        ("--probes=@probes.parquet", "--secrets=@secrets", "--nonce-from=them", *SEALED),
        ("secrets/units.parquet", "secrets/plan.json"),
    ),
    ("draw", ("--secrets=@secrets", f"--nonce={NONCE}"), ("secrets/drawn.json", "secrets/draw.parquet")),
    (
        "prepare",
        ("--input=@corpus", "--output=@planted", "--secrets=@secrets", *LIMITS, *SMALL_SHARDS),
        ("planted/data", "planted/duplicates", "secrets/ledger", "secrets/slots.parquet"),
    ),
    ("report", ("--secrets=@secrets", "--input=@planted", "--tokenizer=@model/tokenizer.json"), ("secrets/tokens",)),
    ("restore", ("--input=@planted", "--output=@restored", "--secrets=@secrets"), ("restored/data",)),
    (
        "score",
        (
            "--checkpoint=@model",
            "--sequences=@secrets/probes/probes.parquet",
            "--slots=@secrets/slots.parquet",
            "--tokenizer=@model/tokenizer.json",
            "--output=@scores",
            "--context=16",
            "--bos=never",
            "--device=cpu",
            "--threads=1",
        ),
        ("scores/scores", "scores/token_scores"),
    ),
    (
        "verify",
        ("--secrets=@secrets", "--scores=@scores", "--output=@verdict", "--commitment=@secrets/commitment.json"),
        (),
    ),
    (
        "order",
        (
            "--input=@planted",
            "--output=@ordered",
            "--secrets=@secrets",
            "--schedule=@schedule.toml",
            "--tokenizer=@model/tokenizer.json",
            "--batch=4",
        ),
        ("ordered/data", "ordered/tokens", "ordered/documents"),
    ),
    ("which", ("--input=@ordered", "--step=0"), ()),
    (
        "certify",
        ("--secrets=@secrets", "--corpus=@planted/data", "--aggregate=@totals.json"),
        ("totals.json", "secrets/certificates/released.json"),
    ),
    (
        "outside",
        (
            "--table=@outside.csv",
            "--sequences=@secrets/probes/probes.parquet",
            "--metric=outside.logit",
            "--remembered=high",
            "--made-by=them",
            "--output=@outside",
        ),
        ("outside/scores",),
    ),
    ("reveal", ("--secrets=@secrets", "--all", "--output=@reveal.json"), ()),
    (
        "check",
        (
            "--reveal=@reveal.json",
            "--commitment=@secrets/commitment.json",
            f"--nonce={NONCE}",
            "--corpus=@planted",
            "--planted=@secrets/planted.json",
        ),
        (),
    ),
]


@dataclass
class Place:
    """Where a campaign ran: an address in which `{}` stands for the name of what is in it, and what came of it."""

    address: str
    codes: dict[str, int] = field(default_factory=dict)

    def at(self, flag: str) -> str:
        """A flag of the table for this place."""
        before, here, name = flag.partition("@")
        return before + self.address.format(name) if here else flag

    def files(self, name: str) -> dict[str, bytes]:
        """A file, or the files of a folder, by name."""
        folder, _, last = self.address.format(name).partition("?")[0].rpartition("/")
        parent = Folder.of(f"{folder}{self.address.partition('{}')[2]}")
        if parent.size_of(last) is not None:
            return {name: parent.read(last)}
        return {f"{name}/{one}": parent.child(last).read(one) for one in parent.child(last).all_files()}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a campaign begins with."""
    folder = tmp_path_factory.mktemp("given")
    write_corpus(folder / "corpus", 60)
    rows = probe_rows(4, doses=(1, 2)) + probe_rows(1, seed=5, doses=(1,), kind="puzzle", planted_as="document")
    names = list(dict.fromkeys(name for row in rows for name in row))
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), folder / "probes.parquet")
    (folder / "outside.csv").write_text("id,score\n" + "".join(f"{row['id']},0.5\n" for row in rows))
    (folder / "schedule.toml").write_text('[[rule]]\ndose = 2\nschedule = "spaced"\n')
    tiny_checkpoint(folder / "model", "llama", 1, tiny_tokenizer())
    return folder


def run_all(place: Place) -> Place:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(VARIABLE, raising=False)
        patch.setattr(Key, "create", _known_key)
        for name, flags, _ in CAMPAIGN:
            place.codes[name] = main([name, *map(place.at, flags)])
    return place


def _known_key(path: Path) -> Key:
    path.write_bytes(bytes(range(32)))
    path.chmod(0o600)
    return Key(bytes(range(32)))


@pytest.fixture(scope="module")
def here(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The campaign on this machine."""
    folder = tmp_path_factory.mktemp("here") / "place"
    shutil.copytree(given, folder)
    return run_all(Place(f"{folder}/{{}}"))


@pytest.fixture(scope="module", params=["s3", "gs"])
def there(
    request: pytest.FixtureRequest,
    given: Path,
    emulators: dict[str, Emulator],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """The campaign in a store; secrets have a bucket of their own."""
    emulator = emulators[request.param]
    bucket = emulator.bucket()
    for name in Folder(str(given)).all_files():
        Folder.of(emulator.uri(bucket)).write(name, Folder(str(given)).read(name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAPLINE_CACHE", str(tmp_path_factory.mktemp("cache") / "fetched"))
        yield run_all(Place(emulator.uri(f"{bucket}/{{}}")))


@pytest.mark.parametrize(("command", "same"), [(name, same) for name, _, same in CAMPAIGN])
def test_a_command_does_in_a_store_what_it_does_here(
    command: str, same: tuple[str, ...], here: Place, there: Place
) -> None:
    assert (here.codes[command], there.codes[command]) == (0, 0)
    for name in same:
        found = there.files(name)
        assert found == here.files(name)
        assert found
