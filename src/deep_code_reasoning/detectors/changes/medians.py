"""Where the usual request takes longer, and not only some of them; where no call fails, and no statement takes longer.

What acts where a call fails or hangs (attempts, pauses between them, how long is waited) makes those requests slow and
leaves the others as they were. Where the median grew by half, and by a good part of what the mean did, most requests
lose time to something else. Where no call fails at all none is tried again.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from ..base import Scene
from ..series.series import series_of
from ..timeline.change_point import median
from ..timeline.linked_spans import prepare_linked_spans
from ..vocabulary.metrics import words_of

_MIN_RATIO: Final = 1.5
# What all requests lose the median loses as well; beside a third of them that lose it, it moves by far less.
_OF_MEAN: Final = 0.5
# A median of fewer moves by itself.
_MIN_REQUESTS: Final = 20
# Of fewer calls one that fails may not have been seen.
_MIN_CALLS: Final = 50
# A statement that lost its index takes several times as long, and with it the mean of all, be it one of ten.
_LONGER: Final = 1.25
_STATEMENT: Final = r"^(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|CALL)\b"
_MEDIAN: Final = frozenset({"p50", "median"})
_MEAN: Final = frozenset({"mean", "avg", "average"})


def slower_medians(scene: Scene) -> frozenset[str]:
    """Services in whose requests to an operation, or by whose metrics, the median grew by half with the onset."""
    return frozenset(_by_spans(scene) | _by_metrics(scene))


def unfailing_callers(scene: Scene) -> frozenset[str]:
    """Services of whose calls enough were recorded and none failed, by their own spans of them or those of the called.

    A span of no kind that fails may be such a call; who is called may well succeed when the caller waits no longer.
    """
    prepare_linked_spans(scene.store)
    rows = scene.store.query(
        """
        WITH kind IN ('client', 'producer') AS is_call
        SELECT caller FROM (
            SELECT arrayJoin([if(is_call OR (kind = '' AND failed), service, ''),
                              if(NOT is_call AND has_parent AND parent_service != service, parent_service, '')])
                       AS caller, failed
            FROM linked_spans)
        WHERE caller != '' GROUP BY caller HAVING count() >= {least:UInt32} AND countIf(failed) = 0 ORDER BY caller
        """,
        least=_MIN_CALLS,
    )
    return frozenset(row["caller"] for row in rows)


def quick_statements(scene: Scene) -> frozenset[str]:
    """Services whose statements have spans of their own and take no longer since the onset, by their mean."""
    if not scene.store.count("spans"):
        return frozenset()
    rows = scene.store.query(
        "SELECT toString(service) AS service, avgIf(duration_ns, start_ns < {onset:Int64}) AS before, "
        "avgIf(duration_ns, start_ns >= {onset:Int64}) AS after FROM spans "
        "WHERE kind = 'client' AND (attributes['db.system'] != '' OR attributes['db.system.name'] != '' "
        "OR match(name, {statement:String})) GROUP BY service "
        "HAVING least(countIf(start_ns < {onset:Int64}), countIf(start_ns >= {onset:Int64})) >= {least:UInt32} "
        "AND after < {ratio:Float64} * before ORDER BY service",
        onset=scene.windows.onset_ns,
        least=_MIN_REQUESTS,
        ratio=_LONGER,
        statement=_STATEMENT,
    )
    return frozenset(row["service"] for row in rows)


def _by_spans(scene: Scene) -> set[str]:
    rows = scene.store.query(
        "SELECT DISTINCT service FROM (SELECT toString(service) AS service, name, "
        "quantileExactIf(0.5)(duration_ns, start_ns < {onset:Int64}) AS before, "
        "quantileExactIf(0.5)(duration_ns, start_ns >= {onset:Int64}) AS after, "
        "avgIf(duration_ns, start_ns >= {onset:Int64}) - avgIf(duration_ns, start_ns < {onset:Int64}) AS of_mean "
        "FROM spans WHERE kind IN ('server', 'consumer') GROUP BY service, name "
        "HAVING least(countIf(start_ns < {onset:Int64}), countIf(start_ns >= {onset:Int64})) >= {least:UInt32} "
        "AND after >= {ratio:Float64} * before AND after - before >= {part:Float64} * of_mean) ORDER BY service",
        onset=scene.windows.onset_ns,
        least=_MIN_REQUESTS,
        ratio=_MIN_RATIO,
        part=_OF_MEAN,
    )
    return {row["service"] for row in rows}


def _by_metrics(scene: Scene) -> set[str]:
    medians: dict[str, list[tuple[float, float]]] = defaultdict(list)
    of_mean: dict[str, float] = defaultdict(float)
    for series in series_of(scene.store, frozenset({"latency"})):
        before, after = series.sides(scene.windows.onset_ns)
        if not before or not after:
            continue
        words = words_of(series.name)
        if words & _MEDIAN:
            medians[series.service].append((median(before), median(after)))
        elif words & _MEAN:
            of_mean[series.service] = max(of_mean[series.service], median(after) - median(before))
    return {
        service
        for service, pairs in medians.items()
        if any(
            after >= _MIN_RATIO * before > 0 and after - before >= _OF_MEAN * of_mean[service]
            for before, after in pairs
        )
    }
