"""Other explanations of a code path that stops short: why it need not be that code's fault.

- *a dependency*: the spans that stop short come with an error that names another service. If that service goes on
  serving others, the error is a hiccup between the two (a stale registry entry, say) and no fault of either's code.
- *ambient*: the error was logged before the break began, or is logged by other services too. What fails everywhere
  or always is not what broke here.
- *deeper*: in most of the traces a path of a service further down broke as well: that one is the cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...store import CaseStore
from .paths import Break, Operation
from .steps import ERROR_LEVEL

# As many broken traces as are looked at more closely; their order is that of time.
_MAX_TRACES: Final = 300
# Different error texts of one case that are compared; real ones have some dozens.
_MAX_ERROR_TEXTS: Final = 2000


@dataclass(frozen=True, slots=True)
class BrokenSpans:
    """The spans that stopped short since the onset: (trace, span) in time order, and those that passed before."""

    broken: tuple[tuple[str, str], ...]
    passed: tuple[tuple[str, str], ...]

    @property
    def traces(self) -> frozenset[str]:
        """Their traces."""
        return frozenset(trace for trace, _ in self.broken)


@dataclass(frozen=True, slots=True)
class ErrorText:
    """One kind of error message of one service, and in which of its traces it came when."""

    service: str
    template: str
    sample: str
    first_ns: int


def broken_spans(store: CaseStore, operation: Operation, broken: Break, onset_ns: int) -> BrokenSpans:
    """Find the spans behind a break."""
    rows = store.query(
        f"""
        SELECT trace_id, span_id, start_ns >= {{onset:Int64}} AS late
        FROM span_steps
        WHERE service = {{service:String}} AND entry = {{entry:String}} AND operation = {{operation:String}}
          AND ({{anchor:String}} = '' OR has(labels, {{anchor:String}}))
          AND hasAny(labels, {{following:Array(String)}}) != late
        ORDER BY late, start_ns, trace_id, span_id
        LIMIT {_MAX_TRACES} BY late
        """,
        onset=onset_ns,
        service=operation.service,
        entry=operation.entry,
        operation=operation.name,
        anchor=broken.anchor,
        following=broken.following,
    )
    spans = [((row["trace_id"], row["span_id"]), bool(row["late"])) for row in rows]
    return BrokenSpans(tuple(s for s, late in spans if late), tuple(s for s, late in spans if not late))


def errors_in(store: CaseStore, service: str, traces: Sequence[str]) -> list[tuple[str, str, int]]:
    """Error messages that a service logged in some traces: (template, one message, number of those traces)."""
    rows = store.query(
        f"""
        SELECT template, min(body) AS sample, uniqExact(trace_id) AS traces
        FROM (SELECT shape, body, trace_id FROM logs
              WHERE service = {{service:String}} AND trace_id IN {{traces:Array(String)}} AND {ERROR_LEVEL}
              ORDER BY time_ns, trace_id) AS l
        LEFT ANY JOIN (SELECT shape, min(template) AS template FROM log_shapes GROUP BY shape) AS t USING (shape)
        GROUP BY template ORDER BY traces DESC, template LIMIT 20
        """,
        service=service,
        traces=tuple(traces),
    )
    return [(row["template"], row["sample"], int(row["traces"])) for row in rows]


def error_texts(store: CaseStore) -> list[ErrorText]:
    """Every kind of error message in the case, with the service that logged it and when it did first."""
    rows = store.query(
        f"""
        SELECT service, template, argMin(body, time_ns) AS sample, min(time_ns) AS first_ns
        FROM (SELECT service, shape, body, time_ns FROM logs WHERE {ERROR_LEVEL}) AS l
        LEFT ANY JOIN (SELECT shape, min(template) AS template FROM log_shapes GROUP BY shape) AS t USING (shape)
        GROUP BY service, template ORDER BY service, template LIMIT {_MAX_ERROR_TEXTS}
        """
    )
    return [ErrorText(row["service"], row["template"], row["sample"], int(row["first_ns"])) for row in rows]
