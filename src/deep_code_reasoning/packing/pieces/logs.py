"""What the logs say: templates with their counts calm and bad and an example each, and records around a moment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from ...detectors.logs.steps import ERROR_LEVEL, PLACE
from ...domain.citation import log_citation
from ...domain.instant import NS_PER_S
from ...domain.pack import Piece
from ...store import CaseStore, Row
from ..draft import Draft, Line
from ..subject import Subject
from .wording import moment

_SEVERITIES: Final = ("", "trace", "debug", "info", "warn", "error", "fatal")
# Templates offered at the usual depth. Systems have hundreds that matter; beyond that it is data.
_MAX_TEMPLATES: Final = 400
_MAX_BODY: Final = 700
# A template that more places write than this is a wrapper's, whose place says nothing.
_MAX_PLACES: Final = 8
_ERROR: Final = 1 + _SEVERITIES.index("error")
_MAX_AROUND: Final = 500


def drafts(subject: Subject) -> Iterator[Draft]:
    """Templates of the suspects' logs and of the others', and those of the services that are asked about."""
    if not subject.store.count("logs"):
        return
    rows = _statements(subject)
    suspects = subject.suspects[:3]
    near = [row for row in rows if row["service"] in suspects]
    far = [row for row in rows if row["service"] not in suspects]
    head = (
        "A line is a kind of log record: how often it came in the calm and in the bad stretch "
        f"({_stretch(subject.calm.seconds)} and {_stretch(subject.bad.seconds)}), an example, and its citation."
    )
    for key, title, kind_rows, value in (
        ("log/suspects", "Logs of the suspected services", near, 1.0),
        ("log/others", "Logs of the other services", far, 0.6),
    ):
        lines = _lines(kind_rows, subject)
        if lines:
            yield Draft(key, title, lines, head, "kinds of records", value)
    for service in subject.asked_services:
        lines = _lines([row for row in rows if row["service"] == service], subject)
        if lines:
            yield Draft(f"log/asked/{service}", f"Logs of {service}", lines, head, "kinds of records", 0.9, asked=True)


def logs_around(
    store: CaseStore,
    time_ns: int,
    max_tokens: int | None = None,
    *,
    services: Sequence[str] = (),
    trace_id: str = "",
    span_s: float = 30.0,
) -> Piece:
    """Log records within `span_s` seconds of a moment, of some services (all when none is named), of a trace if given.

    Those nearest to the moment, and errors, stay when it has to be shortened.
    """
    rows = store.query(
        """
        SELECT time_ns, service, severity, body, trace_id, source_id, line, item FROM logs
        WHERE abs(time_ns - {time:Int64}) <= {span:Int64}
          AND (empty({services:Array(String)}) OR service IN {services:Array(String)})
          AND ({trace:String} = '' OR trace_id = {trace:String})
        ORDER BY abs(time_ns - {time:Int64}), source_id, line, item LIMIT {limit:UInt32}
        """,
        time=time_ns,
        span=int(span_s * NS_PER_S),
        services=list(services),
        trace=trace_id,
        limit=_MAX_AROUND,
    )
    rows.sort(key=lambda row: (int(row["time_ns"]), row["source_id"], row["line"], row["item"]))
    lines = []
    for row in rows:
        cited = log_citation(store.source(row["source_id"]).name, int(row["line"]), int(row["item"]))
        text = f"{moment(int(row['time_ns']))} {row['service']} {row['severity']} {_body(row['body'])} [{cited}]"
        nearness = 1 / (1 + abs(int(row["time_ns"]) - time_ns) / NS_PER_S)
        lines.append(Line(text, (cited,), nearness + 0.3 * max(0, _SEVERITIES.index(row["severity"]) - 3)))
    head = "" if len(rows) < _MAX_AROUND else f"only the {_MAX_AROUND} records nearest to the moment were read"
    return Draft("log/around", f"Logs around {moment(time_ns)}", tuple(lines), head, "records").piece(max_tokens)


def _statements(subject: Subject) -> list[Row]:
    """Kinds of records a service, with counts in both stretches and an example of the bad one where there is any.

    A kind is a template; of one that several places in the code write, each place is its own, where records tell it.
    """
    return subject.store.query(
        f"""
        SELECT service, kind, if(places <= {_MAX_PLACES}, place, '') AS statement, sum(calm) AS calm, sum(bad) AS bad,
               max(severity) AS severity, min(first) AS example
        FROM (
            SELECT service, place, calm, bad, severity, first,
                   if(template_id = '', toString(shape), template_id) AS kind,
                   uniqExact(place) OVER (PARTITION BY service, kind) AS places
            FROM (
                SELECT service, shape, {PLACE} AS place,
                       countIf(time_ns >= {{calm_from:Int64}} AND time_ns < {{calm_to:Int64}}) AS calm,
                       countIf(time_ns >= {{bad_from:Int64}} AND time_ns < {{bad_to:Int64}}) AS bad,
                       max(greatest(indexOf({{severities:Array(String)}}, toString(severity)),
                                    if({ERROR_LEVEL}, {_ERROR}, 0))) AS severity,
                       min((NOT (time_ns >= {{bad_from:Int64}} AND time_ns < {{bad_to:Int64}}),
                            time_ns, source_id, line, item)) AS first
                FROM logs GROUP BY service, shape, place
            ) AS counted
            LEFT ANY JOIN log_shapes USING shape
        )
        GROUP BY service, kind, statement
        ORDER BY service, kind, statement
        """,
        severities=list(_SEVERITIES),
        **subject.bounds,
    )


def _lines(rows: Sequence[Row], subject: Subject) -> tuple[Line, ...]:
    weighed = sorted(((_weight(row, subject), row) for row in rows), key=lambda item: -item[0])
    weighed = weighed[: subject.many(_MAX_TEMPLATES)]
    bodies = _bodies(subject.store, [row["example"] for _, row in weighed])
    lines = []
    for weight, row in weighed:
        _, _, source_id, line, item = row["example"]
        cited = log_citation(subject.store.source(source_id).name, int(line), int(item))
        body = bodies.get((int(source_id), int(line), int(item)), "")
        level = _SEVERITIES[int(row["severity"]) - 1] if row["severity"] else ""
        text = f"{row['service']} {level or '-'} {row['calm']} -> {row['bad']}: {_body(body)} [{cited}]"
        lines.append(Line(text, (cited,), weight))
    return tuple(lines)


def _bodies(store: CaseStore, examples: Sequence[Sequence[int]]) -> dict[tuple[int, int, int], str]:
    """The text of the example records."""
    if not examples:
        return {}
    rows = store.query(
        """
        SELECT source_id, line, item, substringUTF8(body, 1, 4000) AS body FROM logs
        WHERE line IN {lines:Array(UInt64)}
          AND concat(toString(source_id), '/', toString(line), '/', toString(item)) IN {places:Array(String)}
        """,
        lines=[int(example[3]) for example in examples],
        places=["/".join(str(int(n)) for n in example[2:5]) for example in examples],
    )
    return {(int(row["source_id"]), int(row["line"]), int(row["item"])): row["body"] for row in rows}


def _weight(row: Row, subject: Subject) -> float:
    """How much a kind of record says: that its rate changed, that it is an error, that its service is suspected."""
    calm_s, bad_s = max(1.0, subject.calm.seconds), max(1.0, subject.bad.seconds)
    calm, bad = int(row["calm"]), int(row["bad"])
    # Half a record each way, so that one record by chance is no change.
    change = abs(math.log(((bad + 0.5) / bad_s) / ((calm + 0.5) / calm_s))) * min(1.0, (calm + bad) / 5)
    severe = max(0, int(row["severity"]) - 4)
    suspicion = {service: 1.5 / (1 + n) for n, service in enumerate(subject.suspects[:5])}.get(row["service"], 0.0)
    return 0.2 + min(change, 4.0) + 0.7 * severe + suspicion


def _body(body: str) -> str:
    body = body.rstrip()
    return body if len(body) <= _MAX_BODY else f"{body[:_MAX_BODY]}... ({len(body) - _MAX_BODY} more characters)"


def _stretch(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 1e9 else "all time"
