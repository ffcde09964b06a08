"""A contract: one side of what two services agree on, and where the code says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PROVIDED: Final = "provided"
CONSUMED: Final = "consumed"
RELAY: Final = "relay"
"""The kind of what only says that a queue (`name`) is given what is sent to a topic (`host`); no answer has it."""


@dataclass(frozen=True, slots=True, order=True)
class Contract:
    """One side of an agreement, as the code of one line states it.

    `kind` is `http`, `rpc`, `topic`, `table` or `graphql`. `name` is a route (`/orders/{id}`), a method
    (`package.Service/Method`), a topic, a table or `Query.field`. `method` is the verb of a route ('' for any), the
    system of a topic (`kafka`), what is done with a table (`define`, `map`, `read`, `write`). Who serves a route or a
    method, sends to a topic, defines a table has `provided` it; who calls, receives, uses has `consumed` it. `host` is
    whom a request names, as far as constants and configuration tell it: `${NAME}` when only a variable does. `handler`
    is the function that serves.
    """

    kind: str
    side: str
    name: str
    method: str
    service: str
    repo: str
    path: str
    line: int
    host: str = ""
    handler: str = ""

    @property
    def place(self) -> str:
        """Its citation."""
        return f"code:{self.repo}/{self.path}#{self.line}"


@dataclass(frozen=True, slots=True)
class ContractEdge:
    """What leads from one service to another: from who calls, sends or uses to who serves, receives or defines.

    `target` is None when the service is known and not what serves there. `by` says what joined the two: `name`, `host`,
    or the `path` alone.
    """

    source: Contract
    target: Contract | None
    callee: str
    by: str
