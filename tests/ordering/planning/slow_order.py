"""Schedules and queues again, step by step and in exact fractions, as a reference for tests."""

from fractions import Fraction


def uniform(word: int, lo: int, hi: int) -> int:
    """The step that a word picks, lo <= step < hi."""
    return lo + int(Fraction(word, 2**64) * (hi - lo))


def walked(first: int, gap: int, copies: int, end: int) -> list[int]:
    """Walk through the steps and see a copy at `first` and at every `gap`-th step from there."""
    seen = []
    for step in range(end):
        if step >= first and (step - first) % gap == 0 and len(seen) < copies:
            seen.append(step)
    return seen


def aged(words: list[int], copies: int, longest: int, masses: list[Fraction]) -> list[set[int]]:
    """For each copy behind the first, the ages that are right: two where a quantile is on their border to 1e-9."""
    total, found = sum(masses[:longest]), []
    for copy in range(copies - 1):
        quantile = (copy + Fraction(words[copy + 1], 2**64)) / (copies - 1) * total
        below, fine = Fraction(0), set()
        for age in range(1, longest + 1):
            upper = below + masses[age - 1]
            slack = total / 10**9
            if below - slack <= quantile < upper + slack:
                fine.add(age)
            below = upper
        found.append(fine)
    return found


def served(wanted: list[int], ties: list[int], batch: int, total: int) -> list[int]:
    """Walk through the places: each is given to the waiting row that wanted the earliest step, if one waits.

    Rows that would be left over at the end are given the last places, from the moment when as many places are left.
    """
    order = sorted(range(len(wanted)), key=lambda at: (wanted[at], ties[at]))
    places, waiting = [0] * len(wanted), list(order)
    for place in range(total):
        if not waiting:
            break
        if wanted[waiting[0]] <= place // batch or total - place == len(waiting):
            places[waiting.pop(0)] = place
    return places
