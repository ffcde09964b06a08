"""Holders that wait for each other.

Looks for: requests that each hold a lock which the next one asks for, in a ring of two to six, at the same time; and
databases and runtimes that say they found a deadlock (PostgreSQL 40P01, MySQL 1213, SQL Server 1205, the JVM's thread
dump). A request that calls a service which writes to what it has written itself, and not committed (`self_waits.py`).
Where none was caught yet, locks that are taken in orders that make a ring are told as harmless so far.

Why it matters: neither can go on. What ends it is a victim's error or a deadline, seconds later, in a service that did
nothing wrong but take two locks in another order.

Stays silent when: requests only wait for one another in a line; there are fewer than three such errors (a lone
deadlock is retried by all frameworks); they were as frequent before.

Example finding: `payments: 44 requests wait for each other: one holds locks/account:71 and asks for locks/account:72,
the other the reverse`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.change_point import probability
from .asks import find_asks, prepare_asks
from .deadlocks import Deadlocks, deadlocks
from .operations import prepare_lock_ops
from .reports import Report, prepare_lock_reports, reported
from .rings import Ask, rings
from .self_waits import self_waits
from .waits import LONG, Length, long_waits, prepare_waits


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_requests: a lone deadlock happens in sound systems and is tried again.
        min_probability: a finding is told when it is likelier than not.
        min_share: fewer rings than that tell as well, where so much of the service's long waits for locks is in them
            and behind them.
        min_rise: what so many of the requests suffer is felt, whether it was so before or not.
        length, min_waits: with that, two reports are enough where, as `locks.contention` measures it, the same
            statements begin to wait long.
    """

    min_requests: int = 3
    min_probability: float = 0.5
    min_share: float = 0.5
    length: Length = LONG
    min_waits: int = 5
    min_rise: float = 0.2


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find deadlocks that are seen, and those that are reported."""
    could_see = prepare_lock_ops(scene.store)
    found = _seen(scene, settings)
    found += self_waits(scene)
    found += [finding for finding in _reported(scene, settings) if finding.service not in {f.service for f in found}]
    if not found and not could_see:
        return Skipped("no span or event takes a lock, and nothing reports a deadlock")
    return sorted(found, key=lambda f: (-f.confidence, -f.severity, f.service))


def _seen(scene: Scene, settings: Settings) -> list[Finding]:
    """Rings of holders; where none is told, the orders of locks that could make one."""
    seen = deadlocks(scene.store)
    found = [
        _cycle(scene, known, chance)
        for known in seen
        if (chance := _chance(known, settings)) >= settings.min_probability
    ]
    if found or not prepare_asks(scene.store):
        return found
    asks = (ask for ask in find_asks(scene.store) if ask.named)
    return [_inversion(scene, ring) for ring in rings(asks, together=False)[:1]]


def _chance(known: Deadlocks, settings: Settings) -> float:
    """How likely it is that requests began to be stuck in deadlocks, or always were.

    A lone ring tells when most of what the service waits for locks is in it and behind it.
    """
    if len(known.rings) < settings.min_requests and (
        known.requests < settings.min_requests or known.share < settings.min_share
    ):
        return 0.0
    if known.stuck >= settings.min_rise:
        return 1.0
    return probability(known.change.log_evidence, 1) if known.change is not None else 0.0


def _in_words(ring: Sequence[Ask]) -> str:
    first = ring[0]
    if len(ring) == 2:
        return f"one holds {first.held} and asks for {first.wanted}, the other the reverse"
    return "each holds one of " + ", ".join(ask.held for ask in ring) + " and asks for the next"


def _cycle(scene: Scene, known: Deadlocks, chance: float) -> Finding:
    """What is told of rings of the same services: the locks of those that are most."""
    caught = known.rings
    kinds = Counter(tuple(sorted(ask.held for ask in ring)) for ring in caught)
    most = max(sorted(kinds), key=lambda kind: kinds[kind])
    first = next(ring for ring in caught if tuple(sorted(ask.held for ask in ring)) == most)
    since_ns = min(ask.start_ns for ring in caught for ask in ring)
    service, many = known.service, "two" if len(first) == 2 else str(len(first))
    return Finding(
        code="locks.deadlock",
        mechanism="deadlock",
        service=service,
        summary=(
            f"{service}: {len(caught)} times {many} requests wait for each other: {_in_words(first)}; "
            f"{known.requests} requests are stuck in this or behind it"
        ),
        severity=1.0,
        confidence=min(0.95, chance),
        facts={
            "locks": most,
            "services": tuple(sorted({ask.service for ask in first})),
            "cycles": len(caught),
            "requests": known.requests,
            "share_of_waits": round(known.share, 4),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(ask.trace_id, ask.span_id) for ask in first),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=most[0],
    )


def _inversion(scene: Scene, ring: Sequence[Ask]) -> Finding:
    service, since_ns = ring[0].service, min(ask.start_ns for ask in ring)
    return Finding(
        code="locks.order_inversion",
        mechanism="deadlock",
        service=service,
        summary=f"{service}: locks are taken in orders that can end in a deadlock: {_in_words(ring)}; none was seen",
        severity=0.2,
        confidence=0.5,
        facts={"locks": tuple(sorted(ask.held for ask in ring)), "harmless": True, "onset": format_instant(since_ns)},
        citations=tuple(span_citation(ask.trace_id, ask.span_id) for ask in ring),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=min(ask.held for ask in ring),
    )


def _reported(scene: Scene, settings: Settings) -> list[Finding]:
    if not prepare_lock_reports(scene.store):
        return []
    for report in reported(scene.store, "deadlock", 2)[:1]:
        chance = probability(report.change.log_evidence, 1)
        if report.requests < settings.min_requests or chance < settings.min_probability:
            chance = _chance_of_waits(scene.store, report.service, settings)
        if chance >= settings.min_probability:
            return [_report(scene, report, chance)]
    return []


def _chance_of_waits(store: CaseStore, service: str, settings: Settings) -> float:
    """Few are told of a deadlock where most who wait go on at last: how likely it is that they wait longer now."""
    prepare_waits(store)
    rises = [
        probability(waits.change.log_evidence, 1)
        for waits in long_waits(store, settings.length, settings.min_waits)
        if waits.service == service and waits.change.rate_after - waits.change.rate_before >= settings.min_rise
    ]
    return max(rises, default=0.0)


def _report(scene: Scene, report: Report, chance: float) -> Finding:
    return Finding(
        code="locks.deadlock",
        mechanism="deadlock",
        service=report.service,
        summary=f'{report.service}: {report.requests} requests are told of a deadlock: "{report.message[:160]}"',
        severity=1.0,
        confidence=min(0.95, chance),
        facts={
            "requests": report.requests,
            "message": report.message[:300],
            "onset": format_instant(report.since_ns),
        },
        citations=report.citations,
        window=Window(report.since_ns, max(report.since_ns + 1, scene.windows.incident.end_ns)),
        resource=_resource(scene.store, report.service),
    )


def _resource(store: CaseStore, service: str) -> str | None:
    """The lock that the service takes most often, where any is seen."""
    rows = store.query(
        "SELECT key, count() AS n FROM lock_waits WHERE service = {service:String} "
        "GROUP BY key ORDER BY n DESC, key LIMIT 1",
        service=service,
    )
    return str(rows[0]["key"]) if rows else None


DETECTOR = Detector(
    code="locks.deadlock",
    kinds=(
        Kind("locks.deadlock", directness=1.0, family="seen"),
        Kind("locks.order_inversion"),
    ),
    mechanisms=("deadlock",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
