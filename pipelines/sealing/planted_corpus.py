"""The corpus into which some secrets were planted, held against them."""

from typing import TYPE_CHECKING

from pipelines.running.errors import RunError

if TYPE_CHECKING:
    from transforms.base.folders import Folder
    from transforms.corpus.output.manifest import Manifest
    from transforms.planting.ledger.check_secrets import Sealed


def planted_manifest(source: "Folder", sealed: "Sealed") -> "Manifest":
    """The manifest of the planted corpus.

    Raises:
        SealError, RunError: if these secrets were not planted, or were planted into another output.
    """
    from pipelines.running import output as outputs
    from transforms.base.errors import SealError
    from transforms.corpus.output.manifest import Manifest

    if sealed.planting is None:
        raise SealError("these secrets were not planted yet, so there is no ledger: plant them with trapline prepare")
    manifest = outputs.finished(source)
    if manifest is None:
        raise RunError(f"--input {source.uri} is not a finished output of trapline prepare: it has no _SUCCESS file")
    if outputs.sha256_of_manifest(source) != sealed.planting.manifest.hex():
        raise SealError(
            f"--input {source.uri}: its manifest.json is not the one written when these secrets were planted, so the "
            "ledger belongs to another output; give the output of that trapline prepare, unchanged"
        )
    try:
        return Manifest.parse(manifest)
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"--input {source.uri}: its manifest.json is not one that trapline prepare writes") from error
