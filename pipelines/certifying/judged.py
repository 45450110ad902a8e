"""Judges over documents with copies: before the seal over virtual ones, after planting over the real output."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.certifying.available import Available, available
from pipelines.certifying.gate import passing, refuse_sealed, untried
from pipelines.certifying.planted import planted_scene
from pipelines.certifying.sampled import Sample, pieces_of, sample
from pipelines.certifying.units import rho_of
from pipelines.certifying.virtual import virtual_scene
from pipelines.certifying.written import PROBES, REPORT, write_aggregate, write_report
from pipelines.running.errors import RunError
from pipelines.running.machine import cores
from pipelines.running.sizes import parse_size
from pipelines.running.versions import versions
from pipelines.sealing.probe_files import QUESTIONS, read_probes, read_questions
from transforms.base.errors import PlacesError
from transforms.base.keyed import digest
from transforms.base.readable import count, counted
from transforms.base.readable import share as share_in_words
from transforms.base.stores.address import shown
from transforms.certify.certificate import Certified, Scene, certify
from transforms.certify.environments import folder_of
from transforms.certify.running import Failure, run_judges
from transforms.planting import folder as names
from transforms.planting.ledger.check_secrets import open_secrets
from transforms.planting.tables.unit import Unit

if TYPE_CHECKING:
    from pipelines.certify import CertifyConfig
    from pipelines.running.context import Context

BEFORE, AFTER = "before the seal", "after planting"


def run_virtual(config: "CertifyConfig", context: "Context") -> int:
    """Judge candidates that are not sealed; returns 1 if units fail a gate and are not dropped.

    Raises:
        UsageError, RunError, CorpusError: with what to change.
    """
    refuse_sealed(config.probes)
    path = names.secrets_path(config.output, "--output")
    names.refuse_existing(path, "--output")
    table, units = read_probes(config.probes)
    questions = read_questions(config.probes, (), units)
    chosen = available(config, context.progress.say)
    refuse_unknown_gate(config.gate, [judge.name for judge in chosen.judges])
    key = digest("trapline/v1/certify-virtual", *(unit.canonical() for unit in units))
    documents = sample(pieces_of(config.input, config.text_column, "--input"), config.text_column, _bytes(config), key)
    try:
        scene = virtual_scene(documents.texts, units, config.copies, config.max_doc_share, key)
    except PlacesError:
        raise RunError(_no_room(config, documents, len(units))) from None
    with names.new_secrets(path, "--output") as draft:
        certified, failures = _judged(config, context, scene, units, draft, chosen)
        passes = passing(certified, config.gate, config.least, len(units))
        facts = _facts(config, BEFORE, scene, len(units), certified, documents.share, chosen, failures) | {
            "gate": {
                "judges": list(config.gate),
                "least": config.least,
                "units": len(units),
                "passed": int(passes.sum()),
                "untried": untried(certified, config.gate, len(units)),
                "dropped": config.drop,
            }
        }
        write_report(draft, REPORT, facts)
        if config.gate and config.drop and passes.any():
            for name, own in ((PROBES, table), (QUESTIONS, questions)):
                if own is not None:
                    names.write(draft, name, names.parquet(_of_units(own, units, passes.tolist())))
    return _end(config, facts, path / f"{REPORT}.html", gated=bool(config.gate))


def run_planted(config: "CertifyConfig", context: "Context") -> int:
    """Judge the real output; returns 0.

    Raises:
        UsageError, RunError, SealError: with what to change.
    """
    path = names.secrets_path(config.secrets)
    chosen = available(config, context.progress.say)
    with names.locked(path):
        clear_scratch(path)
        sealed = open_secrets(path)
        scene, share = planted_scene(path, sealed, config.input[0], _bytes(config))
        with scratch_in(path) as scratch:
            certified, failures = _judged(config, context, scene, sealed.units, scratch, chosen)
        facts = _facts(config, AFTER, scene, len(sealed.units), certified, share, chosen, failures)
        name = f"{names.CERTIFICATES}/judged"
        write_report(path, name, facts)
    return _end(config, facts, path / f"{name}.html", gated=False)


def clear_scratch(secrets: Path) -> None:
    """Remove what a killed run left, before anyone asks whose it is."""
    for left in secrets.glob(".certify-*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def scratch_in(secrets: Path) -> Iterator[Path]:
    """A folder among the secrets for what passes between processes."""
    with TemporaryDirectory(prefix=".certify-", dir=secrets) as made:
        yield Path(made)


def refuse_unknown_gate(gate: Sequence[str], judges: Sequence[str]) -> None:
    """Refuse a gate by a judge that does not look.

    Raises:
        RunError: naming it.
    """
    for name in gate:
        if name not in judges:
            raise RunError(f"--gate {name}: is not among the judges that run: {', '.join(judges)}")


def _no_room(config: "CertifyConfig", documents: Sample, units: int) -> str:
    copies = f"up to {count(config.copies)} copies" if config.copies else "all copies"
    return (
        f"{counted(len(documents.texts), 'document')} of --input have no room for {copies} of each of "
        f"{counted(units, 'unit')}, each copy of a unit in another document: give more or longer documents, a larger "
        "--sample or --max-doc-share, or fewer --copies"
    )


def _bytes(config: "CertifyConfig") -> int:
    return parse_size(config.sample)


def _judged(
    config: "CertifyConfig",
    context: "Context",
    scene: Scene,
    units: Sequence[Unit],
    place: Path,
    chosen: Available,
) -> tuple[list[Certified], list[Failure]]:
    """What the judges found, and which of them failed, if the user lets them be skipped."""
    judges = chosen.judges
    copies = sum(map(len, scene.planted.copies))
    context.progress.say(
        f"{count(copies)} copies in {counted(len(scene.planted.before), 'document')}, "
        f"{counted(len(scene.others), 'other document')}, {counted(len(judges), 'judge')}"
    )
    with TemporaryDirectory(prefix=".judges-", dir=place) as scratch:
        verdicts = run_judges(
            judges,
            scene.exhibits(),
            folder_of(config.environments),
            Path(scratch),
            config.threads or cores(),
            context.progress.say,
        )
    failures = [one for one in verdicts if isinstance(one, Failure)]
    if failures and (config.missing == "refuse" or len(failures) == len(verdicts)):
        raise RunError(
            f"judge {failures[0].judge.name}: {failures[0].reason}; name others with --judges, or skip those that fail "
            "with --missing skip, which keeps in the secret report what they printed"
        )
    rho = rho_of(units)
    return [certify(scene, one, len(units), rho) for one in verdicts if not isinstance(one, Failure)], failures


def _facts(
    config: "CertifyConfig",
    when: str,
    scene: Scene,
    units: int,
    certified: Sequence[Certified],
    share: float,
    chosen: Available,
    failures: Sequence[Failure],
) -> dict[str, Any]:
    return {
        "command": "certify",
        "when": when,
        "versions": versions(),
        "units": units,
        "worlds": len(scene.planted.copies),
        "copies": sum(map(len, scene.planted.copies)),
        "documents": len(scene.planted.before),
        "document_bytes": sum(len(text.encode()) for text in scene.planted.before),
        "others": len(scene.others),
        "other_bytes": sum(len(text.encode()) for text in scene.others),
        "sample": {"share": share, "most": config.sample, "copies_at_most": config.copies if config.probes else 0},
        "skipped": chosen.skipped | {one.judge.name: one.reason for one in failures},
        "printed": {one.judge.name: one.said for one in failures},
        "judges": [one.facts for one in certified],
    }


def _of_units(table: pa.Table, units: Sequence[Unit], passes: Sequence[bool]) -> pa.Table:
    kept = {unit.id for unit, one in zip(units, passes, strict=True) if one}
    return table.filter(pa.array([unit in kept for unit in table["unit"].to_pylist()]))


def _end(config: "CertifyConfig", facts: Mapping[str, Any], page: Path, *, gated: bool) -> int:
    if config.aggregate:
        write_aggregate(config.aggregate, facts)
    for one in facts["judges"]:
        kept = one["in_kept_documents"]
        print(
            f"{one['judge']:<20} {share_in_words(kept['alive'], kept['of']):>8} of {count(kept['of'])} copies in "
            "documents it keeps are alive; "
            f"{count(one['documents']['lost'])} of {count(one['documents']['kept_before'])} documents lost"
        )
    for name, reason in facts["skipped"].items():
        print(f"{name:<20} skipped: {reason}")
    print(shown(f"done: {page}  (secret: it tells what is planted)"))
    if not gated:
        return 0
    gate = facts["gate"]
    failed = gate["units"] - gate["passed"]
    dropped = failed and gate["dropped"]
    told = f"; the others are in {page.parent / PROBES}" if dropped and gate["passed"] else ""
    print(shown(f"gate: {count(gate['passed'])} of {counted(gate['units'], 'unit')} pass{told}"))
    if gate["untried"]:
        print(f"  of {counted(gate['untried'], 'unit')} a judge keeps no document, and says nothing")
    return 0 if not failed or (dropped and gate["passed"]) else 1
