"""Which places in the code the telemetry names: stack frames, `code.*` attributes, paths that commits touch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..subject import Subject

# Records and exceptions that are searched for frames.
_MAX_TEXTS: Final = 200
# Frames that are taken of one trace: the innermost are where it broke, and libraries fill the rest.
_MAX_FRAMES: Final = 30

# A frame of a stack trace: Python, Java and Kotlin, JavaScript, Go, .NET, Ruby, Rust; else a plain `path.ext:LINE`.
_FRAMES: Final = (
    re.compile(r'File "(?P<path>[^"\n]{1,300})", line (?P<line>\d{1,6})'),
    re.compile(
        r"\bat (?P<package>(?:[\w$]+\.)+)[\w$<>]+\((?P<file>[\w$-]+\.(?:java|kt|scala|groovy)):(?P<line>\d{1,6})\)"
    ),
    re.compile(r"\bin (?P<path>(?:[A-Za-z]:)?[^\s:]{1,300}):line (?P<line>\d{1,6})"),
    re.compile(
        r"(?P<path>[\w@.~/\\-]{1,300}\.(?:py|js|mjs|cjs|ts|tsx|jsx|go|rb|rs|php|cs|java|kt|scala|ex|exs|c|cc|cpp|h)):(?P<line>\d{1,6})"
    ),
)


@dataclass(frozen=True, slots=True)
class CodePlace:
    """A place in some file of some machine; `line` is 0 when only the file is known. `worth` orders places."""

    path: str
    line: int
    worth: float


def frames(text: str) -> list[CodePlace]:
    """Places that a stack trace or a message names, in its order."""
    found = []
    for pattern in _FRAMES:
        for match in pattern.finditer(text):
            groups = match.groupdict()
            path = groups.get("path")
            if path is None:
                path = f"{groups['package'].rpartition('.')[0].rpartition('.')[0].replace('.', '/')}/{groups['file']}"
            found.append((match.start(), CodePlace(path, int(match["line"]), 1.0)))
    places = dict.fromkeys(place for _, place in sorted(found, key=lambda item: item[0]))
    return list(places)[:_MAX_FRAMES]


def places_of_telemetry(subject: Subject) -> Iterator[CodePlace]:
    """All places that the case names; one that is named often comes often."""
    for text in _texts(subject):
        yield from frames(text)
    yield from _of_spans(subject)
    yield from _of_changes(subject)


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
