"""A contract: one side of what two services agree on, and where the code says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PROVIDED: Final = "provided"
CONSUMED: Final = "consumed"


@dataclass(frozen=True, slots=True, order=True)
class Contract:
    """One side of an agreement, as the code of one line states it.

    `kind` is `http`, `rpc`, `topic`, `table` or `graphql`. `name` is a route (`/orders/{}`, with `{}` for what varies),
    `package.Service/Method`, a topic or a table. `method` is the verb of a route ('' for any), the system of a topic
    (`kafka`), what is done with a table (`define`, `read`, `write`). The side that serves a route, reads a topic or
    defines a table has `provided` it; who calls, sends or uses has `consumed` it: consumers lead to providers.
    `host` is whom a call names, as far as constants and configuration tell it. `handler` is the function that serves.
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


@dataclass(frozen=True, slots=True, order=True)
class ContractEdge:
    """A consumer and the provider that it leads to; `by` says what joined them: `name`, `host`, or `path` alone."""

    consumer: Contract
    provider: Contract
    by: str
