"""A plan in stages decides what one task decides."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.dedup.partitioned.scans import TINY, config, corpus_of, files_of, partitioned_plan, plan_by_one, write_scan
from transforms.dedup.partitioned.layout import Layout


def _same(tmp_path: Path, sizes: Any, cap: int, compressed: tuple[int, ...], **made: Any) -> dict[str, Any]:
    corpus = corpus_of(**made)
    one = plan_by_one(tmp_path / "one", corpus, config(cap), compressed)
    work, scan = write_scan(tmp_path / "many", corpus)
    many = partitioned_plan(work, scan, config(cap), sizes, compressed)
    assert files_of(tmp_path / "many") == files_of(tmp_path / "one")
    left_out = {"planned": "", "comparisons": {}}
    assert {**many, **left_out} == {**one, **left_out}
    for name in ("capped_buckets", "capped_documents"):
        assert many["comparisons"][name] == one["comparisons"][name]
    assert not (work.folder.local_path() / "partitioned").exists()
    return one


@pytest.mark.parametrize("seed", [1, 5])
@pytest.mark.parametrize(
    ("sizes", "cap"),
    [
        (TINY, 512),
        (TINY, 1),
        (TINY, 2),
        (replace(TINY, dense=0, component=10**9), 512),
        (replace(TINY, range_bits=7, all_pairs=32), 512),
    ],
    ids=["rounds", "cap of 1", "cap of 2", "stars", "few ranges"],
)
def test_both_kinds_of_plan_leave_the_same_bytes(seed: int, sizes: Any, cap: int, tmp_path: Path) -> None:
    compressed = (1, 2, 5) if seed % 2 else ()
    plan = _same(tmp_path, sizes, cap, compressed, documents=130 + seed * 31, seed=seed, priorities=seed % 3 > 0)
    assert min(plan["counts"]["removed"].values()) > 3
    assert len(plan["shards"]) > 3
    assert plan["comparisons"]["capped_documents"] == 0 or cap < 3


def test_a_plan_that_fails_anywhere_goes_on_from_there(tmp_path: Path) -> None:
    corpus = corpus_of(90, 4)
    plan_by_one(tmp_path / "one", corpus, config())
    work, scan = write_scan(tmp_path / "many", corpus)
    left = 0

    def fail_at_last(_: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError("no more")

    for attempt in range(100):
        left = 9 + attempt
        with contextlib.suppress(OSError):
            partitioned_plan(work, scan, config(), before=fail_at_last)
            break
    assert attempt > 5
    assert files_of(tmp_path / "many") == files_of(tmp_path / "one")


@pytest.mark.parametrize("documents", [0, 1, 2])
def test_next_to_nothing_is_planned(documents: int, tmp_path: Path) -> None:
    made = corpus_of(documents, 0)
    corpus = replace(made, files=[*made.files, 0], bad=frozenset())
    plan_by_one(tmp_path / "one", corpus, config())
    work, scan = write_scan(tmp_path / "many", corpus)
    partitioned_plan(work, scan, config())
    assert files_of(tmp_path / "many") == files_of(tmp_path / "one")


def test_a_plan_has_ranges_and_slices_of_bounded_size_whatever_the_corpus() -> None:
    for documents in (1, 10**6, 5 * 10**7, 10**9, 10**10):
        layout = Layout(documents, 28)
        assert layout.bits <= 22
        assert layout.bounds(layout.ranges - 1)[1] == documents
        assert documents / layout.slices <= layout.sizes.slice_keys
        assert [band for wave in layout.waves for band in wave] == list(range(28))
