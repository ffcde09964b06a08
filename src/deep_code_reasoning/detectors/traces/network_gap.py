"""Time lost between two services.

Looks for: calls whose client span is much longer than the server span it contains. What lies between the two was spent
on the way: in the network, in a proxy, or waiting for a connection. When this happens on all calls into one service,
whoever calls it, and on no others, the way to that service is slow. When it happens on all calls out of one service,
whomever it calls, its own way out is slow.

Why it matters: a slow network shows as slowness of the *callers*, while the pod that has it looks healthy: its own
spans are as short as ever.

Where no whole service is affected, the way may be slow to one of its hosts, or between two services alone
(`narrow_gaps.py`); where many are, it may be what lies between two zones (`zone_gaps.py`).

Stays silent when: no two services talk in the traces; gaps are as usual, or are long for a minority of the calls only
(a full connection pool, a pause of the collector).

Example finding: `payments: calls into it take 2003 ms longer than it works on them (7 ms elsewhere, 4 ms before
13:22:40), from all 3 callers`.

A call is *slow on the way* when its gap exceeds a limit made from all other calls of the system (`Settings`), so no
calm stretch is needed; where there is one, the moment at which slow calls begin dates the finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import Citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.change_point import outcome_change, probability, rate_contrast
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from .narrow_gaps import RESOURCE, narrow_gaps
from .zone_gaps import zone_gap

# A child may seem to start before its parent, or to end after it, by as much as hosts' clocks usually differ.
_CLOCK_SLACK_NS = 5 * NS_PER_MS


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        usual_factor: a gap is slow when it is this many times the usual gap of the system: an order of magnitude
            beyond the usual, which neither another zone nor a busy host explains.
        min_gap_ms: and at least this long: shorter delays hurt nobody, and clocks of hosts differ by milliseconds.
        min_slow_share: most calls must be slow on the way; pauses and full pools hit a minority.
        min_requests: fewer slow requests than this (of one service, in the bad stretch) prove nothing; an edge with
            fewer calls has no say.
        min_probability: a finding is told when it is likelier than not.
    """

    usual_factor: float = 10.0
    min_gap_ms: float = 20.0
    min_slow_share: float = 0.5
    min_requests: int = 3
    min_probability: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """Calls from one service to another: how many there were, and how many were slow on the way, in each step."""

    caller: str
    callee: str
    calls: dict[int, int]
    slow: dict[int, int]

    @property
    def total(self) -> int:
        """All calls."""
        return sum(self.calls.values())

    def share(self, since: int) -> float:
        """Share of slow calls from a step on; 0 when there were none."""
        calls = sum(n for step, n in self.calls.items() if step >= since)
        return sum(n for step, n in self.slow.items() if step >= since) / calls if calls else 0.0


@dataclass(frozen=True, slots=True)
class _Side:
    """All edges on one side of a service, `into` it or `out of` it, and the requests that use them, in each step.

    A request (a trace) is slow on this side when most of its calls there are: the calls of one request share its fate,
    and a dozen slow ones in it are one event, not a dozen.
    """

    service: str
    direction: str
    edges: tuple[Edge, ...]
    requests: list[int]
    slow: list[int]


@dataclass(frozen=True, slots=True)
class _Calls:
    """All edges, the steps they are counted in, and from which gap on a call counts as slow."""

    edges: tuple[Edge, ...]
    steps: TimeSteps
    limit_ns: int


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services whose calls are slow on the way."""
    _prepare_gaps(scene.store)
    # The lower median of services, each by the quicker quarter of its calls: one slow service with most of the traffic
    # does not make slowness the usual.
    usual = scene.store.query(
        """
        SELECT count() AS n, arraySort(groupArray(gap_ns))[intDiv(count() + 1, 2)] AS gap_ns
        FROM (SELECT callee, quantileExact(0.25)(gap_ns) AS gap_ns FROM call_gaps GROUP BY callee)
        """
    )[0]
    if not usual["n"]:
        return Skipped("no call from one service to another is in the traces")
    limit_ns = round(max(settings.min_gap_ms * NS_PER_MS, settings.usual_factor * max(0, float(usual["gap_ns"]))))
    steps = time_steps(scene.store, "call_gaps")
    calls = _Calls(tuple(_edges(scene.store, limit_ns, steps)), steps, limit_ns)
    found = []
    for side in _sides(scene.store, calls.edges, limit_ns, steps, settings.min_slow_share):
        finding = _judge(scene, side, calls, settings)
        if finding is not None:
            found.append(finding)
    zone = zone_gap(scene, steps, limit_ns, settings.min_slow_share)
    if zone is not None:
        return [zone]
    if not found:
        found = narrow_gaps(scene, steps, limit_ns, settings.min_slow_share)
    found.sort(key=lambda f: (-f.confidence, -f.severity, f.service))
    return found


def _prepare_gaps(store: CaseStore) -> None:
    """The table `call_gaps`: one row a call between services whose client span holds nothing but that call."""
    prepare_linked_spans(store)
    store.derive(
        "call_gaps",
        """
        SELECT p.trace_id AS trace_id, p.span_id AS span_id, p.service AS caller, c.callee AS callee,
               p.clock AS caller_clock, c.callee_clock AS callee_clock, p.start_ns AS start_ns,
               p.duration_ns - c.child_duration_ns AS gap_ns
        FROM linked_spans AS p JOIN span_children AS c ON p.trace_id = c.trace_id AND p.span_id = c.span_id
        WHERE c.children = 1 AND c.calls_out AND c.callee != '' AND p.service != ''
          AND p.kind IN ('client', 'producer', '') AND c.child_kind IN ('server', 'consumer', '')
          AND c.child_start_ns >= p.start_ns - {slack:Int64}
          AND c.child_start_ns + c.child_duration_ns <= p.start_ns + p.duration_ns + {slack:Int64}
        """,
        "trace_id String, span_id String, caller LowCardinality(String), callee String, caller_clock String, "
        "callee_clock String, start_ns Int64, gap_ns Int64",
        slack=_CLOCK_SLACK_NS,
    )


def _edges(store: CaseStore, limit_ns: int, steps: TimeSteps) -> list[Edge]:
    rows = store.query(
        f"""
        SELECT caller, callee, {step_of("start_ns")} AS step, count() AS calls,
               countIf(gap_ns > {{limit:Int64}}) AS slow
        FROM call_gaps GROUP BY caller, callee, step ORDER BY caller, callee, step
        """,
        limit=limit_ns,
        **steps.parameters(),
    )
    edges: dict[tuple[str, str], Edge] = {}
    for row in rows:
        edge = edges.setdefault((row["caller"], row["callee"]), Edge(row["caller"], row["callee"], {}, {}))
        edge.calls[int(row["step"])] = int(row["calls"])
        edge.slow[int(row["step"])] = int(row["slow"])
    return list(edges.values())


def _sides(store: CaseStore, edges: Sequence[Edge], limit_ns: int, steps: TimeSteps, share: float) -> list[_Side]:
    rows = store.query(
        f"""
        SELECT service, direction, groupArray((step, requests, slow)) AS steps
        FROM (
            SELECT service, direction, {step_of("first_ns")} AS step, count() AS requests,
                   countIf(slow_share >= {{share:Float64}}) AS slow
            FROM (
                SELECT side.1 AS service, side.2 AS direction, min(start_ns) AS first_ns,
                       avg(gap_ns > {{limit:Int64}}) AS slow_share
                FROM call_gaps ARRAY JOIN [(callee, 'into'), (caller, 'out of')] AS side
                GROUP BY service, direction, trace_id
            )
            GROUP BY service, direction, step
        )
        GROUP BY service, direction ORDER BY direction, service
        """,
        limit=limit_ns,
        share=share,
        **steps.parameters(),
    )
    sides = []
    for row in rows:
        into = row["direction"] == "into"
        own = tuple(edge for edge in edges if (edge.callee if into else edge.caller) == row["service"])
        # Calls out of a service to a single other one cannot be told from calls into that other one.
        if into or len(own) > 1:
            requests = steps.spread((step, count) for step, count, _ in row["steps"])
            slow = steps.spread((step, count) for step, _, count in row["steps"])
            sides.append(_Side(row["service"], row["direction"], own, requests, slow))
    return sides


def _judge(scene: Scene, side: _Side, all_calls: _Calls, settings: Settings) -> Finding | None:
    edges = all_calls.edges
    change = outcome_change(side.slow, side.requests)
    # With time before the slowness, the change has to convince; slow from the first, the comparison with all others.
    dated = change is not None and change.log_evidence > 0
    since = change.index if change is not None and dated else 0
    slow, requests = sum(side.slow[since:]), sum(side.requests[since:])
    share = slow / max(1, requests)
    if slow < settings.min_requests or share < settings.min_slow_share:
        return None
    # All who are on the way must see it, or it is not this service's way.
    calls_of = {edge: sum(n for step, n in edge.calls.items() if step >= since) for edge in side.edges}
    known = [edge for edge in side.edges if calls_of[edge] >= settings.min_requests]
    if known and min(edge.share(since) for edge in known) < settings.min_slow_share:
        return None
    if _explained_elsewhere(side, edges, since, settings):
        return None
    evidence = change.log_evidence if change is not None and dated else 0.0
    whole_slow, whole = sum(side.slow), sum(side.requests)
    if whole_slow >= settings.min_slow_share * whole:
        others = [edge for edge in edges if edge not in side.edges]
        other_slow = sum(sum(edge.slow.values()) for edge in others)
        evidence = max(evidence, rate_contrast(whole_slow, whole, other_slow, sum(edge.total for edge in others)))
    chance = probability(evidence, looked_at=2 * len({e.callee for e in edges}))
    if chance < settings.min_probability:
        return None
    return _finding(scene, side, since if dated else None, all_calls, share, chance)


def _explained_elsewhere(side: _Side, edges: Sequence[Edge], since: int, settings: Settings) -> bool:
    """Whether each slow edge of this side belongs to a service at its other end that is slow on more edges."""
    for edge in side.edges:
        if edge.share(since) < settings.min_slow_share:
            continue
        if side.direction == "out of":
            rivals = [e for e in edges if e.callee == edge.callee and e.caller != edge.caller]
        else:
            rivals = [e for e in edges if e.caller == edge.caller and e.callee != edge.callee]
        slow = [e for e in rivals if e.share(since) >= settings.min_slow_share]
        if len(slow) + 1 <= sum(e.share(since) >= settings.min_slow_share for e in side.edges):
            return False
        if not rivals or len(slow) < len(rivals):
            return False
    return True


def _finding(scene: Scene, side: _Side, since: int | None, calls: _Calls, share: float, chance: float) -> Finding:
    far = "callee" if side.direction == "into" else "caller"
    row = scene.store.query(
        f"""
        WITH {step_of("start_ns")} AS step
        SELECT quantileExactIf(0.5)(gap_ns, {far} = {{service:String}} AND step >= {{since:Int64}}) AS now,
               quantileExactIf(0.9)(gap_ns, {far} = {{service:String}} AND step >= {{since:Int64}}) AS now_p90,
               quantileExactIf(0.5)(gap_ns, {far} = {{service:String}} AND step < {{since:Int64}}) AS before,
               quantileExactIf(0.5)(gap_ns, {far} != {{service:String}}) AS elsewhere,
               minIf(start_ns, {far} = {{service:String}} AND step >= {{since:Int64}} AND gap_ns > {{limit:Int64}})
                   AS onset_ns
        FROM call_gaps
        """,
        service=side.service,
        since=since or 0,
        limit=calls.limit_ns,
        **calls.steps.parameters(),
    )[0]
    now_ms, p90_ms = float(row["now"]) / NS_PER_MS, float(row["now_p90"]) / NS_PER_MS
    elsewhere_ms = float(row["elsewhere"] or 0) / NS_PER_MS
    onset_ns = int(row["onset_ns"])
    before = f", {float(row['before']) / NS_PER_MS:.0f} ms before {format_instant(onset_ns)}" if since else ""
    ends = sorted(edge.caller if side.direction == "into" else edge.callee for edge in side.edges)
    who = "callers" if side.direction == "into" else "callees"
    return Finding(
        code="traces.network_gap",
        mechanism="network_delay",
        service=side.service,
        summary=(
            f"{side.service}: calls {side.direction} it spend {now_ms:.0f} ms between the two services "
            f"({elsewhere_ms:.0f} ms elsewhere{before}), {_with_whom(ends, who)}"
        ),
        severity=min(1.0, share),
        confidence=chance,
        facts={
            "gap_ms": round(now_ms, 3),
            "gap_p90_ms": round(p90_ms, 3),
            "elsewhere_ms": round(elsewhere_ms, 3),
            "slow_share": round(share, 3),
            "direction": side.direction,
            who: tuple(ends),
            "onset": format_instant(onset_ns) if since else None,
        },
        citations=_citations(scene.store, side.service, far, calls.limit_ns),
        window=Window(onset_ns, scene.windows.incident.end_ns),
        resource=RESOURCE,
    )


def _citations(store: CaseStore, service: str, far: str, limit_ns: int) -> tuple[Citation, ...]:
    rows = store.query(
        f"""
        SELECT trace_id, span_id FROM call_gaps
        WHERE {far} = {{service:String}} AND gap_ns > {{limit:Int64}}
        ORDER BY gap_ns DESC, trace_id, span_id LIMIT 3
        """,
        service=service,
        limit=limit_ns,
    )
    return tuple(span_citation(row["trace_id"], row["span_id"]) for row in rows)


def _with_whom(ends: Sequence[str], who: str) -> str:
    return f"with all {len(ends)} {who}" if len(ends) > 1 else f"with its only {who[:-1]}"


DETECTOR = Detector(
    code="traces.network_gap",
    kinds=(
        Kind("traces.network_gap", directness=0.95, symptom="own", family="shown", place="way"),
        Kind("traces.zone_gap", directness=1.0, family="seen", place="way"),
    ),
    mechanisms=("network_delay", "network_loss"),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
