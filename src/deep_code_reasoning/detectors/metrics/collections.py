"""What a runtime tells of its garbage collections: what they leave, and the time that they take.

Memory in use says little while nothing collects it. What a collection leaves is in use indeed, and a heap that keeps
more takes longer to look through.
"""

from __future__ import annotations

import re
from typing import Final

from ...store import CaseStore

# As runtimes measure it themselves (Micrometer, the JMX exporter, OpenTelemetry's conventions).
_LEFT: Final = re.compile(
    r"live[._]data|after[._](last[._])?gc|after[._]collection|last[._]collection|collection[._]used", re.I
)
_TIMES: Final = r"(?i)(^|[._])(gc|garbage)[._].*(pause|duration|time|seconds)"
# Collections that take twice the time have another heap to look through: by their number alone they vary by less.
_LONGER: Final = 2.0


def is_after_collections(metric: str) -> bool:
    """Whether a metric is of what collections left."""
    return bool(_LEFT.search(metric))


def collections_take_longer(store: CaseStore, service: str, from_ns: int, to_ns: int) -> bool:
    """Whether a service's collections take more time in the second half of a stretch than in its first, by its metrics.

    Of what is counted the increase is compared, of a level the median.
    """
    rows = store.query(
        """
        SELECT sum(late) AS late, sum(early) AS early FROM (
            SELECT name,
                   if(kind IN ('sum', 'histogram', 'summary'), maxIf(v, at >= {middle:Int64})
                      - minIf(v, at >= {middle:Int64}), quantileExactIf(0.5)(v, at >= {middle:Int64})) AS late,
                   if(kind IN ('sum', 'histogram', 'summary'), maxIf(v, at < {middle:Int64})
                      - minIf(v, at < {middle:Int64}), quantileExactIf(0.5)(v, at < {middle:Int64})) AS early
            FROM (
                SELECT name, instance, attributes, toString(kind) AS kind, time_ns AS at,
                       if(kind IN ('histogram', 'summary'), sum, value) AS v
                FROM metrics WHERE service = {service:String} AND match(name, {times:String})
                  AND time_ns BETWEEN {first:Int64} AND {last:Int64}
            )
            WHERE isFinite(v) GROUP BY name, kind, instance, attributes
            HAVING countIf(at < {middle:Int64}) > 1 AND countIf(at >= {middle:Int64}) > 1
        )
        GROUP BY name ORDER BY name
        """,
        service=service,
        times=_TIMES,
        first=from_ns,
        middle=(from_ns + to_ns) // 2,
        last=to_ns,
    )
    return any(float(row["late"]) >= _LONGER * float(row["early"]) > 0 for row in rows)
