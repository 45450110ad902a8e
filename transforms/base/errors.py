"""The one error that a user's input can cause."""


class CorpusError(Exception):
    """An input that cannot be used; the message says which file, what was found and what to do."""
