"""`trapline prepare`: deduplicate, plant and shard in one run over the text."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipelines.dedup import DedupConfig
from transforms.base.folders import Folder
from transforms.base.toml import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.running.progress import Progress
    from transforms.dedup.scan import ScanConfig
    from transforms.planting.places.places import Limits


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PrepareConfig(DedupConfig):
    """Settings of `trapline prepare`: those of `trapline dedup`, and how is planted.

    The same names stand in the `[prepare]` table of a config file.
    """

    secrets: str
    """The folder that trapline seal made and trapline draw completed; the ledger goes there."""
    where: str = ""
    """SQL condition on the columns; only documents that meet it take an insertion, such as "lang = 'en'"."""
    max_doc_share: float = 0.1
    """Most of a planted document's bytes that planted text may make up."""
    max_corpus_share: float = 0.01
    """Most of the corpus' bytes that planted text may make up."""
    placement: Literal["corpus", "document"] = "corpus"
    """corpus: each copy of a unit in another document. document: all copies of a unit in one."""
    unrelated_columns: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = ()
    """Columns that do not follow the text, although their names or values look like it."""

    def __post_init__(self) -> None:
        """Check every value that can be checked without the data."""
        super().__post_init__()
        self.limits()

    def planting_settings(self) -> dict[str, Any]:
        """How is planted: it stays with the secrets, since it would tell a trainer where to look."""
        names = ("where", "max_doc_share", "max_corpus_share", "placement")
        return {name: getattr(self, name) for name in names} | {"unrelated_columns": list(self.unrelated_columns)}

    def what_the_output_depends_on(self) -> dict[str, Any]:
        """The settings of the deduplication that change the output, as for `trapline dedup`."""
        own = ("secrets", *self.planting_settings())
        return {name: value for name, value in super().what_the_output_depends_on().items() if name not in own}

    def as_table(self) -> str:
        """All settings as the TOML table that a config file would hold."""
        return table("prepare", {**self._resolved(), "secrets": self.secrets, **self.planting_settings()})

    def limits(self) -> "Limits":
        """What planting may add."""
        from transforms.planting.places.places import Limits

        return Limits(self.max_doc_share, self.max_corpus_share, self.placement == "document")

    def scan(self) -> "ScanConfig":
        """Settings of the scan."""
        import dataclasses

        return dataclasses.replace(super().scan(), where=self.where)


def run(config: PrepareConfig, options: "Callable[[], Any]", progress: "Progress") -> int:
    """Deduplicate and plant, with the secrets locked from beginning to end; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    from pipelines.corpus.input import refuse_output_as_input
    from pipelines.corpus.planting import Campaign
    from pipelines.corpus.run import run as run_corpus
    from transforms.planting.folder import locked, secrets_path

    output = Folder.of(config.output)
    refuse_output_as_input(config, output)
    with locked(secrets_path(config.secrets)):
        return run_corpus(config, options, progress, Campaign.open(config, output))
