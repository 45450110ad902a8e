"""Proofs for some units: what anyone needs to check them against the public commitment, and nothing of the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from schemas.documents import DocumentError, fields, hexadecimal, parse, to_bytes
from schemas.plan import Plan
from transforms.planting.sealing.commitment import Commitment
from transforms.planting.sealing.draw import arm, salt_of, seed_of
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.merkle import MerkleTree, root_from_path
from transforms.planting.sealing.public_randomness import Randomness
from transforms.planting.sealing.seal import plan_hash, plan_salt
from transforms.planting.tables.spelled import TEXTS, texts_from
from transforms.planting.tables.unit import Candidate, Unit

_T = TypeVar("_T")


@dataclass(frozen=True)
class Scope:
    """Which units are revealed."""

    kind: str
    """'units', 'tranche' or 'all'."""
    tranche: int = 0


def reveal_bytes(
    key: Key, units: Sequence[Unit], leaves: Sequence[bytes], chosen: Sequence[int], scope: Scope, **public: Any
) -> bytes:
    """The document that proves the units at the leaves `chosen`.

    A tranche, and all units, come with the plan: it says which leaves belong to the tranche and what is to be
    computed. Single units come without it, since it speaks of the others.

    Args:
        key: the campaign's.
        units: all units, in the order of the leaves.
        leaves: what the tree holds of each.
        chosen: leaves to reveal.
        scope: what they are together.
        public: `commitment` (Commitment), `plan` (the file's bytes) and `randomness` (Randomness).
    """
    commitment: Commitment = public["commitment"]
    randomness: Randomness = public["randomness"]
    tree = MerkleTree(leaves)
    proofs = []
    for at in sorted(chosen):
        unit = units[at]
        seed = seed_of(key, unit.id)
        proofs.append(
            {
                "leaf": at,
                "seed": seed.hex(),
                "salt": salt_of(key, unit.id).hex(),
                "path": [one.hex() for one in tree.path(at)],
                "arm": arm(seed, randomness, commitment.root, len(unit.candidates)),
                "unit": _unit_to_json(unit),
            }
        )
    content: dict[str, Any] = {
        "root": commitment.root.hex(),
        "randomness": {"kind": randomness.kind, "value": randomness.value.hex()},
        "scope": {"kind": scope.kind, "tranche": scope.tranche},
        "units": proofs,
        "plan": "",
        "plan_salt": "",
    }
    if scope.kind != "units":
        content |= {"plan": public["plan"].decode(), "plan_salt": plan_salt(key).hex()}
    return to_bytes("reveal", 1, content)


def _unit_to_json(unit: Unit) -> dict[str, Any]:
    candidates = [
        {"id": one.id, "text": one.text, "columns": [list(column) for column in one.columns]} for one in unit.candidates
    ]
    return {"id": unit.id, "kind": unit.kind, "stratum": unit.stratum, "dose": unit.dose, "candidates": candidates}


@dataclass(repr=False)
class Revealed:
    """What a reveal proves, and what in it does not hold."""

    problems: list[str] = field(default_factory=list)
    scope: Scope = field(default_factory=lambda: Scope("units"))
    plan: Plan | None = None
    units: list[Unit] = field(default_factory=list)
    arms: list[int] = field(default_factory=list)


def check_reveal(data: bytes, commitment: Commitment, randomness: Randomness) -> Revealed:
    """Hold a reveal against a published commitment and the public randomness."""
    found = Revealed()
    try:
        content = parse("reveal", 1, data)
        fields(
            content,
            {"root": str, "randomness": dict, "scope": dict, "units": list, "plan": str, "plan_salt": str},
        )
        fields(content["scope"], {"kind": str, "tranche": int})
        fields(content["randomness"], {"kind": str, "value": str})
    except DocumentError as error:
        found.problems.append(f"the reveal {error}")
        return found
    found.scope = Scope(**content["scope"])
    if content["root"] != commitment.root.hex():
        found.problems.append("the reveal: field 'root' is not that of the commitment")
    if content["randomness"] != {"kind": randomness.kind, "value": randomness.value.hex()}:
        found.problems.append("the reveal: field 'randomness' is not the randomness given")
    if randomness.kind != commitment.randomness.kind:
        found.problems.append(f"the commitment declared {commitment.randomness.in_words}, not {randomness.kind!r}")
    places = []
    for number, proof in enumerate(content["units"]):
        try:
            places.append(_check_unit(found, proof, commitment, randomness))
        except DocumentError as error:
            found.problems.append(f"the reveal: unit {number}: {error}")
    _check_scope(found, content, commitment, places)
    return found


def _check_unit(found: Revealed, proof: object, commitment: Commitment, randomness: Randomness) -> int:
    """Check one proof; returns its leaf."""
    content = _as(proof, dict, "proof")
    fields(content, {"leaf": int, "seed": str, "salt": str, "path": list, "arm": int, "unit": dict})
    unit = _unit_from_json(content["unit"])
    seed, salt = (hexadecimal(content[name], name, 32) for name in ("seed", "salt"))
    path = [hexadecimal(_as(one, str, "path"), "path", 32) for one in content["path"]]
    place: int = content["leaf"]
    if root_from_path(unit.leaf(salt, seed), place, commitment.leaves, path) != commitment.tree_root:
        raise DocumentError(f"leaf {place}: its unit, seed, salt or path is not what was committed")
    drawn = arm(seed, randomness, commitment.root, len(unit.candidates))
    if drawn != content["arm"]:
        raise DocumentError(f"leaf {place}: field 'arm' is {content['arm']}, but candidate {drawn} was drawn")
    found.units.append(unit)
    found.arms.append(drawn)
    return place


def _unit_from_json(content: Mapping[str, Any]) -> Unit:
    fields(content, {"id": str, "kind": str, "stratum": str, "dose": int, "candidates": list})
    candidates = []
    for one in content["candidates"]:
        fields(_as(one, dict, "candidates"), {"id": str, "text": str, "columns": list})
        columns = []
        for column in one["columns"]:
            name, kind, value = (_as(part, str, "columns") for part in _three(_as(column, list, "columns")))
            if kind == TEXTS:
                _read_texts(value)
            columns.append((name, kind, value))
        candidates.append(Candidate(one["id"], one["text"], tuple(columns)))
    if not candidates or not 0 <= content["dose"] < 1 << 63:
        raise DocumentError("has no candidates, or no possible dose")
    return Unit(content["id"], content["kind"], content["stratum"], content["dose"], tuple(candidates))


def _read_texts(value: str) -> None:
    try:
        texts_from(value)
    except ValueError as error:
        raise DocumentError(f"field 'columns' {error}") from None


def _three(column: list[Any]) -> list[Any]:
    if len(column) != 3:
        raise DocumentError("field 'columns' has the wrong type")
    return column


def _as(value: object, kind: type[_T], name: str) -> _T:
    if not isinstance(value, kind):
        raise DocumentError(f"field {name!r} has the wrong type")
    return value


def _check_scope(found: Revealed, content: Mapping[str, Any], commitment: Commitment, places: Sequence[int]) -> None:
    say = found.problems.append
    if len(set(places)) != len(places) or not content["units"]:
        say("the reveal: a unit is there twice, or there is none")
    if found.scope.kind == "units":
        if found.scope.tranche or content["plan"] or content["plan_salt"]:
            say("the reveal: single units come without plan and tranche")
        return
    if found.scope.kind not in ("tranche", "all"):
        say("the reveal: field 'scope' is none of units, tranche and all")
        return
    try:
        salt = hexadecimal(content["plan_salt"], "plan_salt", 32)
        if plan_hash(content["plan"].encode(), salt) != commitment.plan_hash:
            raise DocumentError("is not the plan that was committed")
        found.plan = Plan.parse(content["plan"].encode())
        sizes = found.plan.tranche_sizes
        whole = range(commitment.leaves) if found.scope.kind == "all" else found.plan.tranche(found.scope.tranche)
    except IndexError:
        say("the reveal: there is no such tranche")
        return
    except DocumentError as error:
        say(f"the reveal: plan: {error}")
        return
    if sum(sizes) != commitment.leaves or (found.scope.kind == "all" and found.scope.tranche):
        say("the reveal: its tranches do not add up to the commitment's leaves")
    if sorted(places) != list(whole):
        what = "all" if found.scope.kind == "all" else f"tranche {found.scope.tranche}"
        say(f"the reveal: {what} is leaves {whole.start} to {whole.stop - 1}, and other units are proved than those")
