"""The list of kernels names what the commands call, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.planting.planted import probe_rows, seal_and_draw

WORDS = ["river", "stone", "lamp", "over", "under", "quiet", "seven", "garden"]

CALLED = """
import json, sys
from pipelines.cli import main
from pipelines.compiling.ahead import KernelsAhead
from pipelines.compiling.helper import numba_type

asked = []
ask = KernelsAhead.ask
KernelsAhead.ask = lambda self, kernels: (asked.extend(kernels), ask(self, kernels))[1]
code = main(sys.argv[2:])
from numba.core.registry import CPUDispatcher

called = {
    (one.py_func.__module__, one.py_func.__name__, str(types))
    for name, module in list(sys.modules.items()) if name.startswith("transforms.")
    for one in vars(module).values() if isinstance(one, CPUDispatcher)
    for types in one.overloads
}
named = {(one.module, one.name, str(tuple(map(numba_type, one.types.split(", "))))) for one in asked}
twice = len(asked) - len(set(asked))
result = {"code": code, "twice": twice, "missing": sorted(called - named), "idle": sorted(named - called)}
open(sys.argv[1], "w").write(json.dumps(result))
"""


def text(seed: int) -> str:
    return " ".join(WORDS[(seed * 7 + at * (3 + seed % 5)) % 8] + str((seed + at) % 9) for at in range(120)) + "."


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same documents in two formats, with duplicates, a tokenizer, and secrets that are drawn."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("inputs")
    texts = [text(seed) for seed in range(40)] + [text(3), text(5) + " More.", text(6) + " Yet more."]
    rows = {"id": [f"d{at}" for at in range(len(texts))], "text": texts}
    pq.write_table(pa.table(rows), folder / "a.parquet")
    lines = [json.dumps({"id": at, "text": one}) for at, one in enumerate(texts)]
    (folder / "a.jsonl").write_text("\n".join(lines) + "\n")
    tokens = Tokenizer(models.WordLevel({"[UNK]": 0, **{word: at + 1 for at, word in enumerate(WORDS)}}, "[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens.save(str(folder / "tokenizer.json"))
    probes = [{**row, "variants": [f"{row['text']} again {at}" for at in range(2)]} for row in probe_rows(4)]
    seal_and_draw(folder / "s", probes)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ["dedup", "--input", "a.parquet"],
        ["dedup", "--input", "a.jsonl", "--tokenizer", "tokenizer.json", "--method", "components"],
        ["dedup", "--input", "a.parquet", "--plan", "partitioned"],
        ["prepare", "--input", "a.parquet", "--secrets", "s", "--max-doc-share", "0.9", "--max-corpus-share", "0.9"],
    ],
    ids=["dedup", "dedup-tokens-components-jsonl", "dedup-partitioned", "prepare"],
)
def test_the_list_names_what_is_called_and_nothing_else(inputs: Path, tmp_path: Path, arguments: list[str]) -> None:
    result = tmp_path / "result.json"
    command = [sys.executable, "-c", CALLED, str(result), *arguments, "--output", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=inputs, capture_output=True, text=True, check=False)
    assert result.exists(), done.stderr
    found: dict[str, Any] = json.loads(result.read_text())
    assert found == {"code": 0, "twice": 0, "missing": [], "idle": []}, done.stderr
