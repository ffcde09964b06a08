"""With what questions are answered: how models are reached, what may be spent, how they are chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from ..domain.asking import Gate, OnEvent
from ..domain.budget import Limits
from ..providers.client import ModelClient
from ..providers.keys import Keys
from ..routing.settings import RoutingSettings
from .limits import limits_from_environment
from .routing import load_routing

OpenClient: TypeAlias = Callable[[Gate], ModelClient]
# As a model's name: no model shall be asked.
NO_MODEL = "none"


def _client(gate: Gate) -> ModelClient:
    return ModelClient(gate=gate)


@dataclass(frozen=True)
class Means:
    """The user's configuration, unless a caller puts something in its place.

    Args:
        surface: where the question came from: cli, mcp.
        open_client: makes the client, with a gate that every request has to pass.
        on_event: is told of text, tools, waits and requests while they happen.
    """

    surface: str = "cli"
    open_client: OpenClient = _client
    keys: Keys = field(default_factory=Keys)
    limits: Limits = field(default_factory=limits_from_environment)
    settings: RoutingSettings = field(default_factory=load_routing)
    on_event: OnEvent | None = None
