"""What the stages of a corpus run have committed, with types: `scan.json`, `plan.json` and `rewrite.json`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from transforms.corpus.input.format import InexactInteger
from transforms.corpus.output.manifest import WrittenFile, WrittenShard, entry
from transforms.corpus.output.shards import Shard


@dataclass(frozen=True)
class ScanSummary:
    """What the scan has read."""

    documents_in: int
    rows: int
    """Documents that could be used."""
    bytes: int
    """Their text."""
    quarantined: Mapping[str, int]
    """Records that could not be used, by reason."""
    watched: tuple[int, ...]
    """Addresses of the documents that the planting's watch has reported."""
    schemas: tuple[tuple[str, str], ...]
    """For each task that found columns by reading: the file and a serialised Arrow schema, hex."""
    inexact: tuple[tuple[str, InexactInteger], ...]
    """For each task and each column with integers that float64 would round: the file and one of them."""
    committed: dict[str, Any]
    """The whole summary, as `ScannedNumbers` and the plan take it."""

    @classmethod
    def parse(cls, found: dict[str, Any]) -> "ScanSummary":
        """From `scan.json`."""
        return cls(
            documents_in=found["documents_in"],
            rows=found["rows"],
            bytes=found["bytes"],
            quarantined=found["quarantined"],
            watched=tuple(found["watched"]),
            schemas=tuple((task["source"], task["schema"]) for task in found["tasks"] if task["schema"]),
            inexact=tuple(
                (task["source"], InexactInteger(tuple(path), value))
                for task in found["tasks"]
                for path, value in task.get("inexact", ())
            ),
            committed=found,
        )


@dataclass(frozen=True)
class Cluster:
    """A kept document with those that it covers."""

    kept_row: int
    """Number of the shard << 40 | row in it, as in `duplicates/`."""
    id: str | None
    size: int


@dataclass(frozen=True)
class Clusters:
    """How many clusters there are of each size, and the largest ones."""

    sizes: Mapping[int, int]
    largest: tuple[Cluster, ...]


@dataclass(frozen=True)
class Similarity:
    """Histogram of the similarity of near-duplicates to the document that covers them: n + 1 edges, n counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Comparisons:
    """How many pairs were compared, and how often the cap on comparisons was reached."""

    pairs: int
    capped_buckets: int
    capped_documents: int


@dataclass(frozen=True)
class ExamplePair:
    """A removed document and the kept one that covers it, to be shown."""

    removed_address: int
    kept_address: int
    removed_row: int
    kept_row: int
    similarity: float


@dataclass(frozen=True)
class PlanSummary:
    """What the plan has decided."""

    shards: tuple[Shard, ...]
    files: tuple[WrittenFile, ...]
    kept: int
    bytes_kept: int
    removed: Mapping[str, int]
    """Documents by reason."""
    removed_bytes: Mapping[str, int]
    clusters: Clusters
    similarity: Similarity
    comparisons: Comparisons
    examples: tuple[ExamplePair, ...]
    planned: str
    """How it was decided: "one" or "partitioned"."""

    def renumbered(
        self, files: tuple[WrittenFile, ...], in_input: Callable[[int], int], in_output: Callable[[int], int]
    ) -> "PlanSummary":
        """The same plan with `files` in place of those it wrote, and other row numbers."""
        largest = tuple(replace(one, kept_row=in_output(one.kept_row)) for one in self.clusters.largest)
        examples = tuple(
            replace(one, removed_row=in_input(one.removed_row), kept_row=in_output(one.kept_row))
            for one in self.examples
        )
        return replace(self, files=files, clusters=replace(self.clusters, largest=largest), examples=examples)

    @classmethod
    def parse(cls, found: Mapping[str, Any]) -> "PlanSummary":
        """From `plan.json`."""
        clusters, similarity = found["clusters"], found["similarity"]
        return cls(
            shards=tuple(Shard(**shard) for shard in found["shards"]),
            files=tuple(entry(WrittenFile, file) for file in found["files"]),
            **found["counts"],
            clusters=Clusters(
                {int(size): number for size, number in clusters["sizes"].items()},
                tuple(Cluster(**cluster) for cluster in clusters["largest"]),
            ),
            similarity=Similarity(tuple(similarity["edges"]), tuple(similarity["counts"])),
            comparisons=Comparisons(**found["comparisons"]),
            examples=tuple(ExamplePair(**pair) for pair in found["examples"]),
            planned=found["planned"],
        )


@dataclass(frozen=True)
class RewriteSummary:
    """What the rewrite has written."""

    shards: tuple[WrittenShard, ...]
    not_utf8: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Columns with text that is not UTF-8: the number of documents, and the address of the first of them."""

    @property
    def rows(self) -> int:
        """Documents in all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def text_bytes(self) -> int:
        """Text in all shards."""
        return sum(shard.text_bytes for shard in self.shards)

    @classmethod
    def parse(cls, found: Mapping[str, Any]) -> "RewriteSummary":
        """From `rewrite.json`."""
        not_utf8: dict[str, tuple[int, int]] = {}
        for shard in found["shards"]:
            for name, (documents, first) in shard.get("not_utf8", {}).items():
                before, first = not_utf8.get(name, (0, first))
                not_utf8[name] = (before + documents, first)
        return cls(tuple(entry(WrittenShard, shard) for shard in found["shards"]), not_utf8)
