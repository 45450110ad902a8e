"""Whether a text that is not there any more as it was is there in another shape."""

from collections.abc import Set

from transforms.base.words import words

ALIVE, ALTERED, GONE = 0, 1, 2
"""A copy whose exact text is there; one of which at least half is there; one of which less is there."""

_WINDOW, _SHARE = 5, 0.5


def left_of(text: str, found: Set[tuple[str, ...]]) -> int:
    """`ALTERED` if at least half of the windows of `text` are among those `found` in what is left, else `GONE`."""
    wanted = windows(text)
    return ALTERED if wanted and len(wanted & found) >= _SHARE * len(wanted) else GONE


def windows(text: str) -> set[tuple[str, ...]]:
    """All runs of five words; a text of fewer words is one window.

    Words are compared as `transforms.base.words` reads them: without case, punctuation and white space.
    """
    own = words(text)
    if len(own) < _WINDOW:
        return {tuple(own)} if own else set()
    return {tuple(own[at : at + _WINDOW]) for at in range(len(own) - _WINDOW + 1)}
