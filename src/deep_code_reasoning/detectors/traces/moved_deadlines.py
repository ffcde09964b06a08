"""Deadlines that were put off between two recordings: what the rare call that is given up costs more than before.

A part of `lost_time.py`. Where one call in fifty hangs, a recording of some hundred requests has two or three of them:
the mean is as unsure as their number, and that requests lose time is not certain. When they are given up is certain
even of a few, since a deadline is the same for all calls: those that fail on either side do so after one and the same
time, and the two times are apart. How often calls are given up is then counted over both sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore

# Calls that are given up end within some milliseconds of their deadline, and hardly any fails at another time.
_EXACTLY: Final = 1.03
_SAME: Final = 0.8
# That two calls on either side happen to fail so exactly together is chance of one in thousands.
_MIN_CALLS: Final = 2
# A deadline that is put off by less than a quarter is not felt.
_APART: Final = 1.25

_CUT: Final = """
WITH calls AS (
    SELECT service, name, start_ns >= {since:Int64} AS late, duration_ns, failed FROM linked_spans
    WHERE kind = 'client'
),
limits AS (
    SELECT service, name, late, quantileExact(0.5)(duration_ns) AS limit_ns FROM calls
    WHERE failed GROUP BY service, name, late
),
sides AS (
    SELECT service, name, late, limit_ns, count() AS n_failed,
           countIf(duration_ns * {exactly:Float64} > limit_ns AND duration_ns < limit_ns * {exactly:Float64}) AS n_cut
    FROM calls JOIN limits USING (service, name, late) WHERE failed GROUP BY service, name, late, limit_ns
    HAVING n_cut >= {least:UInt32} AND n_cut >= {same:Float64} * n_failed
),
made AS (SELECT service, name, count() AS n_calls FROM calls GROUP BY service, name)
SELECT service, name, sum(n_cut) AS given_up, any(n_calls) AS n_calls,
       sumIf(limit_ns, NOT late) AS before_ns, sumIf(limit_ns, late) AS after_ns
FROM sides JOIN made USING (service, name) GROUP BY service, name
HAVING before_ns > 0 AND after_ns >= {apart:Float64} * before_ns ORDER BY service, name
"""


@dataclass(frozen=True, slots=True)
class PutOff:
    """After what time calls are given up, before and after, in milliseconds; how many were, and of how many."""

    before_ms: float
    after_ms: float
    given_up: int
    calls: int

    @property
    def lost_ms(self) -> float:
        """What a call loses in the mean."""
        return (self.after_ms - self.before_ms) * self.given_up / self.calls

    @property
    def error_ms(self) -> float:
        """The standard error of what is lost: that of a count."""
        return self.lost_ms / math.sqrt(self.given_up)


def deadlines_put_off(store: CaseStore, since_ns: int) -> dict[tuple[str, str], PutOff]:
    """Deadlines that are longer since a moment, by service and name of the call. Reads `linked_spans`."""
    rows = store.query(_CUT, since=since_ns, exactly=_EXACTLY, same=_SAME, least=_MIN_CALLS, apart=_APART)
    return {
        (row["service"], row["name"]): PutOff(
            int(row["before_ns"]) / NS_PER_MS,
            int(row["after_ns"]) / NS_PER_MS,
            int(row["given_up"]),
            int(row["n_calls"]),
        )
        for row in rows
    }
