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


def answer(world: World, role: str, plan: str, sha: str = "", **more: Any) -> Answer:
    """What is true of a fault in the plan of a service; `sha` is the deploy that did it."""
    operation = world.routes[plan][1] if plan in world.routes else plan
    told = {"service": world.services[role].name, "operation": operation, **more}
    return {**told, "change": change(world, role, sha)} if sha else told
