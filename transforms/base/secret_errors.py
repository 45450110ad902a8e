"""The error of whoever seals, draws or proves."""

from transforms.base.errors import CorpusError


class SealError(CorpusError):
    """Probes or secrets that cannot be used; the message never holds a probe's text, its id or a key."""


class PlacesError(SealError):
    """The corpus cannot hold what is to be planted."""
