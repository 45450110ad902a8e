"""A plan in stages decides what one task decides."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.dedup.partitioned.scans import TINY, config, corpus_of, files_of, partitioned_plan, plan_by_one, write_scan


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


@pytest.mark.parametrize("seed", range(6))
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
