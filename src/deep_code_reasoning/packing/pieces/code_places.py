"""Which places in the code the telemetry names: stack frames, `code.*` attributes, paths that commits touch.

And all that it says in words, as a report that code can be searched by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...source.hints import hints
from ..subject import Subject

# Records and exceptions that are searched for frames.
_MAX_TEXTS: Final = 200
# Frames that are taken of one trace: the innermost are where it broke, and libraries fill the rest.
_MAX_FRAMES: Final = 30

# What is said of causes and findings further down leads elsewhere; a report of some pages holds what matters.
_MAX_CAUSES: Final = 3
_MAX_FINDINGS: Final = 10
_MAX_REPORT: Final = 20_000


@dataclass(frozen=True, slots=True)
class CodePlace:
    """A place in some file of some machine; `line` is 0 when only the file is known. `worth` orders places."""

    path: str
    line: int
    worth: float


def frames(text: str) -> list[CodePlace]:
    """Places that a stack trace or a message names, those nearest to the fault first."""
    told = hints(text)
    named = (*told.frames, *(place for place in told.paths if place.line is not None))
    return list(dict.fromkeys(CodePlace(place.path, place.line or 0, 1.0) for place in named))[:_MAX_FRAMES]


def places_of_telemetry(subject: Subject) -> Iterator[CodePlace]:
    """All places that the case names; one that is named often comes often."""
    for text in _texts(subject):
        yield from frames(text)
    yield from _of_spans(subject)
    yield from _of_changes(subject)


def report(subject: Subject) -> str:
    """What the evidence says, as one text that code can be found by; the likeliest first."""
    investigation = subject.investigation
    said: list[str] = []
    for cause in investigation.causes[:_MAX_CAUSES]:
        said += [cause.summary, cause.operation or "", cause.resource or "", cause.code_region or ""]
    said += [finding.summary for finding in investigation.findings[:_MAX_FINDINGS]]
    said += _texts(subject)
    return "\n".join(filter(None, said))[:_MAX_REPORT]


def _texts(subject: Subject) -> list[str]:
    """Errors of the bad stretch, a few a kind: their texts may hold stack traces."""
    rows = subject.store.query(
        """
        SELECT substringUTF8(body, 1, 8000) AS text FROM (
            SELECT body, shape, time_ns, source_id, line, item FROM logs
            WHERE severity IN ('error', 'fatal') AND time_ns >= {bad_from:Int64} AND time_ns < {bad_to:Int64}
            ORDER BY time_ns, source_id, line, item LIMIT 2 BY shape
        )
        ORDER BY time_ns, source_id, line, item LIMIT {limit:UInt32}
        UNION ALL
        SELECT substringUTF8(attributes['exception.stacktrace'], 1, 8000) FROM (
            SELECT attributes, time_ns, trace_id, span_id FROM span_events
            WHERE name = 'exception' AND time_ns >= {bad_from:Int64} AND time_ns < {bad_to:Int64}
            ORDER BY time_ns, trace_id, span_id LIMIT 2 BY service, attributes['exception.type']
        )
        LIMIT {limit:UInt32}
        """,
        bad_from=subject.bad.start_ns,
        bad_to=subject.bad.end_ns,
        limit=_MAX_TEXTS,
    )
    return sorted(row["text"] for row in rows if row["text"])


def _of_spans(subject: Subject) -> Iterator[CodePlace]:
    """`code.*` attributes of suspects' spans (OpenTelemetry semantic conventions, old names and new)."""
    services = list(subject.suspects[:3])
    rows = subject.store.query(
        """
        SELECT if(attributes['code.file.path'] != '', attributes['code.file.path'],
                  attributes['code.filepath']) AS path,
               toUInt32OrZero(if(attributes['code.line.number'] != '', attributes['code.line.number'],
                                 attributes['code.lineno'])) AS line,
               countIf(status = 'error') AS failed, count() AS n
        FROM spans WHERE service IN {services:Array(String)} AND path != ''
        GROUP BY path, line ORDER BY failed DESC, n DESC, path, line LIMIT {limit:UInt32}
        """,
        services=services,
        limit=_MAX_FRAMES,
    )
    for row in rows:
        yield CodePlace(row["path"], int(row["line"]), 1.0 if row["failed"] else 0.3)


def _of_changes(subject: Subject) -> Iterator[CodePlace]:
    """Files that the named changes touch."""
    investigation = subject.investigation
    named = [cause.change.id for cause in investigation.causes if cause.change and cause.change.kind == "commit"]
    named += [f.change[1] for f in investigation.findings if f.change and f.change[0] == "commit"]
    if not named:
        return
    rows = subject.store.query(
        "SELECT id, files, diff FROM changes WHERE kind = 'commit' AND id IN {ids:Array(String)} ORDER BY id",
        ids=list(dict.fromkeys(named)),
    )
    for row in rows:
        starts = dict(re.findall(r"^\+\+\+ (?:b/)?(\S+)\n@@+ -\d+(?:,\d+)? \+(\d+)", row["diff"], re.MULTILINE))
        for path in row["files"][:20]:
            yield CodePlace(path, int(starts.get(path, 0)), 1.5 if row["id"] == named[0] else 0.4)
