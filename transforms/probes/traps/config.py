"""The settings of `trapline traps`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from transforms.base.flags import CANDIDATES, INPUT, UNITS, Several, SeveralNumbers, Whole
from transforms.probes.kind import MOST_UNITS, KindConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transforms.probes.traps.design import Design
    from transforms.probes.traps.families.wanted import Wanted

_MOST_TOKENS, _MOST_CANDIDATES = 100_000, MOST_UNITS
_MOST_BLOCKS, _MOST_VARIANTS = 1_000, 10_000
_BUCKETS = {"ngram": 4, "lm": 10, "file": 1}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrapsConfig(KindConfig):
    """Make candidates for copyright traps; a later draw picks which of them are planted."""

    corpus: Annotated[Several, INPUT] = ()
    """The corpus: files, folders or quoted globs. No candidate shares 8 words in a row with it."""
    generator: Annotated[Literal["ngram", "lm", "file"], CANDIDATES] = "ngram"
    """ngram: an n-gram model of the corpus. lm: a checkpoint in --model. file: your own candidates."""
    model: Annotated[str, INPUT] = ""
    """lm: a causal language model in the Hugging Face layout, with safetensors."""
    candidates: Annotated[Several, INPUT] = ()
    """file: Parquet, Arrow or JSONL with a text column (and perplexity, if wanted), or text, one candidate per line."""
    form: Annotated[Literal["sentence", "line"], CANDIDATES] = "sentence"
    """sentence: whole sentences of prose. line: any plain line that begins and ends with a word."""
    lengths: Annotated[SeveralNumbers, CANDIDATES] = ()
    """Lengths in tokens. Default: 25 50 100; for file, any length. file: use only candidates of these lengths."""
    doses: Annotated[SeveralNumbers, UNITS] = (1, 10, 100, 1000)
    """Copies to plant of the candidate that is drawn."""
    units: Annotated[SeveralNumbers, UNITS] = ()
    """Units per length and bucket: one number, or one per dose. Default for the default doses: 700 200 60 24."""
    tokenizer: Annotated[Several, INPUT] = ()
    """Files (tokenizer.json) whose tokens must survive decoding and encoding; lengths are in tokens of the first."""
    separator: Annotated[Several, INPUT] = ()
    """Texts that separate documents of the corpus, besides the common ones."""
    perplexity_buckets: Annotated[Whole, CANDIDATES] = 0
    """Buckets of perplexity; 0: 10 for lm ([1,11) to [91,101)), 4 for ngram (quantiles), 1 for file."""
    fuzzy: Annotated[Whole, CANDIDATES] = 0
    """Copies differ: one word is replaced in each of so many equal blocks of a candidate. 0: all copies alike."""
    variants: Annotated[Whole, CANDIDATES] = 0
    """fuzzy: variants per candidate; further copies repeat them in turn. 0: one for every copy but the first."""
    fresh: Annotated[Whole, CANDIDATES] = 0
    """fuzzy: further variants per candidate that are never planted, for metrics that take a mean over them."""
    fuzzy_model: Annotated[str, INPUT] = ""
    """fuzzy: a masked language model that suggests the words. Default: the n-gram model of the corpus."""
    allow_short: Annotated[bool, CANDIDATES] = False
    """Make fewer units where a cell cannot be filled."""
    text_column: Annotated[str, INPUT] = "text"
    """Column or field with the text."""

    def __post_init__(self) -> None:
        """Check what can be checked without the data."""
        from_file = self.generator == "file"
        checks = (
            (bool(self.corpus) or self.generator != "ngram", "--corpus: ngram is fitted to it: give at least one file"),
            (bool(self.model) == (self.generator == "lm"), "--model DIR goes with --generator lm"),
            (bool(self.candidates) == from_file, "--candidates FILE... goes with --generator file"),
            (0 <= self.perplexity_buckets <= 99, f"--perplexity-buckets {self.perplexity_buckets}: give 1 to 99"),
            (0 <= self.fuzzy <= _MOST_BLOCKS, f"--fuzzy {self.fuzzy}: give 1 to {_MOST_BLOCKS} blocks, or 0"),
            (0 <= self.variants <= _MOST_VARIANTS, f"--variants {self.variants}: give 0 to {_MOST_VARIANTS}"),
            (0 <= self.fresh <= _MOST_VARIANTS, f"--fresh {self.fresh}: give 0 to {_MOST_VARIANTS}"),
            (
                self.fuzzy > 0 or not (self.variants or self.fresh or self.fuzzy_model),
                "--variants, --fresh and --fuzzy-model go with --fuzzy BLOCKS",
            ),
            (
                self.fuzzy == 0 or bool(self.corpus) or bool(self.fuzzy_model),
                "--fuzzy: words are suggested by a model of --corpus: give it, or --fuzzy-model DIR",
            ),
            (all(self.separator), "--separator: an empty text is in every candidate"),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(message)
        super().__post_init__()
        for length in self.lengths:
            if not 1 <= length <= _MOST_TOKENS:
                raise ValueError(f"--lengths {length}: give 1 to {_MOST_TOKENS}")
        if len(set(self.lengths)) < len(self.lengths):
            raise ValueError(f"--lengths {' '.join(map(str, self.lengths))}: give each once")
        if self.design().candidates > _MOST_CANDIDATES:
            raise ValueError(
                f"{self.design().candidates} candidates: {_MOST_CANDIDATES} are the most; lower --units or --controls"
            )

    def design(self) -> "Design":
        """Cells and what they need.

        Raises:
            ValueError: if --units does not fit --doses.
        """
        from transforms.probes.traps.design import Design, units_for

        lengths = self.lengths or ((0,) if self.generator == "file" else (25, 50, 100))
        buckets = self.perplexity_buckets or _BUCKETS[self.generator]
        return Design(lengths, self.doses, units_for(self.doses, self.units), self.controls, buckets)

    def family(self) -> "Wanted":
        """What the families of candidates are made of."""
        from transforms.probes.traps.families.wanted import Wanted

        return Wanted(self.fuzzy, self.variants, self.fresh)

    def corpus_inputs(self) -> "Mapping[str, Sequence[str]]":
        """The corpus that is searched."""
        return {"--corpus": self.corpus}

    def resolved(self) -> dict[str, Any]:
        """With the lengths, units and buckets that the defaults come to."""
        design = self.design()
        lengths = [] if design.lengths == (0,) else list(design.lengths)
        chosen = {"lengths": lengths, "units": list(design.units), "perplexity_buckets": design.buckets}
        return {**super().resolved(), **chosen}
