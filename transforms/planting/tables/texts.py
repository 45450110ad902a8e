"""All texts of a table of probes that may be planted or scored, and what planting wants to know of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.probes import FAMILY
from transforms.base.texts import buffers_of, one_array, text_sizes
from transforms.planting.forms import forms_of
from transforms.planting.tables.fields_kernel import ends_of
from transforms.planting.tables.spelled import rows_of

Ints = npt.NDArray[np.int64]
FAMILY_TEXTS = tuple(one.name for one in FAMILY if pa.types.is_list(one.type))
"""Columns with further texts of a candidate."""
PLANTED = ("text", "variants")
"""Columns whose texts may be planted."""


@dataclass(frozen=True)
class Part:
    """The texts of one column.

    Attributes:
        name: of the column.
        texts: large_string[n], of all rows, one after the other.
        rows: int64[n], the row of each.
        firsts: int64[n], the code point of the first character of each; 0 for an empty text.
        lasts: int64[n], of the last.
    """

    name: str
    texts: pa.Array
    rows: Ints
    firsts: Ints
    lasts: Ints


def parts_of(probes: pa.Table) -> list[Part]:
    """The column `text`, then those of `FAMILY_TEXTS` that there are."""
    found = []
    for name, texts, rows in _columns(probes):
        firsts, lasts = np.empty(len(texts), np.int64), np.empty(len(texts), np.int64)
        ends_of(*buffers_of(texts), firsts, lasts)
        found.append(Part(name, texts, rows, firsts, lasts))
    return found


def _columns(probes: pa.Table) -> Iterator[tuple[str, pa.Array, Ints]]:
    yield "text", one_array(probes.column("text")), np.arange(probes.num_rows)
    for name in FAMILY_TEXTS:
        if name in probes.column_names:
            lists = one_array(probes.column(name))
            yield name, pc.list_flatten(lists), rows_of(lists)


@dataclass(frozen=True)
class Known:
    """What is known of units without a look at their texts one by one.

    Attributes:
        forms: int8[units], see `transforms.planting.forms`.
        longest: int64[units], UTF-8 bytes of the longest text that may be planted.
    """

    forms: npt.NDArray[np.int8]
    longest: Ints


def known_of(parts: list[Part], unit_of: Ints, units: int) -> Known:
    """Forms and sizes of units, by the unit int64[rows] of each row."""
    chosen = [part for part in parts if part.name in PLANTED]
    owners = np.concatenate([unit_of[part.rows] for part in chosen])
    firsts, lasts = (np.concatenate([getattr(part, name) for part in chosen]) for name in ("firsts", "lasts"))
    longest = np.zeros(units, np.int64)
    np.maximum.at(longest, owners, np.concatenate([text_sizes(part.texts) for part in chosen]).astype(np.int64))
    return Known(forms_of(firsts, lasts, owners, units), longest)
