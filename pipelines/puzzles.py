"""`trapline puzzles`: Knights and Knaves with certified perturbations, as a data set or as probes."""

import hashlib
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from cyclopts import Parameter

from pipelines.running.errors import UsageError
from transforms.base.flags import (
    INPUT,
    OUTPUT,
    PUZZLES,
    RUNNING,
    UNITS,
    Several,
    SeveralByDefault,
    SeveralNumbers,
    Whole,
    WholeByDefault,
    was_given,
)
from transforms.probes.kind import MOST_DOSE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.running.context import Context
    from transforms.probes.puzzles.dataset import Request
    from transforms.probes.puzzles.items import ItemConfig
    from transforms.probes.puzzles.logic.grammar import Grammar
    from transforms.probes.puzzles.splits import Splits

_LANGUAGES = ("en", "de", "fr")
_MOST_PEOPLE = 100
_MOST_EDITS = 16
_LEVEL = 0.95
_SHARES = SeveralByDefault((0.4, 0.2, 0.4))


_SHARED = (
    "people",
    "count",
    "languages",
    "knights",
    "depth",
    "width",
    "constant_claims",
    "hamming",
    "minimal",
    "shares",
)
_FLAGS = {
    "probes": (*_SHARED, "seed", "controls", "doses", "thoughts", "threads"),
    "dataset": (
        *_SHARED,
        *("seed", "test", "lang_variants", "edits", "export", "compression", "overwrite", "threads"),
    ),
    "judge": ("judge", "dataset", "level"),
}
"""What each way of running the command takes besides --output and --dry-run."""
_DO = {"probes": "--as probes", "dataset": "--as dataset", "judge": "--judge"}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PuzzlesConfig:
    """Make Knights-and-Knaves puzzles with certified perturbations: probes to seal, or a data set; or judge replies.

    A flag whose text begins with probes, dataset or judge belongs to that way of running only.
    """

    output: Annotated[str, OUTPUT]
    """A new folder. Probes are secret: for them it is local and readable only by its owner."""
    as_: Annotated[Literal["probes", "dataset"] | None, Parameter(name="--as"), OUTPUT] = None
    """probes (default): units of siblings to be sealed. dataset: items with all edits and variants, in Parquet."""
    judge: Annotated[str, INPUT] = ""
    """judge: a model's replies to a data set (JSONL or Parquet): accuracy, consistency, LiMem, transfer over sizes."""
    dataset: Annotated[str, INPUT] = ""
    """judge: the data set, an output of --as dataset."""
    level: Annotated[float | None, PUZZLES] = None
    """judge: level of the bootstrap intervals; 0.95 by default."""
    people: Annotated[Several, PUZZLES] = field(default=SeveralByDefault(("4..8",)))
    """Sizes: numbers and ranges, 2 to 100; probes from 4."""
    count: Annotated[Whole, PUZZLES] = field(default=WholeByDefault(1000))
    """Puzzles of each size for the split train; as probes: units of each size and dose."""
    test: Annotated[Whole, PUZZLES] = field(default=WholeByDefault(100))
    """dataset: puzzles of each size for the split test."""
    languages: Annotated[Several, PUZZLES] = field(default=SeveralByDefault(("en",)))
    """Languages of the texts: en, de, fr. dataset: one row per language. probes: units take turns."""
    lang_variants: Annotated[bool | None, Parameter(negative="--no-lang-variants"), PUZZLES] = None
    """dataset: the quiz with another role pair, flipped roles, uncommon names and reordered statements; default."""
    edits: Annotated[Whole, PUZZLES] = field(default=WholeByDefault(1))
    """dataset: statement and leaf edits of each puzzle; those after the first are in further_edits."""
    controls: Annotated[Whole, UNITS] = field(default=WholeByDefault(9))
    """probes: siblings per unit that are held out."""
    doses: Annotated[SeveralNumbers, UNITS] = field(default=SeveralByDefault((1,)))
    """probes: copies to plant of the sibling that is drawn."""
    thoughts: Annotated[bool, UNITS] = False
    """probes: documents contain a chain of thought."""
    knights: Annotated[str, PUZZLES] = ""
    """How many people are knights: any (default), balanced (each number equally often), or a number."""
    depth: Annotated[Whole, PUZZLES] = field(default=WholeByDefault(2))
    """Maximum nesting depth of a claim."""
    width: Annotated[Whole, PUZZLES] = field(default=WholeByDefault(2))
    """Maximum number of operands of `and` and `or`."""
    constant_claims: Annotated[bool, PUZZLES] = False
    """Allow claims that are true, or false, whoever is a knight; the published puzzles have some."""
    hamming: Annotated[Whole, PUZZLES] = field(default=WholeByDefault(0))
    """People whose role changes in statement and leaf edits; 0: any number."""
    minimal: Annotated[bool, PUZZLES] = False
    """Statement edits change as few tokens of a claim as possible."""
    shares: Annotated[tuple[float, float, float], PUZZLES] = cast("tuple[float, float, float]", _SHARES)
    """Shares of all classes that may become train, test and edited puzzles."""
    seed: Annotated[str, PUZZLES] = ""
    """What everything is drawn from. dataset: "0" by default; probes: 32 bytes from the operating system."""
    export: Annotated[Literal["none", "reference-jsonl"] | None, OUTPUT] = None
    """dataset: JSONL under the field names of the published set, too, in reference/; none by default."""
    compression: Annotated[str, OUTPUT] = ""
    """dataset: Parquet codec, with a level if wanted: zstd (default), zstd:9, snappy, gzip, lz4, brotli, none."""
    overwrite: Annotated[bool, OUTPUT] = False
    """dataset: replace a finished output in the same folder."""
    threads: Annotated[Whole, RUNNING] = field(default=WholeByDefault(0))
    """Threads per worker; 0: all cores."""
    dry_run: Annotated[bool, RUNNING] = False
    """Check the request, print the resolved settings, write nothing."""

    def __post_init__(self) -> None:
        """Check every value by itself, and that no flag is given that would be ignored."""
        self._refuse_flags_of_another_way()
        if self.way == "judge":
            return
        checks = (
            (1 <= self.count <= 100_000_000, f"--count {self.count}: give 1 to 100,000,000"),
            (0 <= self.test <= 100_000_000, f"--test {self.test}: give 0 to 100,000,000"),
            (1 <= self.controls <= 999, f"--controls {self.controls}: give 1 to 999"),
            (
                bool(self.doses) and min(self.doses) >= 1 and max(self.doses) <= MOST_DOSE,
                f"--doses {self.doses}: give numbers from 1 to {MOST_DOSE:,}",
            ),
            (0 <= self.threads <= 1024, f"--threads {self.threads}: give 0 (all cores) to 1024"),
            (
                re.fullmatch(r"any|balanced|[0-9]{1,3}|", self.knights) is not None,
                f"--knights {self.knights!r}: give any, balanced or a number",
            ),
            (self.hamming >= 0, f"--hamming {self.hamming}: give 0 (any) or more"),
            (1 <= self.edits <= _MOST_EDITS, f"--edits {self.edits}: give 1 to {_MOST_EDITS}"),
            (bool(self.languages), "--languages: give at least one"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)
        for tag in self.languages:
            if tag not in _LANGUAGES:
                raise ValueError(f"--languages {tag!r}: give some of {', '.join(_LANGUAGES)}")
        if len(set(self.languages)) < len(self.languages) or len(set(self.doses)) < len(self.doses):
            raise ValueError("--languages and --doses: name each once")
        sizes = self.sizes()
        if self.way == "probes" and min(sizes) < 4:
            raise ValueError(
                f"--people {' '.join(self.people)}: probes need 4 people or more, below there are too few classes; "
                "give --people 4..8, or --as dataset"
            )
        if self.compression:
            from transforms.corpus.output.sink import ParquetFormat

            try:
                ParquetFormat(self.compression)
            except ValueError as error:
                raise ValueError(f"--compression {self.compression}: {error}") from error

    def _refuse_flags_of_another_way(self) -> None:
        if self.judge and self.as_ is not None:
            raise ValueError(f"--judge and --as {self.as_}: give one of them, to judge replies or to make puzzles")
        for name in dict.fromkeys(name for names in _FLAGS.values() for name in names):
            value = getattr(self, name)
            given = was_given(value) or (name == "lang_variants" and value is not None)
            if given and name not in _FLAGS[self.way]:
                flag = "--no-lang-variants" if name == "lang_variants" and not value else f"--{name.replace('_', '-')}"
                ways = [_DO[way] for way, names in _FLAGS.items() if name in names]
                raise ValueError(f"{flag} would be ignored with {_DO[self.way]}: give it with {' or '.join(ways)} only")
        if self.judge and not self.dataset:
            raise ValueError("--judge needs --dataset FOLDER: the data set that the replies answer")
        if self.level is not None and not 0 < self.level < 1:
            raise ValueError(f"--level {self.level}: give a number between 0 and 1, such as 0.95")

    @property
    def way(self) -> str:
        """How the command is run: "probes", "dataset" or "judge"."""
        return "judge" if self.judge else self.as_ or "probes"

    @property
    def codec(self) -> str:
        """The Parquet codec, resolved."""
        return self.compression or "zstd"

    @property
    def exports(self) -> bool:
        """Whether the reference's files are written, too."""
        return self.export == "reference-jsonl"

    def sizes(self) -> tuple[int, ...]:
        """Numbers of people, in ascending order, each once.

        Raises:
            ValueError: for what is no number or range.
        """
        found: set[int] = set()
        for part in self.people:
            match = re.fullmatch(r"([0-9]{1,3})(?:\.\.([0-9]{1,3}))?", part)
            lo, hi = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
            if not 2 <= lo <= hi <= _MOST_PEOPLE:
                raise ValueError(f"--people {part!r}: give numbers or ranges from 2 to {_MOST_PEOPLE}, such as 2..8")
            found.update(range(lo, hi + 1))
        if not found:
            raise ValueError("--people: give at least one number or range")
        return tuple(sorted(found))

    def what_the_output_depends_on(self) -> dict[str, Any]:
        """The settings that change the output: without paths, threads and ways of running."""
        defaults = {
            "seed": "0",
            "knights": "any",
            "compression": "zstd",
            "export": "none",
            "lang_variants": True,
            "level": _LEVEL,
        }
        ways_of_running = ("overwrite", "threads")
        settings = {name: getattr(self, name) for name in _FLAGS[self.way] if name not in ways_of_running}
        for name, value in settings.items():
            if value is None or value == "":
                settings[name] = defaults[name]
        way = {} if self.way == "judge" else {"as": self.way}
        return {**way, **{name: _plain(value) for name, value in settings.items()}}

    def key(self, seed: bytes | None = None) -> bytes:
        """32 bytes that everything is drawn from: the hash of --seed, or of random bytes in its place."""
        return hashlib.blake2b(seed if seed is not None else (self.seed or "0").encode(), digest_size=32).digest()

    def new_key(self) -> bytes:
        """For probes: from --seed, or from the operating system."""
        return self.key(self.seed.encode() if self.seed else os.urandom(32))

    def corpus_inputs(self) -> "Mapping[str, Sequence[str]]":
        """Puzzles are made without a corpus."""
        return {}

    def resolved(self) -> dict[str, Any]:
        """For probes: the settings that change the output, without the seed, since whoever has it has the probes."""
        return {name: value for name, value in self.what_the_output_depends_on().items() if name != "seed"}

    def grammar(self) -> "Grammar":
        """Which claims there are.

        Raises:
            UsageError: for a depth or width that there is not.
        """
        from transforms.probes.puzzles.logic.grammar import Grammar

        try:
            grammar = Grammar(self.depth, self.width, self.constant_claims)
            for people in self.sizes():
                grammar.check(people)
        except ValueError as error:
            raise UsageError(f"--depth, --width: {error}") from error
        return grammar

    def splits(self, key: bytes) -> "Splits":
        """How classes are divided."""
        from transforms.probes.puzzles.splits import Splits

        try:
            return Splits(key, self.shares)
        except ValueError as error:
            raise UsageError(f"--shares: {error}") from error

    def items(self, key: bytes) -> "ItemConfig":
        """What an item holds."""
        from transforms.probes.puzzles.items import ItemConfig

        if self.hamming > min(self.sizes()):
            raise UsageError(f"--hamming {self.hamming}: there are puzzles of {min(self.sizes())} people")
        return ItemConfig(
            key,
            self.splits(key).bounds("perturbation"),
            self.grammar(),
            self.languages,
            self.hamming,
            self.minimal,
            self.lang_variants is not False,
            self.edits,
        )

    def requests(self, key: bytes) -> "list[Request]":
        """What is wanted of each size.

        Raises:
            UsageError: for more knights than people.
        """
        from transforms.probes.puzzles.dataset import Request
        from transforms.probes.puzzles.logic.grammar import ANY_KNIGHTS, BALANCED
        from transforms.probes.puzzles.logic.stream import PuzzleStream

        knights = {"": ANY_KNIGHTS, "any": ANY_KNIGHTS, "balanced": BALANCED}.get(self.knights)
        grammar = self.grammar()
        try:
            return [
                Request(
                    PuzzleStream(people, key, grammar, int(self.knights) if knights is None else knights),
                    (self.count, self.test),
                )
                for people in self.sizes()
            ]
        except ValueError as error:
            raise UsageError(f"--knights {self.knights}: {error}") from error


def _plain(value: Any) -> Any:
    """A setting without the mark that it is a default."""
    if isinstance(value, tuple):
        return tuple(value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def run(config: PuzzlesConfig, context: "Context") -> int:
    """Make the puzzles or judge the replies; returns the exit code.

    Raises:
        UsageError, RunError, CorpusError: with what to change or mend.
    """
    if config.way != "dataset" and context.beam_flags:
        raise UsageError(
            f"{context.beam_flags[0]} would be ignored with {_DO[config.way]}, which runs in this process: "
            "give flags of Apache Beam with --as dataset only"
        )
    if config.way == "judge":
        from pipelines.probes.puzzles_judge import judge_replies

        return judge_replies(config, context.progress)
    from pipelines.probes.puzzles_dataset import run as run_puzzles

    return run_puzzles(config, context.beam_options, context.progress)
