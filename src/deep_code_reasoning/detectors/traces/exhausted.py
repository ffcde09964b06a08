"""Requests that fail or wait for want of a connection or a worker, in the words of the pool itself.

Looks for: requests whose deepest error, on the span, in its exception or in a log record of the trace, says that a pool
had no connection or a server no worker to give, more often than before.

Why it matters: the pool's own words name the mechanism. What its callers see are errors and time-outs; a gap between
caller and callee while a worker is waited for looks like a slow network.

Stays silent when: the words speak of another service's pool (whoever passes an error on repeats it), or it was so
before.

Example finding: `booking: requests find no free connection since 20:46:08 (83% of them, 0% before): "Connection is not
available, request timed out after 2000ms"`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, log_citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene
from ..symptoms.pool_words import POOLS, starving_texts
from ..timeline.change_point import outcome_change, probability
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.time_steps import step_of, time_steps

_TOLD: Final = {
    "connection_pool_exhausted": "find no free connection",
    "thread_pool_exhausted": "find no free worker",
}
# How drivers name the pool in their message.
_POOL_NAME: Final = re.compile(r"(?i)\bpool[ :='\"]+([\w.\-]+)")


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_requests: fewer requests than this are a moment's peak.
        min_probability: a finding is told when it is likelier than not.
        most: nobody is surer: a pool may run dry because what it leads to is slow.
        plain: least severity: of those that wait for a pool only the ones that wait too long say so.
    """

    min_requests: int = 3
    min_probability: float = 0.5
    most: float = 0.9
    plain: float = 0.6


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find services whose requests find a pool empty."""
    shapes = starving_texts(scene)
    if not shapes:
        return []
    prepare_linked_spans(scene.store)
    found = [
        finding
        for (service, kind), texts in sorted(shapes.items())
        if (finding := _judge(scene, service, kind, texts, settings)) is not None
    ]
    # An error is passed up: where a service further down says the same, that is where the pool is.
    named = {(f.service, f.mechanism) for f in found}
    own = [
        f
        for f in found
        if not any((name, f.mechanism) in named for name in set(scene.graph.downstream(f.service)) - {f.service})
    ]
    return sorted(own, key=lambda f: (-f.severity * f.confidence, f.service, f.mechanism))


def _judge(scene: Scene, service: str, kind: str, shapes: Sequence[str], settings: Settings) -> Finding | None:
    steps = time_steps(scene.store, "linked_spans")
    rows = scene.store.query(
        f"""
        SELECT {step_of("start_ns")} AS step, uniqExact(trace_id) AS n,
               uniqExactIf(trace_id, trace_id IN (
                   SELECT trace_id FROM pool_words
                   WHERE service = {{service:String}} AND shape IN {{shapes:Array(String)}}
               )) AS starved
        FROM linked_spans WHERE service = {{service:String}} GROUP BY step ORDER BY step
        """,
        service=service,
        shapes=sorted(shapes),
        **steps.parameters(),
    )
    change = outcome_change(
        steps.spread((row["step"], row["starved"]) for row in rows),
        steps.spread((row["step"], row["n"]) for row in rows),
    )
    if change is None or change.failures_after < settings.min_requests:
        return None
    chance = probability(change.log_evidence, 1)
    if chance < settings.min_probability:
        return None
    since_ns = steps.start_of(change.index)
    text, citations = _said(scene.store, service, shapes, since_ns)
    mechanism = POOLS[kind]
    return Finding(
        code="traces.exhausted",
        mechanism=mechanism,
        service=service,
        summary=(
            f"{service}: requests {_TOLD[mechanism]} since {format_instant(since_ns)} "
            f'({change.rate_after:.0%} of them, {change.rate_before:.0%} before): "{text[:200]}"'
        ),
        severity=max(settings.plain, change.rate_after),
        confidence=min(settings.most, chance),
        facts={
            "share_before": round(change.rate_before, 4),
            "share": round(change.rate_after, 4),
            "error": text[:300],
            "onset": format_instant(since_ns),
        },
        citations=citations,
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=next(iter(_POOL_NAME.findall(text)), None),
    )


def _said(store: CaseStore, service: str, shapes: Sequence[str], since_ns: int) -> tuple[str, tuple[Citation, ...]]:
    rows = store.query(
        """
        SELECT said, trace_id, span_id, source_id, line, item FROM pool_words
        WHERE service = {service:String} AND shape IN {shapes:Array(String)} AND time_ns >= {since:Int64}
        ORDER BY span_id = '', time_ns, trace_id, span_id, line, item LIMIT 3
        """,
        service=service,
        shapes=sorted(shapes),
        since=since_ns,
    )
    cited = tuple(
        span_citation(row["trace_id"], row["span_id"])
        if row["span_id"]
        else log_citation(store.source(int(row["source_id"])).name, int(row["line"]), int(row["item"]))
        for row in rows
    )
    return (rows[0]["said"] if rows else ""), cited


DETECTOR = Detector(
    code="traces.exhausted",
    kinds=(Kind("traces.exhausted", directness=1.0, family="shown", outright=True, runs_out=True),),
    mechanisms=tuple(sorted(_TOLD)),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
