"""The work folder of a run: what is committed there is not done again."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from transforms.base.folders import Folder

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FOLDER = ".work"


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys and no needless spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pretty_json(value: object) -> bytes:
    """JSON for people, as deterministic as `canonical_json`."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def run_name(config: Mapping[str, Any], versions: Mapping[str, str], sources: "Sequence[DataclassInstance]") -> str:
    """The name of a run: a hash of all that its output depends on, with the input's sizes and times."""
    listing = [asdict(source) for source in sources]
    text = canonical_json({"config": dict(config), "versions": dict(versions), "input": listing})
    return hashlib.blake2b(text, digest_size=16).hexdigest()


@dataclass(frozen=True)
class Work:
    """The work folder of one run inside its output folder."""

    output: Folder
    run: str

    @property
    def folder(self) -> Folder:
        """Where the run keeps what it has done so far."""
        return self.output.child(FOLDER).child(self.run)

    def once(self, stage: str, do: Callable[[], None]) -> dict[str, Any]:
        """The committed summary of `stage`, which `do` commits as `<stage>.json` unless it is there already."""
        name = f"{stage}.json"
        if not self.folder.exists(name):
            do()
        summary: dict[str, Any] = json.loads(self.folder.read(name))
        return summary

    def commit(self, stage: str, summary: Mapping[str, Any]) -> dict[str, Any]:
        """Write the summary of a finished stage."""
        self.folder.write(f"{stage}.json", pretty_json(dict(summary)))
        return dict(summary)


def other_runs(output: Folder, run: str) -> list[Work]:
    """Unfinished runs in the same output folder that are not `run`."""
    return [
        Work(output, name)
        for name in output.names(FOLDER)
        if name != run and len(name) == 32 and set(name) <= set("0123456789abcdef")
    ]
