"""A few requests that a service works on far longer than on all others.

Looks for: an operation that from some moment on spends many times its usual time on some of its requests, again and
again, and not on most. Where the processor is busy just then, they compute for so long (`computing.py`).

Why it matters: quantiles hardly move and nobody's average does, yet some users wait on every request: one customer's
data, one item, one size. That there is a minority dates the incident; what it has in common (`set_apart.py`) says why.

Stays silent when: such requests came before as often; they come all at once (a pause of the process); they are not
slow by an order of magnitude; most requests are slow (`self_time.py`).

Example finding: `pricing: works 1842 ms on 10 of 103 requests to Quote since 12:08:51 (0 of 153 before; usual:
14 ms)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...domain.wording import figure
from ..base import Detector, Kind, Scene
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps
from .computing import computing
from .request_times import prepare_request_times

# Coarse enough that a pause of the process is in one or two of them.
_STEPS: Final = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        factor: an order of magnitude above what three quarters of the requests take is no spread of latencies.
        min_extra_ms: and a user notices it.
        min_requests: fewer than this are accidents.
        min_steps: they must come in so many different steps of time, and not all at once.
        minority: of more than half it is the operation that is slow, and not some of its requests.
        min_probability: all operations have stragglers now and then.
    """

    factor: float = 10.0
    min_extra_ms: float = 250.0
    min_requests: int = 5
    min_steps: int = 5
    minority: float = 0.5
    min_probability: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find operations that begin to have stragglers."""
    prepare_request_times(scene.store)
    steps = time_steps(scene.store, "request_times", count=_STEPS)
    rows = scene.store.query(
        f"""
        WITH usual AS (
            SELECT service, entry, quantileExact(0.5)(self_ns) AS usual_ns, quantileExact(0.75)(self_ns) AS most_ns,
                   toInt64(greatest({{factor:Float64}} * most_ns, most_ns + {{extra:Float64}})) AS limit_ns
            FROM request_times GROUP BY service, entry
        )
        SELECT service, entry, min(usual_ns) AS usual, min(limit_ns) AS limit, groupArray((step, n, late)) AS steps
        FROM (
            SELECT service, entry, usual_ns, limit_ns, {step_of("start_ns")} AS step, count() AS n,
                   countIf(self_ns > limit_ns) AS late
            FROM request_times JOIN usual USING (service, entry)
            GROUP BY service, entry, usual_ns, limit_ns, step
        )
        GROUP BY service, entry HAVING sum(late) >= {{least:UInt32}} ORDER BY service, entry
        """,
        factor=settings.factor,
        extra=settings.min_extra_ms * NS_PER_MS,
        least=settings.min_requests,
        **steps.parameters(),
    )
    found = [
        _finding(scene, rise)
        for rise in rises(rows, steps, settings.min_probability, looked_at=len(rows))
        if rise.change.failures_after >= settings.min_requests
        and rise.change.rate_after < settings.minority
        and sum(1 for step, _, late in rise.row["steps"] if late and step >= rise.change.index) >= settings.min_steps
    ]
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.operation or ""))


def _finding(scene: Scene, rise: Rise) -> Finding:
    service, entry, change = str(rise.row["service"]), str(rise.row["entry"]), rise.change
    rows = scene.store.query(
        """
        SELECT trace_id, span_id, self_ns FROM request_times
        WHERE service = {service:String} AND entry = {entry:String} AND start_ns >= {since:Int64}
          AND self_ns > {limit:Int64}
        ORDER BY start_ns, trace_id, span_id
        """,
        service=service,
        entry=entry,
        since=rise.since_ns,
        limit=int(rise.row["limit"]),
    )
    longest = sorted(int(row["self_ns"]) for row in rows)[len(rows) // 2]
    computed = computing(scene.store, service, float(rise.row["limit"]))
    return Finding(
        code="traces.stragglers",
        mechanism="cpu_saturation" if computed else "latency_regression",
        service=service,
        summary=(
            f"{service}: works {longest / NS_PER_MS:.0f} ms on {change.failures_after} of {change.trials_after} "
            f"requests to {entry} since {format_instant(rise.since_ns)} ({change.failures_before} of "
            f"{change.trials_before} before; usual: {figure(int(rise.row['usual']) / NS_PER_MS)} ms)"
            + (computed.told if computed else "")
        ),
        # Who is concerned waits for every request: grave for them, and few.
        severity=min(1.0, 0.4 + change.rate_after),
        confidence=rise.probability,
        facts={
            "share_before": round(change.rate_before, 4),
            "share": round(change.rate_after, 4),
            "ms": round(longest / NS_PER_MS, 3),
            "usual_ms": round(int(rise.row["usual"]) / NS_PER_MS, 3),
            "share_of_limit": round(computed.share, 4) if computed else None,
            "onset": format_instant(rise.since_ns),
        },
        citations=tuple(span_citation(row["trace_id"], row["span_id"]) for row in rows[:3]),
        window=Window(rise.since_ns, max(rise.since_ns + 1, scene.windows.incident.end_ns)),
        operation=entry,
        resource=computed.metric if computed else None,
    )


DETECTOR = Detector(
    code="traces.stragglers",
    kinds=(Kind("traces.stragglers", symptom="inherited"),),
    mechanisms=("latency_regression", "cpu_saturation"),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
