"""`trapline certify`: what cleaning leaves of planted text, before the seal, after planting and after a release."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipelines.running.new_file import new_file
from pipelines.running.sizes import parse_size
from transforms.base.flags import INPUT, JUDGES, OUTPUT, RUNNING, Several, Whole

if TYPE_CHECKING:
    from pipelines.running.context import Context


_BEFORE, _AFTER, _RELEASED, _ATTACK = "--probes", "--secrets and --input", "--corpus", "--attack"

_GO_WITH = {
    "text_column": (_BEFORE, _RELEASED),
    "judges": (_BEFORE, _AFTER, _ATTACK),
    "missing": (_BEFORE, _AFTER),
    "environments": (_BEFORE, _AFTER),
    "gate": (_BEFORE,),
    "copies": (_BEFORE,),
    "max_doc_share": (_BEFORE,),
    "sample": (_BEFORE, _AFTER, _ATTACK),
    "output": (_BEFORE,),
    "aggregate": (_BEFORE, _AFTER, _RELEASED),
}
"""Flags that do something only in some of the ways to run."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CertifyConfig:
    """Say which planted copies survive the cleaning that trainers do, and whether they can be found.

    With --probes, before the seal: every candidate is planted virtually into --input, and the worst candidate of each
    unit counts. With --secrets and --input, after planting: the judges clean the real output. With --secrets and
    --corpus: what a corpus that somebody cleaned and released still holds. With --attack: what someone finds who has
    the planted corpus and no secret. With --list: the judges, their versions and how to install them.
    """

    probes: Annotated[Several, INPUT] = ()
    """Candidates that are not sealed yet: Parquet files, or folders of such files."""
    secrets: Annotated[str, INPUT] = ""
    """The folder of secrets of a planted campaign; the report is written there."""
    input: Annotated[Several, INPUT] = ()
    """With --probes, the corpus to plant into; with --secrets, the output of trapline prepare."""
    corpus: Annotated[Several, INPUT] = ()
    """A corpus that somebody cleaned: files, folders, quoted globs, or an output folder of trapline."""
    text_column: Annotated[str, INPUT] = "text"
    """Column with the text in --corpus, and with --probes in --input."""
    attack: Annotated[bool, JUDGES] = False
    """Look for the copies in --input as someone without the secrets would."""
    judges: Annotated[Several, JUDGES] = ()
    """Names of judges, or of attacks with --attack. Default: all."""
    missing: Annotated[Literal["refuse", "skip"], JUDGES] = "refuse"
    """What to do when a judge is not installed."""
    environments: Annotated[str, JUDGES] = ""
    """Folder of the judges' environments. Default: $TRAPLINE_JUDGES, or ~/.cache/trapline/judges."""
    list_judges: Annotated[bool, JUDGES, Parameter(name="--list")] = False
    """List the judges and attacks, and exit."""
    gate: Annotated[Several, JUDGES] = ()
    """With --probes: judges that every candidate of a unit has to survive."""
    least: Annotated[float, JUDGES] = 0.95
    """With --gate: the share of a candidate's copies that must be alive, of those in documents kept without them."""
    drop: Annotated[bool, JUDGES] = False
    """With --gate: write the candidates of the units that pass into --output; else a failing unit is an error."""
    copies: Annotated[Whole, JUDGES] = 64
    """With --probes: copies of each candidate at most; 0: its whole dose."""
    max_doc_share: Annotated[float, JUDGES] = 0.1
    """With --probes: most of a document that planted text may make up."""
    sample: Annotated[str, JUDGES] = "20MB"
    """Text of documents that are judged besides those with copies; with --probes, text to plant into."""
    output: Annotated[str, OUTPUT] = ""
    """With --probes: a new folder for the report, which is secret."""
    aggregate: Annotated[str, OUTPUT] = ""
    """A new JSON file with the totals of each judge, which tell of no document and no unit."""
    threads: Annotated[Whole, RUNNING] = 0
    """Judges that run at once; 0: as many as there are cores."""

    def __post_init__(self) -> None:
        """Check that the flags name one of the ways to run."""
        before = bool(self.probes)
        checks = (
            (
                self.list_judges or before or bool(self.secrets),
                "give --probes (before the seal), --secrets (after planting), or --list",
            ),
            (
                not (before and self.secrets),
                "--probes and --secrets: give only one of them: --probes is for candidates that are not sealed yet",
            ),
            (not before or bool(self.input), "--probes needs --input, the corpus to plant into"),
            (not before or bool(self.output), "--probes needs --output, a new folder for the report"),
            (not before or not self.corpus, "--corpus needs --secrets: only a planted campaign can be looked for"),
            (not before or not self.attack, "--attack needs --secrets and --input, a corpus that was planted"),
            (not self.secrets or bool(self.input) != bool(self.corpus), "--secrets: give --input or --corpus with it"),
            (not self.secrets or len(self.input) <= 1, "--input: with --secrets give one folder, the planted output"),
            (
                not self.secrets or not self.output,
                "--output goes with --probes: otherwise --secrets has the report",
            ),
            (not (self.corpus and self.judges), "--judges: --corpus was cleaned already, no judge looks at it"),
            (not self.attack or bool(self.input), "--attack needs --input, the planted corpus"),
            (not self.attack or not self.aggregate, "--aggregate goes with judges: --attack has no totals to publish"),
            (
                before or not self.gate,
                "--gate goes with --probes: after the seal no unit is dropped, since that could follow the draw",
            ),
            (bool(self.gate) or not self.drop, "--drop goes with --gate"),
            (bool(self.gate) or self.least == CertifyConfig.least, "--least goes with --gate"),
            (0 < self.least <= 1, f"--least {self.least}: give a share above 0, at most 1"),
            (self.copies >= 0, f"--copies {self.copies}: give 1 or more, or 0 for the whole dose"),
            (0 <= self.threads <= 1024, f"--threads {self.threads}: give 0 (all cores) to 1024"),
            (0 < self.max_doc_share < 1, f"--max-doc-share {self.max_doc_share}: give a number above 0 and below 1"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)
        self._refuse_what_does_nothing()
        try:
            parse_size(self.sample)
        except ValueError as error:
            raise ValueError(f"--sample: {error}") from error

    def _refuse_what_does_nothing(self) -> None:
        """Refuse flags that this way to run would ignore; one that says what it says by default is no harm."""
        flags = {"list_judges": "--list"}
        given = {one.name: flags.get(one.name, f"--{one.name.replace('_', '-')}") for one in fields(self)}
        given = {name: flag for name, flag in given.items() if getattr(self, name) != getattr(CertifyConfig, name)}
        if self.list_judges:
            for flag in given.values():
                if flag not in ("--list", "--environments"):
                    raise ValueError(f"{flag}: with --list give nothing else but --environments")
            return
        way = _ATTACK if self.attack else _BEFORE if self.probes else _RELEASED if self.corpus else _AFTER
        for name, ways in _GO_WITH.items():
            if name in given and way not in ways:
                raise ValueError(f"{given[name]} does nothing with {way}; it goes with {', or with '.join(ways)}")


def run(config: CertifyConfig, context: "Context") -> int:
    """Certify; returns the exit code: 1 if a gate is not passed.

    Raises:
        UsageError, RunError, CorpusError: with what to change.
    """
    if config.aggregate:
        new_file(config.aggregate, "--aggregate")
    if config.list_judges:
        from pipelines.certifying.listing import list_all

        return list_all(config)
    if config.attack:
        from pipelines.certifying.attacked import run_attacks

        return run_attacks(config, context)
    if config.corpus:
        from pipelines.certifying.released import run_released

        return run_released(config)
    from pipelines.certifying.judged import run_planted, run_virtual

    return run_virtual(config, context) if config.probes else run_planted(config, context)
