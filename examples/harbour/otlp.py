"""OTLP as JSON lines, as a collector's file exporter writes it: grouped by resource, a batch a line."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from . import speech
from .fleet import Pod
from .world import BOUNDS_S, Attributes, Line, Span, World

NS = 1_000_000_000
KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
SEVERITIES = {"INFO": 9, "WARN": 13, "ERROR": 17}
BATCH_S = 10.0
SDKS = {"java": "java", "go": "go", "python": "python", "node": "nodejs", "dotnet": "dotnet"}


def value(item: Any) -> dict[str, Any]:
    """An OTLP attribute value."""
    match item:
        case bool():
            return {"boolValue": item}
        case int():
            return {"intValue": str(item)}
        case float():
            return {"doubleValue": item}
        case _:
            return {"stringValue": str(item)}


def attributes(items: Attributes) -> list[dict[str, Any]]:
    """OTLP attributes."""
    return [{"key": key, "value": value(item)} for key, item in items.items()]


def resource(pod: Pod, version: str) -> dict[str, Any]:
    """What a program says of itself."""
    service = pod.service
    items: Attributes = {
        "service.name": service.name,
        "service.version": version,
        "telemetry.sdk.language": SDKS[speech.LANGUAGE_OF[service.style]],
        "host.name": pod.name,
    }
    if service.k8s:
        items |= {
            "k8s.pod.name": pod.name,
            "k8s.node.name": pod.node.name,
            "k8s.deployment.name": service.name.lower(),
            "k8s.namespace.name": "prod",
            "cloud.availability_zone": pod.node.zone,
        }
    return {"attributes": attributes(items)}


class Writer:
    """Writes a world's record into a folder; `epoch_s` is the wall time at which the model's time is 0."""

    def __init__(self, folder: Path, world: World, epoch_s: int) -> None:
        self.folder, self.world, self.epoch_s = folder, world, epoch_s

    def ns(self, time_s: float) -> str:
        """The model's time as OTLP writes it."""
        return str(self.epoch_s * NS + int(time_s * NS))

    def traces(self) -> None:
        """Every span that ended."""

        def one(span: Span) -> dict[str, Any]:
            return self._span(span)

        ended = sorted(self.world.spans, key=lambda s: s.end)
        lines = self._lines(((s.end, s.pod, s.version, one(s)) for s in ended), "Spans", "spans")
        self._write("traces.jsonl", lines)

    def _span(self, span: Span) -> dict[str, Any]:
        skew, service = span.pod.skew_s, span.pod.service
        record: dict[str, Any] = {"traceId": span.trace, "spanId": span.id}
        if span.parent:
            record["parentSpanId"] = span.parent
        record |= {"name": span.name}
        if service.kinds:
            record["kind"] = KINDS[span.kind]
        record |= {
            "startTimeUnixNano": self.ns(span.start + skew),
            "endTimeUnixNano": self.ns(max(span.end, span.start + 1e-6) + skew),
            "attributes": attributes(span.attributes),
        }
        failure = span.failure
        if failure and failure.kind != "Answered" and span.kind != "PRODUCER":
            kind = speech.type_of(failure, service)
            record["events"] = [
                {
                    "timeUnixNano": self.ns(span.end + skew),
                    "name": "exception",
                    "attributes": attributes({"exception.type": kind, "exception.message": failure.message}),
                }
            ]
        if span.is_error and failure:
            record["status"] = {"code": 2} | ({"message": failure.message} if service.style != "java-old" else {})
        return record

    def logs(self) -> None:
        """Every line."""

        def one(line: Line) -> dict[str, Any]:
            return self._record(line)

        lines = sorted(self.world.lines, key=lambda item: item.time)
        rows = ((ln.time, ln.pod or ln.source, ln.pod.version if ln.pod else "", one(ln)) for ln in lines)
        self._write("logs.jsonl", self._lines(rows, "Logs", "logRecords"))

    def _record(self, line: Line) -> dict[str, Any]:
        record: dict[str, Any] = {"timeUnixNano": self.ns(line.time), "observedTimeUnixNano": self.ns(line.time + 0.2)}
        style = line.pod.service.style if line.pod else ""
        if line.pod and style in ("go", "node-old"):  # collected from the container's output, one JSON object a line
            body = {"level": line.level.lower(), "msg": line.body}
            if line.context:
                body |= {"trace_id": line.context[0], "span_id": line.context[1]}
            if "exception.message" in line.attributes:
                body["error"] = line.attributes["exception.message"]
            record["body"] = {"stringValue": json.dumps(body)}
            record["attributes"] = attributes({"log.iostream": "stdout"})
            return record
        if line.pod and style == "java-old":
            trace = line.context[0] if line.context else ""
            text = f"{line.level:>5} [{line.pod.service.name},{trace}] 1 --- [exec-7] c.acme.web.Handler : {line.body}"
            record["body"] = {"stringValue": text + "\n" + str(line.attributes.get("exception.stacktrace", ""))}
        else:
            record["body"] = {"stringValue": line.body}
            record["attributes"] = attributes(line.attributes)
        record |= {"severityNumber": SEVERITIES[line.level], "severityText": line.level}
        if line.context:
            record |= {"traceId": line.context[0], "spanId": line.context[1]}
        return record

    def _lines(
        self, rows: Iterable[tuple[float, Pod | str, str, dict[str, Any]]], what: str, many: str
    ) -> Iterator[dict[str, Any]]:
        batch: dict[tuple[str, str], tuple[dict[str, Any], list[dict[str, Any]]]] = {}
        ends = BATCH_S
        for time, source, version, record in rows:
            if time > ends and batch:
                yield self._batch(batch, what, many)
                batch = {}
            if time > ends:
                ends = time + BATCH_S
            name = source if isinstance(source, str) else source.name
            if (name, version) not in batch:
                about = (
                    {"attributes": attributes({"host.name": source, "service.name": source})}
                    if isinstance(source, str)
                    else resource(source, version)
                )
                batch[name, version] = (about, [])
            batch[name, version][1].append(record)
        if batch:
            yield self._batch(batch, what, many)

    @staticmethod
    def _batch(
        batch: dict[tuple[str, str], tuple[dict[str, Any], list[dict[str, Any]]]], what: str, many: str
    ) -> dict[str, Any]:
        return {
            f"resource{what}": [
                {"resource": about, f"scope{what}": [{"scope": {"name": "io.opentelemetry"}, many: records}]}
                for about, records in batch.values()
            ]
        }

    def metrics(self, points: Iterable[Point]) -> None:
        """Every point, a line per time."""
        by_time: dict[float, dict[str, tuple[Attributes, list[Point]]]] = defaultdict(dict)
        for point in points:
            key = json.dumps(point.about, sort_keys=True)
            by_time[point.time].setdefault(key, (point.about, []))[1].append(point)
        lines = (
            {
                "resourceMetrics": [
                    {
                        "resource": {"attributes": attributes(about)},
                        "scopeMetrics": [{"scope": {"name": "collector"}, "metrics": [self._metric(p) for p in found]}],
                    }
                    for about, found in by_time[time].values()
                ]
            }
            for time in sorted(by_time)
        )
        self._write("metrics.jsonl", lines)

    def _metric(self, point: Point) -> dict[str, Any]:
        base = {"attributes": attributes(point.attributes), "timeUnixNano": self.ns(point.time)}
        if point.kind == "gauge":
            return {"name": point.name, "unit": point.unit, "gauge": {"dataPoints": [base | {"asDouble": point.value}]}}
        base["startTimeUnixNano"] = self.ns(-9000)
        if point.kind == "histogram":
            scale = 1000.0 if point.unit == "ms" else 1.0
            data = base | {
                "count": str(sum(point.counts)),
                "sum": point.value,
                "bucketCounts": [str(n) for n in point.counts],
                "explicitBounds": [bound * scale for bound in BOUNDS_S],
            }
            return {
                "name": point.name,
                "unit": point.unit,
                "histogram": {"dataPoints": [data], "aggregationTemporality": 2},
            }
        total = {
            "dataPoints": [base | {"asDouble": point.value}],
            "aggregationTemporality": 2,
            "isMonotonic": point.kind == "counter",
        }
        return {"name": point.name, "unit": point.unit, "sum": total}

    def _write(self, name: str, lines: Iterable[dict[str, Any]]) -> None:
        with (self.folder / name).open("w") as out:
            for line in lines:
                out.write(json.dumps(line, separators=(",", ":")))
                out.write("\n")


class Point:
    """One metric point: `kind` is gauge, counter, updown or histogram; `about` the resource."""

    __slots__ = ("about", "attributes", "counts", "kind", "name", "time", "unit", "value")

    def __init__(
        self,
        time: float,
        about: Attributes,
        name: str,
        unit: str,
        value: float,
        kind: str = "gauge",
        attributes: Attributes | None = None,
        counts: tuple[int, ...] = (),
    ) -> None:
        self.time, self.about, self.name, self.unit, self.value = time, about, name, unit, value
        self.kind, self.attributes, self.counts = kind, attributes or {}, counts
