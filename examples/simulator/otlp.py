"""OTLP JSON, written as text: one line an export of one SDK, as the collector's file exporter writes what it receives.

Spans are formatted when they end and kept with their instance until its next export. What repeats (resources, scopes,
the attributes of a call site) is text that was made once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

Value = str | int | float | bool | list[str]

# https://github.com/open-telemetry/opentelemetry-proto: trace.proto, Span.SpanKind and SpanFlags
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
FLAGS_LOCAL, FLAGS_REMOTE = 257, 769
SPANS_AN_EXPORT = 512


def value(of: Value) -> str:
    """An AnyValue; 64-bit integers are strings in OTLP JSON."""
    if isinstance(of, bool):
        return f'{{"boolValue":{"true" if of else "false"}}}'
    if isinstance(of, int):
        return f'{{"intValue":"{of}"}}'
    if isinstance(of, float):
        return f'{{"doubleValue":{of!r}}}'
    if isinstance(of, list):
        return '{"arrayValue":{"values":[' + ",".join(map(value, of)) + "]}}"
    return f'{{"stringValue":{json.dumps(of)}}}'


def attributes(values: Mapping[str, Value | None]) -> str:
    """The inside of an `attributes` list; what is None is left out."""
    return ",".join(f'{{"key":"{key}","value":{value(of)}}}' for key, of in values.items() if of is not None)


def joined(*parts: str) -> str:
    """Attribute texts together."""
    return ",".join(filter(None, parts))


class Files:
    """The three files of the evidence, and how many bytes went into them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, IO[str]] = {
            name: (folder / f"{name}.otlp.jsonl").open("w", encoding="ascii", newline="\n")
            for name in ("traces", "logs", "metrics")
        }
        self.written = 0

    def write(self, name: str, line: str) -> None:
        """Add a line."""
        self.written += self._files[name].write(line)

    def close(self) -> None:
        """Close all three."""
        for file in self._files.values():
            file.close()


class Exporter:
    """What one instance's SDK holds back and sends."""

    def __init__(self, files: Files, resource: str, scope: str) -> None:
        self._files = files
        self._scope = scope
        self._spans: list[str] = []
        self._logs: list[str] = []
        self._bytes = 0
        self.set_resource(resource)

    def set_resource(self, resource: str) -> None:
        """Name the process that sends from now on, such as a new version after a deploy."""
        self.flush()
        self._resource = f'"resource":{{"attributes":[{resource}]}}'

    def span(self, text: str) -> None:
        """Take a span that has ended."""
        self._spans.append(text)
        self._bytes += len(text)
        if len(self._spans) >= SPANS_AN_EXPORT:
            self.flush()

    def log(self, text: str) -> None:
        """Take a log record."""
        self._logs.append(text)
        self._bytes += len(text)

    @property
    def held(self) -> int:
        """Bytes not yet written."""
        return self._bytes

    def flush(self) -> None:
        """Write what is held."""
        if self._spans:
            spans = ",".join(self._spans)
            self._files.write(
                "traces",
                f'{{"resourceSpans":[{{{self._resource},"scopeSpans":[{{"scope":{{{self._scope}}},"spans":[{spans}]}}]}}]}}\n',
            )
        if self._logs:
            logs = ",".join(self._logs)
            self._files.write(
                "logs",
                f'{{"resourceLogs":[{{{self._resource},"scopeLogs":[{{"scope":{{{self._scope}}},"logRecords":[{logs}]}}]}}]}}\n',
            )
        self._spans, self._logs, self._bytes = [], [], 0

    def metrics(self, metrics: Iterable[str]) -> None:
        """Write one collection of metrics at once."""
        self._files.write(
            "metrics",
            f'{{"resourceMetrics":[{{{self._resource},"scopeMetrics":[{{"scope":{{{self._scope}}},'
            f'"metrics":[{",".join(metrics)}]}}]}}]}}\n',
        )


def gauge(name: str, unit: str, at_ns: int, points: Iterable[tuple[str, float]]) -> str:
    """A gauge; each point is its attributes and its value."""
    return f'{{"name":"{name}","unit":"{unit}","gauge":{{"dataPoints":[{_points(at_ns, points, "")}]}}}}'


def counter(name: str, unit: str, start_ns: int, at_ns: int, points: Iterable[tuple[str, float]]) -> str:
    """A cumulative, monotonic sum."""
    start = f'"startTimeUnixNano":"{start_ns}",'
    return (
        f'{{"name":"{name}","unit":"{unit}","sum":{{"aggregationTemporality":2,"isMonotonic":true,'
        f'"dataPoints":[{_points(at_ns, points, start)}]}}}}'
    )


def level(name: str, unit: str, start_ns: int, at_ns: int, points: Iterable[tuple[str, float]]) -> str:
    """An up-down counter, as most SDKs report pools and queues."""
    start = f'"startTimeUnixNano":"{start_ns}",'
    return (
        f'{{"name":"{name}","unit":"{unit}","sum":{{"aggregationTemporality":2,"isMonotonic":false,'
        f'"dataPoints":[{_points(at_ns, points, start)}]}}}}'
    )


def histogram(
    name: str,
    unit: str,
    start_ns: int,
    at_ns: int,
    bounds: Iterable[float],
    points: Iterable[tuple[str, list[int], float]],
) -> str:
    """A cumulative explicit-bucket histogram; each point is its attributes, its bucket counts, its sum."""
    told = ",".join(map(repr, bounds))
    rows = []
    for where, buckets, total in points:
        counts = ",".join(f'"{number}"' for number in buckets)
        rows.append(
            f'{{"attributes":[{where}],"startTimeUnixNano":"{start_ns}","timeUnixNano":"{at_ns}",'
            f'"count":"{sum(buckets)}","sum":{total!r},"bucketCounts":[{counts}],"explicitBounds":[{told}]}}'
        )
    all_points = ",".join(rows)
    return f'{{"name":"{name}","unit":"{unit}","histogram":{{"aggregationTemporality":2,"dataPoints":[{all_points}]}}}}'


def _points(at_ns: int, points: Iterable[tuple[str, float]], start: str) -> str:
    return ",".join(
        f'{{"attributes":[{where}],{start}"timeUnixNano":"{at_ns}",'
        + (f'"asInt":"{number}"}}' if isinstance(number, int) else f'"asDouble":{number!r}}}')
        for where, number in points
    )
