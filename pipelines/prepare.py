"""`trapline prepare`: deduplicate, plant and shard in one run over the text."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipelines.dedup import DedupConfig
from transforms.base.flags import PLANTING, Several
from transforms.base.toml import table

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.running.context import Context
    from transforms.base.folders import Folder
    from transforms.dedup.scan import ScanConfig
    from transforms.planting.places.places import Limits


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PrepareConfig(DedupConfig):
    """Deduplicate a corpus, plant the drawn probes, and write Parquet shards, in one pass.

    All `trapline dedup` settings, plus how probes are planted. The ledger of what was planted goes to --secrets.
    """

    secrets: Annotated[str, PLANTING]
    """The folder that trapline seal made and trapline draw completed; the ledger goes there."""
    where: Annotated[str, PLANTING] = ""
    """SQL condition on the columns, such as "lang = 'en'"; probes are planted only in documents that meet it."""
    max_doc_share: Annotated[float, PLANTING] = 0.1
    """Maximum share of a document's bytes that may be planted text."""
    max_corpus_share: Annotated[float, PLANTING] = 0.01
    """Maximum share of the corpus' bytes that may be planted text."""
    placement: Annotated[Literal["corpus", "document"], PLANTING] = "corpus"
    """corpus: every copy of a unit in a different document. document: all copies of a unit in one document."""
    unrelated_columns: Annotated[Several, PLANTING] = ()
    """Columns that do not depend on the text, although their names or values suggest it."""

    def __post_init__(self) -> None:
        """Check every value that can be checked without the data."""
        super().__post_init__()
        self.limits()

    def planting_settings(self) -> dict[str, Any]:
        """How probes are planted. Stays with the secrets: it would tell a trainer where to look."""
        names = ("where", "max_doc_share", "max_corpus_share", "placement")
        return {name: getattr(self, name) for name in names} | {"unrelated_columns": list(self.unrelated_columns)}

    def what_the_output_depends_on(self) -> dict[str, Any]:
        """The settings that change the output, exactly those of `trapline dedup`: this is published."""
        own = ("secrets", *self.planting_settings())
        return {name: value for name, value in super().what_the_output_depends_on().items() if name not in own}

    def as_table(self) -> str:
        """All settings as the TOML table that a config file would hold."""
        return table("prepare", {**self._resolved(), "secrets": self.secrets, **self.planting_settings()})

    def limits(self) -> "Limits":
        """How much planting may add."""
        from transforms.planting.places.places import Limits

        return Limits(self.max_doc_share, self.max_corpus_share, self.placement == "document")

    def scan(self) -> "ScanConfig":
        """Settings of the scan, with the condition on documents to plant into."""
        import dataclasses

        return dataclasses.replace(super().scan(), where=self.where)


def run(config: PrepareConfig, context: "Context") -> int:
    """Deduplicate and plant, with the secrets locked from beginning to end; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    from pipelines.compiling.ahead import kernels_ahead
    from pipelines.compiling.needed import needed

    with kernels_ahead(needed(config, planting=True), context.beam_flags) as kernels:
        from pipelines.corpus.input import refuse_output_as_input
        from transforms.base.folders import Folder
        from transforms.planting.folder import locked, secrets_path
        from transforms.planting.tables.decoded_ahead import DecodedAhead

        output, path = Folder.of(config.output), secrets_path(config.secrets)
        # Refused before the secrets are opened, as everything is that needs only the settings.
        refuse_output_as_input(config, output)
        refuse_overlap(config, output, path)
        with locked(path):
            decoded = DecodedAhead(path)
            from pipelines.corpus.planting import Campaign
            from pipelines.corpus.run import run as run_corpus
            from transforms.planting.ledger.check_secrets import open_secrets

            campaign = Campaign.of(config, path, open_secrets(path, planting=False, decode=decoded))
            del decoded  # with the bytes of the file
            return run_corpus(config, context.beam_options, context.progress, campaign, kernels)


def refuse_overlap(config: PrepareConfig, output: "Folder", secrets: "Path") -> None:
    """Check that neither the output nor the folder of secrets lies in the other.

    Raises:
        UsageError: if one does.
    """
    from pipelines.running.errors import UsageError
    from transforms.planting.folder import overlap

    if overlap(output, secrets):
        raise UsageError(
            f"--secrets {config.secrets} and --output {config.output} overlap: choose an output that is not "
            "in the secrets folder and does not contain it"
        )
