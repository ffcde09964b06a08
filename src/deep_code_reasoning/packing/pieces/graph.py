"""The service graph: who calls whom, how often, how many calls fail, and how long they take, calm and bad."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...store import Row
from ..draft import Draft, Line
from ..subject import Subject
from .wording import duration

# Rates and quantiles of a hundred thousand spans are as good as those of a billion; whole traces are taken.
_MAX_SPANS: Final = 100_000
_MAX_EDGES: Final = 1_000

_EDGES: Final = """
    WITH taken AS (
        SELECT trace_id, span_id, parent_span_id, toString(service) AS service, duration_ns, status = 'error' AS failed,
               start_ns >= {calm_from:Int64} AND start_ns < {calm_to:Int64} AS calm,
               start_ns >= {bad_from:Int64} AND start_ns < {bad_to:Int64} AS bad
        FROM spans WHERE cityHash64(trace_id) % {every:UInt32} = 0
    )
    SELECT if(p.service = '', '(entry)', p.service) AS caller, s.service AS callee,
           countIf(s.calm) AS calm_calls, countIf(s.bad) AS bad_calls,
           countIf(s.calm AND s.failed) AS calm_errors, countIf(s.bad AND s.failed) AS bad_errors,
           quantilesIf(0.5, 0.95)(s.duration_ns, s.calm) AS calm_ns,
           quantilesIf(0.5, 0.95)(s.duration_ns, s.bad) AS bad_ns
    FROM taken AS s LEFT ANY JOIN taken AS p ON s.trace_id = p.trace_id AND s.parent_span_id = p.span_id
    WHERE s.service != p.service AND s.service != '' AND (s.calm OR s.bad)
    GROUP BY caller, callee ORDER BY caller, callee LIMIT {limit:UInt32}
"""


def drafts(subject: Subject) -> Iterator[Draft]:
    """One draft: the graph."""
    draft = graph(subject)
    if draft.lines:
        yield draft


def graph(subject: Subject) -> Draft:
    """The graph as a draft: an edge a line; edges that got worse, and those of suspects, are worth the most."""
    every = max(1, -(-subject.store.count("spans") // _MAX_SPANS))
    rows = subject.store.query(
        _EDGES,
        every=every,
        limit=_MAX_EDGES,
        **subject.bounds,
    )
    lines = tuple(_line(row, subject) for row in rows)
    sampled = f" Counted in 1 of {every} traces." if every > 1 else ""
    head = f"A line is a call from one service to another: count, failed, median/95th percentile; calm -> bad.{sampled}"
    return Draft("graph/calls", "Service graph", lines, head, "edges")


def _line(row: Row, subject: Subject) -> Line:
    calm = _side(row["calm_calls"], row["calm_errors"], row["calm_ns"])
    bad = _side(row["bad_calls"], row["bad_errors"], row["bad_ns"])
    focus = set(subject.suspects[:3])
    near = (row["callee"] in focus) + (row["caller"] in focus)
    errors = row["bad_errors"] / max(1, row["bad_calls"]) - row["calm_errors"] / max(1, row["calm_calls"])
    before, after = row["calm_ns"][1], row["bad_ns"][1]
    slower = min(3.0, abs(after / before - 1)) if before and after else 0.5
    return Line(f"{row['caller']} -> {row['callee']}: {calm} -> {bad}", (), 0.1 + near + 3 * abs(errors) + slower)


def _side(calls: int, errors: int, quantiles: list[float | None]) -> str:
    if not calls or quantiles[0] is None or quantiles[1] is None:
        return "none"
    return f"{calls} calls, {errors} failed, {duration(quantiles[0])}/{duration(quantiles[1])}"
