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
        note: what else to do, as a command.
    """

    name: str
    packages: tuple[str, ...] = ()
    python: str = ""
    note: str = ""


OWN = Environment("trapline")
DATATROVE = Environment(
    "datatrove", ("datatrove==0.10.1", "pyarrow", "nltk", "spacy", "regex", "tldextract", "xxhash", "fasteners")
)
TRAFILATURA = Environment("trafilatura", ("datatrove==0.10.1", "trafilatura==2.3.1", "pyarrow", "nltk"))
TEXT_DEDUP = Environment("text-dedup", ("text-dedup==0.4.1", "pyarrow"), "3.12")
DOLMA = Environment("dolma", ("dolma==1.2.1", "pyarrow"))
DATASKETCH = Environment("datasketch", ("datasketch[bloom]==2.0.0", "pyarrow"))
MODELS = Environment("models", ("kenlm==0.3.0", "fasttext-numpy2==0.10.4", "pyarrow"))
SUFFIXES = Environment("suffixes", ("pydivsufsort==0.0.20", "pyarrow"))

ENVIRONMENTS = (OWN, DATATROVE, TRAFILATURA, TEXT_DEDUP, DOLMA, DATASKETCH, MODELS, SUFFIXES)

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
    """

    name: str
    title: str
    module: str
    environment: Environment
    looks_at: str
    repetition: bool
    packages: tuple[str, ...] = ()


JUDGES: tuple[Judge, ...] = (
    Judge("lines", "line hashes as CCNet has them, own version", "duplicates.lines", OWN, WHOLE_CORPUS, True),
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
