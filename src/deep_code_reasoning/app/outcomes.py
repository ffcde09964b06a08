"""What someone found an answer to be worth."""

from __future__ import annotations

from .ledger import open_ledger


def report_outcome(escalation_id: str, verdict: str, note: str = "", reported_by: str = "mcp") -> None:
    """Note an outcome in the ledger; the last one holds.

    Raises:
        RecordNotFoundError: when there is no such escalation.
        UsageError: when the verdict is none of confirmed, refuted, unknown.
    """
    with open_ledger() as ledger:
        ledger.escalations.report_outcome(escalation_id, verdict, reported_by, note)
