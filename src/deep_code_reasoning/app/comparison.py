"""Two stretches of time of a case side by side.

What got slower, failed more, was said more often, or moved; what the bad requests of the second share; how the call
tree differs; and who owns the latency.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median, pstdev
from typing import Any, Final

from ..detectors.contrast.call_tree import NodeChange, call_tree_changes
from ..detectors.contrast.facets import facets_of, operations_of
from ..detectors.contrast.outcomes import outcomes
from ..detectors.contrast.paths import Place, latency_of
from ..detectors.series.counted import names_of
from ..detectors.series.readings import Reading, readings
from ..domain.instant import NS_PER_MS, parse_instant
from ..domain.separation import Trait, separate
from ..domain.window import Window
from ..errors import UsageError
from ..store import CaseStore, open_case
from ..store.library import find_case
from .job_kinds import instant_of

# From and to, as a caller writes them; None: not given.
_Times = tuple[str | None, str | None]

_MOST: Final = 40
# What fewer requests share tells nothing.
_MIN_REQUESTS: Final = 5

_OPERATIONS: Final = """
    SELECT toString(service) AS service, toString(name) AS operation,
           countIf(a) AS calls_a, countIf(b) AS calls_b,
           countIf(a AND status = 'error') AS failed_a, countIf(b AND status = 'error') AS failed_b,
           quantilesIf(0.5, 0.95)(duration_ns, a) AS qa, quantilesIf(0.5, 0.95)(duration_ns, b) AS qb,
           sumIf(duration_ns, a) AS spent_a, sumIf(duration_ns, b) AS spent_b
    FROM (SELECT *, start_ns >= {a0:Int64} AND start_ns < {a1:Int64} AS a,
                 start_ns >= {b0:Int64} AND start_ns < {b1:Int64} AS b
          FROM spans WHERE {service:String} IN ('', service))
    WHERE a OR b GROUP BY service, operation
    ORDER BY abs(spent_b / {bs:Float64} - spent_a / {as:Float64}) DESC, service, operation LIMIT {most:UInt32}
"""
_TEMPLATES: Final = """
    SELECT service, template, severity, na AS count_a, nb AS count_b, example FROM (
        SELECT toString(service) AS service, any(t.template) AS template, max(toString(severity)) AS severity,
               countIf(time_ns >= {a0:Int64} AND time_ns < {a1:Int64}) AS na,
               countIf(time_ns >= {b0:Int64} AND time_ns < {b1:Int64}) AS nb,
               argMin((source_id, line, item), (time_ns, source_id, line, item)) AS example
        FROM logs AS l LEFT ANY JOIN log_shapes AS t ON l.shape = t.shape
        WHERE {service:String} IN ('', service) GROUP BY service, t.template_id
    )
    WHERE na + nb > 0
    ORDER BY abs(log((nb + 0.5) / {bs:Float64}) - log((na + 0.5) / {as:Float64})) * sqrt(na + nb) DESC,
             service, template
    LIMIT {most:UInt32}
"""
_METRICS: Final = """
    SELECT toString(service) AS service, toString(name) AS name,
           medianIf(value, time_ns >= {a0:Int64} AND time_ns < {a1:Int64}) AS median_a,
           medianIf(value, time_ns >= {b0:Int64} AND time_ns < {b1:Int64}) AS median_b,
           stddevPopIf(value, time_ns >= {a0:Int64} AND time_ns < {a1:Int64}) AS spread_a
    FROM metrics WHERE isFinite(value) AND {service:String} IN ('', service) AND name NOT IN {told:Array(String)}
    GROUP BY service, name
    HAVING isFinite(median_a) AND isFinite(median_b) AND median_a != median_b
    ORDER BY abs(median_b - median_a) / (spread_a + abs(median_a) / 20 + 1e-9) DESC, service, name LIMIT {most:UInt32}
"""


def compare_windows(
    case: str, a: tuple[str | None, str | None], b: tuple[str | None, str | None], service: str
) -> dict[str, Any]:
    """Compare stretch `b` with stretch `a`; without times, the bad with the calm one of the last investigation.

    Args:
        service: only this one; '' for all.

    Raises:
        CaseNotFoundError: when there is no such case.
        UsageError: when a stretch is not given and the case was not investigated, or is empty.
    """
    folder = find_case(case)
    with open_case(folder) as store:
        calm, bad = windows_of(folder)
        first, second = _stretch("a", a, calm), _stretch("b", b, bad)
        bounds: dict[str, Any] = {
            "a0": first.start_ns,
            "a1": first.end_ns,
            "b0": second.start_ns,
            "b1": second.end_ns,
            "as": first.seconds,
            "bs": second.seconds,
            "service": service,
            "most": _MOST,
        }
        with_spans = bool(store.count("spans"))
        return {
            "a": first.as_text(),
            "b": second.as_text(),
            "values": _values(store, first, second) if with_spans else [],
            "call_tree": [_node(change) for change in call_tree_changes(store, first, second)] if with_spans else [],
            "latency": latency_rows(store, first, second) if with_spans else [],
            "operations": [_operation(row, first, second) for row in store.query(_OPERATIONS, **bounds)],
            "logs": [_template(store, row) for row in store.query(_TEMPLATES, **bounds)],
            "metrics": _metrics(store, bounds, first, second),
        }


def _metrics(store: CaseStore, bounds: dict[str, Any], a: Window, b: Window) -> list[dict[str, Any]]:
    """Metrics whose level moved, the farthest first: as they stand, or what came since the point before."""
    rows = store.query(_METRICS, told=sorted(names_of(store).told), **bounds)
    rows += [row for told in readings(store) if (row := _reading(told, bounds["service"], a, b))]
    rows.sort(key=lambda r: (-_moved(r), r["service"], r["name"]))
    return [
        {
            "service": r["service"],
            "metric": r["name"],
            "median_a": _short(r["median_a"]),
            "median_b": _short(r["median_b"]),
        }
        for r in rows[: bounds["most"]]
    ]


def _reading(told: Reading, service: str, a: Window, b: Window) -> dict[str, Any] | None:
    before, after = (
        [total / came for at, came, total in told.points if window.start_ns <= at < window.end_ns] for window in (a, b)
    )
    if not before or not after or service not in ("", told.service) or median(before) == median(after):
        return None
    medians = {"median_a": median(before), "median_b": median(after), "spread_a": pstdev(before)}
    return {"service": told.service, "name": told.name, **medians}


def _moved(row: dict[str, Any]) -> float:
    """By how many of its usual deviations a level moved, as in the query."""
    before = float(row["median_a"])
    return abs(float(row["median_b"]) - before) / (float(row["spread_a"] or 0.0) + abs(before) / 20 + 1e-9)


def _values(store: CaseStore, a: Window, b: Window) -> list[dict[str, Any]]:
    """Values, operations and paths that set apart the bad requests of `b`, and then those of `b` from those of `a`."""
    divided = outcomes(store, a, b)
    facets = facets_of(store, _MIN_REQUESTS).judged(divided)
    everything = divided.earlier | divided.later
    having = {**facets.having, **operations_of(store, _MIN_REQUESTS)}
    known = {**facets.known, **dict.fromkeys(("operation", "path"), everything)}
    told = "fail" if divided.failed else "are slow"
    apart = separate(divided.bad & divided.later, divided.later, having, known, _MIN_REQUESTS)
    newer = separate(divided.later, everything, having, known, _MIN_REQUESTS)
    rows = [_trait(f"requests of b that {told}", trait) for trait in _different(apart)[: _MOST // 2]]
    return rows + [_trait("requests of b, not of a", trait) for trait in _different(newer)[: _MOST // 4]]


def _different(traits: Sequence[Trait]) -> list[Trait]:
    """One of those that the same requests have: an operation and all that it calls are one."""
    told: dict[tuple[int, int, int, int], Trait] = {}
    for trait in traits:
        told.setdefault((trait.bad, trait.total, trait.other_bad, trait.other_total), trait)
    return list(told.values())


def _trait(which: str, trait: Trait) -> dict[str, Any]:
    return {
        "which": which,
        "share": list(map(str, trait.facets)),
        "of_those_with_it": f"{trait.bad} of {trait.total}",
        "of_the_others": f"{trait.other_bad} of {trait.other_total}",
        "covered": _short(trait.covered),
        "separation": _short(trait.separation),
    }


def _node(change: NodeChange) -> dict[str, Any]:
    return {
        "path": " > ".join(change.path[-4:]),
        "depth": len(change.path),
        "what": ", ".join(change.kinds),
        "calls_per_request": [_short(value) for value in change.calls],
        "own_ms_per_request": [_short(value) for value in change.own_ms],
        "failed_share": [_short(value) for value in change.failed],
    }


def latency_rows(store: CaseStore, a: Window, b: Window, root: Place | None = None) -> list[dict[str, Any]]:
    """Who owns the latency of one kind of request, a row an operation; `root` is None for the kind that lost most."""
    latency = latency_of(store, a, b, root)
    if latency is None:
        return []
    return [
        {
            "request": " ".join(latency.root),
            "p50_ms": [_short(value) for value in latency.p50_ms],
            "p99_ms": [_short(value) for value in latency.p99_ms],
            "owner": f"{owner.service} {owner.operation}",
            "own_p50_ms": [_short(owner.before[0]), _short(owner.after[0])],
            "own_p99_ms": [_short(owner.before[1]), _short(owner.after[1])],
            "saved_without_it_ms": [_short(value) for value in owner.saved],
            "between_services": owner.on_the_way,
            "example": None if owner.example is None else str(owner.example),
        }
        for owner in latency.owners
    ]


def windows_of(folder: Path) -> tuple[Window | None, Window | None]:
    """The calm and the bad stretch as the last investigation of the case set them."""
    try:
        case = json.loads((folder / "investigation.json").read_text("utf-8"))["case"]
    except FileNotFoundError:
        return None, None
    calm, bad = ([parse_instant(text) or 0 for text in case[name] or ()] for name in ("baseline", "incident"))
    return (Window(*calm), Window(*bad)) if calm and bad else (None, None)


def _stretch(name: str, given: _Times, usual: Window | None) -> Window:
    start, end = (instant_of(text, f"{name}_{side}") for text, side in zip(given, ("from", "to"), strict=True))
    if usual is None and (start is None or end is None):
        raise UsageError(
            f"the case does not say where stretch {name} lies",
            f"give {name}_from and {name}_to, or investigate the case first",
        )
    chosen = Window(
        usual.start_ns if start is None and usual else start or 0, usual.end_ns if end is None and usual else end or 0
    )
    if chosen.end_ns <= chosen.start_ns:
        raise UsageError(f"stretch {name} is empty: it ends before it begins", "give times in order")
    return chosen


def _operation(row: dict[str, Any], a: Window, b: Window) -> dict[str, Any]:
    return {
        "service": row["service"],
        "operation": row["operation"],
        "calls_per_s": [_short(row["calls_a"] / a.seconds), _short(row["calls_b"] / b.seconds)],
        "failed": [row["failed_a"], row["failed_b"]],
        "p50_ms": [_ms(row["qa"][0]), _ms(row["qb"][0])],
        "p95_ms": [_ms(row["qa"][1]), _ms(row["qb"][1])],
    }


def _template(store: CaseStore, row: dict[str, Any]) -> dict[str, Any]:
    source_id, line, item = row["example"]
    source = next((s.name for s in store.sources if s.id == source_id), "")
    return {
        "service": row["service"],
        "severity": row["severity"] or None,
        "template": row["template"][:200],
        "count": [row["count_a"], row["count_b"]],
        "example": f"log:{source}@{line}" + (f".{item}" if item else ""),
    }


def _ms(ns: float | None) -> float | None:
    return None if ns is None else _short(ns / NS_PER_MS)


def _short(value: float) -> float:
    """Four digits: what a reader compares."""
    return float(f"{value:.4g}")
