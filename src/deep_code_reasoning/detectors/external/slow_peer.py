"""A third party that became slow.

Looks for: calls that leave the system, to one host on the internet, that take several times what they took from some
moment on.

Why it matters: the time is the partner's, and counts as the caller's own work, since no span tells of the other side.
No change of ours makes somebody else slower.

Stays silent when: the peer is traced, or is a database, a cache or a queue of our own (a statement may be the reason);
only some of the calls are slow; other calls of the same callers became slower too.

Example finding: `billing: calls to api.psp.example.com take 4100 ms since 10:23:00, 130 ms before (88 of 91 slow)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene
from ..timeline.exits import ON_THE_INTERNET, OUR_OWN, prepare_exits
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        slow_factor: a call is slow at this multiple of the shorter quarter of its kind: nearly ten times. Who
            takes three times as long is having a bad day, which deadlines are there to stand.
        min_extra_ms: and by so much: a partner's answers vary by tens of milliseconds on any day.
        min_slow: most of the calls must be slow.
        min_calls: fewer slow calls than this prove nothing.
        min_probability: a finding is told when it is likelier than not.
        confidence: at most; the way to the partner may be slow.
    """

    slow_factor: float = 8.0
    min_extra_ms: float = 100.0
    min_slow: float = 0.5
    min_calls: int = 5
    min_probability: float = 0.5
    confidence: float = 0.85


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find third parties that became slow, the surest first."""
    if not prepare_exits(scene.store):
        return []
    _prepare_slow_exits(scene.store, settings)
    steps = time_steps(scene.store, "linked_spans")
    rows = scene.store.query(
        f"""
        SELECT service, peer, groupArray((step, n, slow)) AS steps, sum(slow) AS all_slow FROM (
            SELECT service, peer, {step_of("start_ns")} AS step, count() AS n, sum(is_slow) AS slow
            FROM slow_exits GROUP BY service, peer, step
        )
        GROUP BY service, peer HAVING all_slow >= {{least:UInt32}} ORDER BY service, peer
        """,
        least=settings.min_calls,
        **steps.parameters(),
    )
    found = [
        finding
        for rise in rises(rows, steps, settings.min_probability, looked_at=2)
        if rise.change.rate_after >= settings.min_slow
        and rise.change.rate_before <= settings.min_slow / 5
        and (finding := _finding(scene, rise, settings)) is not None
    ]
    return sorted(found, key=lambda f: (-f.confidence, -f.severity, f.service))


def _prepare_slow_exits(store: CaseStore, settings: Settings) -> None:
    """The table `slow_exits`: calls to third parties, and whether each took far longer than its kind usually does."""
    store.derive(
        "slow_exits",
        """
        WITH usual AS (
            SELECT service, peer, quantileExact(0.25)(duration_ns) AS usual_ns FROM exits GROUP BY service, peer
        )
        SELECT trace_id, span_id, e.service AS service, e.peer AS peer, start_ns, duration_ns,
               duration_ns > {factor:Float64} * usual_ns AND duration_ns > usual_ns + {extra:Int64} AS is_slow
        FROM exits AS e JOIN usual USING (service, peer)
        WHERE match(peer, {internet:String}) AND NOT match(peer, {own:String})
        """,
        factor=settings.slow_factor,
        extra=round(settings.min_extra_ms * NS_PER_MS),
        internet=ON_THE_INTERNET,
        own=OUR_OWN,
    )


def _finding(scene: Scene, rise: Rise, settings: Settings) -> Finding | None:
    service, peer, since_ns, change = str(rise.row["service"]), str(rise.row["peer"]), rise.since_ns, rise.change
    told = scene.store.query(
        """
        SELECT quantileExactIf(0.5)(duration_ns, start_ns < {since:Int64}) AS before,
               quantileExactIf(0.5)(duration_ns, start_ns >= {since:Int64}) AS now,
               arraySlice(arraySort(groupArrayIf((start_ns, trace_id, span_id), is_slow AND start_ns >= {since:Int64})),
                          1, 4) AS examples
        FROM slow_exits WHERE service = {service:String} AND peer = {peer:String}
        """,
        since=since_ns,
        service=service,
        peer=peer,
    )[0]
    now_ms, before_ms = float(told["now"]) / NS_PER_MS, float(told["before"]) / NS_PER_MS
    if now_ms < settings.slow_factor * before_ms:
        return None
    return Finding(
        code="external.slow_peer",
        mechanism="dependency_outage",
        service=service,
        summary=(
            f"{service}: calls to {peer} take {now_ms:.0f} ms since {format_instant(since_ns)}, {before_ms:.0f} ms "
            f"before ({change.failures_after} of {change.trials_after} slow)"
        ),
        severity=change.rate_after,
        confidence=min(settings.confidence, rise.probability),
        facts={
            "peer": peer,
            "services": (service,),
            "before_ms": round(before_ms, 3),
            "now_ms": round(now_ms, 3),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(trace, span) for _, trace, span in told["examples"]),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=peer,
    )


DETECTOR: Final = Detector(
    "external.slow_peer",
    (Kind("external.slow_peer", family="outside"),),
    ("dependency_outage",),
    ("spans",),
    Settings(),
    detect,
    dated=True,
)
