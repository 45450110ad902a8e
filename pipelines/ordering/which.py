"""`trapline which`: the documents of a step, or of a range of tokens, of an ordered corpus."""

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from transforms.base.flags import INPUT, SELECTION, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.running.context import Context
    from transforms.ordering.which import OrderedShard


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class WhichConfig:
    """Print which documents were in a training step, or in a range of documents or tokens, of an ordered corpus.

    One line per document, with tabs between its columns. A range is A:B (from A to before B) or one number, from 0.
    """

    input: Annotated[str, INPUT]
    """The output folder of trapline order."""
    step: Annotated[str, SELECTION] = ""
    """Steps: of --batch documents as the order was made, or of --batch-tokens tokens."""
    batch_tokens: Annotated[Whole | None, SELECTION] = None
    """Tokens of a step (sequences times their length), for a trainer that reads tokens/ from the first to the last."""
    documents: Annotated[str, SELECTION] = ""
    """Places in the training order."""
    tokens: Annotated[str, SELECTION] = ""
    """Tokens, counted over the files of tokens/ by name."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        given = [flag for flag, value in self._ranges().items() if value]
        if len(given) != 1:
            raise ValueError("give one of --step, --documents and --tokens")
        if self.batch_tokens is not None and (not self.step or self.batch_tokens < 1):
            raise ValueError(f"--batch-tokens {self.batch_tokens}: 1 or more, and it needs --step")
        self.chosen()

    def _ranges(self) -> dict[str, str]:
        return {"--step": self.step, "--documents": self.documents, "--tokens": self.tokens}

    def chosen(self) -> tuple[int, int]:
        """The range: first, and behind the last."""
        flag, text = next((flag, value) for flag, value in self._ranges().items() if value)
        found = re.fullmatch(r"(\d+)(?::(\d+))?", text)
        lo, hi = (0, 0) if found is None else (int(found[1]), int(found[2] or int(found[1]) + 1))
        if lo >= hi:
            raise ValueError(f"{flag} {text}: give a number, or A:B with A below B")
        return lo, hi


def run(config: WhichConfig, _: "Context") -> int:
    """Print the documents; returns the exit code.

    Raises:
        UsageError, RunError: with what to change or mend.
    """
    from pipelines.running import output as outputs
    from transforms.base.folders import Folder
    from transforms.base.readable import counted
    from transforms.ordering.which import documents_at, documents_of_tokens

    folder = Folder.of(config.input)
    manifest = outputs.finished(folder)
    if manifest is None or manifest.get("command") != "order":
        raise RunError(f"--input {config.input}: is not a finished output of trapline order")
    content = manifest["content"]
    try:
        shards, files = _shards(content), [file["path"] for file in content["input"]]
        batch = int(content["config"]["batch"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder.at(outputs.MANIFEST)}: is not one that trapline order writes") from error
    by_tokens = bool(config.tokens) or config.batch_tokens is not None
    lo, hi = config.chosen()
    each = (config.batch_tokens or batch) if config.step else 1
    total = sum(shard.tokens if by_tokens else shard.rows for shard in shards)
    noun = "token" if by_tokens else "document"
    if by_tokens and "tokens" not in content:
        raise UsageError(f"--input {config.input}: has no tokens: trapline order --tokenizer writes them")
    if lo * each >= total:
        raise UsageError(f"--input {config.input}: has {counted(total, noun)}, and number {lo * each:,} is behind them")
    find = documents_of_tokens if by_tokens else documents_at
    table = find(folder, shards, files, lo * each, min(hi * each, total))
    with contextlib.suppress(BrokenPipeError):
        print("\t".join(table.column_names))
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            print("\t".join("" if value is None else re.sub(r"[\t\r\n]", " ", str(value)) for value in row))
    return 0


def _shards(content: "Mapping[str, Any]") -> "list[OrderedShard]":
    from transforms.ordering.which import OrderedShard

    files = {file["path"]: file for file in content["files"]}
    width = {"uint16": 2, "uint32": 4}[content["tokens"]["dtype"]] if "tokens" in content else 1
    found = []
    for shard in content["shards"]:
        name = shard["path"].removeprefix("data/")
        ids = files.get(f"tokens/{name.removesuffix('.parquet')}.bin", {"bytes": 0})
        found.append(OrderedShard(shard["path"], f"documents/{name}", int(shard["rows"]), int(ids["bytes"]) // width))
    return found
