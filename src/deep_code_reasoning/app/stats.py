"""What escalations took and what they were worth, from the ledger."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from ..domain.instant import format_instant
from ..domain.ledger_statistics import LedgerStatistics, Tally
from .ledger import open_ledger

SCHEMA = "deep-code-reasoning/stats/1"


def collect_stats(since_ns: int | None = None) -> LedgerStatistics:
    """Sum up the ledger: everything, or what began at `since_ns` or later.

    Raises:
        LedgerError: when the ledger cannot be read.
    """
    with open_ledger() as ledger:
        return ledger.statistics.collect(since_ns)


def stats_as_json(stats: LedgerStatistics) -> dict[str, Any]:
    """The sums as plain data for JSON. What is unknown is null; every estimate is called one."""
    return {
        "schema": SCHEMA,
        "since": None if stats.since_ns is None else format_instant(stats.since_ns),
        "escalations": stats.escalations,
        "total": _tally(stats.total),
        "models": [
            {
                "model": entry.model,
                "problem_class": entry.problem_class or None,
                "resolved": list(entry.resolved),
                **_tally(entry.tally),
            }
            for entry in stats.models
        ],
        "reasons": [
            {"reason": entry.reason or None, "escalations": entry.escalations, **_tally(entry.tally)}
            for entry in stats.reasons
        ],
        "time_saved_estimates": [
            {"basis": entry.basis, "escalations": entry.escalations, "estimate_s": entry.estimate_s}
            for entry in stats.time_saved
        ],
        "investigations_without_model": asdict(stats.investigations),
        "check_of_answers": asdict(stats.check),
        "unsettled": {"calls": stats.unsettled_calls, "at_most_usd": _usd(stats.unsettled_usd)},
    }


def _tally(tally: Tally) -> dict[str, Any]:
    fields = asdict(tally)
    return {
        **{name: _usd(value) if isinstance(value, Decimal) else value for name, value in fields.items()},
        "cost_per_confirmed_cause_usd": _usd(tally.cost_per_confirmed_usd),
        "quality": tally.quality,
        "quality_per_usd": tally.quality_per_usd,
    }


def _usd(amount: Decimal | None) -> float | None:
    return None if amount is None else round(float(amount), 9)
