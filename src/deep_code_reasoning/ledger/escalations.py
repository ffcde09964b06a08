"""Escalations from their beginning to the outcome that someone reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from ..domain.call import Verification
from ..domain.escalation import (
    Escalation,
    EscalationStatus,
    Extent,
    Outcome,
    OutcomeVerdict,
    PackSize,
    Signal,
    TimeSaved,
)
from ..errors import RecordNotFoundError
from .calls import as_verification, verification_columns
from .database import Database, upsert
from .owner import new_id
from .schema import ESCALATIONS, OUTCOMES


class Escalations:
    """The table of escalations, and the outcomes that were reported of them."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    def new_id(self) -> str:
        """An id for an escalation that begins."""
        return new_id("escalation", self._clock())

    def record(self, escalation: Escalation) -> None:
        """Keep an escalation as it stands; its row is replaced when it was kept before. Outcomes stay as they are.

        Raises:
            LedgerError: when the database fails.
        """
        columns = _columns(escalation)
        self._database.write(lambda connection: upsert(connection, ESCALATIONS, columns))

    def close(
        self,
        escalation_id: str,
        status: EscalationStatus,
        *,
        found: str | None = None,
        answer_call_id: str | None = None,
        verification: Verification | None = None,
        time_saved: TimeSaved | None = None,
    ) -> None:
        """Note how an escalation ended, now.

        Raises:
            RecordNotFoundError: when there is none of that id.
        """
        values = {
            "status": status,
            "found": found,
            "answer_call_id": answer_call_id,
            "time_saved_s": time_saved.estimate_s if time_saved else None,
            "time_saved_basis": time_saved.basis if time_saved else None,
            "ended_ns": self._clock(),
            **verification_columns(verification),
        }
        statement = update(ESCALATIONS).where(ESCALATIONS.c.id == escalation_id).values(**values)
        if not self._database.write(lambda connection: connection.execute(statement).rowcount):
            raise _missing(escalation_id)

    def report_outcome(self, escalation_id: str, verdict: OutcomeVerdict, reported_by: str, note: str = "") -> Outcome:
        """Note what someone found an answer to be worth. The last report holds; the earlier ones are kept.

        Raises:
            RecordNotFoundError: when there is no such escalation.
        """
        outcome = Outcome(verdict, reported_by, self._clock(), note)

        def write(connection: Connection) -> None:
            # The update locks the row on PostgreSQL, so that two reports cannot take the same ordinal.
            known = connection.execute(
                update(ESCALATIONS).where(ESCALATIONS.c.id == escalation_id).values(id=escalation_id)
            )
            if not known.rowcount:
                raise _missing(escalation_id)
            last = connection.scalar(
                select(func.max(OUTCOMES.c.ordinal)).where(OUTCOMES.c.escalation_id == escalation_id)
            )
            connection.execute(
                insert(OUTCOMES).values(
                    escalation_id=escalation_id,
                    ordinal=(last or 0) + 1,
                    verdict=verdict,
                    reported_by=reported_by,
                    reported_ns=outcome.reported_ns,
                    note=note,
                )
            )

        self._database.write(write)
        return outcome

    def get(self, escalation_id: str) -> Escalation:
        """One escalation, with the last outcome that was reported.

        Raises:
            RecordNotFoundError: when there is none of that id.
        """

        def read(connection: Connection) -> Escalation | None:
            row = connection.execute(select(ESCALATIONS).where(ESCALATIONS.c.id == escalation_id)).one_or_none()
            reported = _outcomes(connection, escalation_id)
            return None if row is None else as_escalation(row, reported[-1] if reported else None)

        found = self._database.read(read)
        if found is None:
            raise _missing(escalation_id)
        return found

    def outcomes(self, escalation_id: str) -> tuple[Outcome, ...]:
        """Everything that was reported of an escalation, the oldest first."""
        return self._database.read(lambda connection: _outcomes(connection, escalation_id))

    def recent(self, limit: int = 20, answered_for: str | None = None) -> tuple[Escalation, ...]:
        """The escalations that began last, the newest first, with their outcomes.

        Args:
            answered_for: the id of a case: only those of it that ended with an answer.
        """
        newest = select(ESCALATIONS).order_by(ESCALATIONS.c.started_ns.desc(), ESCALATIONS.c.id.desc()).limit(limit)
        if answered_for is not None:
            newest = newest.where(ESCALATIONS.c.case_id == answered_for, ESCALATIONS.c.status == "answered")

        def read(connection: Connection) -> tuple[Escalation, ...]:
            found = []
            for row in connection.execute(newest).all():
                reported = _outcomes(connection, row.id)
                found.append(as_escalation(row, reported[-1] if reported else None))
            return tuple(found)

        return self._database.read(read)


def as_escalation(row: Row[Any], outcome: Outcome | None) -> Escalation:
    """A row of the table of escalations as what it means."""
    saved = None if row.time_saved_s is None else TimeSaved(row.time_saved_s, row.time_saved_basis)
    return Escalation(
        id=row.id,
        case_id=row.case_id,
        surface=row.surface,
        analysis_type=row.analysis_type,
        problem_class=row.problem_class,
        question=row.question,
        signals=tuple(Signal(**signal) for signal in row.signals),
        reason=row.reason,
        pack=_pack(row),
        status=row.status,
        found=row.found,
        verification=as_verification(row),
        answer_call_id=row.answer_call_id,
        time_saved=saved,
        outcome=outcome,
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
    )


def _columns(escalation: Escalation) -> dict[str, Any]:
    pack, saved = escalation.pack, escalation.time_saved
    return {
        "id": escalation.id,
        "case_id": escalation.case_id,
        "surface": escalation.surface,
        "analysis_type": escalation.analysis_type,
        "problem_class": escalation.problem_class,
        "question": escalation.question,
        "signals": [
            {"name": signal.name, "value": signal.value, "threshold": signal.threshold, "held": signal.held}
            for signal in escalation.signals
        ],
        "reason": escalation.reason,
        "pack_offered_bytes": pack.offered.size_bytes if pack else None,
        "pack_offered_tokens": pack.offered.tokens if pack else None,
        "pack_sent_bytes": pack.sent.size_bytes if pack else None,
        "pack_sent_tokens": pack.sent.tokens if pack else None,
        "pack_dropped_bytes": pack.dropped.size_bytes if pack else None,
        "pack_dropped_tokens": pack.dropped.tokens if pack else None,
        "status": escalation.status,
        "found": escalation.found,
        "answer_call_id": escalation.answer_call_id,
        "time_saved_s": saved.estimate_s if saved else None,
        "time_saved_basis": saved.basis if saved else None,
        "started_ns": escalation.started_ns,
        "ended_ns": escalation.ended_ns,
        **verification_columns(escalation.verification),
    }


def _pack(row: Row[Any]) -> PackSize | None:
    if row.pack_offered_bytes is None:
        return None
    return PackSize(
        offered=Extent(row.pack_offered_bytes, row.pack_offered_tokens),
        sent=Extent(row.pack_sent_bytes, row.pack_sent_tokens),
        dropped=Extent(row.pack_dropped_bytes, row.pack_dropped_tokens),
    )


def _outcomes(connection: Connection, escalation_id: str) -> tuple[Outcome, ...]:
    rows = connection.execute(
        select(OUTCOMES).where(OUTCOMES.c.escalation_id == escalation_id).order_by(OUTCOMES.c.ordinal)
    )
    return tuple(Outcome(row.verdict, row.reported_by, row.reported_ns, row.note) for row in rows)


def _missing(escalation_id: str) -> RecordNotFoundError:
    return RecordNotFoundError(f"there is no escalation '{escalation_id}'", "the answer of an escalation names it")
