"""The errors that a user's input can cause."""


class CorpusError(Exception):
    """An input that cannot be used; the message says which file, what was found and what to do."""


class SealError(CorpusError):
    """Probes or secrets that cannot be used; the message never holds a probe's text, its id or a key."""


class PlacesError(SealError):
    """The corpus cannot hold what is to be planted."""


def cause_of(error: OSError) -> str:
    """What an error says went wrong, in one line. Those of a store have a message and no `strerror`."""
    return error.strerror or str(error).partition("\n")[0] or type(error).__name__
