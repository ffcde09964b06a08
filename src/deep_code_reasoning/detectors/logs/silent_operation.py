"""An operation that logs nothing, in a system whose every other operation logs.

Looks for: an operation of a service whose requests leave no log record at all, while that service logs on nearly every
request to its other operations, and no other operation of the system is as silent.

Why it matters: when evidence begins after the fault did, the statement that no longer comes cannot be missed. That a
path is silent where all others speak is what remains.

Stays silent when: other operations are silent too (health checks, say: then silence is a habit); the operation was as
silent before something else changed; the service logs nothing anywhere; there are too few requests or too few
operations to call it a habit.

Example finding: `prices: /prices/by-route logs nothing (65 requests), its other operations and all others do`.

Confidence is modest: someone may have wanted it so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...store import Row
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.linked_spans import prepare_linked_spans


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_requests: fewer requests may be silent by chance.
        min_operations: a habit needs so many operations that log.
        habit: share of requests with a record from which on an operation logs as a habit.
        confidence: of a finding; see the module's text.
    """

    min_requests: int = 5
    min_operations: int = 10
    habit: float = 0.9
    confidence: float = 0.4


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find the one operation that is silent."""
    prepare_linked_spans(scene.store)
    rows = scene.store.query(
        """
        WITH
            spoken AS (SELECT DISTINCT trace_id, service FROM logs WHERE trace_id != ''),
            entries AS (
                SELECT trace_id, span_id, start_ns, service, name AS operation,
                       uniqExact(name) OVER (PARTITION BY trace_id, service) AS kinds
                FROM linked_spans WHERE parent_service != service
            )
        SELECT service, operation, uniqExact(trace_id) AS requests,
               uniqExactIf(trace_id, (trace_id, service) IN spoken) AS logged,
               uniqExactIf(trace_id, start_ns < {onset:Int64}) AS before,
               arraySlice(arraySort(groupArray((trace_id, span_id))), 1, 3) AS cited
        FROM entries WHERE kinds = 1
        GROUP BY service, operation HAVING requests >= {requests:UInt32}
        ORDER BY service, operation
        """,
        requests=settings.min_requests,
        onset=scene.windows.onset_ns,
    )
    talking = [row for row in rows if int(row["logged"]) >= settings.habit * int(row["requests"])]
    if len(talking) < settings.min_operations:
        return Skipped(
            f"fewer than {settings.min_operations} operations log on their requests: no habit to compare with"
        )
    by_service: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        by_service[row["service"]].append(bool(int(row["logged"])))
    silent = [row for row in rows if not int(row["logged"]) and any(by_service[row["service"]])]
    if len(silent) != 1:
        return []
    row = silent[0]
    if scene.windows.changed and int(row["before"]) >= settings.min_requests:
        return []
    return [_finding(scene, row, len(talking), settings)]


def _finding(scene: Scene, row: Row, talking: int, settings: Settings) -> Finding:
    return Finding(
        code="logs.silent_operation",
        mechanism="exception",
        service=row["service"],
        summary=(
            f"{row['service']}: {row['operation']} logs nothing on any of {row['requests']} requests, "
            f"while its other operations and {talking} of the system do"
        ),
        severity=1.0,
        confidence=settings.confidence,
        facts={"requests": int(row["requests"]), "operations_that_log": talking},
        citations=tuple(span_citation(trace, span) for trace, span in row["cited"]),
        window=scene.windows.incident,
        operation=row["operation"],
    )


DETECTOR = Detector(
    code="logs.silent_operation",
    kinds=(Kind("logs.silent_operation", directness=0.9, family="standing"),),
    mechanisms=("exception",),
    needs=("spans", "logs"),
    settings=Settings(),
    detect=detect,
)
