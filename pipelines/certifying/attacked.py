"""`trapline certify --attack`: what someone finds who has the planted corpus and no secret."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.certifying.attack_page import report_html
from pipelines.certifying.planted import planted_scene
from pipelines.running.errors import UsageError
from pipelines.running.machine import cores
from pipelines.running.sizes import parse_size
from pipelines.running.versions import versions
from transforms.base.readable import share as share_in_words
from transforms.base.runs import pretty_json
from transforms.base.stores.address import shown
from transforms.certify.attacks.registry import attacks_named
from transforms.certify.attacks.view import View, sentences_of
from transforms.certify.found import found_by, truth_of
from transforms.planting import folder as names
from transforms.planting.ledger.check_secrets import open_secrets
from transforms.probes.ngram.ngram import NgramGenerator
from transforms.probes.ngram.ngram_model import fit
from transforms.probes.ngram.ngram_score import log_probabilities
from transforms.probes.ngram.pieces import BOUNDARY, sample_of, sentences, split

if TYPE_CHECKING:
    from pipelines.certify import CertifyConfig
    from pipelines.running.context import Context

_LENGTHS = (25, 50, 100)
_MOST_PIECES = 200_000
_KEY = bytes(range(32))  # The attacker's own; nothing of the campaign's is used.


def run_attacks(config: "CertifyConfig", context: "Context") -> int:
    """Attack the planted corpus, hold what is found against the ledger, and write the report; returns 0.

    Raises:
        UsageError, RunError, SealError: with what to change.
    """
    try:
        attacks = attacks_named(config.judges)
    except ValueError as error:
        raise UsageError(str(error)) from None
    path = names.secrets_path(config.secrets)
    with names.locked(path):
        sealed = open_secrets(path)
        scene, share = planted_scene(path, sealed, config.input[0], parse_size(config.sample))
        documents = [*scene.planted.after[0], *scene.others]
        view = view_of(documents, config.threads or cores())
        truth = truth_of(view, documents, scene.planted.copies[0], np.array([unit.varies for unit in sealed.units]))
        found = []
        for attack in attacks:
            context.progress.say(f"  {attack.name}")
            own = found_by(attack.suspicion(view), attack.floor, view, truth)
            found.append({"attack": attack.name, "title": attack.title, **own})
        facts: dict[str, Any] = {
            "command": "certify --attack",
            "versions": versions(),
            "copies": len(truth.copies),
            "units": len(sealed.units),
            "documents": len(documents),
            "share_of_others": share,
            "planted_share": float(truth.inside.sum() / max(1, sum(map(len, view.sentences)))),
            "attacks": found,
        }
        names.write(path, f"{names.CERTIFICATES}/attacked.json", pretty_json(facts))
        names.write(path, f"{names.CERTIFICATES}/attacked.html", report_html(facts).encode())
    for one in found:
        middle = one["budgets"][1]
        print(
            f"{one['attack']:<14} an attacker who removes {share_in_words(middle['removed'], 1)} of the text finds "
            f"{share_in_words(middle['recall'] or 0, 1)} of the copies; "
            f"{share_in_words(middle['precision'] or 0, 1)} of what is removed is planted"
        )
    print(shown(f"done: {path / names.CERTIFICATES / 'attacked.html'}  (secret: it tells what is planted)"))
    return 0


def view_of(documents: Sequence[str], threads: int) -> View:
    """What an attacker sees of the documents."""
    texts, document, begin = sentences_of(documents)
    return View(
        texts,
        document,
        begin,
        functools.partial(_perplexities, documents, texts, document),
        functools.partial(_imitations, documents, threads),
    )


def _perplexities(
    documents: Sequence[str], texts: Sequence[str], document: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Perplexity of each sentence under a model of the half of the documents in which it is not."""
    out = np.zeros(len(texts))
    for half in (0, 1):
        fitted = [text for number, text in enumerate(documents) if number % 2 != half] or list(documents)
        sample = sample_of(split(pa.array(fitted, pa.large_string())), _MOST_PIECES, 2)
        model = fit(sentences(sample), len(sample.vocabulary) - 1)
        number = {piece: at for at, piece in enumerate(sample.vocabulary.pieces.to_pylist(), 1)}
        own = np.flatnonzero(document % 2 == half)
        pieces = split(pa.array([texts[at] for at in own.tolist()], pa.large_string())).cast(str).to_list()
        ids: list[int] = [BOUNDARY]
        at = 0
        for piece in pieces:
            if piece:
                ids.append(number.get(piece.strip(), -1))
                continue
            if len(ids) > 1:
                logs = log_probabilities(model, np.array([*ids, BOUNDARY], np.int32))
                out[own[at]] = float(np.exp(-logs.sum() / len(ids)))
            at, ids = at + 1, [BOUNDARY]
    return out


def _imitations(documents: Sequence[str], threads: int, number: int) -> list[str]:
    """Sentences that the public generator makes of the planted corpus itself."""
    generator = NgramGenerator(pa.array(documents, pa.large_string()), _KEY, None, threads)
    found: list[str] = []
    for length in _LENGTHS:
        rungs = len(generator.ladder(length))
        counts = np.full(rungs, max(1, 3 * number // length // rungs))
        for batch in generator.sample(length, np.zeros(rungs, np.int64), counts):
            for text in batch.texts.to_pylist():
                found += sentences_of([text])[0]
    return found[:number]
