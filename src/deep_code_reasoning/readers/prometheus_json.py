"""Prometheus' query API as JSON: answers of `query_range` and `query`, and what tools make of them.

Shapes: `{"status", "data": {"resultType": "matrix" | "vector", "result": [...]}}`; the result list alone, as
`promtool` writes it; VictoriaMetrics' export, a line a series with `values` and `timestamps` apart; the messages of
remote read and remote write as JSON, `{"timeseries": [{"labels": [{"name", "value"}], "samples": [{"value",
"timestamp"}]}]}`, alone or in `results`. Times are seconds (milliseconds in the latter), values are text or numbers.
Sources: Prometheus "HTTP API", `prompb/types.proto` and `prompb/remote.proto`, VictoriaMetrics `/api/v1/export`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .json_records import JsonRecord, head_records, iterate_json
from .metric_labels import is_exporters, who_measured
from .values import ItemCounter, attributes_of, instant_ns, number_of, text_of

_LISTS: Final = ("data.result", "result", "timeseries", "results")
_RESULT: Final = re.compile(rb'"resultType"\s*:\s*"(matrix|vector)"')
_SERIES: Final = re.compile(rb'"metric"\s*:\s*\{')
_POINTS: Final = re.compile(rb'"values?"\s*:\s*\[')
_REMOTE: Final = re.compile(rb'"timeseries"\s*:\s*\[\s*\{\s*"(labels|samples)"\s*:\s*\[')
# The result of an expression has no name of its own.
_UNNAMED: Final = "query_result"

Row = dict[str, Any]


def sniff(head: Head) -> float:
    """By the type of result that only this API names, or by series with a `metric` object and points."""
    if head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return 0.0
    if _RESULT.search(head.data) or _REMOTE.search(head.data):
        return 0.95
    if not (_SERIES.search(head.data) and _POINTS.search(head.data)):
        return 0.0
    return 0.85 if all(isinstance(record.value, dict) for record in head_records(head, _LISTS)) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read every point of every series."""
    for file in files:
        items = ItemCounter()
        unnamed = 0
        for record in _each(iterate_json(file, writer, _LISTS)):
            series = _series_of(record)
            if isinstance(series, str):
                writer.reject(file.source_id, record.line, series, text_of(record.value), record.offset)
                continue
            labels, points = series
            unnamed += "__name__" not in labels
            writer.rows("metrics", rows_of(labels, points, file, record, items, writer))
        if unnamed:
            writer.note(file.source_id, f"{unnamed} series without a name (of an expression), named {_UNNAMED}")


def _each(records: Iterator[JsonRecord]) -> Iterator[JsonRecord]:
    """Each series by itself; the results of a remote read hold several."""
    for record in records:
        inner = record.value.get("timeseries") if isinstance(record.value, dict) else None
        yield from (replace(record, value=series) for series in inner) if isinstance(inner, list) else (record,)


def rows_of(
    labels: dict[str, str],
    points: list[Any],
    file: EvidenceFile,
    record: JsonRecord,
    items: ItemCounter,
    writer: CaseWriter,
) -> Iterator[Row]:
    """The rows of a series whose name stands among its labels as `__name__`; a point that is none is rejected."""
    name = labels.get("__name__") or _UNNAMED
    attributes = {key: value for key, value in labels.items() if key != "__name__"}
    described = {"name": name, "attributes": attributes, **who_measured(attributes, is_exporters(name))}
    for point in points:
        pair = _point(point)
        if isinstance(pair, str):
            writer.reject(file.source_id, record.line, f"{pair} of {name}", text_of(point), record.offset)
            continue
        time_ns, value = pair
        origin = {"source_id": file.source_id, "line": record.line, "item": items.of(record.line)}
        yield {"time_ns": time_ns, "value": value, **described, **origin}


def _series_of(record: JsonRecord) -> tuple[dict[str, str], list[Any]] | str:
    """Labels and points of a series, or the reason why it is none."""
    series = record.value
    if not isinstance(series, dict):
        return "no series: not an object"
    if series.get("status") == "error":
        return f"the query failed: {text_of(series.get('error'))}"
    if isinstance(series.get("samples"), list):
        return _remote_labels(series.get("labels")), series["samples"]
    metric = series.get("metric", {})
    if not isinstance(metric, dict):
        return "no series: its labels are no object"
    points, times = series.get("values"), series.get("timestamps")
    if isinstance(points, list) and isinstance(times, list):
        if len(points) != len(times):
            return f"no series: {len(points)} values at {len(times)} times"
        points = [list(pair) for pair in zip(times, points, strict=True)]
    if points is None and "value" in series:
        points = [series["value"]]
    if not isinstance(points, list):
        return "no series: no list of values"
    return attributes_of(metric.items())[0], points


def _remote_labels(labels: Any) -> dict[str, str]:
    pairs = [label for label in labels if isinstance(label, dict)] if isinstance(labels, list) else []
    return attributes_of((text_of(label.get("name")), label.get("value")) for label in pairs)[0]


def _point(point: Any) -> tuple[int, float] | str:
    """Time and value of a `[time, value]` pair, or of a sample that names them; or the reason why it is none."""
    if isinstance(point, dict):
        point = [point.get("timestamp"), point.get("value", 0)]  # as JSON of Protocol Buffers leaves zeros out
    if not isinstance(point, list) or len(point) != 2:
        return "no pair of time and value"
    time_ns = instant_ns(point[0])
    if time_ns is None:
        return "no time"
    value = number_of(point[1])
    return "no finite value" if value is None or not math.isfinite(value) else (time_ns, value)


READER: Final = Reader("prometheus-json", "metrics", sniff, read)
