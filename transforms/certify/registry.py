"""The judges of `trapline certify`, one line each, and the environments in which they run.

A judge is a module in `judges/` with a function

    judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterable[str | None]

that gives what is left of each document, or None if it is dropped; `corpus` are documents without planted text, for
judges that are trained. `SETTINGS` is recorded. The module runs in an environment that may hold nothing of trapline
but its own source: it imports what it needs inside of `judge`, and of trapline only `transforms.certify.judges`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Environment:
    """A Python with the packages of some judges.

    Attributes:
        name: of its folder.
        packages: as pip takes them, pinned; none for trapline's own Python.
        python: the version it needs, "" for any.
        alone: packages that are installed after these, without what they depend on.
        shared: whether its judges share work, and so run in one process.
    """

    name: str
    packages: tuple[str, ...] = ()
    python: str = ""
    alone: tuple[str, ...] = ()
    shared: bool = False


OWN = Environment("trapline")
DATATROVE = Environment(
    "datatrove",
    (
        *("datatrove==0.10.1", "pyarrow", "nltk", "spacy", "regex", "tldextract", "fasteners", "tokenizers"),
        "xxhash==3.5.0",  # datatrove hands it text, which later ones refuse
    ),
    shared=True,
)
TRAFILATURA = Environment(
    "trafilatura", ("datatrove==0.10.1", "trafilatura==2.3.1", "lxml_html_clean", "pyarrow", "nltk")
)
TEXT_DEDUP = Environment("text-dedup", ("text-dedup==0.4.1", "pyarrow"), "3.12")
# Pip looks for hours for versions of what Dolma wants to upload to, boto3 beside s3fs: it goes in alone, with what this
# judge needs.
DOLMA = Environment(
    "dolma",
    (
        *("pyarrow", "fasttext-numpy2==0.10.4", "trafilatura==2.3.1", "smart-open", "tqdm", "msgspec"),
        *("requests", "platformdirs", "omegaconf", "PyYAML", "rich", "zstandard", "nltk", "necessary", "fsspec"),
        *("uniseg", "anyascii", "blingfire", "tokenizers", "charset-normalizer", "s3fs", "jq", "python-dotenv"),
    ),
    alone=("dolma==1.2.1",),
)
DATASKETCH = Environment("datasketch", ("datasketch[bloom]==2.0.0", "pyarrow"))
MODELS = Environment("models", ("kenlm==0.3.0", "fasttext-numpy2==0.10.4", "pyarrow"))

ENVIRONMENTS = (OWN, DATATROVE, TRAFILATURA, TEXT_DEDUP, DOLMA, DATASKETCH, MODELS)

PER_DOCUMENT, WHOLE_CORPUS = "document", "corpus"
"""What a judge looks at: each document by itself, or all of them together."""


@dataclass(frozen=True)
class Judge:
    """A judge.

    Attributes:
        name: what the user calls it.
        title: what it is, in a few words.
        module: below `transforms.certify.judges`.
        environment: where it runs.
        looks_at: `PER_DOCUMENT` or `WHOLE_CORPUS`.
        repetition: whether it takes out what occurs more than once, and so may take out exact copies by design.
        packages: distributions whose versions are recorded.
        cost: roughly what it takes of the CPU for a megabyte of corpus, in seconds: those that take most begin first.
    """

    name: str
    title: str
    module: str
    environment: Environment
    looks_at: str
    repetition: bool
    packages: tuple[str, ...] = ()
    cost: float = 0.0


def _filter(name: str, title: str, module: str, environment: Environment, *packages: str) -> Judge:
    """A judge of single documents."""
    where, cost = f"filters.{module}", _SECONDS[name]
    return Judge(name, title, where, environment, PER_DOCUMENT, repetition=False, packages=packages, cost=cost)


def _repeats(name: str, title: str, module: str, environment: Environment, *packages: str) -> Judge:
    """A judge of what a corpus holds more than once."""
    cost = _SECONDS[name]
    return Judge(name, title, module, environment, WHOLE_CORPUS, repetition=True, packages=packages, cost=cost)


_SECONDS = {
    "c4": 0.12,
    "fineweb": 0.06,
    "gopher-quality": 0.37,
    "gopher-repetition": 0.34,
    "kenlm": 0.15,
    "fasttext": 0.1,
    "trafilatura": 1.0,
    "minhash": 0.42,
    "sentences": 0.95,
    "exact": 0.01,
    "bloom": 0.59,
    "text-dedup-minhash": 0.8,
    "text-dedup-simhash": 0.48,
    "lshbloom": 0.4,
    "dolma": 0.13,
    "lines": 0.15,
    "substrings": 0.42,
    "trapline": 0.21,
}
"""Seconds of CPU per megabyte of sample (docs/evidence/survival.md): they order processes and balance their judges."""

JUDGES: tuple[Judge, ...] = (
    _filter("c4", "C4 quality", "c4", DATATROVE, "datatrove"),
    _filter("fineweb", "FineWeb quality", "fineweb", DATATROVE, "datatrove"),
    _filter("gopher-quality", "Gopher quality", "gopher_quality", DATATROVE, "datatrove"),
    _filter("gopher-repetition", "Gopher repetition", "gopher_repetition", DATATROVE, "datatrove"),
    _filter("kenlm", "perplexity, KenLM", "kenlm", MODELS, "kenlm"),
    _filter("fasttext", "quality, fastText", "fasttext", MODELS, "fasttext-numpy2"),
    _repeats("trafilatura", "main text, trafilatura", "filters.trafilatura", TRAFILATURA, "datatrove", "trafilatura"),
    _repeats("minhash", "MinHash, datatrove", "duplicates.datatrove_minhash", DATATROVE, "datatrove"),
    _repeats("sentences", "three sentences, datatrove", "duplicates.datatrove_sentences", DATATROVE, "datatrove"),
    _repeats("exact", "exact documents, datatrove", "duplicates.datatrove_exact", DATATROVE, "datatrove"),
    _repeats("bloom", "Bloom filter, datatrove", "duplicates.datatrove_bloom", DATATROVE, "datatrove"),
    _repeats("text-dedup-minhash", "MinHash, text-dedup", "duplicates.textdedup_minhash", TEXT_DEDUP, "text-dedup"),
    _repeats("text-dedup-simhash", "SimHash, text-dedup", "duplicates.textdedup_simhash", TEXT_DEDUP, "text-dedup"),
    _repeats("lshbloom", "LSHBloom, datasketch", "duplicates.lshbloom", DATASKETCH, "datasketch", "pybloomfilter3"),
    _repeats("dolma", "paragraphs, Dolma", "duplicates.dolma_paragraphs", DOLMA, "dolma"),
    _repeats("lines", "line hashes, own version", "duplicates.lines", OWN),
    _repeats("substrings", "substrings of 50 tokens, own version", "duplicates.substrings", OWN, "numpy"),
    _repeats("trapline", "trapline dedup", "duplicates.trapline_dedup", OWN, "trapline"),
)
"""All judges, in the order in which reports show them."""


def judges_named(names: Sequence[str]) -> list[Judge]:
    """The judges of these names, in the registry's order; all for no name.

    Raises:
        ValueError: naming one that does not exist, and those that do.
    """
    known = {judge.name: judge for judge in JUDGES}
    for name in names:
        if name not in known:
            raise ValueError(f"--judges {name}: there is no such judge; there are {', '.join(known)}")
    return [judge for judge in JUDGES if not names or judge.name in names]
