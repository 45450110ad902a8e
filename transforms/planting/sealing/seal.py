"""What the seal computes: the order of the leaves, the tranches, the tree and the salted hashes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.plan import Plan
from transforms.base.errors import SealError
from transforms.base.keyed import digest
from transforms.planting.sealing.commitment import Commitment
from transforms.planting.sealing.draw import salt_of, seed_of
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.merkle import MerkleTree
from transforms.planting.sealing.public_randomness import Declared
from transforms.planting.tables.unit import Unit, leaf_from
from transforms.planting.tables.units import Units, columns_of


@dataclass(frozen=True, repr=False)
class Order:
    """Units in the order of their leaves, and the tranche of each."""

    units: tuple[Unit, ...]
    tranches: tuple[int, ...]

    def sizes(self) -> tuple[int, ...]:
        """Units in each tranche."""
        return tuple(size for _, size in sorted(Counter(self.tranches).items()))


def order_units(key: Key, units: Sequence[Unit], tranches: int) -> Order:
    """Deal the units into tranches and order them by tranche, then by keyed hash.

    Every kind, stratum and dose is spread over the tranches as evenly as its number allows. The place of a leaf tells
    nothing but its tranche.

    Raises:
        SealError: if there are more tranches than units.
    """
    if not 1 <= tranches <= len(units):
        raise SealError(f"--tranches {tranches}: give 1 to {len(units)}, the number of units")
    by_cell = sorted(
        units, key=lambda unit: (unit.kind, unit.stratum, unit.dose, key.hmac("trapline/v1/tranche", unit.id))
    )
    dealt = [(at % tranches, key.hmac("trapline/v1/order", unit.id), unit) for at, unit in enumerate(by_cell)]
    dealt.sort(key=lambda one: one[:2])
    return Order(tuple(unit for _, _, unit in dealt), tuple(tranche for tranche, _, _ in dealt))


def leaf_of(key: Key, unit: Unit) -> bytes:
    """What the tree holds of a unit, 32 bytes."""
    return unit.leaf(salt_of(key, unit.id), seed_of(key, unit.id))


def leaves_of(key: Key, units: Sequence[Unit]) -> list[bytes]:
    """What the tree holds of each unit, 32 bytes."""
    if not isinstance(units, Units):
        return [leaf_of(key, unit) for unit in units]
    pairs = zip(units.columns.ids, units.canonical(), strict=True)
    return [leaf_from(salt_of(key, unit), seed_of(key, unit), parts) for unit, parts in pairs]


def plan_salt(key: Key) -> bytes:
    """What keeps the plan from being guessed, 32 bytes."""
    return key.hmac("trapline/v1/plan-salt")


def plan_hash(plan: bytes, salt: bytes) -> bytes:
    """Salted hash of the file `plan.json`, 32 bytes."""
    return digest("trapline/v1/plan", salt, plan)


def record_hash(record: bytes, key: Key) -> bytes:
    """Salted hash of the file `seal.json`, 32 bytes."""
    return digest("trapline/v1/record", key.hmac("trapline/v1/record-salt"), record)


def commit(
    key: Key,
    leaves: Sequence[bytes],
    plan: bytes,
    record: bytes,
    chain: tuple[int, bytes],
    declared: Declared,
) -> Commitment:
    """The commitment to leaves, plan and record.

    Args:
        key: the campaign's.
        leaves: what the tree holds of each unit, in order.
        plan: the file `plan.json`.
        record: the file `seal.json`.
        chain: the campaign's number and the hash of the previous commitment (empty for the first).
        declared: what will decide the draw.
    """
    campaign, previous = chain
    return Commitment(
        campaign=campaign,
        previous=previous,
        leaves=len(leaves),
        tree_root=MerkleTree(leaves).root,
        plan_hash=plan_hash(plan, plan_salt(key)),
        record_hash=record_hash(record, key),
        randomness=declared,
    )


def plan_fits(plan: Plan, units: Sequence[Unit]) -> str | None:
    """What in the plan does not suit the units; None if all does. The answer shows no stratum."""
    own = columns_of(units)
    strata, doses, controls = set(own.strata), set(own.doses.tolist()), int(own.sizes[0]) - 1
    if plan.controls != controls:
        return f"its units have {plan.controls} held-outs, the probes' {controls}"
    if set(plan.weights) != strata:
        unknown = len(set(plan.weights) - strata)
        return f"{unknown} of its weights name no stratum of the probes" if unknown else "a stratum has no weight"
    if not set(plan.sequence) <= doses:
        return f"no probe has dose {max(set(plan.sequence) - doses)} of its sequence; the doses are " + ", ".join(
            map(str, sorted(doses, reverse=True))
        )
    if sum(plan.tranche_sizes) != len(units):
        return "its tranches do not add up to the units"
    return None
