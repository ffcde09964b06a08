"""What was reported of investigations in which no model took part: how often the analysers alone are right."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, func, insert, select

from ..domain.escalation import Outcome, OutcomeVerdict
from .database import Database
from .schema import INVESTIGATION_OUTCOMES


class Investigations:
    """The table of outcomes by case."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    def report_outcome(self, case_id: str, verdict: OutcomeVerdict, reported_by: str, note: str = "") -> Outcome:
        """Note what someone found the analysers' answer to be worth. The last report holds; the earlier are kept."""
        outcome = Outcome(verdict, reported_by, self._clock(), note)
        table = INVESTIGATION_OUTCOMES.c

        def write(connection: Connection) -> None:
            last = connection.scalar(select(func.max(table.ordinal)).where(table.case_id == case_id))
            values = {
                "case_id": case_id,
                "ordinal": (last or 0) + 1,
                "verdict": verdict,
                "reported_by": reported_by,
                "reported_ns": outcome.reported_ns,
                "note": note,
            }
            connection.execute(insert(INVESTIGATION_OUTCOMES).values(values))

        self._database.write(write, alone_with=f"investigation:{case_id}")
        return outcome

    def outcomes(self, case_id: str) -> tuple[Outcome, ...]:
        """Everything that was reported of a case, the oldest first."""
        table = INVESTIGATION_OUTCOMES.c
        query = select(INVESTIGATION_OUTCOMES).where(table.case_id == case_id).order_by(table.ordinal)
        return self._database.read(
            lambda connection: tuple(
                Outcome(row.verdict, row.reported_by, row.reported_ns, row.note) for row in connection.execute(query)
            )
        )
