"""A service that works longer on its requests.

Looks for: requests on which a service itself spends several times what it used to, its calls to other services not
counted. The time may go into anything that the process does: computing, waiting for a lock or a thread, or a call
that leaves no span on the other side (a database).

Why it matters: whoever is slow makes all its callers slow; only self time tells the one from the others.

Stays silent when: only durations rise and self times do not (a callee is slow); the long requests are no more
frequent than before; there are too few requests to tell; all services became slower alike.

Example finding: `catalog: works 214 ms on a request, 9 ms before 13:07:03 (41 of 57 requests long, 3 of 60 before);
slower: 7 of its 7 operations`.

A request is *long* when the service's self time exceeds a limit made from the shorter requests of the same entry
operation (`Settings`); long and short ones are outcomes in time order (`timeline/change_point.py`). When most of the
process's operations are slower at once, whatever they do, it is the processor that they lack, unless metrics of the
processor say that it is no busier than it was; when it is one of them, that one is slower. Where the processor is busy
just while long requests are at work, it is what they take (`computing.py`).

A slowdown of less than several times, by which hardly any request is long, shows in all of them together
(`small_shifts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Kind, Scene
from ..series.series import series_of
from ..series.steps import find_step
from ..timeline.change_point import OutcomeChange
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from .computing import computing
from .request_times import prepare_request_times
from .small_shifts import Shift, small_shifts


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        long_factor: a request is long at this multiple of the shorter quarter of its kind: above the ordinary spread
            of latencies (two to three times), below what hurts.
        min_extra_ms: and by at least this much; less is the noise of a scheduler.
        min_rise: the share of long requests must rise by this much; a fifth of all requests is felt by users,
        sure_rise: and a tenth, where it is more than likely that they are no chance:
        sure_evidence: long requests come in groups, as do pauses of collectors.
        most_of_it: of one operation alone, half of its requests: fewer are `stragglers.py`'s;
        beyond_longest: these take twice what one in ten took in the first third of the data,
        known_requests: of which so many are known.
        common_share: at this share of slower operations the process as a whole is slow, not one of them.
        min_busier: a processor that is short is busier than it was, by a fifth at least where it was nearly full,
        min_evidence: and surely so: any series has some step that explains it best.
        min_probability: a finding is told when it is likelier than not.
    """

    long_factor: float = 4.0
    min_extra_ms: float = 10.0
    min_rise: float = 0.2
    sure_rise: float = 0.1
    sure_evidence: float = 10.0
    most_of_it: float = 0.5
    beyond_longest: float = 2.0
    known_requests: int = 5
    common_share: float = 0.5
    min_busier: float = 1.2
    min_evidence: float = 3.0
    min_probability: float = 0.5


_SHORTER_QUARTER: Final = "quantileExact(0.25)(self_ns)"
_LONGEST_TENTH: Final = (
    "if(countIf(start_ns < {calm_end:Int64}) < {known:UInt32}, -1, "
    "quantileExactIf(0.9)(self_ns, start_ns < {calm_end:Int64}))"
)


@dataclass(frozen=True, slots=True)
class Slowness:
    """A service whose requests, or those of one operation, became long, when, and how sure that is."""

    service: str
    operation: str
    change: OutcomeChange
    probability: float
    onset_ns: int


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find services whose own work on a request takes longer."""
    prepare_request_times(scene.store)
    steps = time_steps(scene.store, "request_times")
    found = []
    for rise in _risen(scene.store, steps, settings, "service", _SHORTER_QUARTER, settings.long_factor):
        sure = rise.change.log_evidence >= settings.sure_evidence
        if rise.change.rate_after - rise.change.rate_before >= (settings.sure_rise if sure else settings.min_rise):
            slow = Slowness(rise.row["service"], "", rise.change, rise.probability, rise.since_ns)
            finding = _finding(scene, slow, settings)
            if finding is not None:
                found.append(finding)
    found += _of_one_operation(scene, steps, settings, {finding.service for finding in found})
    known = {finding.service for finding in found}
    found += [_small(scene, shift) for shift in small_shifts(scene.store, steps) if shift.service not in known]
    found.sort(key=lambda f: (-f.confidence, -f.severity, f.service))
    return found


def _risen(store: CaseStore, steps: TimeSteps, settings: Settings, by: str, usual: str, factor: float) -> list[Rise]:
    """Services, or with `service, entry` their operations, of which more requests are so many times the usual.

    `by` and `usual` (what is usual for an operation) are constants.
    """
    rows = store.query(
        f"""
        WITH usual AS (SELECT service, entry, {usual} AS usual_ns FROM request_times GROUP BY service, entry)
        SELECT {by}, groupArray((step, n, long)) AS steps
        FROM (
            SELECT {by}, {step_of("start_ns")} AS step, count() AS n,
                   countIf(self_ns > {{factor:Float64}} * usual_ns AND self_ns > usual_ns + {{extra:Int64}}) AS long
            FROM request_times JOIN usual USING (service, entry) WHERE usual_ns >= 0
            GROUP BY {by}, step
        )
        GROUP BY {by} ORDER BY {by}
        """,
        factor=factor,
        extra=round(settings.min_extra_ms * NS_PER_MS),
        calm_end=steps.start_of(steps.count // 3),
        known=settings.known_requests,
        **steps.parameters(),
    )
    return rises(rows, steps, settings.min_probability, looked_at=len(rows))


def _of_one_operation(scene: Scene, steps: TimeSteps, settings: Settings, known: set[str]) -> list[Finding]:
    """Services of which one operation became slow for most of its requests, while the others hide it in the whole.

    Some operations are quick or slow by what a cache has: what is beyond the slow ones of the first third is told.
    """
    surest: dict[str, Slowness] = {}
    for rise in _risen(scene.store, steps, settings, "service, entry", _LONGEST_TENTH, settings.beyond_longest):
        slow = Slowness(rise.row["service"], rise.row["entry"], rise.change, rise.probability, rise.since_ns)
        most = rise.change.rate_after - rise.change.rate_before >= settings.most_of_it
        if slow.service not in known and most and rise.change.log_evidence >= settings.sure_evidence:
            surest[slow.service] = max(surest.get(slow.service, slow), slow, key=lambda s: s.change.log_evidence)
    findings = (_finding(scene, slow, settings) for slow in surest.values())
    return [finding for finding in findings if finding is not None]


def _small(scene: Scene, shift: Shift) -> Finding:
    """The finding of a service of which all requests take somewhat longer."""
    part = f" of {shift.operation}" if shift.operation else f" on {shift.host}" if shift.host else ""
    before_ms, after_ms, cited = _extent(scene.store, shift.service, shift.since_ns)
    return Finding(
        code="traces.self_time",
        mechanism="latency_regression",
        service=shift.service,
        summary=(
            f"{shift.service}: works {shift.ratio:.1f} times as long on a request{part} since "
            f"{format_instant(shift.since_ns)}, {shift.extra_ms:.0f} ms more in the median"
        ),
        severity=1 - 1 / shift.ratio,
        confidence=shift.probability,
        facts={
            "log_evidence": round(shift.log_evidence, 3),
            "ratio": round(shift.ratio, 3),
            "extra_ms": round(shift.extra_ms, 3),
            "self_ms_before_p75": round(before_ms, 3),
            "self_ms_after_p75": round(after_ms, 3),
            "requests": shift.requests,
            "onset": format_instant(shift.since_ns),
        },
        citations=cited,
        window=Window(shift.since_ns, max(shift.since_ns + 1, scene.windows.incident.end_ns)),
        operation=shift.operation or None,
        instance=shift.host or None,
    )


def _may_lack_processor(store: CaseStore, service: str, settings: Settings) -> bool:
    """Whether a service's processor became busier, or nothing is known of it."""
    known = [
        series
        for series in series_of(store, frozenset({"cpu"}))
        if series.service == service and not (series.meaning.limit or series.meaning.shared)
    ]
    steps = [step for series in known if (step := find_step(series.values)) is not None]
    return not steps or any(
        step.ratio >= settings.min_busier and step.log_evidence >= settings.min_evidence for step in steps
    )


def _finding(scene: Scene, slow: Slowness, settings: Settings) -> Finding | None:
    operations = _operations(scene.store, slow, settings)
    slower = [row for row in operations if row["slower"]]
    if operations and not slower:
        # Other requests came, not slower ones.
        return None
    common = not slow.operation and len(slower) > 1 and len(slower) >= settings.common_share * len(operations)
    whose = f" of {slow.operation}" if slow.operation else ""
    of_all = f"slower: {len(slower)} of its {len(operations)} operations" if operations else "by operation unknown"
    change = slow.change
    before_ms, after_ms, cited = _extent(scene.store, slow.service, slow.onset_ns, slow.operation)
    long_ms = settings.long_factor * before_ms + settings.min_extra_ms
    computed = computing(scene.store, slow.service, long_ms * NS_PER_MS)
    starved = computed or (common and _may_lack_processor(scene.store, slow.service, settings))
    return Finding(
        code="traces.self_time",
        mechanism="cpu_saturation" if starved else "latency_regression",
        service=slow.service,
        summary=(
            f"{slow.service}: works {after_ms:.0f} ms on a request{whose} (upper quartile), {before_ms:.0f} ms before "
            f"{format_instant(slow.onset_ns)} ({change.failures_after} of {change.trials_after} requests long, "
            f"{change.failures_before} of {change.trials_before} before); {of_all}"
            + (computed.told if computed else "")
        ),
        severity=change.rate_after - change.rate_before,
        confidence=slow.probability,
        facts={
            "log_evidence": round(change.log_evidence, 3),
            "self_ms_before_p75": round(before_ms, 3),
            "self_ms_after_p75": round(after_ms, 3),
            "operations": len(operations),
            "slower_operations": len(slower),
            "share_of_limit": round(computed.share, 4) if computed else None,
            "onset": format_instant(slow.onset_ns),
        },
        citations=cited,
        window=Window(slow.onset_ns, max(slow.onset_ns + 1, scene.windows.incident.end_ns)),
        operation=slow.operation or (slower[0]["name"] if slower and not common else None),
        resource=computed.metric if computed else None,
    )


def _extent(
    store: CaseStore, service: str, onset_ns: int, operation: str = ""
) -> tuple[float, float, tuple[Citation, ...]]:
    """Upper quartile of self time before and since, in ms, and the longest requests since."""
    times = store.query(
        """
        SELECT quantileExactIf(0.75)(self_ns, start_ns < {onset:Int64}) AS before,
               quantileExactIf(0.75)(self_ns, start_ns >= {onset:Int64}) AS after
        FROM request_times WHERE service = {service:String} AND {operation:String} IN ('', entry)
        """,
        onset=onset_ns,
        service=service,
        operation=operation,
    )[0]
    longest = store.query(
        """
        SELECT trace_id, span_id FROM request_times
        WHERE service = {service:String} AND {operation:String} IN ('', entry) AND start_ns >= {onset:Int64}
        ORDER BY self_ns DESC, trace_id LIMIT 3
        """,
        service=service,
        operation=operation,
        onset=onset_ns,
    )
    cited = tuple(span_citation(row["trace_id"], row["span_id"]) for row in longest)
    return float(times["before"] or 0) / NS_PER_MS, float(times["after"] or 0) / NS_PER_MS, cited


def _operations(store: CaseStore, slow: Slowness, settings: Settings) -> list[Row]:
    """Operations of a service seen on both sides of an onset, and whether their longer spans became slower.

    Of those that take longer half must be beyond the quantile that is compared, or it may say that none does.
    """
    return store.query(
        """
        WITH usual AS (
            SELECT name, quantileExactIf({level:Float64})(self_ns, start_ns < {onset:Int64}) AS before,
                   quantileExactIf({level:Float64})(self_ns, start_ns >= {onset:Int64}) AS after,
                   countIf(start_ns < {onset:Int64}) AS n_before, countIf(start_ns >= {onset:Int64}) AS n_after
            FROM self_times WHERE service = {service:String} AND NOT is_client
            GROUP BY name HAVING max(self_ns) > 0
        )
        SELECT name, after > 2 * before AND after > before + {extra:Int64} AS slower, after - before AS extra
        FROM usual WHERE n_before >= 3 AND n_after >= 3 ORDER BY slower DESC, extra DESC, name
        """,
        level=max(0.75, 1 - slow.change.rate_after / 2),
        onset=slow.onset_ns,
        service=slow.service,
        extra=round(settings.min_extra_ms * NS_PER_MS),
    )


DETECTOR = Detector(
    code="traces.self_time",
    kinds=(Kind("traces.self_time", symptom="inherited"),),
    mechanisms=("latency_regression", "cpu_saturation"),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
