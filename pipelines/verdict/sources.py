"""Where the randomness and the scores come from, in words: what a verdict rests on that nothing in it can prove."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.running.errors import RunError, UsageError
from transforms.base.errors import cause_of
from transforms.base.stores.copies import fetched

if TYPE_CHECKING:
    from pipelines.scoring.folder import ScoresFolder
    from pipelines.verify import VerifyConfig
    from schemas.plan import Plan
    from transforms.planting.ledger.check_secrets import Sealed

SELF_ATTESTED = "self-attested: exact only if the holder did not choose the key"
_SHOWN = 128
"""Digits of a value that a sentence shows."""


def randomness_facts(sealed: "Sealed", asserted: bool) -> dict[str, Any]:
    """What decided the draw, as the verdict has it.

    Args:
        sealed: the secrets, drawn.
        asserted: whether whoever asked for the verdict stated the value, too.
    """
    from transforms.planting.attestations.rounds import time_of

    assert sealed.randomness is not None  # noqa: S101 - for the type checker
    declared, checked = sealed.commitment.randomness, sealed.round
    time = checked.time if checked is not None else time_of(declared)
    return {
        **declared.to_json(),
        "value": sealed.randomness.value.hex(),
        "signature_checked": checked is not None,
        "time": None if time is None else _minute(time),
        "asserted": asserted,
    }


def randomness_sentence(facts: dict[str, Any]) -> str:
    """The condition under which the draw was not chosen."""
    if facts["kind"] == "self":
        return SELF_ATTESTED
    value = facts["value"] if len(facts["value"]) <= _SHOWN else f"{facts['value'][:_SHOWN]}..."
    stated = "; whoever asked for this verdict stated the same value" if facts["asserted"] else ""
    if facts["kind"] == "nonce":
        return (
            f"the nonce {value} decided the draw: exact only if this is the value that {facts['name']!r} gave, after "
            f"commitment.json was published{stated}"
        )
    came_out = f", which came out at {facts['time']}," if facts["time"] else ""
    if facts["signature_checked"]:
        return (
            f"round {facts['round']} of the beacon {facts['name']!r}{came_out} decided the draw by the value {value}, "
            "and its signature is right: exact only if commitment.json was published before that round"
        )
    return (
        f"the value {value} decided the draw: exact only if round {facts['round']} of the beacon "
        f"{facts['name']!r}{came_out} shows it, which was not checked here, and commitment.json was published before "
        f"that round{stated}"
    )


def scorer_facts(config: "VerifyConfig", scores: "ScoresFolder", plan: "Plan") -> dict[str, Any]:
    """Who vouches for the scores besides whoever holds them.

    Raises:
        UsageError: if a file cannot be read, or a signature lacks its key.
        RunError: if the scores are not the ones that were vouched for, or the plan asks for a signature.
    """
    from pipelines.running.output import MANIFEST
    from transforms.base.folders import Folder
    from transforms.planting.attestations.ssh_signatures import SignatureError, check_signature, read_public_key

    where = f"no verdict: --scores {scores.uri}"
    given = config.scores_sha256.lower()
    if given and given != scores.manifest_sha256:
        raise RunError(f"{where}: sha256 of manifest.json is {scores.manifest_sha256}, and --scores-sha256 is {given}")
    if bool(config.scores_signature) != bool(config.scorer_key):
        raise UsageError("--scores-signature and --scorer-key go together: a signature is by somebody's key")
    if not config.scores_signature:
        if plan.scorer:
            raise RunError(
                f"{where}: the plan has them signed by the key {plan.scorer}: give --scores-signature and --scorer-key"
            )
        return {"vouched_by": "sha256" if given else "nobody", "key": None}
    try:
        key = read_public_key(_read("--scorer-key", config.scorer_key))
    except SignatureError as error:
        raise UsageError(f"--scorer-key {config.scorer_key}: {error}") from error
    if plan.scorer and key.fingerprint != plan.scorer:
        raise RunError(
            f"no verdict: --scorer-key {config.scorer_key}: is {key.fingerprint}, not the sealed {plan.scorer}"
        )
    try:
        check_signature(Folder.of(scores.uri).read(MANIFEST), _read("--scores-signature", config.scores_signature), key)
    except SignatureError as error:
        raise RunError(f"no verdict: --scores-signature {config.scores_signature}: {error}") from error
    return {"vouched_by": "signature", "key": key.fingerprint}


def scorer_sentence(facts: "dict[str, Any]") -> str:
    """The condition under which the scores were not chosen."""
    if facts["vouched_by"] == "signature":
        return (
            f"the scores are signed by the key {facts['key']}: exact only if the holder of the secrets lacks that key"
        )
    if facts["vouched_by"] == "sha256":
        return "the scores are those whose sha256 was given to this verdict: exact only if whoever scored gave it"
    return (
        "nobody vouches for the scores but whoever wrote the files, who could have chosen them (--scores-signature, "
        "--scores-sha256)"
    )


def _read(flag: str, path: str) -> bytes:
    try:
        return fetched(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{flag} {path}: cannot be read ({cause_of(error)})") from error


def _minute(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
