"""What a corpus that somebody cleaned and released still holds of the copies: alive, altered, gone."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipelines.certifying.sampled import batches, pieces_of
from pipelines.certifying.units import rho_of, text_of_copy, words_in
from pipelines.certifying.written import write_aggregate, write_report
from pipelines.running.machine import cores
from pipelines.running.versions import versions
from transforms.base.errors import SealError
from transforms.base.readable import count, share
from transforms.base.stores.address import shown
from transforms.base.words import words_of
from transforms.certify.altered import ALIVE, ALTERED, GONE, left_of, windows
from transforms.certify.counting import facts_of
from transforms.certify.survival import Copies, Documents, Fates
from transforms.planting import folder as names
from transforms.planting.ledger.check_secrets import Sealed, open_secrets
from transforms.probes.corpus.overlap import GramSet, grams_of

if TYPE_CHECKING:
    from pipelines.certify import CertifyConfig
    from transforms.corpus.input.pieces import Piece

_WORDS = 5


def run_released(config: "CertifyConfig") -> int:
    """Look for every copy in somebody's corpus, and write the report; returns 0.

    Raises:
        SealError, CorpusError: with what to change.
    """
    path = names.secrets_path(config.secrets)
    pieces = pieces_of(config.corpus, config.text_column, "--corpus")
    with names.locked(path):
        sealed = open_secrets(path)
        if sealed.planting is None:
            raise SealError(f"--secrets {path}: nothing was planted yet: trapline prepare")
        facts = released_facts(sealed, pieces, config.text_column, config.threads or cores())
        name = f"{names.CERTIFICATES}/released"
        write_report(path, name, facts)
    if config.aggregate:
        write_aggregate(config.aggregate, facts)
    own = facts["judges"][0]
    print(
        f"{count(own['alive'])} of {count(own['copies'])} copies are alive ({share(own['alive'], own['copies'])}), "
        f"{count(own['altered'])} altered, {count(own['gone'])} gone"
    )
    if facts["held_out_found"]:
        leaked = count(facts["held_out_found"])
        print(f"sealed texts that are there but were never planted, so they leaked: {leaked}")
    print(shown(f"done: {path / name}.html  (secret: it tells what is planted)"))
    return 0


@dataclass(frozen=True)
class _Found:
    """What one document holds: how often each text stands in it, and the units of which a copy is there altered."""

    alive: dict[int, int]
    altered: set[int]


def released_facts(sealed: Sealed, pieces: "Sequence[Piece]", text_column: str, threads: int) -> dict[str, Any]:
    """All numbers about a released corpus, as the report of a single judge."""
    copies, held_out = _wanted(sealed)
    unit_of = dict(zip(copies.texts, copies.unit.tolist(), strict=True))
    texts = [*unit_of, *held_out]
    alive: Counter[int] = Counter()
    altered: Counter[int] = Counter()
    documents = size = with_copies = 0
    search = _Search(texts, list(unit_of.values()))
    with ThreadPoolExecutor(threads) as pool:
        for part in _in_turn(pool, search, batches(pieces, text_column), 2 * threads):
            documents, size = documents + part.documents, size + part.bytes
            with_copies += len(part.found)
            for one in part.found:
                alive.update(one.alive)
                altered.update(one.altered)
    number = {text: at for at, text in enumerate(texts)}
    state = np.full(len(copies), GONE, np.int8)
    own: dict[int, list[int]] = defaultdict(list)
    for at, text in enumerate(copies.texts):
        own[number[text]].append(at)
    for text_number, where in own.items():
        state[where[: alive[text_number]]] = ALIVE
    for unit, times in altered.items():
        state[np.flatnonzero((copies.unit == unit) & (state == GONE))[:times]] = ALTERED
    fate = Fates(state, np.zeros(len(copies), np.bool_), np.ones(len(copies), np.bool_))
    nothing = Documents(0, 0, 0, 0)
    facts = facts_of([(copies, fate)], nothing, len(sealed.units), rho_of(sealed.units))
    about = {
        "judge": "released corpus",
        "title": "the corpus as it was released",
        "settings": {"window_words": _WORDS},
        "versions": {},
        "seconds": 0.0,
        "cpu_seconds": 0.0,
    }
    return {
        "command": "certify",
        "when": "after somebody's cleaning",
        "versions": versions(),
        "units": len(sealed.units),
        "worlds": 1,
        "copies": len(copies),
        "documents": with_copies,
        "document_bytes": 0,
        "others": documents - with_copies,
        "other_bytes": size,
        "skipped": {},
        "held_out_found": sum(alive[number[text]] > 0 for text in held_out),
        "more_than_planted": sum(max(0, alive[at] - len(where)) for at, where in own.items()),
        "judges": [about | facts],
    }


def _wanted(sealed: Sealed) -> tuple[Copies, list[str]]:
    """All copies that were planted, and all sealed texts that were not."""
    unit, dose, texts, held_out = [], [], [], []
    for number, (one, arm) in enumerate(zip(sealed.units, sealed.arms, strict=True)):
        for copy in range(one.dose):
            unit.append(number)
            dose.append(one.dose)
            texts.append(text_of_copy(one.candidates[arm], copy))
        planted = set(texts[-one.dose :])
        held_out += [text for text in one.sealed_texts() if text not in planted]
    none = np.zeros(len(texts), np.int64)
    return Copies(none, np.array(unit), np.array(dose), words_in(texts), texts), held_out


@dataclass(frozen=True)
class _Part:
    documents: int
    bytes: int
    found: list[_Found]


class _Search:
    """Looks for texts in batches of documents; shared by threads."""

    def __init__(self, texts: Sequence[str], units: Sequence[int]) -> None:
        """Prepare to look for `texts`, of which the first were planted: `units` are theirs."""
        self._texts, self._units = texts, units
        own = words_of(pa.array(texts, pa.large_string()))
        # What has fewer words than a window is looked for in every document.
        self._short = np.flatnonzero(np.diff(own.offsets) < _WORDS).tolist()
        grams = grams_of(own, _WORDS)
        order = np.argsort(grams.hashes, kind="stable")
        self._hashes, self._owners = grams.hashes[order], grams.owners[order]
        self._members = GramSet(np.unique(grams.hashes), _WORDS)

    def __call__(self, texts: pa.Array) -> _Part:
        """Everything that is in the texts (large_string[n] without nulls)."""
        size = pa.compute.sum(pa.compute.binary_length(texts)).as_py() or 0
        chosen = range(len(texts)) if self._short else self._hits(texts)
        found = [self._document(texts[at].as_py()) for at in chosen]
        return _Part(len(texts), size, [one for one in found if one.alive or one.altered])

    def _hits(self, texts: pa.Array) -> Iterator[int]:
        """Documents with a window of any text, found by halving."""
        left = [(0, len(texts))]
        while left:
            low, high = left.pop()
            marks = self._members.marks()
            self._members.scan(texts.slice(low, high - low), marks)
            if not marks.any():
                continue
            if high - low == 1:
                yield low
            else:
                middle = (low + high) // 2
                left += [(middle, high), (low, middle)]

    def _document(self, text: str) -> _Found:
        own = grams_of(words_of(pa.array([text], pa.large_string())), _WORDS)
        shared = np.unique(own.hashes[np.isin(own.hashes, self._hashes)])
        lows, highs = (np.searchsorted(self._hashes, shared, side=side) for side in ("left", "right"))
        owners = {
            owner for low, high in zip(lows, highs, strict=True) for owner in self._owners[low:high].tolist()
        } | set(self._short)
        alive = {owner: text.count(self._texts[owner]) for owner in owners}
        alive = {owner: times for owner, times in alive.items() if times}
        planted = [one for one in owners if one < len(self._units)]
        # Copies of a unit resemble each other: one that is alive would pass for all the others, altered.
        units = {self._units[one] for one in planted} - {self._units[one] for one in planted if one in alive}
        left = windows(text) if units else set()
        return _Found(
            alive,
            {
                self._units[one]
                for one in planted
                if self._units[one] in units and left_of(self._texts[one], left) == ALTERED
            },
        )


def _in_turn(
    pool: ThreadPoolExecutor, search: _Search, parts: Iterator[tuple[int, pa.Array]], ahead: int
) -> Iterator[_Part]:
    """Results in order, with at most `ahead` batches in memory."""
    waiting = []
    for _, texts in parts:
        waiting.append(pool.submit(search, texts))
        if len(waiting) >= ahead:
            yield waiting.pop(0).result()
    for one in waiting:
        yield one.result()
