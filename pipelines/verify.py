"""`trapline verify`: the verdict on a model, with an exact error rate."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from pipelines.sealing.given import PublicRandomness, any_given, given, round_given
from transforms.base.errors import cause_of
from transforms.base.flags import (
    ANALYSIS_PLAN,
    INPUT,
    METRICS,
    OUTPUT,
    PUBLISHED,
    RUNNING,
    Several,
    Whole,
)

if TYPE_CHECKING:
    from pipelines.running.context import Context
    from pipelines.scoring.folder import ScoresFolder
    from pipelines.verdict.case import Case
    from pipelines.verdict.verdict import Findings
    from transforms.base.folders import Folder
    from transforms.planting.ledger.check_secrets import Sealed

VERDICT, REPORT = "verdict.json", "report.html"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class VerifyConfig(PublicRandomness):
    """Test whether a model saw what was planted, by the sealed analysis, with an exact error rate."""

    scores: Annotated[str, INPUT]
    """The folder that trapline score wrote in one run on all sealed candidates."""
    secrets: Annotated[str, INPUT]
    """The folder that trapline seal made and trapline draw completed."""
    output: Annotated[str, OUTPUT]
    """A new folder for the verdict and the report."""
    alpha: Annotated[float | None, ANALYSIS_PLAN] = None
    """Only a check: any value but the sealed alpha is refused."""
    tranche: Annotated[Whole | None, ANALYSIS_PLAN] = None
    """Judge only the tranche of this number; the first is 0."""
    exploratory_metric: Annotated[Several, METRICS] = ()
    """Further metrics to report from the scores; they do not affect the verdict."""
    baseline_scores: Annotated[Several, INPUT] = ()
    """Scores of the same candidates under other models, such as an untrapped twin, for comparison in the report."""
    reveal: Annotated[bool, OUTPUT] = False
    """Show texts and ids of candidates in the report; the output is then secret and readable only by its owner."""
    commitment: Annotated[str, PUBLISHED] = ""
    """commitment.json as published."""
    drawn: Annotated[str, PUBLISHED] = ""
    """drawn.json as published: of two draws under one seal, only the published one is judged."""
    planted: Annotated[str, PUBLISHED] = ""
    """planted.json as published."""
    revealed: Annotated[Several, PUBLISHED] = ()
    """Proofs that trapline reveal published: their units count as burned, whatever the holder's list says."""
    scores_sha256: Annotated[str, INPUT] = ""
    """SHA-256 of the scores' manifest.json as the scorer states it: other scores are refused."""
    scores_signature: Annotated[str, INPUT] = ""
    """The scorer's SSH signature of the scores' manifest.json (ssh-keygen -Y sign -n trapline)."""
    scorer_key: Annotated[str, INPUT] = ""
    """The scorer's SSH public key (Ed25519)."""
    threads: Annotated[Whole, RUNNING] = 0
    """Threads; 0: all cores. The verdict does not depend on it."""
    overwrite: Annotated[bool, OUTPUT] = False
    """Replace an existing verdict and report."""
    dry_run: Annotated[bool, RUNNING] = False
    """Check secrets and scores and print what would be judged; compute and write nothing."""

    def __post_init__(self) -> None:
        """Check what can be checked without the files."""
        if self.threads < 0:
            raise ValueError(f"--threads {self.threads}: give 0 (all cores) or more")
        if self.scores_sha256 and re.fullmatch("[0-9a-fA-F]{64}", self.scores_sha256) is None:
            raise ValueError(f"--scores-sha256 {self.scores_sha256}: give 64 hexadecimal digits")


def run(config: VerifyConfig, _: "Context") -> int:
    """Write the verdict and the report; returns the exit code.

    Raises:
        RunError: if there can be no verdict; the message says why.
        SealError: if the secrets do not hold.
        UsageError: for an output that cannot be used.
    """
    from transforms.base.readable import counted
    from transforms.base.stores.address import shown
    from transforms.planting.folder import secrets_path

    secrets = secrets_path(config.secrets)
    output = _output(config, secrets)
    case = gather(config)
    if config.dry_run:
        print(
            f"{counted(len(case.judged.units), 'unit')} of {case.sealed.plan.controls + 1} candidates would be judged "
            f"at {counted(len(case.scores.checkpoints), 'checkpoint')}; nothing was written"
        )
        return 0
    from pipelines.verdict.verdict import find
    from pipelines.verdict.words import aloud

    findings = find(case)
    _write(output, findings, case)
    print(aloud(findings.verdict))
    places = "\n".join(f"  {shown(output.at(name))}" for name in (VERDICT, REPORT))
    print(places + ("  (secret)" if config.reveal else ""))
    return 0


def gather(config: VerifyConfig) -> "Case":
    """Read secrets and scores, and check that they belong together.

    Raises:
        RunError: if there can be no verdict on them.
        SealError: if the secrets do not hold.
    """
    from pipelines.scoring.folder import read_scores, refuse_differing
    from pipelines.verdict.bound import not_bound
    from pipelines.verdict.case import Case
    from pipelines.verdict.sealed_scores import (
        judged_units,
        refuse_other_sequences,
        refuse_other_settings,
        score_matrices,
    )
    from pipelines.verdict.sources import scorer_facts
    from transforms.planting.folder import PROBES, SLOTS, secrets_path

    secrets = secrets_path(config.secrets)
    sealed = _open(config, secrets)
    plan = sealed.plan
    asserted = _refuse_other_randomness(config, sealed)
    if config.beacon_response:
        sealed = replace(sealed, round=round_given(config, sealed.commitment.randomness))
    if config.alpha is not None and config.alpha != plan.alpha:
        raise RunError(f"no verdict: --alpha {config.alpha:g}: {plan.alpha:g} was sealed, and it cannot be changed now")
    scores = read_scores(config.scores)
    judged = judged_units(sealed, config.tranche)
    slots, probes_sha256 = secrets / SLOTS, _sha256(secrets / PROBES)
    refuse_other_sequences(scores, probes_sha256)
    refuse_other_settings(scores, plan, judged, _sha256(slots) if slots.exists() else "")
    metrics = _exploratory(config.exploratory_metric, scores, plan.metric)
    baselines = []
    for uri in config.baseline_scores:
        other = read_scores(uri, "--baseline-scores")
        refuse_differing(scores, other)
        refuse_other_sequences(other, probes_sha256, "--baseline-scores")
        if other.metrics.get(plan.metric) != plan.metric_version:
            raise RunError(
                f"--baseline-scores {uri}: metric {plan.metric!r} of version {plan.metric_version} is missing"
            )
        baselines.append((other, score_matrices(other, sealed, judged, [plan.metric])))
    return Case(
        sealed,
        judged,
        scores,
        score_matrices(scores, sealed, judged, [plan.metric, *metrics]),
        metrics=metrics,
        tranche=config.tranche,
        baselines=baselines,
        reveal=config.reveal,
        threads=config.threads,
        level=plan.alpha_of(config.tranche) or plan.alpha,
        not_bound=not_bound(plan, scores, config.tranche),
        burned=_burned(config, sealed),
        scorer=scorer_facts(config, scores, plan),
        asserted=asserted,
    )


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def _open(config: VerifyConfig, secrets: Path) -> "Sealed":
    from transforms.base.errors import SealError
    from transforms.planting.ledger.check_secrets import open_secrets

    published = {name: _published(f"--{name}", getattr(config, name)) for name in ("commitment", "planted", "drawn")}
    sealed = open_secrets(secrets, published["commitment"], published["planted"], drawn=published["drawn"])
    if sealed.randomness is None:
        raise SealError(f"--secrets {secrets}: nothing was drawn yet, so nothing was planted: run trapline draw first")
    return sealed


def _published(flag: str, path: str) -> bytes | None:
    """A published file; None if none is given."""
    from transforms.base.stores.copies import fetched

    try:
        return fetched(path).read_bytes() if path else None
    except OSError as error:
        raise UsageError(f"{flag} {path}: cannot be read ({cause_of(error)})") from error


def _refuse_other_randomness(config: VerifyConfig, sealed: "Sealed") -> bool:
    """Check that the draw was decided by what the flags state; whether they state anything."""
    if not any_given(config):
        return False
    assert sealed.randomness is not None  # noqa: S101 - for the type checker
    stated = given(config, sealed.commitment.randomness)
    if stated != sealed.randomness:
        raise RunError(
            f"no verdict: the draw was decided by {sealed.randomness.value.hex()}, and {stated.value.hex()} was stated "
            f"as {sealed.commitment.randomness.in_words}: these are the secrets of another draw"
        )
    return True


def _burned(config: VerifyConfig, sealed: "Sealed") -> frozenset[str]:
    """Ids of the units that were revealed, by the holder's list and by published proofs."""
    from transforms.planting.sealing.reveal import check_reveal

    assert sealed.randomness is not None  # noqa: S101 - for the type checker
    burned = set(sealed.burned)
    for path in config.revealed:
        found = check_reveal(_published("--revealed", path) or b"", sealed.commitment, sealed.randomness)
        if found.problems:
            raise RunError(f"no verdict: --revealed {path}: {found.problems[0]}")
        burned |= {unit.id for unit in found.units}
    return frozenset(burned)


def _exploratory(wanted: Sequence[str], scores: "ScoresFolder", primary: str) -> tuple[str, ...]:
    """The exploratory metrics, each once."""
    unknown = sorted(set(wanted) - set(scores.metrics))
    if unknown:
        raise RunError(
            f"--exploratory-metric {unknown[0]}: not in the scores; choose from {', '.join(sorted(scores.metrics))}"
        )
    return tuple(name for name in dict.fromkeys(wanted) if name != primary)


def _output(config: VerifyConfig, secrets: Path) -> "Folder":
    """The folder to write into, on this machine or in a bucket.

    Raises:
        UsageError: if it overlaps with the secrets or contains anything but an earlier verdict.
    """
    from transforms.base.folders import Folder
    from transforms.planting.folder import overlap

    output = Folder.of(config.output)
    if output.local:
        output = Folder(str(output.local_path().resolve()))
        if output.local_path().exists() and not output.local_path().is_dir():
            raise UsageError(f"--output {config.output}: is a file; give a folder")
    if overlap(output, secrets):
        raise UsageError(f"--output {config.output}: overlaps with --secrets: choose a separate folder")
    found = set(output.names())
    if found - {VERDICT, REPORT}:
        raise UsageError(f"--output {config.output}: contains files other than a verdict: choose another folder")
    if found and not config.overwrite:
        raise UsageError(
            f"--output {config.output}: already contains a verdict: choose another folder, or pass --overwrite"
        )
    return output


def _write(folder: "Folder", findings: "Findings", case: "Case") -> None:
    """The report, then the verdict, each whole or not at all."""
    from pipelines.pages.page import render
    from pipelines.pages.verdict_page import report_page
    from schemas.documents import to_bytes
    from schemas.public.verdict import NAME, VERSION

    html = render(report_page(findings, case)).encode()
    verdict = to_bytes(NAME, VERSION, findings.verdict)
    mode = 0o600 if case.reveal else 0o666
    if folder.local:
        folder.local_path().mkdir(parents=True, exist_ok=True)
        if case.reveal:
            folder.local_path().chmod(0o700)
    # An earlier verdict is gone before anything of the new one is there.
    for name in (VERDICT, REPORT):
        folder.remove(name)
    folder.write(REPORT, html, mode)
    folder.write(VERDICT, verdict, mode)
