"""What the campaigns before this one have sealed: a candidate never enters a second campaign of a chain."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.running.errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa

    from transforms.planting.sealing.commitment import Commitment
    from transforms.planting.tables.unit import Unit


@dataclass(frozen=True, repr=False)
class Earlier:
    """The chain before a campaign.

    Attributes:
        campaign: number of the campaign that follows.
        previous: SHA-256 of the commitment before it; empty for the first.
        sealed: rows of `schemas.secret.earlier.EARLIER`, of all campaigns whose secrets were found.
        unseen: campaigns of which nothing is known but the commitment, if that.
    """

    campaign: int
    previous: bytes
    sealed: "pa.Table"
    unseen: tuple[int, ...]

    def refuse_again(self, units: "Sequence[Unit]") -> None:
        """Check that none of these units was sealed before, under the same id or with a text in common.

        Raises:
            RunError: with their number and the campaigns.
        """
        columns = (self.sealed[name].to_pylist() for name in ("campaign", "what", "sha256"))
        before = {(what, digest): campaign for campaign, what, digest in zip(*columns, strict=True)}
        found = [{before[key] for key in _keys(unit) if key in before} for unit in units]
        again = [campaigns for campaigns in found if campaigns]
        if again:
            where = ", ".join(map(str, sorted(set().union(*again))))
            raise RunError(
                f"--probes: {len(again)} of the units were already sealed in campaign {where} of this chain (same id "
                "or same text): make new ones, a sealed candidate never enters another campaign"
            )


def earlier_campaigns(previous: Sequence[str]) -> Earlier:
    """The chain that `--previous` names; a commitment in its folder of secrets leads to what was sealed there.

    Each folder also lists what the campaigns before its own have sealed.

    Raises:
        RunError: if a commitment cannot be read, two of them do not belong to one chain, or a list was damaged.
    """
    import pyarrow as pa

    from pipelines.sealing.commitment_file import read_commitment
    from schemas.secret.earlier import EARLIER

    if not previous:
        return Earlier(1, b"", EARLIER.empty_table(), ())
    chain = sorted(((path, read_commitment(path)) for path in previous), key=lambda pair: pair[1].campaign)
    _refuse_other_chain(chain)
    tables = [_sealed_in(_folder_of(path), commitment) for path, commitment in chain]
    sealed = pa.concat_tables([EARLIER.empty_table(), *tables])
    latest = chain[-1][1]
    unseen = sorted(set(range(1, latest.campaign + 1)) - set(sealed["campaign"].to_pylist()))
    return Earlier(latest.campaign + 1, latest.sha256, sealed, tuple(unseen))


def _folder_of(path: str) -> Path:
    """The folder that holds a commitment; of secrets in a bucket, a private copy."""
    from transforms.base.folders import Folder, canonical, is_local
    from transforms.planting import folder as names

    if is_local(path):
        return Path(path).parent
    folder = Folder(canonical(path).rpartition("/")[0])
    # What is published beside a corpus is not fetched as a whole to find that it is no folder of secrets.
    sealed = folder.exists(names.KEY) and folder.exists(names.PROBES)
    return names.secrets_path(folder.uri, "--previous") if sealed else Path("/nonexistent")


def _refuse_other_chain(chain: "Sequence[tuple[str, Commitment]]") -> None:
    for (before_name, before), (name, after) in itertools.pairwise(chain):
        same = after.campaign == before.campaign and after.sha256 != before.sha256
        if same or (after.campaign == before.campaign + 1 and after.previous != before.sha256):
            raise RunError(f"--previous {name}: does not belong to the chain of {before_name}: give one chain")


def _sealed_in(folder: Path, commitment: "Commitment") -> "pa.Table":
    """What a folder of secrets knows of its own campaign and those before it; no rows if it is none."""
    import pyarrow as pa

    from pipelines.sealing.probe_files import read_probes
    from schemas.described import SchemaMismatchError, check
    from schemas.secret.earlier import EARLIER
    from transforms.planting import folder as names

    if not (folder / names.KEY).exists() or not (folder / names.PROBES).exists():
        return EARLIER.empty_table()
    _, units = read_probes([str(folder / names.PROBES)])
    rows = [(commitment.campaign, *key) for unit in units for key in _keys(unit)]
    own = pa.table([list(column) for column in zip(*rows, strict=True)], schema=EARLIER)
    path = folder / names.EARLIER
    if not path.exists():
        return own
    try:
        before = names.read_parquet(path.read_bytes())
        if before is None:
            raise RunError(f"{path}: cannot be read as Parquet; put back the file that trapline seal wrote")
        check(before.schema, EARLIER, str(path))
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from error
    except SchemaMismatchError as error:
        raise RunError(" ".join(str(error).split())) from error
    return pa.concat_tables([before.cast(EARLIER), own])


def _keys(unit: "Unit") -> list[tuple[str, bytes]]:
    """What must not come back, as it stands in the list."""
    named: list[tuple[str, Any]] = [("unit", unit.id), *(("text", text) for text in unit.sealed_texts())]
    return [(what, hashlib.sha256(value.encode()).digest()) for what, value in named]
