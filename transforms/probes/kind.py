"""The contract of a kind of probe, and the list of kinds that have a command of their own.

A kind is a folder with two modules:

- `config.py`: a frozen dataclass on top of `KindConfig`. Its fields are the flags of the command and the keys of the
  table in a config file; its docstring is the help of the command. It is imported for `trapline --help`, so it imports
  nothing heavy.
- `make.py`: `make(config, key, environment) -> Made`, and `look(config) -> Looked` if there are inputs to check. It is
  imported when the command runs.

Everything else (where probes may be written, the dry run, the key, the secret folder, the files in it) is done by
`pipelines.probes.run_kind`, once for all kinds.
"""

import dataclasses
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from cyclopts import Parameter

from transforms.base.flags import CANDIDATES, OUTPUT, RUNNING, UNITS, SeveralNumbers, Whole

if TYPE_CHECKING:
    import pyarrow as pa

    from transforms.base.folders import Folder

KINDS: dict[str, str] = {
    "traps": "transforms.probes.traps.config:TrapsConfig",
    "facts": "transforms.probes.facts.config:FactsConfig",
    "arithmetic": "transforms.probes.arithmetic.config:ArithmeticConfig",
    "sentences": "transforms.probes.sentences.config:SentencesConfig",
}
"""By command, where the settings of a kind are: `module:class`. The module `make` is in the same folder."""

MOST_DOSE, MOST_UNITS = 2**31 - 1, 20_000_000
_ID_BYTES = 10


class SettingError(ValueError):
    """A setting that does not suit the inputs: the command was not called rightly. The message names the flag."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class KindConfig:
    """The settings that all kinds share. A kind adds its own and may change the defaults of these."""

    output: Annotated[str, OUTPUT]
    """A new folder for the candidates and their report, which are secret."""
    doses: Annotated[SeveralNumbers, UNITS] = (1,)
    """Copies to plant of the candidate that is drawn."""
    units: Annotated[SeveralNumbers, UNITS] = (20,)
    """Units in each stratum: one number, or one for each dose."""
    controls: Annotated[Whole, UNITS] = 9
    """Candidates per unit that are held out."""
    seed: Annotated[str | None, CANDIDATES] = None
    """Repeat a run: whoever knows the seed can make the candidates again. Default: from the operating system."""
    threads: Annotated[Whole, RUNNING] = 0
    """Threads; 0: all cores."""
    dry_run: Annotated[bool, RUNNING] = False
    """Read metadata only; print the resolved settings and sizes; write nothing."""

    def __post_init__(self) -> None:
        """Check what can be checked without the data; a kind with checks of its own calls this one, too."""
        checks = (
            (bool(self.doses), "--doses: give at least one"),
            (self.controls >= 1, f"--controls {self.controls}: give 1 or more"),
            (0 <= self.threads <= 1024, f"--threads {self.threads}: give 0 (all cores) to 1024"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)
        for flag, values, most in (("--doses", self.doses, MOST_DOSE), ("--units", self.units, MOST_UNITS)):
            for value in values:
                if not 1 <= value <= most:
                    raise ValueError(f"{flag} {value}: give 1 to {most}")
        if len(set(self.doses)) < len(self.doses):
            raise ValueError(f"--doses {' '.join(map(str, self.doses))}: give each once")
        if self.units:
            self.units_by_dose()

    def units_by_dose(self) -> dict[int, int]:
        """How many units each dose gets in a stratum.

        Raises:
            ValueError: if --units does not fit --doses.
        """
        if len(self.units) not in (1, len(self.doses)):
            raise ValueError(
                f"--units: {len(self.units)} numbers for {len(self.doses)} doses; give one for all, or one for each "
                "dose in the order of the doses"
            )
        return dict(zip(self.doses, self.units * (len(self.doses) // len(self.units)), strict=True))

    def corpus_inputs(self) -> Mapping[str, Sequence[str]]:
        """Flags that name a corpus, with their values: secret candidates must not be written into one."""
        return {}

    def new_key(self) -> bytes:
        """32 bytes that everything is drawn from."""
        from transforms.base.keyed import new_key

        return new_key(self.seed)

    def resolved(self) -> dict[str, Any]:
        """The settings as TOML and JSON hold them, without the seed: whoever has it has the probes."""
        settings = dataclasses.asdict(self)
        del settings["seed"], settings["dry_run"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


class Settings(Protocol):
    """What is asked of settings by whoever runs a kind; `KindConfig` has all of it."""

    @property
    def output(self) -> str:
        """A new folder."""

    @property
    def threads(self) -> int:
        """0: all cores."""

    @property
    def dry_run(self) -> bool:
        """Whether to write nothing."""

    def corpus_inputs(self) -> Mapping[str, Sequence[str]]:
        """See `KindConfig`."""

    def new_key(self) -> bytes:
        """See `KindConfig`."""

    def resolved(self) -> dict[str, Any]:
        """See `KindConfig`."""


@dataclass(frozen=True)
class Looked:
    """What a look at the inputs says before anything is made.

    Attributes:
        size: lines on the size of the work, for a dry run.
        found: what `make` need not find again; it gets it as `Environment.found`.
    """

    size: Sequence[str] = ()
    found: Any = None


@dataclass(frozen=True)
class Environment:
    """What `make` may use of the machine.

    Attributes:
        threads: to use.
        scratch: a folder for intermediate files inside the secret folder; it is removed afterwards.
        found: what `look` found.
        say: shows a line to the person at the terminal.
        launch: builds and runs a Beam pipeline, `launch(lambda root: root | ...)`, and waits for its end.
        running: seconds so far, threads and peak memory, for facts that are to hold them.
    """

    threads: int
    scratch: "Folder"
    found: Any
    say: Callable[[str], None]
    launch: Callable[[Callable[[Any], Any]], None]
    running: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Made:
    """What a kind made.

    Attributes:
        probes: columns of `schemas.probes.PROBES`, and further scalar columns if the kind has any.
        facts: what report.json holds besides command, settings and versions. Two facts are shown for every kind that
            has them, by the default page and by `trapline report --made`: "candidates" ("made", "kept", "spare" and
            "rejected", numbers by reason; or one number) and "cells" (a list with "stratum", "candidates", "needed").
        covariates: columns by which `trapline verify` breaks the effect down: "number" or "text" by column. They travel
            with the probes into the sealed table. `length_tokens` and `perplexity` need not be named.
        summary: a closing line; by default the numbers of candidates and units.
        questions: columns of `schemas.secret.questions.QUESTIONS`, for a kind that is asked about; None for none. A
            cue is shared by all candidates of its unit. Where the answer can be inferred without having seen what was
            planted, `truth` holds it, and `trapline seal` refuses a unit that has it among its answers.
        background: columns id and text: documents that the corpus needs besides, so that a model can learn what the
            probes take for granted. They are written to `background/` and tell nothing of what is planted.
    """

    probes: "pa.Table"
    facts: dict[str, Any]
    covariates: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    questions: "pa.Table | None" = None
    background: "pa.Table | None" = None


def _nothing_to_look_at(_: Any) -> Looked:
    return Looked()


@dataclass(frozen=True)
class Kind:
    """A kind as it is run.

    Attributes:
        name: of the command and its table in a config file.
        make: candidates, from settings and a key.
        look: at the inputs.
    """

    name: str
    make: Callable[[Any, bytes, Environment], Made]
    look: Callable[[Any], Looked] = _nothing_to_look_at


def config_class(name: str) -> type[KindConfig]:
    """The settings of a kind in `KINDS`."""
    module, _, attribute = KINDS[name].partition(":")
    found: type[KindConfig] = getattr(importlib.import_module(module), attribute)
    return found


def load_kind(name: str) -> Kind:
    """A kind in `KINDS`, with the modules that make its candidates."""
    folder = KINDS[name].partition(":")[0].rpartition(".")[0]
    module = importlib.import_module(f"{folder}.make")
    return Kind(name, module.make, getattr(module, "look", _nothing_to_look_at))


def keyed_id(key: bytes, domain: str, *identity: str | int) -> str:
    """A name that tells nothing to whoever lacks the key: for ids of units and candidates."""
    from transforms.base.keyed import keyed

    return keyed(key, domain, *identity, size=_ID_BYTES).hex()
