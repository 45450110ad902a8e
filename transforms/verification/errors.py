"""The error of whoever asks for a verdict."""

from transforms.corpus.errors import CorpusError


class VerdictError(CorpusError):
    """Why there is no verdict; the message never holds a probe's text, its id or the name of its stratum."""
