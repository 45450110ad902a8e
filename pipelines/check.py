"""`trapline check`: compare secrets, a reveal or a corpus with what was published."""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelines.running.errors import RunError
from pipelines.sealing.commitment_file import read_commitment
from pipelines.sealing.given import PublicRandomness, any_given, given
from transforms.base.errors import cause_of
from transforms.base.flags import INPUT, PUBLISHED, RANDOMNESS, Several
from transforms.base.stores.address import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.running.context import Context
    from transforms.base.folders import Folder
    from transforms.corpus.output.manifest import Manifest
    from transforms.planting.ledger.check_secrets import Secrets
    from transforms.planting.sealing.commitment import Commitment
    from transforms.planting.sealing.public_randomness import Randomness


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CheckConfig(PublicRandomness):
    """Compare secrets, a reveal or a corpus with the published commitment, and list the differences."""

    secrets: Annotated[str, INPUT] = ""
    """A folder of secrets."""
    reveal: Annotated[str, INPUT] = ""
    """Proofs made by trapline reveal; also give --commitment and the public randomness."""
    commitment: Annotated[str, PUBLISHED] = ""
    """commitment.json as published. Default with --secrets: the copy in that folder."""
    planted: Annotated[str, PUBLISHED] = ""
    """planted.json as published. Default with --secrets: the copy in that folder."""
    drawn: Annotated[str, PUBLISHED] = ""
    """drawn.json as published; with --secrets."""
    corpus: Annotated[str, INPUT] = ""
    """An output folder of trapline: its files are compared with its manifest, and the manifest with planted.json."""
    previous: Annotated[Several, PUBLISHED] = ()
    """commitment.json of every campaign before this one."""
    self_attested: Annotated[bool, Parameter(name="--self"), RANDOMNESS] = False
    """The seal declared that the key alone decides the draw."""

    def __post_init__(self) -> None:
        """Check that there is something to compare, and something to compare it with."""
        checks = (
            (
                bool(self.secrets or self.reveal or self.commitment or self.corpus),
                "give --secrets, or --reveal, or --commitment, or --corpus",
            ),
            (not self.planted or bool(self.secrets or self.corpus), "--planted needs --secrets or --corpus"),
            (not self.drawn or bool(self.secrets), "--drawn needs --secrets"),
            (not (self.secrets and self.reveal), "--secrets and --reveal: give only one of them"),
            (not self.reveal or bool(self.commitment), "--reveal needs --commitment, the published commitment.json"),
            (
                not self.reveal or any_given(self, self.self_attested),
                "--reveal needs --beacon-response FILE, --beacon HEX, --nonce HEX or --self",
            ),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)

    def randomness(self, commitment: "Commitment") -> "Randomness | None":
        """The public randomness, where it is given, of the kind that the seal declared."""
        own = self.self_attested
        return given(self, commitment.randomness, own) if any_given(self, own) else None


def run(config: CheckConfig, _: "Context") -> int:
    """Print the differences; returns 0 if there are none, else 1."""
    commitment: Commitment | None = None
    problems: list[str] = []
    summary: list[str] = []
    if config.secrets:
        problems, summary, commitment = _check_secrets(config)
    elif config.commitment:
        commitment = read_commitment(config.commitment)
        problems, summary = [], [f"commitment {commitment.sha256.hex()}: its root matches its fields"]
        randomness = config.randomness(commitment)
        if config.reveal and randomness is not None:
            problems, summary = _check_reveal(config.reveal, commitment, randomness)
    if config.corpus:
        wrong, right = _check_corpus(config)
        problems, summary = problems + wrong, summary + right
    if commitment is not None:
        before, links = _check_chain(config, commitment)
        problems, summary = problems + before, summary + links
    for problem in problems:
        print(shown(problem))
    if problems:
        print(f"differs: {len(problems)} found")
        return 1
    for line in summary:
        print(shown(line))
    return 0


def _check_secrets(config: CheckConfig) -> "tuple[list[str], list[str], Commitment | None]":
    from transforms.planting.folder import secrets_path
    from transforms.planting.ledger.check_secrets import check_secrets

    published = _published("--commitment", config.commitment)
    planted, drawn = _published("--planted", config.planted), _published("--drawn", config.drawn)
    found = check_secrets(secrets_path(config.secrets), published, planted, drawn=drawn)
    problems = list(found.problems)
    randomness = config.randomness(found.commitment) if found.commitment is not None else None
    if randomness is not None and found.randomness != randomness:
        problems.append("draw.json: the draw was decided by other randomness than the one given, or was not made")
    return problems, _summary(found), found.commitment


def _published(flag: str, path: str) -> bytes | None:
    """A published file; None if none is given."""
    from transforms.base.stores.copies import fetched

    try:
        return fetched(path).read_bytes() if path else None
    except OSError as error:
        raise RunError(f"{flag} {path}: cannot be read ({cause_of(error)})") from error


def _check_corpus(config: CheckConfig) -> tuple[list[str], list[str]]:
    """Compare the files of an output with its manifest, and the manifest with the second commitment."""
    from pipelines.running import output as outputs
    from pipelines.running.listed import listed_entries
    from transforms.base.folders import Folder
    from transforms.planting.folder import PLANTED, secrets_path
    from transforms.planting.ledger.planted import Planted

    folder = Folder.of(config.corpus)
    manifest = outputs.finished(folder)
    if manifest is None:
        raise RunError(f"--corpus {config.corpus}: not a finished output of trapline (it has no _SUCCESS file)")
    entries = listed_entries(manifest, folder.at(outputs.MANIFEST))
    problems = []
    for entry in entries:
        if not folder.exists(entry["path"]):
            problems.append(f"{entry['path']}: is missing")
        elif folder.sha256_of(entry["path"]) != entry.get("sha256"):
            problems.append(f"{entry['path']}: its sha256 is not the one in manifest.json")
    problems += _unlisted(folder, {entry["path"] for entry in entries})
    wrong, card = _check_card(folder, manifest)
    problems += wrong
    summary = [f"every file of {config.corpus} ({len(entries):,}) matches its manifest, and there is no other", *card]
    planted = config.planted or (str(secrets_path(config.secrets) / PLANTED) if config.secrets else "")
    if planted:
        try:
            bound = Planted.parse(_published("--planted", planted) or b"")
        except ValueError as error:
            return [*problems, f"{planted}: {error}"], summary
        if bound.manifest.hex() != outputs.sha256_of_manifest(folder):
            problems.append(f"manifest.json: is not the one that {PLANTED} binds")
        summary.append(f"its manifest is the one that {PLANTED} binds")
    return problems, summary


def _unlisted(folder: "Folder", listed: set[str]) -> list[str]:
    """Files that the manifest does not list. Hidden ones at the top, such as .git, are passed over by all readers."""
    from pipelines.running.listed import FILES

    return [
        f"{name}: is not listed in manifest.json"
        for name in folder.all_files()
        if name not in listed and name not in FILES and not name.startswith(".")
    ]


def _check_card(folder: "Folder", manifest: "Mapping[str, Any]") -> tuple[list[str], list[str]]:
    """Write the dataset card of a corpus again from its manifest, and compare. Other commands write no such card."""
    from pipelines.running.output import CARD, MANIFEST
    from pipelines.running.versions import versions
    from transforms.corpus.output.card import dataset_card
    from transforms.corpus.output.manifest import Manifest

    if manifest.get("command") != "dedup":
        return [], []
    try:
        parsed = Manifest.parse(manifest)
        own, written = versions()["trapline"], parsed.versions["trapline"]
        # A card has its settings in the order of the command that wrote it: dedup has its own, restore JSON's.
        cards = [dataset_card(one).encode() for one in (_in_order_of_dedup(parsed), parsed)] if own == written else []
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise RunError(
            f"{folder.at(MANIFEST)}: is not made like the manifest of a corpus: nothing was checked"
        ) from error
    if own != written:
        return [], [f"{CARD} was not compared: trapline {written} wrote it, this is {own}"]
    if not folder.exists(CARD):
        return [f"{CARD}: is missing"], []
    if folder.read(CARD) not in cards:
        return [f"{CARD}: is not the one that belongs to manifest.json"], []
    return [], [f"{CARD} is the one that belongs to its manifest; metrics.json and report.html are bound by nothing"]


def _in_order_of_dedup(manifest: "Manifest") -> "Manifest":
    """The same manifest with settings and versions in the order that dedup gives them, not sorted as in JSON."""
    from pipelines.dedup import DedupConfig
    from pipelines.running.versions import PACKAGES

    settings = [field.name for field in fields(DedupConfig)]
    return replace(manifest, config=_ordered(manifest.config, settings), versions=_ordered(manifest.versions, PACKAGES))


def _ordered(found: "Mapping[str, Any]", names: "Sequence[str]") -> dict[str, Any]:
    known = [name for name in names if name in found]
    return {name: found[name] for name in (*known, *(name for name in found if name not in known))}


def _summary(found: "Secrets") -> list[str]:
    from transforms.base.readable import counted

    if found.commitment is None or found.plan is None:
        return []
    declared = found.commitment.randomness.in_words
    tranches = len(found.plan.tranche_sizes)
    lines = [
        f"commitment {found.commitment.sha256.hex()} is valid (campaign {found.commitment.campaign})",
        f"key, plan and {counted(len(found.units), 'unit')} of {found.plan.controls + 1} candidates"
        + (f" in {tranches} tranches" if tranches > 1 else ""),
        f"drawn, decided by {declared}" if found.randomness else f"not drawn yet; {declared} will decide",
    ]
    if found.round is not None:
        lines.append(f"{found.round.source}: the signature of the round was checked; its value is the one that decided")
    if found.planting is not None:
        lines.append(f"planted in {found.planting.counts.get('copies', 0):,} copies; ledger and slots are intact")
    if found.burned:
        lines.append(f"revealed and burned: {counted(len(found.burned), 'unit')}")
    return lines + [f"timestamp {stamp} (its signature or block is not checked here)" for stamp in found.timestamps]


def _check_reveal(path: str, commitment: "Commitment", randomness: "Randomness") -> tuple[list[str], list[str]]:
    from transforms.base.readable import counted
    from transforms.base.stores.copies import fetched
    from transforms.planting.sealing.reveal import check_reveal

    try:
        found = check_reveal(fetched(path).read_bytes(), commitment, randomness)
    except OSError as error:
        raise RunError(f"--reveal {path}: cannot be read ({cause_of(error)})") from error
    scope = {
        "units": counted(len(found.units), "single unit"),
        "tranche": f"the whole tranche {found.scope.tranche}, {counted(len(found.units), 'unit')}",
        "all": f"all {counted(len(found.units), 'unit')}",
    }.get(found.scope.kind, "")
    lines = [
        f"the reveal matches commitment {commitment.sha256.hex()} (campaign {commitment.campaign})",
        f"proved: {scope}, and their arms, decided by {commitment.randomness.in_words}",
    ]
    if found.scope.kind == "units":
        lines.append("not proved: that no other unit was sealed; a verdict needs all units, or a whole tranche")
    return found.problems, lines


def _check_chain(config: CheckConfig, commitment: "Commitment") -> tuple[list[str], list[str]]:
    from transforms.planting.sealing.commitment import broken_chain

    if not config.previous:
        if commitment.campaign == 1:
            return [], ["first campaign: there is no commitment before it"]
        return [], [f"the {commitment.campaign - 1} campaigns before it were not checked: give them with --previous"]
    chain = [(path, read_commitment(path)) for path in config.previous]
    own = config.commitment or "commitment.json"
    problems = broken_chain([*chain, (own, commitment)])
    latest = max(one.campaign for _, one in chain)
    if latest >= commitment.campaign:
        problems.append(f"--previous includes campaign {latest}, which is not before campaign {commitment.campaign}")
    return problems, [f"the chain of {len(chain) + 1} campaigns is unbroken"]
