"""Requests come in bunches.

Looks for: seconds in which many times the usual number of requests come in from outside, again and again from some
moment on and never before, of which the last take longer than the first, or which fail.

Why it matters: the mean rate hardly rises, so that nothing but the slowest requests shows it, and whatever is slow then
(a pool, a processor, the last commit) looks like the culprit. The remedy lies with who asks: spread what is scheduled.

Stays silent when: bunches came from the beginning, they harm nobody, or fewer requests than usual came right before
each: then they had waited, for who takes them in.

Example finding: `storefront: 80 times as many requests as usual come in within 5 single seconds since 09:12:00Z, every
60 s; the first of them take 48 ms, the last 136 ms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_S, format_instant
from ...domain.window import Window
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.recordings import hole_in_traces

_ROOTS: Final = "parent_span_id = '' AND kind NOT IN ('consumer', 'producer')"


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_times: a second with so many times the usual number of requests; chance and daily load make less of it.
        min_requests: fewer in a second are few, whatever is usual.
        min_bunches: one or two may be anybody's.
        min_calm: before the first, so many times as long as it is from one to the next, none came.
        min_waiting: right before a bunch this share of the usual number came; less, and they had been held up.
        min_slower: the last quarter of a bunch takes so many times as long as its first, as it waits for it, or
        min_failing: so many more of them fail than of others: else nobody suffers.
        confidence: of bunches that hurt.
    """

    min_times: float = 8.0
    min_requests: int = 20
    min_bunches: int = 3
    min_calm: float = 1.5
    min_waiting: float = 0.5
    min_slower: float = 1.5
    min_failing: float = 0.05
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class _Bunches:
    """The seconds of bunches, those in which one begins, how far apart they are, and the usual number in a second."""

    seconds: tuple[int, ...]
    starts: tuple[int, ...]
    apart_s: float
    usual: float
    times: float


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services at which requests come in bunches, the densest first."""
    if hole_in_traces(scene.store) is not None:
        return Skipped("between two recordings of traces nobody knows how often requests came in")
    prepare_linked_spans(scene.store)
    rows = scene.store.query(
        f"""
        SELECT service, groupArray((second, n)) AS seconds, max(n) AS most FROM (
            SELECT service, intDiv(start_ns, {NS_PER_S}) AS second, count() AS n
            FROM linked_spans WHERE {_ROOTS} GROUP BY service, second ORDER BY service, second
        )
        GROUP BY service HAVING most >= {{least:UInt32}} ORDER BY service
        """,
        least=settings.min_requests,
    )
    found = []
    for row in rows:
        bunches = _bunches({int(second): int(n) for second, n in row["seconds"]}, settings)
        finding = _finding(scene, row["service"], bunches, settings) if bunches is not None else None
        if finding is not None:
            found.append(finding)
    return sorted(found, key=lambda f: (-f.number("ratio"), f.service))


def _bunches(counts: dict[int, int], settings: Settings) -> _Bunches | None:
    """The bunches in which requests come; None where they came so from the beginning, or had been held up."""
    first, length = min(counts), max(counts) - min(counts) + 1
    least = max(settings.min_requests, settings.min_times * sum(counts.values()) / length)
    dense = tuple(sorted(second for second, n in counts.items() if n >= least))
    starts = tuple(second for second in dense if second - 1 not in dense)
    if len(starts) < settings.min_bunches or length == len(dense):
        return None
    apart_s = median(b - a for a, b in pairwise(starts))
    if starts[0] - first < settings.min_calm * apart_s:
        return None
    usual = (sum(counts.values()) - sum(counts[second] for second in dense)) / (length - len(dense))
    held_up = 0
    for start in starts:
        # So long everybody would have been held up for that many to wait.
        wait_s = min(start - first, int(apart_s) - 1, round(counts[start] / max(usual, 1.0)))
        came = sum(counts.get(second, 0) for second in range(start - wait_s, start))
        held_up += came < settings.min_waiting * usual * wait_s
    times = median(counts[start] for start in starts) / max(usual, 1 / length)
    return _Bunches(dense, starts, apart_s, usual, times) if 2 * held_up < len(starts) else None


def _finding(scene: Scene, service: str, bunches: _Bunches, settings: Settings) -> Finding | None:
    row = scene.store.query(
        f"""
        SELECT quantileExactIf(0.5)(duration_ns, dense AND place <= 0.25) AS first_ns,
               quantileExactIf(0.5)(duration_ns, dense AND place > 0.75) AS last_ns,
               avgIf(failed, dense) - avgIf(failed, NOT dense) AS worse, minIf(start_ns, dense) AS since_ns,
               arraySlice(arrayReverseSort(groupArrayIf((duration_ns, trace_id, span_id), dense)), 1, 3) AS slowest
        FROM (
            SELECT trace_id, span_id, start_ns, duration_ns, failed,
                   intDiv(start_ns, {NS_PER_S}) IN {{seconds:Array(Int64)}} AS dense,
                   percent_rank() OVER (PARTITION BY intDiv(start_ns, {NS_PER_S}) ORDER BY start_ns) AS place
            FROM linked_spans WHERE service = {{service:String}} AND {_ROOTS}
        )
        """,
        service=service,
        seconds=list(bunches.seconds),
    )[0]
    first_ms, last_ms, since_ns = int(row["first_ns"]) / 1e6, int(row["last_ns"]) / 1e6, int(row["since_ns"])
    if last_ms < settings.min_slower * first_ms and row["worse"] < settings.min_failing:
        return None
    return Finding(
        code="external.bunched_requests",
        mechanism="traffic_surge",
        service=service,
        summary=(
            f"{service}: {bunches.times:.0f} times as many requests as usual come in within {len(bunches.starts)} "
            f"single seconds since {format_instant(since_ns)}, every {bunches.apart_s:.0f} s; the first of them take "
            f"{first_ms:.3g} ms, the last {last_ms:.3g} ms"
        ),
        severity=0.8,
        confidence=settings.confidence,
        facts={
            "services": (service,),
            "usual_per_s": round(bunches.usual, 4),
            "ratio": round(bunches.times, 3),
            "bunches": len(bunches.starts),
            "apart_s": bunches.apart_s,
            "first_ms": round(first_ms, 3),
            "last_ms": round(last_ms, 3),
            "failing_more": round(float(row["worse"]), 4),
            "onset": format_instant(since_ns),
            "since_ns": since_ns,
        },
        citations=tuple(span_citation(trace, span) for _, trace, span in row["slowest"]),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
    )


DETECTOR = Detector(
    code="external.bunched_requests",
    kinds=(Kind("external.bunched_requests", family="outside"),),
    mechanisms=("traffic_surge",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
