"""Make sentences: strata of units whose candidates are of one making and equally long."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from schemas.probes import conform
from transforms.base.errors import CorpusError
from transforms.base.keyed import keyed_order
from transforms.base.readable import count, counted, size
from transforms.probes.corpus.finder import finder
from transforms.probes.corpus.pieces import corpus_pieces
from transforms.probes.kind import Environment, Looked, Made, keyed_id
from transforms.probes.ngram.ngram import NAME
from transforms.probes.sentences.config import SentencesConfig
from transforms.probes.sentences.source import Source
from transforms.probes.sentences.strata import Stratum

KIND = "sentence"


def look(config: SentencesConfig) -> Looked:
    """Units, and the pieces of the corpus."""
    pieces = corpus_pieces(config.corpus, config.text_column)
    by_stratum = config.units_by_stratum()
    lines = [f"{name}: {counted(len(doses), 'unit')}" for name, doses in by_stratum.items()]
    lines.append(f"{counted(config.controls + 1, 'candidate')} each")
    lines.append(f"about {size(sum(piece.size for piece in pieces))} of text in the corpus")
    return Looked(lines, pieces)


def make(config: SentencesConfig, key: bytes, environment: Environment) -> Made:
    """Units of every stratum; which candidate gets which number is a keyed hash of its text.

    Raises:
        CorpusError: if the corpus does not give what is asked for.
    """
    scans: list[dict[str, Any]] = []
    find = finder(environment.found, config.text_column, environment, scans)
    source = Source(config, key, environment, find)
    by_stratum = config.units_by_stratum()
    rows: list[dict[str, Any]] = []
    for stratum, doses in by_stratum.items():
        making = Stratum(source, stratum)
        units = list(itertools.islice(making.units(), len(doses)))
        if len(units) < len(doses):
            raise CorpusError(
                f"stratum {stratum}: {count(len(units))} of {count(len(doses))} units can be made of the corpus: give "
                "fewer --units or --controls, another --length, or more of the corpus"
            )
        dealt = keyed_order(key, f"sentences/dose {stratum}", [str(at) for at in range(len(doses))])
        for number, (texts, at) in enumerate(zip(units, dealt.tolist(), strict=True)):
            rows += _rows(source, making, number, doses[at], texts)
    rows.sort(key=lambda row: (row["unit"], row["candidate"]))
    schema = _SCHEMA if any(row["variants"] for row in rows) else _SCHEMA.remove(_SCHEMA.get_field_index("variants"))
    facts = {
        "candidates": {"made": source.made, "kept": len(rows), "spare": 0, "rejected": dict(source.rejected)},
        "words_in_the_list": len(source.listed),
        "scans": len(scans),
    }
    summary = f"{count(len(rows))} candidates in {counted(len(rows) // (config.controls + 1), 'unit')}"
    return Made(conform([(KIND, pa.Table.from_pylist(rows, schema=schema))]), facts, {}, summary)


_SCHEMA = pa.schema(
    [
        ("id", pa.string()), ("kind", pa.string()), ("unit", pa.string()), ("candidate", pa.int32()),
        ("stratum", pa.string()), ("dose", pa.int32()), ("text", pa.large_string()), ("length_tokens", pa.int32()),
        ("generator", pa.string()), ("planted_as", pa.string()), ("variants", pa.list_(pa.large_string())),
    ]
)  # fmt: skip


def _rows(source: Source, making: Stratum, number: int, dose: int, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One for each candidate of a unit, in the columns of probes."""
    stratum = making.name
    order = keyed_order(source.key, f"sentences/candidate {stratum} {number}", texts)
    for candidate, at in enumerate(order.tolist()):
        yield {
            "id": keyed_id(source.key, "sentences/id", stratum, number, candidate),
            "kind": KIND,
            "unit": keyed_id(source.key, "sentences/unit", stratum, number),
            "candidate": candidate,
            "stratum": stratum,
            "dose": dose,
            "text": texts[at],
            "length_tokens": (source.tokens([texts[at]])[0] or (None,))[0],
            "generator": f"sentences/1 {NAME}",
            "planted_as": source.config.planted_as,
            "variants": making.variants(texts[at], dose - 1),
        }
