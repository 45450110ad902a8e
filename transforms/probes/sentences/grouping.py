"""Groups of texts that have one measure, of texts that are drawn one after the other."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

_AT_ONCE = 256  # texts that are measured together

Measure = Callable[[Sequence[str]], list[tuple[int, ...] | None]]
"""What candidates of a unit have in common, for each text: tokens under every tokenizer; None where it is unfit."""


def alike(texts: Iterable[str], measure: Measure, together: int, taken: set[str]) -> Iterator[list[str]]:
    """Groups of `together` distinct texts of one measure, each as soon as it is full.

    Where the texts are drawn independently from one distribution, or without replacement from one pool, those of a
    group are exchangeable: which texts are grouped depends on their measures alone.

    Args:
        texts: in the order in which they are drawn.
        measure: of texts; those without one are left out.
        together: m + 1.
        taken: texts that are in a group already; groups are added.
    """
    waiting: dict[tuple[int, ...], list[str]] = defaultdict(list)
    seen: set[str] = set()
    left = iter(texts)
    while some := list(itertools.islice(left, _AT_ONCE)):
        for text, own in zip(some, measure(some), strict=True):
            if own is None or text in taken or text in seen:
                continue
            seen.add(text)
            waiting[own].append(text)
            if len(waiting[own]) == together:
                group = waiting.pop(own)
                taken.update(group)
                yield group
