"""A service that its callers no longer get through to.

Looks for: calls to a service of the system that fail without ever beginning there: refused, reset, or without an
answer, from some moment on. The service has spans of its own otherwise, and has none for these calls.

Why it matters: who is down says nothing. All errors are its callers', and theirs are the names in them; a trace that
ends in a caller's error looks like the caller's fault.

Stays silent when: the calls reach the service and fail there (`failures.py`); the peer is never seen to serve (then it
is outside of the traces: `external/peer_outage.py`); a few calls in a hundred are lost, as on any day.

Example finding: `customs: 96% of 240 calls to it do not get there since 10:23:00, 0% before: "connection refused"`.

What became of it, the service's own last words and the platform's tell: that it does not start, that it was killed. A
service that lives and yet begins nothing has no worker free for it, unless its workers are measured to be free: then
what was sent to it does not arrive. Where a part of the calls gets lost into one service and out of it, to whomever it
calls, and on no other ways, its own way is lossy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..series.series import series_of
from ..timeline.change_point import median
from ..timeline.linked_spans import do_some_fail, taken_traces
from ..timeline.rises import Rise, rises
from ..timeline.span_errors import ERROR_TEXT, JOIN_ERRORS, prepare_span_errors
from ..timeline.time_steps import step_of, time_steps
from ..vocabulary.lexicon import kinds_of_text
from ..vocabulary.metrics import words_of

# The service that a call names: its name, or the first label of its address in the cluster. (The engine's `domain`
# finds none in the plain names of clusters.)
_URL: Final = "firstNonDefault(attributes['url.full'], attributes['http.url'])"
_CALLED: Final = (
    "splitByChar('.', lower(firstNonDefault(attributes['peer.service'], attributes['server.address'], "
    f"attributes['net.peer.name'], extract({_URL}, '://([^/:?#]+)'))))[1]"
)
_REFUSED: Final = r"(?i)refused|reset|unreachable|no route|hang ?up|unavailable|no healthy|broken pipe"
_SILENT: Final = r"(?i)timed? ?out|timeout|deadline|did not answer|cancell?ed"
# What counts work that is there, and not what could do it.
_BUSY: Final = frozenset("busy active running current inflight queued queue pending waiting".split())
# What is said of a process that is gone, in the order in which it is believed.
_FATES: Final = (("oom", "memory_saturation"), ("startup", "startup_failure"), ("config_missing", "startup_failure"))


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_lost: from a tenth of its calls on that is more than a pod that restarts, or a slow one of many.
        max_before: what was lost for one call in twenty before is no news.
        min_calls: fewer lost calls than this prove nothing.
        min_ways: where calls into a service and out of it to so many others get lost, they do on its own way,
        most_lost: unless it is all of them: then somebody at the other end is gone.
        min_probability: a finding is told when it is likelier than not.
    """

    min_lost: float = 0.1
    max_before: float = 0.05
    min_calls: int = 5
    min_ways: int = 2
    most_lost: float = 0.9
    min_probability: float = 0.5


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services that calls do not reach, the surest first."""
    if not do_some_fail(scene.store):
        return Skipped("no span says that it failed")
    _prepare_arrivals(scene.store)
    steps = time_steps(scene.store, "linked_spans")
    rows = scene.store.query(
        f"""
        SELECT callee, groupArray((step, n, lost)) AS steps, sum(lost) AS losses FROM (
            SELECT callee, {step_of("start_ns")} AS step, count() AS n, countIf(refused OR silent) AS lost
            FROM arrivals GROUP BY callee, step
        )
        GROUP BY callee HAVING losses >= {{least:UInt32}} ORDER BY callee
        """,
        least=settings.min_calls,
        **steps.parameters(),
    )
    found = [
        _finding(scene, rise)
        for rise in rises(rows, steps, settings.min_probability, looked_at=len(scene.graph.services))
        if rise.change.rate_after >= settings.min_lost and rise.change.rate_before <= settings.max_before
    ]
    found.sort(key=lambda f: (-f.confidence, -f.severity, f.service))
    end = _common_end(found, settings)
    return found if end is None else [_both_ways(end, found)]


def _common_end(found: Sequence[Finding], settings: Settings) -> Finding | None:
    """What is found of the one service whose ways all lose a part of the calls, in and out; None where there is none.

    A service that is down loses what is sent to it, and sends what it sends. What became of one that is killed, or does
    not start, is known.
    """
    fates = {mechanism for _, mechanism in _FATES}
    for end in (f for f in found if f.mechanism not in fates):
        others = [f for f in found if f is not end]
        if (
            len(others) >= settings.min_ways
            and all(f.texts("callers") == (end.service,) for f in others)
            and all(f.number("lost_share") <= settings.most_lost for f in found)
        ):
            return end
    return None


def _both_ways(end: Finding, found: Sequence[Finding]) -> Finding:
    callees = sorted(f.service for f in found if f is not end)
    lost = f"calls into it and out of it (to {', '.join(callees)}) get lost"
    return replace(
        end,
        mechanism="network_loss",
        summary=f"{end.service}: {lost}, and no others; {end.summary.partition(': ')[2]}",
        facts={**end.facts, "both_ways": True, "callees": tuple(callees)},
        citations=tuple(c for f in (end, *found) for c in f.citations[:2])[:6],
        window=Window(min(f.start_ns for f in found), max(f.window.end_ns for f in found if f.window)),
    )


def _prepare_arrivals(store: CaseStore) -> None:
    """The table `arrivals`: calls to services of the system, and how those that never began there failed."""
    prepare_span_errors(store)
    store.derive(
        "arrivals",
        f"""
        WITH serving AS (SELECT lower(service) AS low, any(toString(service)) AS callee FROM linked_spans GROUP BY low),
             entered AS (SELECT DISTINCT trace_id, parent_span_id FROM linked_spans WHERE service != parent_service),
             calls AS (
                SELECT trace_id, span_id, service AS caller, start_ns, status, status_message, {_CALLED} AS low
                FROM spans
                WHERE kind NOT IN ('server', 'consumer') AND cityHash64(trace_id) % {{every:UInt32}} = 0 AND low != ''
             )
        SELECT trace_id, span_id, caller, callee, start_ns,
               status = 'error' AND (trace_id, span_id) NOT IN (SELECT trace_id, parent_span_id FROM entered) AS missed,
               {ERROR_TEXT} AS said,
               missed AND match(said, {{refused:String}}) AS refused,
               missed AND match(said, {{silent:String}}) AS silent
        FROM calls JOIN serving USING (low) {JOIN_ERRORS}
        WHERE callee != caller
        """,
        "trace_id String, span_id String, caller LowCardinality(String), callee String, start_ns Int64, "
        "missed UInt8, said String, refused UInt8, silent UInt8",
        every=taken_traces(store),
        refused=_REFUSED,
        silent=_SILENT,
    )


def _finding(scene: Scene, rise: Rise) -> Finding:
    callee, since_ns, change = str(rise.row["callee"]), rise.since_ns, rise.change
    lost = scene.store.query(
        """
        SELECT trace_id, span_id, caller, said, refused, start_ns FROM arrivals
        WHERE callee = {callee:String} AND (refused OR silent) AND start_ns >= {since:Int64}
        ORDER BY start_ns, trace_id, span_id LIMIT 200
        """,
        callee=callee,
        since=since_ns,
    )
    onset_ns = int(lost[0]["start_ns"]) if lost else since_ns
    refused = sum(int(one["refused"]) for one in lost)
    fate = _fate(scene.store, callee, since_ns)
    silent = "infrastructure_fault"
    if 2 * refused < len(lost):
        silent = "network_loss" if _has_free_workers(scene.store, callee, since_ns) else "thread_pool_exhausted"
    message = next((one["said"] for one in lost if one["said"]), "")
    return Finding(
        code="traces.unreachable",
        mechanism=fate or silent,
        service=callee,
        summary=(
            f"{callee}: {change.rate_after:.0%} of {change.trials_after} calls to it do not get there since "
            f"{format_instant(onset_ns)}, {change.rate_before:.0%} before" + (f': "{message[:160]}"' if message else "")
        ),
        severity=min(1.0, 0.3 + change.rate_after),
        confidence=min(0.95, rise.probability),
        facts={
            "lost_share_before": round(change.rate_before, 4),
            "lost_share": round(change.rate_after, 4),
            "refused": refused,
            "callers": tuple(sorted({str(one["caller"]) for one in lost})),
            "onset": format_instant(onset_ns),
        },
        citations=tuple(span_citation(one["trace_id"], one["span_id"]) for one in lost[:4]),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
    )


def _has_free_workers(store: CaseStore, service: str, since_ns: int) -> bool:
    """Whether all that counts a service's busy workers and waiting requests says that it has less of them than before.

    The median of each copy; what says nothing of either is no count of what is busy.
    """
    counts = [
        series.sides(since_ns)
        for series in series_of(store, frozenset({"threads", "queue"}))
        if series.service == service
        and not (series.meaning.limit or series.meaning.counter)
        and words_of(series.name) & _BUSY
    ]
    counts = [(before, now) for before, now in counts if before and now]
    return bool(counts) and all(median(now) <= median(before) for before, now in counts)


def _fate(store: CaseStore, service: str, since_ns: int) -> str:
    """The mechanism that a service's own words, or those that name it or a pod of it, tell; '' for none."""
    rows = store.query(
        """
        SELECT DISTINCT substring(body, 1, 400) AS body FROM logs
        WHERE time_ns >= {since:Int64} - 120000000000 AND severity IN ('warn', 'error', 'fatal', '')
          AND (service = {service:String} OR (service NOT IN (SELECT DISTINCT service FROM linked_spans)
                                              AND positionCaseInsensitive(body, {service:String}) > 0))
        ORDER BY body LIMIT 300
        """,
        since=since_ns,
        service=service,
    )
    kinds = {kind for row in rows for kind in kinds_of_text(row["body"])}
    return next((mechanism for kind, mechanism in _FATES if kind in kinds), "")


DETECTOR: Final = Detector(
    code="traces.unreachable",
    kinds=(Kind("traces.unreachable", directness=1.0, symptom="own", family="shown", unreached=True),),
    mechanisms=(
        "infrastructure_fault",
        "memory_saturation",
        "network_loss",
        "startup_failure",
        "thread_pool_exhausted",
    ),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
