"""What a certificate leaves on disk: a secret report as JSON and as a page, and totals that may be public."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.certifying.certify_page import report_html
from pipelines.running.errors import RunError
from pipelines.running.new_file import new_file
from transforms.base.errors import cause_of
from transforms.base.runs import pretty_json
from transforms.planting import folder as names

REPORT, PROBES, AGGREGATE = "report", "probes.parquet", "--aggregate"

_PUBLIC = ("judge", "title", "versions", "settings", "of_all", "in_kept_documents")


def write_report(folder: Path, name: str, facts: Mapping[str, Any]) -> None:
    """Write `name`.json and `name`.html into a folder of secrets, for their owner only."""
    names.write(folder, f"{name}.json", pretty_json(dict(facts)))
    names.write(folder, f"{name}.html", report_html(facts).encode())


def write_aggregate(given: str, facts: Mapping[str, Any]) -> None:
    """Write the totals of each judge, without anything about single units or documents.

    Raises:
        UsageError: if the file exists.
        RunError: if it cannot be written.
    """
    parent, name = new_file(given, AGGREGATE)
    content = {
        "schema": "trapline.certificate",
        "version": 1,
        "when": facts["when"],
        "judges": [
            {
                **{name: one[name] for name in _PUBLIC},
                "documents": {name: one["documents"][name] for name in ("kept_before", "lost")},
            }
            for one in facts["judges"]
        ],
    }
    try:
        parent.write(name, pretty_json(content))
    except OSError as error:
        raise RunError(f"{AGGREGATE} {given}: cannot be written ({cause_of(error)})") from error
