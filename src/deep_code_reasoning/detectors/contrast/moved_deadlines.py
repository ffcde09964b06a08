"""Deadlines that were put off between two recordings: what the rare call that is given up costs more than before.

A part of `losses.py`. Where one call in fifty hangs, a recording of some hundred requests has two or three of them:
the mean is as unsure as their number, and that requests lose time is not certain. That they are waited for longer is
certain even of a few. Under a deadline no call takes longer than it, and those that are given up fail after just that
time; once it is put off, or gone, some call takes what none could. How often calls hang is counted over both sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore

# Calls that are given up end within some milliseconds of their deadline.
_EXACTLY: Final = 1.03
# That two calls happen to fail so exactly together, and no other takes longer, is chance of one in thousands.
_MIN_GIVEN_UP: Final = 2
# A process that stands still for a moment may give up somewhat late.
_APART: Final = 1.5
# Of fewer calls that hang nobody knows how many do.
_MIN_HANGING: Final = 3

# Who is called is told by the calls that were answered: of those that hang, the answer often is not in the evidence.
_PUT_OFF: Final = """
WITH peers AS (
    SELECT s.service AS service, s.name AS name, max(c.callee) AS peer
    FROM linked_spans AS s JOIN span_children AS c ON s.span_key = c.span_key
    WHERE s.kind = 'client' GROUP BY service, name
),
calls AS (
    SELECT service, name, if(peer != '', peer, name) AS peer, start_ns >= {since:Int64} AS late, duration_ns, failed
    FROM linked_spans LEFT ANY JOIN peers USING (service, name) WHERE kind = 'client'
),
deadlines AS (
    SELECT service, peer, max(duration_ns) AS limit_ns FROM calls WHERE NOT late GROUP BY service, peer
)
SELECT service, groupUniqArray(name) AS names, any(limit_ns) AS before_ns, count() AS n_calls,
       countIf(NOT late AND failed AND duration_ns * {exactly:Float64} > limit_ns) AS n_given_up,
       countIf(duration_ns > {apart:Float64} * limit_ns) AS n_longer,
       quantileExactIf(0.5)(duration_ns, duration_ns > {apart:Float64} * limit_ns) AS after_ns
FROM calls JOIN deadlines USING (service, peer) GROUP BY service, peer
HAVING n_given_up >= {given_up:UInt32} AND n_longer > 0 AND n_given_up + n_longer >= {hanging:UInt32}
ORDER BY service, peer
"""


@dataclass(frozen=True, slots=True)
class PutOff:
    """How long calls that hang are waited for, before and after, in milliseconds; how many did, and of how many."""

    before_ms: float
    after_ms: float
    hanging: int
    calls: int

    @property
    def lost_ms(self) -> float:
        """What a call loses in the mean."""
        return (self.after_ms - self.before_ms) * self.hanging / self.calls

    @property
    def error_ms(self) -> float:
        """The standard error of what is lost: that of a count."""
        return self.lost_ms / math.sqrt(self.hanging)


def deadlines_put_off(store: CaseStore, since_ns: int) -> dict[tuple[str, str], PutOff]:
    """Deadlines that are longer since a moment, or gone, by service and name of the call.

    Reads `linked_spans` and `span_children`.
    """
    rows = store.query(
        _PUT_OFF, since=since_ns, exactly=_EXACTLY, apart=_APART, given_up=_MIN_GIVEN_UP, hanging=_MIN_HANGING
    )
    found = {}
    for row in rows:
        hanging = int(row["n_given_up"]) + int(row["n_longer"])
        before_ms, after_ms = (int(row[key]) / NS_PER_MS for key in ("before_ns", "after_ns"))
        put_off = PutOff(before_ms, after_ms, hanging, int(row["n_calls"]))
        found.update({(row["service"], name): put_off for name in row["names"]})
    return found
