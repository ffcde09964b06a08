"""Who asks for a lock, and what it holds meanwhile.

    lock_held   a row a hold of a lock: key, trace_id, service, named (it is no row's), start_ns, end_ns
    lock_tries  a row an attempt at a lock: key, trace_id, span_id, service, series (attempts of one series are one
                wait), start_ns, end_ns

Both have the locks that are named (`holds.py`) and those of rows (`row_locks.py`), on the common timeline. Who holds
and asks is the request: one lock may be held by a service and the other one asked for by a service that it calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...store import CaseStore
from .holds import prepare_holds
from .rings import Ask
from .row_locks import LONG_NS, prepare_row_locks

# Of the longest so many are looked at: who waits for ever waits longest.
_MOST: Final = 2000


@dataclass(frozen=True, slots=True)
class Wait:
    """A long wait of a request for a lock, from when to when (nanoseconds), whether it got it or not."""

    service: str
    key: str
    trace_id: str
    span_id: str
    start_ns: int
    end_ns: int


def prepare_asks(store: CaseStore) -> bool:
    """Make both tables, once; False, and no tables, when no lock is held at all."""
    return store.once("lock asks", lambda: _find_asks(store))


def _find_asks(store: CaseStore) -> bool:
    held, tries = [], []
    if prepare_holds(store):
        held.append("SELECT key, trace_id, service, 1, start_ns, end_ns FROM lock_holds")
        tries.append(
            "SELECT key, trace_id, span_id, service, concat(holder, ' ', toString(turn)), start_ns, end_ns "
            "FROM lock_steps WHERE verb IN ('acquire', 'refused')"
        )
    if prepare_row_locks(store):
        held.append("SELECT key, trace_id, service, 0, end_ns, until_ns FROM row_locks WHERE NOT failed")
        tries.append("SELECT key, trace_id, span_id, service, span_id, start_ns, end_ns FROM row_locks")
    if not held:
        return False
    store.derive(
        "lock_held",
        " UNION ALL ".join(held),
        "key String, trace_id String, service String, named UInt8, start_ns Int64, end_ns Int64",
    )
    store.derive(
        "lock_tries",
        " UNION ALL ".join(tries),
        "key String, trace_id String, span_id String, service String, series String, start_ns Int64, end_ns Int64",
    )
    return True


def find_asks(store: CaseStore) -> list[Ask]:
    """Requests that ask for a lock while they hold another, those that ask longest first; tables must be there.

    Both are locks that others have to do with as well: of a request that goes through thousands of rows, each with each
    would be too many, and those that are its own alone keep nobody.
    """
    rows = store.query(
        """
        WITH shared AS (
            SELECT key FROM (SELECT key, trace_id FROM lock_held UNION ALL SELECT key, trace_id FROM lock_tries)
            GROUP BY key HAVING min(trace_id) != max(trace_id)
        ),
        asked AS (
            SELECT h.service AS service, h.key AS held, h.named AS named, h.end_ns AS held_until_ns, o.key AS wanted,
                   o.trace_id AS trace_id, argMin(o.span_id, o.start_ns) AS span_id, min(o.start_ns) AS start_ns,
                   max(o.end_ns) AS asked_until_ns
            FROM lock_held AS h JOIN lock_tries AS o ON h.trace_id = o.trace_id
            WHERE o.key != h.key AND h.key IN shared AND o.key IN shared
              AND o.start_ns BETWEEN h.start_ns AND h.end_ns
            GROUP BY service, held, named, held_until_ns, wanted, trace_id, o.series
        )
        SELECT service, held, wanted, trace_id, span_id, named, start_ns,
               least(asked_until_ns, held_until_ns) AS end_ns,
               asked_until_ns <= held_until_ns
                   AND (wanted, trace_id, asked_until_ns) IN (SELECT key, trace_id, start_ns FROM lock_held) AS got
        FROM asked ORDER BY end_ns - start_ns DESC, trace_id, span_id, held LIMIT {most:UInt32}
        """,
        most=_MOST,
    )
    return [Ask(**{**row, "named": bool(row["named"]), "got": bool(row["got"])}) for row in rows]


def find_waits(store: CaseStore) -> list[Wait]:
    """Long waits for locks, the longest first; the tables must be there."""
    rows = store.query(
        """
        SELECT any(t.service) AS service, key, trace_id, argMin(span_id, t.start_ns) AS span_id,
               min(t.start_ns) AS start_ns, max(t.end_ns) AS end_ns
        FROM lock_tries AS t GROUP BY key, trace_id, series HAVING end_ns - start_ns >= {least:Int64}
        ORDER BY end_ns - start_ns DESC, trace_id, span_id LIMIT {most:UInt32}
        """,
        least=LONG_NS,
        most=_MOST,
    )
    return [Wait(**row) for row in rows]
