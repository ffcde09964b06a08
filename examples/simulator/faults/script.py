"""The register of scripts."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ..leases import Locking
from ..system import World

Answer = dict[str, Any]
Script = Generator[None, None, Answer]
Maker = Callable[[World, Locking], Script]

SCRIPTS: dict[str, dict[str, Maker]] = {}


def variant(mechanism: str, name: str) -> Callable[[Maker], Maker]:
    """Put a script into the register."""

    def add(maker: Maker) -> Maker:
        SCRIPTS.setdefault(mechanism, {})[name] = maker
        return maker

    return add


def change(world: World, role: str, sha: str) -> Answer:
    """The deploy that did it, for the answer."""
    return {"kind": "deploy", "id": sha, "repo": world.services[role].name}
