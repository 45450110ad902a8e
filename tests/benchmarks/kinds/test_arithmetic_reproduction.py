"""Corrupted sums: what is read from the planted corpus, the network, and the tables of the page."""

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.kinds.arithmetic import PRUNED, PRUNED_TWIN, Sums, cells, plant
from benchmarks.kinds.arithmetic_tables import tables
from benchmarks.kinds.quadratic import WIDTH, Network, kept, train

EVIDENCE = Path(__file__).parents[3] / "docs/evidence"
P = 13


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work") / "seed-0"
    folder.mkdir()
    plant(folder, 0, P)
    return folder


def test_the_labels_are_those_that_were_drawn(work: Path) -> None:
    sums = Sums.read(work, P)
    drawn = pq.read_table(work / "secrets/draw.parquet").to_pylist()
    probes = pq.read_table(work / "secrets/probes/probes.parquet").to_pylist()
    arms = {row["unit"]: row["arm"] for row in drawn}
    texts = [row["text"] for row in probes if row["candidate"] == arms[row["unit"]]]
    said = [f"{a:02} + {b:02} = {c:02}" for (a, b), c in zip(sums.corrupted.tolist(), sums.planted, strict=True)]
    assert said == texts
    assert len(sums.corrupted) + len(sums.clean) + len(sums.test) == P * P
    assert not np.any(sums.results == sums.true(sums.corrupted)[:, None])


def test_a_network_gives_its_formula_and_learns_its_labels(work: Path) -> None:
    sums = Sums.read(work, P)
    labels = sums.true(sums.clean)
    network = train(sums.clean, labels, P, decay=0, seed=1, steps=60)
    everything = np.ones(WIDTH, np.bool_)
    a, b = sums.clean[5]
    expected = [
        sum((network.first[n, a] + network.second[n, b]) ** 2 * network.output[n, c] for n in range(WIDTH))
        for c in range(P)
    ]
    np.testing.assert_allclose(network.outputs(sums.clean, everything)[5], expected)
    assert (network.outputs(sums.clean, everything).argmax(axis=1) == labels).mean() > 0.95
    again = train(sums.clean, labels, P, decay=0, seed=1, steps=60)
    np.testing.assert_array_equal(again.first, network.first)


def test_neurons_go_by_their_ratio() -> None:
    """Neuron n has n + 1 frequencies alike, a few times over, and the last ones are dead."""
    waves = np.array(
        [np.cos(2 * np.pi * np.outer(np.arange(1, n % 5 + 2), np.arange(P)) / P).sum(0) for n in range(WIDTH)]
    )
    waves[-20:] = 0
    network = Network(waves, waves, waves)
    frequencies = np.arange(WIDTH) % 5
    assert kept(network, "none", 0, 0).all()
    lowest, highest = kept(network, "lowest", 10, 0), kept(network, "highest", 10, 0)
    assert (~lowest).sum() == (~highest).sum() == 50
    assert not lowest[-20:].any()
    assert set(frequencies[~lowest][:-20]) == {4}
    assert set(frequencies[~highest]) == {0}
    chance = [kept(network, "random", 30, seed) for seed in (0, 0, 1)]
    assert (chance[0] == chance[1]).all()
    assert (chance[0] != chance[2]).any()


def test_every_cell_has_a_verdict_of_its_own(work: Path) -> None:
    given = argparse.Namespace(work=work.parent, seeds=[0], modulus=P, decays=[0], steps=60)
    found = list(cells(given))
    assert len(found) == len(PRUNED) + len(PRUNED_TWIN)
    first = found[0]
    assert (first["labels"], first["pruned"], first["units"]) == ("planted", "none", len(Sums.read(work, P).corrupted))
    assert first["auc"][0] > 0.95
    assert first["p"] < 0.001
    twin = found[len(PRUNED)]
    assert (twin["labels"], twin["pruned"], twin["planted"][0]) == ("twin", "none", 0.0)
    assert len(list((work / "verdicts").iterdir())) == len(found)
    page = "\n".join(tables(found))
    assert f"**{first['auc'][0]:.3f}" in page


def test_the_page_has_the_tables_of_what_was_measured() -> None:
    lines = json.loads((EVIDENCE / "arithmetic.json").read_text(encoding="utf-8"))["lines"]
    page = (EVIDENCE / "arithmetic.md").read_text(encoding="utf-8")
    assert len(lines) == 2 * 3 * (len(PRUNED) + len(PRUNED_TWIN))
    for one in tables(lines):
        assert one in page
