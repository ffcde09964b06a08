"""The ledger as the rest of the program sees it: one object, a part for each kind of record."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from .calls import Calls
from .conversations import Conversations
from .database import PATIENCE_S, Database
from .escalations import Escalations
from .investigations import Investigations
from .rescue import Rescue
from .routing import RoutingDecisions
from .spending import Budgets
from .statistics import Statistics
from .tournaments import Tournaments


class Ledger:
    """An open ledger. Threads may share it; other processes may have it open too. Use it in a `with` block."""

    def __init__(
        self,
        target: str | Path,
        clock: Callable[[], int] = time.time_ns,
        patience_s: float = PATIENCE_S,
        rescue: Path | None = None,
    ) -> None:
        """Open a ledger, and make it when it is not there.

        Args:
            target: a file (SQLite), or a URL: `sqlite:///FILE`, `postgresql://USER@HOST/NAME`.
            clock: nanoseconds since the epoch.
            patience_s: for how long to wait while others hold the database.
            rescue: a file for calls that cannot be recorded because the database fails. Those that are in it
                are recorded now.

        Raises:
            UsageError: when the URL names no database that we can reach.
            LedgerError: when the database fails, or is of a newer version.
        """
        self._database = Database(target, patience_s)
        self.escalations = Escalations(self._database, clock)
        self.investigations = Investigations(self._database, clock)
        self.calls = Calls(self._database, clock, Rescue(rescue) if rescue else None)
        self.budgets = Budgets(self._database, clock)
        self.conversations = Conversations(self._database, clock, self.calls)
        self.tournaments = Tournaments(self._database, clock)
        self.routing = RoutingDecisions(self._database, clock)
        self.statistics = Statistics(self._database, clock)
        self.calls.recover()

    @property
    def name(self) -> str:
        """Where the ledger is, without a password."""
        return self._database.name

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
