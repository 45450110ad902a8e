"""A condition on the columns of a corpus."""

import pyarrow as pa
import pytest

from transforms.base.errors import CorpusError
from transforms.corpus.input.condition import check_condition, condition_columns, condition_holds

TABLE = pa.table({"lang": ["en", "fr", None, "Agg"], "rank": [1, 2, 3, None]})


@pytest.mark.parametrize(
    ("sql", "holds"),
    [
        ("lang = 'en'", [True, False, False, False]),
        ("rank > 1 AND lang IN ('fr', 'de')", [False, True, False, False]),
        ("lang IS NULL OR lang LIKE 'A%'", [False, False, True, True]),
        ("lang = 'Agg' OR lang = 'Len'", [False, False, False, True]),
        ("missing = 1", [False] * 4),
        ("1 = 1", [True] * 4),
        ("length(lang) = 2", [True, True, False, False]),
    ],
)
def test_a_document_is_judged_by_its_own_columns(sql: str, holds: list[bool]) -> None:
    assert condition_holds(TABLE, sql).to_pylist() == holds
    halves = [condition_holds(TABLE.slice(at, 1), sql).to_pylist()[0] for at in range(4)]
    assert halves == holds


@pytest.mark.parametrize(
    "sql", ["rank > AVG(rank)", "COUNT(*) > 3", "ROW_NUMBER() OVER (ORDER BY rank) > 1", "SUM(rank) OVER () > 1"]
)
def test_a_condition_over_several_documents_is_refused(sql: str) -> None:
    with pytest.raises(CorpusError, match="more than one document at a time"):
        condition_columns(sql)


@pytest.mark.parametrize(
    ("sql", "said"),
    [("lang = =", "no SQL expression"), ("lang", "one truth value"), ("length(rank) > 1", "cannot be evaluated")],
)
def test_what_is_no_condition_is_refused(sql: str, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        condition_holds(TABLE, sql)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(CorpusError, match="'langue'"):
        check_condition(TABLE.schema, "langue = 'en'", "part.parquet")
