"""Who owns the latency: critical paths of many traces, at the median and in the tail, before and after.

Of the kind of request that matters most a few dozen traces are taken: those about the median of their stretch, and
the slowest hundredth. Their critical paths are computed one by one (CRISP's method), on the corrected timeline, and
added up by service and operation. Times on the path add up to the latency, so that what each owns is a part of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, span_citation
from ...domain.critical_path import SpanTimes, critical_path, time_saved
from ...domain.instant import NS_PER_MS
from ...domain.window import Window
from ...store import CaseStore
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from .outcomes import prepare_outcomes

# So many traces about the median, and so many of the slowest hundredth (or of the slowest, where there are few), tell
# shares to a few per cent.
_BAND: Final = 16
_FEWEST: Final = 5
# Traces of more spans are batch jobs; their paths take long to compute and tell of themselves only.
_MAX_SPANS: Final = 3_000
_BANDS: Final = ("p50", "p99")
Place = tuple[str, str]
"""A service and an operation."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What an operation's own time on the critical path contributes, in milliseconds of the mean request of a band.

    Attributes:
        before: at p50 and p99 of the earlier stretch.
        after: of the later one.
        saved: by how much the requests of the later stretch would be sooner without it.
        on_the_way: it is a call of another service: the time is spent between the two, or waiting at the other's door.
        example: a span of the later stretch's tail.
    """

    service: str
    operation: str
    before: tuple[float, float]
    after: tuple[float, float]
    saved: tuple[float, float]
    on_the_way: bool
    example: Citation | None


@dataclass(frozen=True, slots=True)
class Latency:
    """The latency of one kind of request before and after, and who owns it: who gained most on the path comes first."""

    root: Place
    requests: tuple[int, int]
    p50_ms: tuple[float, float]
    p99_ms: tuple[float, float]
    owners: tuple[Owner, ...]


def latency_of(
    store: CaseStore, calm: Window, late: Window, root: Place | None = None, most: int = 6
) -> Latency | None:
    """Who owns the latency of one kind of request; None where no kind has enough requests in the later stretch.

    Args:
        root: the first operation of these requests; None for the kind of request that lost most time in all.
        most: this many owners.
    """
    prepare_outcomes(store)
    kinds = {kind: times for kind, times in _kinds(store, calm, late).items() if len(times[1]) >= _FEWEST}
    if root is None:
        root = max(sorted(kinds), key=lambda kind: _lost(*kinds[kind]), default=None)
    if root is None or root not in kinds:
        return None
    before, after = kinds[root]
    bands = {(False, name): traces for name, traces in _bands(before).items()}
    bands |= {(True, name): traces for name, traces in _bands(after).items()}
    owners = _owners(store, bands, most)
    return Latency(
        root,
        (len(before), len(after)),
        (_at(before, 0.5), _at(after, 0.5)),
        (_at(before, 0.99), _at(after, 0.99)),
        owners,
    )


Requests = list[tuple[int, str]]
"""Duration in nanoseconds and trace id, by duration."""


def _kinds(store: CaseStore, calm: Window, late: Window) -> dict[Place, tuple[Requests, Requests]]:
    rows = store.query(
        """
        SELECT root, arraySort(groupArrayIf((duration_ns, trace_id), start_ns >= {a0:Int64} AND start_ns < {a1:Int64}))
                   AS before,
               arraySort(groupArrayIf((duration_ns, trace_id), start_ns >= {b0:Int64} AND start_ns < {b1:Int64}))
                   AS after
        FROM request_outcomes GROUP BY root HAVING length(after) > 0 ORDER BY root
        """,
        a0=calm.start_ns,
        a1=calm.end_ns,
        b0=late.start_ns,
        b1=late.end_ns,
    )
    return {
        (row["root"][0], row["root"][1]): tuple(  # type: ignore[misc]
            [(int(ns), str(trace)) for ns, trace in row[side]] for side in ("before", "after")
        )
        for row in rows
    }


def _lost(before: Requests, after: Requests) -> float:
    """Milliseconds that the later requests lose in all; all that they take where there are none to compare with."""
    usual = sum(ns for ns, _ in before) / len(before) if len(before) >= _FEWEST else 0.0
    return sum(ns - usual for ns, _ in after) / NS_PER_MS


def _at(times: Requests, share: float) -> float:
    return times[int(share * (len(times) - 1))][0] / NS_PER_MS if times else 0.0


def _bands(times: Requests) -> dict[str, list[str]]:
    middle, tail = len(times) // 2, max(min(_FEWEST, len(times)), len(times) // 100)
    median = times[max(0, middle - _BAND // 2) : middle + _BAND // 2]
    return {"p50": [trace for _, trace in median], "p99": [trace for _, trace in times[-tail:][-_BAND:]]}


def _owners(store: CaseStore, bands: Mapping[tuple[bool, str], Sequence[str]], most: int) -> tuple[Owner, ...]:
    traces = _spans(store, sorted({trace for band in bands.values() for trace in band}))
    own: dict[Place, dict[tuple[bool, str], float]] = defaultdict(lambda: defaultdict(float))
    longest: dict[Place, tuple[int, Citation]] = {}
    outward: dict[Place, bool] = {}
    for band, members in bands.items():
        for trace in members:
            spans = traces.get(trace, {})
            for id_, ns in critical_path([times for times, _, _ in spans.values()]):
                _, place, calls_out = spans[id_]
                own[place][band] += ns / NS_PER_MS / len(members)
                outward[place] = calls_out or outward.get(place, False)
                if band[0] and ns > longest.get(place, (0, None))[0]:
                    longest[place] = (ns, span_citation(trace, id_))
    gained = {place: sum(by[True, name] - by[False, name] for name in _BANDS) for place, by in own.items()}
    has = {place: sum(by[True, name] for name in _BANDS) for place, by in own.items()}
    known = any(bands[False, name] for name in _BANDS)
    first = sorted(own, key=lambda place: (-(gained[place] if known else has[place]), -has[place], place))[:most]
    median, tail = (_saved(traces, bands[True, name], first) for name in _BANDS)
    return tuple(
        Owner(
            *place,
            before=(own[place][False, "p50"], own[place][False, "p99"]),
            after=(own[place][True, "p50"], own[place][True, "p99"]),
            saved=(saved_p50, saved_p99),
            on_the_way=outward[place],
            example=longest[place][1] if place in longest else None,
        )
        for place, saved_p50, saved_p99 in zip(first, median, tail, strict=True)
    )


Spans = Mapping[str, tuple[SpanTimes, Place, bool]]
"""By span id: its times, what it is, and whether it is a call of another service."""


def _saved(traces: Mapping[str, Spans], members: Sequence[str], places: Sequence[Place]) -> list[float]:
    """By how many milliseconds a request would be quicker, on average, if what it does at a place took no time."""
    saved_ns = [0] * len(places)
    for trace in members:
        spans = traces.get(trace, {})
        ids: dict[Place, set[str]] = {place: set() for place in places}
        for id_, (_, place, _) in spans.items():
            if place in ids:
                ids[place].add(id_)
        found = time_saved([times for times, _, _ in spans.values()], list(ids.values()))
        saved_ns = [so_far + ns for so_far, ns in zip(saved_ns, found, strict=True)]
    return [ns / NS_PER_MS / max(1, len(members)) for ns in saved_ns]


def _spans(store: CaseStore, traces: Sequence[str]) -> dict[str, Spans]:
    """The spans of some traces on the corrected timeline; who sends a message does not wait for its consumer."""
    prepare_clocks(store)
    rows = store.query(
        f"""
        SELECT trace_id, groupArray((span_id, parent, begins, duration_ns, service, name, calls_out)) AS spans FROM (
            SELECT s.trace_id AS trace_id, s.span_id AS span_id, s.parent_span_id AS parent,
                   {corrected("s.start_ns")} AS begins, s.duration_ns AS duration_ns, toString(s.service) AS service,
                   toString(s.name) AS name, c.calls_out > 0 AS calls_out
            FROM linked_spans AS s {join_offsets("s.clock", "s.start_ns")}
            LEFT ANY JOIN span_children AS c ON s.span_key = c.span_key
            WHERE s.trace_id IN {{traces:Array(String)}} AND s.kind != 'consumer' ORDER BY begins, span_id
        )
        GROUP BY trace_id HAVING count() <= {{most:UInt32}} ORDER BY trace_id
        """,
        traces=list(traces),
        most=_MAX_SPANS,
    )
    return {
        str(row["trace_id"]): {
            id_: (SpanTimes(id_, parent, int(at), int(at) + int(ns)), (service, name), bool(out))
            for id_, parent, at, ns, service, name, out in row["spans"]
        }
        for row in rows
    }
