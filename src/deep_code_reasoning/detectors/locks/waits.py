"""How long work waits for locks: the table `waits`, and how often waits are long.

waits       a row a wait: key, trace_id, span_id, service, start_ns, wait_ns, failed. Beside `lock_waits`: series of
            attempts on a lock that is asked for again and again, and statements of the kind that databases call off
            for want of a lock
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore
from ..timeline.change_point import OutcomeChange, outcome_change
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.statements import statement_of
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from .holds import prepare_lock_steps
from .operations import prepare_lock_ops
from .reports import prepare_lock_reports


@dataclass(frozen=True, slots=True)
class Length:
    """When a wait is long: from `least_ms` on, and at `factor` times the shorter quarter of its service's waits, or
    from `most_ms` on however long these are."""

    least_ms: float
    factor: float
    most_ms: float

    def parameters(self) -> dict[str, int | float]:
        """What queries bind."""
        return {
            "least": round(self.least_ms * NS_PER_MS),
            "factor": self.factor,
            "most": self.most_ms * NS_PER_MS,
        }


LONG: Final = Length(least_ms=50, factor=10, most_ms=500)
"""Ten times as long is an order of magnitude, which no jitter of a network makes; less than 50 ms hurts nobody, half a
second does wherever it is usual."""


def prepare_waits(store: CaseStore) -> bool:
    """Make `waits`, once; False when nothing waits for a lock and nothing reports that it did in vain."""
    could_see, told = prepare_lock_ops(store), prepare_lock_reports(store)
    if not could_see and not told:
        return False
    prepare_lock_steps(store)
    store.derive(
        "waits",
        f"""
        WITH reported AS (
            SELECT service, name FROM lock_reports WHERE name != '' GROUP BY service, name HAVING count() >= 2
        )
        SELECT key, trace_id, span_id, service, start_ns, wait_ns, failed FROM lock_waits
        UNION ALL
        SELECT key, trace_id, argMin(span_id, s.start_ns), any(s.service), min(s.start_ns) AS start_ns,
               max(s.end_ns) - start_ns, max(verb) = 'refused' AND min(verb) = 'refused'
        FROM lock_steps AS s WHERE verb IN ('acquire', 'refused') AND rank > 0 GROUP BY key, holder, turn, trace_id
        UNION ALL
        SELECT {_KEY} AS key, trace_id, span_id, toString(service), start_ns, greatest(0, duration_ns), status = 'error'
        FROM spans WHERE (service, name) IN reported AND {statement_of()} != ''
          AND (trace_id, span_id) NOT IN (SELECT trace_id, span_id FROM lock_waits)
        """,
    )
    return True


_TABLE: Final = r'(?i)(?:from|into|update)\\s+["`]?([a-z0-9_.]+)'
_KEY: Final = f"""concat('rows of ', multiIf(attributes['db.collection.name'] != '', attributes['db.collection.name'],
    attributes['db.sql.table'] != '', attributes['db.sql.table'], extract({statement_of()}, '{_TABLE}')))"""


@dataclass(frozen=True, slots=True)
class LongWaits:
    """Since when a service's waits are long, as outcomes of `steps`."""

    service: str
    change: OutcomeChange
    since_ns: int


def long_waits(store: CaseStore, length: Length, min_requests: int) -> list[LongWaits]:
    """Services in which so many requests wait long, and when that became frequent; `waits` must be there.

    The attempts of one request, made while the earlier ones still wait, are one request's.
    """
    steps = time_steps(store, "waits")
    rows = store.query(
        f"""
        WITH usual AS (SELECT service, quantileExact(0.25)(wait_ns) AS usual_ns FROM waits GROUP BY service)
        SELECT service, groupArray((step, n, long)) AS steps, length(groupUniqArrayArray(waiting)) AS concerned
        FROM (
            SELECT service, {step_of("start_ns")} AS step, count() AS n, countIf({_LONG}) AS long,
                   groupUniqArrayIf(trace_id, {_LONG}) AS waiting
            FROM waits JOIN usual USING (service) GROUP BY service, step
        )
        GROUP BY service HAVING concerned >= {{requests:UInt32}} ORDER BY service
        """,
        requests=min_requests,
        **length.parameters(),
        **steps.parameters(),
    )
    found = []
    for row in rows:
        # Of a lock that was not taken before, waits alone say nothing of how it was.
        counts = (row["steps"], _served(store, str(row["service"]), length, steps))
        changes = [change for one in counts if (change := _change(one, steps)) is not None]
        if changes:
            change = max(changes, key=lambda change: change.log_evidence)
            found.append(LongWaits(str(row["service"]), change, steps.start_of(change.index)))
    return found


_LONG: Final = "wait_ns >= {least:Int64} AND wait_ns >= least({factor:Float64} * usual_ns, {most:Float64})"


def _change(counts: Sequence[tuple[int, int, int]], steps: TimeSteps) -> OutcomeChange | None:
    trials = steps.spread((step, n) for step, n, _ in counts)
    return outcome_change(steps.spread((step, long) for step, _, long in counts), trials)


def _served(store: CaseStore, service: str, length: Length, steps: TimeSteps) -> list[tuple[int, int, int]]:
    """By step: requests that came in as those do that take a lock, and how many of them waited long for one."""
    prepare_linked_spans(store)
    rows = store.query(
        f"""
        WITH usual AS (SELECT quantileExact(0.25)(wait_ns) AS usual_ns FROM waits WHERE service = {{service:String}}),
        long AS (SELECT DISTINCT trace_id FROM waits CROSS JOIN usual WHERE service = {{service:String}} AND {_LONG}),
        entries AS (
            SELECT trace_id, start_ns, name FROM linked_spans
            WHERE service = {{service:String}} AND parent_service != {{service:String}} AND kind != 'client'
        ),
        ways AS (
            SELECT DISTINCT name FROM entries
            WHERE trace_id IN (SELECT trace_id FROM waits WHERE service = {{service:String}})
        )
        SELECT {step_of("start_ns")} AS step, uniqExact(trace_id) AS n,
               uniqExactIf(trace_id, trace_id IN (SELECT trace_id FROM long)) AS waiting
        FROM entries WHERE name IN (SELECT name FROM ways) GROUP BY step ORDER BY step
        """,
        service=service,
        **length.parameters(),
        **steps.parameters(),
    )
    return [(int(row["step"]), int(row["n"]), int(row["waiting"])) for row in rows]
