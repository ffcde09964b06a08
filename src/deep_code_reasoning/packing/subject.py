"""What a pack is about: a case, what was found in it, what is asked, and the code that may be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ..domain.investigation import Investigation
from ..domain.pack import Scope
from ..domain.window import Window
from ..source import Roots
from ..source.selection import Lead
from ..store import CaseStore

ANALYSIS_TYPES: Final = ("execution_trace", "cross_system", "performance", "hypothesis_test")
DEPTHS: Final = range(1, 6)
# A case without times still has rows: everything is then the bad stretch.
_ALWAYS: Final = Window(-(2**62), 2**62)
_NEVER: Final = Window(0, 0)
_WORD: Final = re.compile(r"\w[\w.\-/]{2,}")


@dataclass(frozen=True)
class Subject:
    """Everything the views of the evidence start from.

    `depth` (1 to 5, 3 is usual) scales how much of each kind is offered. `scope.window`, where given, takes the place
    of the bad stretch. `budget_tokens` is that of the whole pack. `told` are the files that the evidence leads to,
    `asked` those that question and scope lead to.
    """

    store: CaseStore
    investigation: Investigation
    roots: Roots = field(default_factory=lambda: Roots(()))
    scope: Scope = field(default_factory=Scope)
    question: str = ""
    analysis_type: str = "cross_system"
    depth: int = 3
    budget_tokens: int = 32_000
    told: Lead = field(default_factory=Lead)
    asked: Lead = field(default_factory=Lead)

    @property
    def calm(self) -> Window:
        """The calm stretch; an empty one when the case has none."""
        windows = self.investigation.windows
        return windows.baseline if windows else _NEVER

    @property
    def bad(self) -> Window:
        """The stretch that is asked about."""
        windows = self.investigation.windows
        return self.scope.window or (windows.incident if windows else _ALWAYS)

    @property
    def bounds(self) -> dict[str, int]:
        """Both stretches as parameters of queries: `calm_from`, `calm_to`, `bad_from`, `bad_to`."""
        return {
            "calm_from": self.calm.start_ns,
            "calm_to": self.calm.end_ns,
            "bad_from": self.bad.start_ns,
            "bad_to": self.bad.end_ns,
        }

    def many(self, usual: int) -> int:
        """How many to offer at this depth, where `usual` are offered at depth 3."""
        return max(1, round(usual * self.depth / 3))

    @cached_property
    def suspects(self) -> tuple[str, ...]:
        """Services that the findings speak of, the likeliest cause first."""
        names: list[str | None] = []
        for cause in self.investigation.causes:
            names += [cause.service, cause.first_failing_service]
        names += [finding.service for finding in self.investigation.findings]
        return tuple(dict.fromkeys(name for name in names if name))

    @cached_property
    def asked_services(self) -> tuple[str, ...]:
        """Services of the scope, and those that the question names."""
        known = self.services
        named = [service for service in known if _names(self.question, service)]
        return tuple(dict.fromkeys((*self.scope.services, *named)))

    @cached_property
    def services(self) -> tuple[str, ...]:
        """All services of the case, sorted."""
        rows = self.store.query(
            "SELECT DISTINCT service FROM (SELECT DISTINCT toString(service) AS service FROM spans UNION ALL "
            "SELECT DISTINCT toString(service) FROM logs UNION ALL SELECT DISTINCT toString(service) FROM metrics) "
            "WHERE service != '' ORDER BY service"
        )
        return tuple(row["service"] for row in rows)

    @cached_property
    def asked_words(self) -> frozenset[str]:
        """Words of the question, lower case, as they may stand in names of operations, files and metrics."""
        return frozenset(word.lower().strip(".-/") for word in _WORD.findall(self.question))


def _names(text: str, service: str) -> bool:
    return re.search(rf"(?i)(?<![\w-]){re.escape(service)}(?![\w-])", text) is not None
