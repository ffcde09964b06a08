"""A trace as text: one line a span, children below their parent, like calls told together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ...domain.citation import Citation, span_citation
from ...store import Row
from ..draft import Line
from .wording import duration

# This many calls in a row of the same name to the same service are told together: it is what N+1 looks like.
_ALIKE: Final = 4
# Attributes that say what a span did and how it ended come first; those of the process and the thread say least.
_FIRST: Final = (
    "error.type exception.type exception.message http.request.method http.method http.route url.path url.full http.url "
    "http.target http.response.status_code http.status_code rpc.method rpc.grpc.status_code db.system db.query.text "
    "db.statement db.operation.name messaging.destination.name messaging.operation peer.service server.address "
    "code.function code.filepath code.file.path code.lineno code.line.number"
).split()
_LAST: Final = (
    "thread.",
    "telemetry.",
    "process.",
    "net.",
    "network.",
    "user_agent.",
    "otel.",
    "server.port",
    "client.",
)
_MAX_ATTRIBUTES: Final = 8
_MAX_VALUE: Final = 160
_MAX_DEPTH: Final = 40


@dataclass(frozen=True, slots=True)
class Focus:
    """What matters in a trace beside failures and time: spans that findings cite, and services under suspicion."""

    cited: frozenset[Citation] = frozenset()
    services: frozenset[str] = frozenset()

    def weight(self, span: Row) -> float:
        """What it adds to a span's weight."""
        return (1.0 if _cite(span) in self.cited else 0.0) + (0.4 if span["service"] in self.services else 0.0)


def waterfall(spans: Sequence[Row], events: Sequence[Row], focus: Focus) -> list[Line]:
    """Lines of one trace's spans, which are in order of start.

    A line's weight says how much the span matters: failed ones and those in focus most, then those that take the most
    time of their own.
    """
    children: dict[str, list[Row]] = defaultdict(list)
    known = {span["span_id"] for span in spans}
    roots = []
    for span in spans:
        parent = span["parent_span_id"]
        if parent in known and parent != span["span_id"]:
            children[parent].append(span)
        else:
            roots.append(span)
    begin_ns = min(int(span["start_ns"]) for span in spans)
    total_ns = max(1, max(int(s["start_ns"]) + max(0, int(s["duration_ns"])) for s in spans) - begin_ns)
    thrown: dict[str, list[Row]] = defaultdict(list)
    for event in events:
        thrown[event["span_id"]].append(event)
    drawing = _Drawing(children, thrown, begin_ns, total_ns, focus)
    lines = list(drawing.draw(roots))
    unreached = [span for span in spans if id(span) not in drawing.drawn]
    return lines + list(drawing.draw(unreached))


class _Drawing:
    """The state of one drawing: which spans were drawn, so that a loop of parents ends."""

    def __init__(
        self,
        children: dict[str, list[Row]],
        thrown: dict[str, list[Row]],
        begin_ns: int,
        total_ns: int,
        focus: Focus,
    ) -> None:
        self.children, self.thrown, self.focus = children, thrown, focus
        self.begin_ns, self.total_ns = begin_ns, total_ns
        self.drawn: set[int] = set()

    def draw(self, spans: Sequence[Row]) -> Iterator[Line]:
        """Spans and all below them, each once; a stack, since faulty traces nest thousands deep."""
        stack: list[tuple[int, Row, list[Row]]] = self._grouped(spans, 0)
        while stack:
            depth, span, alike = stack.pop()
            if id(span) in self.drawn:
                continue
            self.drawn.update(id(each) for each in (span, *alike))
            yield self._line(span, depth)
            if alike:
                yield self._told_together(span, alike, depth)
            stack += self._grouped(self.children.get(span["span_id"], ()), depth + 1)

    def _grouped(self, spans: Sequence[Row], depth: int) -> list[tuple[int, Row, list[Row]]]:
        """Siblings, last first; runs of like ones without children as their first and the rest."""
        grouped: list[tuple[int, Row, list[Row]]] = []
        for _, run in groupby(spans, key=self._likeness):
            members = list(run)
            if len(members) >= _ALIKE:
                grouped.append((depth, members[0], members[1:]))
            else:
                grouped += [(depth, member, []) for member in members]
        return grouped[::-1]

    def _likeness(self, span: Row) -> tuple[object, ...]:
        if self.children.get(span["span_id"]) or self.thrown.get(span["span_id"]):
            return (id(span),)
        return (span["service"], span["name"], span["kind"], span["status"])

    def _line(self, span: Row, depth: int) -> Line:
        start = duration(int(span["start_ns"]) - self.begin_ns)
        own_ns = self._self_ns(span)
        failed = span["status"] == "error"
        where = f"{span['service']}@{span['host']}" if span["host"] else span["service"]
        took = f"{duration(int(span['duration_ns']))} ({duration(own_ns)})"
        marks = (
            " ERROR" + (f" {span['status_message'][:_MAX_VALUE]}" if span["status_message"] else "") if failed else ""
        )
        kind = f"{span['kind']} " if span["kind"] not in ("", "internal") else ""
        indent = ". " * min(depth, _MAX_DEPTH)
        text = f"+{start} {indent}{took} {kind}{where} {span['name']}{marks}{_attributes(span)} ({span['span_id']})"
        for event in self.thrown.get(span["span_id"], ()):
            text += f"\n{indent}  event {event['name']}{_attributes(event)}"
        weight = 0.05 + own_ns / self.total_ns + (1.0 if failed else 0.0) + (0.3 if depth == 0 else 0.0)
        weight += (0.5 if span["span_id"] in self.thrown else 0.0) + self.focus.weight(span)
        return Line(text, (_cite(span),), weight)

    def _told_together(self, first: Row, alike: Sequence[Row], depth: int) -> Line:
        spent = sum(int(span["duration_ns"]) for span in alike)
        last = alike[-1]
        until = duration(int(last["start_ns"]) + int(last["duration_ns"]) - self.begin_ns)
        indent = ". " * min(depth, _MAX_DEPTH)
        text = (
            f"{indent}{len(alike)} more calls like it in a row ({first['service']} {first['name']}), "
            f"{duration(spent)} in all, until +{until}, the last {_attributes(last).strip()} ({last['span_id']})"
        )
        return Line(text, (_cite(last),), 0.2 + spent / self.total_ns)

    def _self_ns(self, span: Row) -> int:
        """Time that no child covers."""
        start = int(span["start_ns"])
        end = start + max(0, int(span["duration_ns"]))
        covered, reached = 0, start
        for child in self.children.get(span["span_id"], ()):
            begin = max(reached, int(child["start_ns"]))
            stop = min(end, int(child["start_ns"]) + max(0, int(child["duration_ns"])))
            if stop > begin:
                covered += stop - begin
                reached = stop
        return end - start - covered


def _attributes(row: Row) -> str:
    """The attributes that say most, as ` key=value`; the rest are counted."""
    attributes = row["attributes"]
    named = [key for key in _FIRST if key in attributes]
    others = sorted((key for key in attributes if key not in named), key=lambda key: (key.startswith(_LAST), key))
    shown = [key for key in (*named, *others) if attributes[key] != ""]
    text = "".join(f" {key}={_shortened(attributes[key])}" for key in shown[:_MAX_ATTRIBUTES])
    return text + (f" +{len(shown) - _MAX_ATTRIBUTES} attributes" if len(shown) > _MAX_ATTRIBUTES else "")


def _shortened(value: str) -> str:
    value = value if len(value) <= _MAX_VALUE else f"{value[:_MAX_VALUE]}..."
    return f'"{value}"' if " " in value else value


def _cite(span: Row) -> Citation:
    return span_citation(span["trace_id"], span["span_id"])
