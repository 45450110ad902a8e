"""`trapline certify --list`: judges and attacks, what is installed, and how to install the rest."""

from typing import TYPE_CHECKING

from transforms.certify.attacks.registry import ATTACKS
from transforms.certify.environments import VARIABLE, folder_of, how_to_install, state_of
from transforms.certify.registry import JUDGES, Environment

if TYPE_CHECKING:
    from pipelines.certify import CertifyConfig


def list_all(config: "CertifyConfig") -> int:
    """Print a line for each judge; returns 0."""
    folder = folder_of(config.environments)
    print(f"judges; their environments are folders in {folder} (--environments, or {VARIABLE})")
    absent: dict[Environment, list[str]] = {}
    for judge in JUDGES:
        state = state_of(judge, folder)
        versions = ", ".join(f"{name} {version}" for name, version in state.versions.items()) or "own"
        if not state.available:
            absent.setdefault(judge.environment, []).append(judge.name)
        print(f"  {judge.name:<20} {judge.title:<58} {versions if state.available else f'missing: {state.missing}'}")
    for environment, judges in absent.items():
        print(f"to install {', '.join(judges)}:")
        print(f"  {how_to_install(environment, folder)}")
    print("attacks (--attack):")
    for attack in ATTACKS:
        print(f"  {attack.name:<20} {attack.title}")
    return 0
