"""Spans that ran a piece of code: by `code.*` attributes, else by the name of the function in the span's name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ..domain.instant import NS_PER_MS
from ..source import Roots
from ..source.hints import hints
from ..source.roots import SourcePath
from ..store import CaseStore

# Names shorter than this, or as common, say nothing about which code ran.
_SHORTEST: Final = 4
_COMMON: Final = frozenset({"main", "handle", "handler", "execute", "process", "call", "invoke", "init", "query"})

_SPANS: Final = """
    SELECT arrayJoin(arrayFilter(n -> n = lower(name) OR endsWith(lower(name), concat('.', n))
                                  OR n = lower(attributes['code.function'])
                                  OR n = lower(attributes['code.function.name'])
                                  OR endsWith(lower(attributes['code.function.name']), concat('.', n)),
                                 {names:Array(String)})) AS function,
           toString(service) AS service, toString(name) AS operation, count() AS spans,
           countIf(status = 'error') AS failed,
           quantilesExact(0.5, 0.95)(duration_ns) AS q,
           argMax((trace_id, span_id), (duration_ns, trace_id, span_id)) AS worst
    FROM spans GROUP BY function, service, operation ORDER BY function, spans DESC, service, operation LIMIT 200
"""


_STACKS: Final = """
    SELECT attributes['exception.stacktrace'] AS stack, count() AS times FROM span_events
    WHERE attributes['exception.stacktrace'] != '' GROUP BY stack ORDER BY times DESC, stack LIMIT {most:UInt32}
"""
_MAX_STACKS: Final = 100


def spans_of_functions(store: CaseStore, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """By function name: which operations of which services ran it, how often, how long, and the slowest span."""
    wanted = sorted({name.lower() for name in names if len(name) >= _SHORTEST and name.lower() not in _COMMON})
    if not wanted or not store.count("spans"):
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in store.query(_SPANS, names=wanted):
        found.setdefault(row["function"], []).append(
            {
                "service": row["service"],
                "operation": row["operation"],
                "spans": row["spans"],
                "failed": row["failed"],
                "p50_ms": milliseconds(row["q"][0]),
                "p95_ms": milliseconds(row["q"][1]),
                "slowest": f"span:{row['worst'][0]}/{row['worst'][1]}",
            }
        )
    return found


def frames_of_exceptions(store: CaseStore, roots: Roots) -> list[tuple[SourcePath, int]]:
    """(file, line) of every frame of exceptions' stack traces that is in the roots; a file of several is in none."""
    found = []
    for row in store.query(_STACKS, most=_MAX_STACKS):
        for frame in hints(row["stack"]).frames:
            files = roots.find(frame.path) if frame.path and frame.line else ()
            if len(files) == 1 and frame.line:
                found.append((files[0], frame.line))
    return found


def milliseconds(ns: float | None) -> float | None:
    """Four digits; None stays None."""
    return None if ns is None else float(f"{ns / NS_PER_MS:.4g}")
