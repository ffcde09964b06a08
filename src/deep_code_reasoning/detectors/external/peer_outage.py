"""A peer that nobody observes no longer serves: a partner, a database, a cache, a broker.

Looks for: calls that leave the traces, to one peer, most of which fail from some moment on for the peer's part: it
refuses, resets, is unreachable, answers 5xx or does not answer. Or some of which fail from then on, where the peer
says itself that it cannot serve: that it is unavailable, overloaded, or gives no more than a quota.

Why it matters: it has no spans and no logs of its own, so that its callers look like the culprits; they, and who tries
again above them, are its victims.

Stays silent when: the peer is traced (its own spans tell more), its calls fail for the caller's part (wrong requests,
locks, a full pool), some always failed, most still succeed though the peer does not say that it cannot serve, or the
caller gives up sooner than the peer often took.

Example finding: `payments: 95% of 120 calls to psp.example.net fail since 09:12:04Z, 1% before: "connection refused"`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...domain.wording import excerpt
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.exits import prepare_exits
from ..timeline.linked_spans import do_some_fail
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_failing: from half of its calls on a peer is out; a lower share is a bad day, or one of its functions,
        min_unable: unless it says itself that it cannot serve: of a healthy peer so many answers do not.
        min_times: of these, so many times the share from before; a peer that throttles throttles some on any day.
        max_before: what failed for one call in five before is no news.
        min_failed: fewer failures than this prove nothing.
        min_probability: a finding is told when it is likelier than not.
        most: nobody is surer of what has no evidence of its own,
        in_part: nor of a peer that serves most: who asks too much of it is told so, too.
    """

    min_failing: float = 0.5
    min_unable: float = 0.03
    min_times: float = 4.0
    max_before: float = 0.2
    min_failed: int = 3
    min_probability: float = 0.5
    most: float = 0.93
    in_part: float = 0.7


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find peers outside the traces that stopped serving, the surest first."""
    if not do_some_fail(scene.store):
        return Skipped("no span says that it failed")
    if not prepare_exits(scene.store):
        return []
    risen = _risen(scene, "its_part", settings)
    out = [rise for rise in risen if rise.change.rate_after >= settings.min_failing]
    found = [_finding(scene, rise, risen, settings.most) for rise in out]
    if not found:
        unable = [
            rise
            for rise in _risen(scene, "unable", settings)
            if rise.change.rate_after >= max(settings.min_unable, settings.min_times * rise.change.rate_before)
        ]
        found = [_finding(scene, rise, unable, settings.in_part) for rise in unable]
    return sorted(found, key=lambda f: (-f.confidence, -f.severity, f.service))


def _risen(scene: Scene, outcome: str, settings: Settings) -> list[Rise]:
    """By service and peer, the calls of which an outcome became more frequent, and was none of the usual before."""
    steps = time_steps(scene.store, "linked_spans")
    rows = scene.store.query(
        f"""
        SELECT service, peer, groupArray((step, n, failed)) AS steps, sum(failed) AS failures, count() AS parts
        FROM (
            SELECT service, peer, {step_of("start_ns")} AS step, count() AS n, sum({outcome}) AS failed
            FROM exits GROUP BY service, peer, step
        )
        GROUP BY service, peer HAVING failures >= {{least:UInt32}} ORDER BY service, peer
        """,
        least=settings.min_failed,
        **steps.parameters(),
    )
    found = rises(rows, steps, settings.min_probability)
    return [rise for rise in found if rise.change.rate_before <= settings.max_before]


def _finding(scene: Scene, rise: Rise, risen: Sequence[Rise], most: float) -> Finding:
    service, peer, since_ns, change = str(rise.row["service"]), str(rise.row["peer"]), rise.since_ns, rise.change
    # Who is told of a peer's outage less often is its victim as well.
    of_peer = [other for other in risen if other.row["peer"] == rise.row["peer"]]
    first_ns = min(other.since_ns for other in of_peer)
    failed = scene.store.query(
        """
        SELECT trace_id, span_id, error, start_ns FROM exits
        WHERE service = {service:String} AND peer = {peer:String} AND its_part AND start_ns >= {since:Int64}
        ORDER BY start_ns, trace_id, span_id LIMIT 4
        """,
        service=service,
        peer=peer,
        since=since_ns,
    )
    message = next((one["error"] for one in failed if one["error"]), "")
    return Finding(
        code="external.peer_outage",
        mechanism="dependency_outage",
        service=service,
        summary=(
            f"{service}: {change.rate_after:.0%} of {change.trials_after} calls to {peer} fail since "
            f"{format_instant(since_ns)}, {change.rate_before:.0%} before"
            + (f': "{excerpt(message, 160)}"' if message else "")
        ),
        severity=change.rate_after,
        confidence=min(most, rise.probability),
        facts={
            "peer": peer,
            "services": tuple(dict.fromkeys((service, *(str(other.row["service"]) for other in of_peer)))),
            "failing_share_before": round(change.rate_before, 4),
            "failing_share": round(change.rate_after, 4),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(one["trace_id"], one["span_id"]) for one in failed),
        window=Window(first_ns, max(first_ns + 1, scene.windows.incident.end_ns)),
        resource=peer,
    )


DETECTOR: Final = Detector(
    "external.peer_outage",
    (Kind("external.peer_outage", family="outside"),),
    ("dependency_outage",),
    ("spans",),
    Settings(),
    detect,
    dated=True,
)
