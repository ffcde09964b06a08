"""Answers of Datadog's query API for metrics: `{"status", "series": [{"metric", "scope", "tag_set", "pointlist"}]}`.

A point is a pair of milliseconds and a value, null where there is none; a tag is `name:value`. Source: Datadog API
reference, "Query timeseries points" (`GET /api/v1/query`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .json_records import head_records, iterate_json
from .prometheus_json import rows_of
from .values import ItemCounter, text_of

_LISTS: Final = ("series",)


def sniff(head: Head) -> float:
    """Most of the first records are series with a metric and a list of points."""
    if b'"pointlist"' not in head.data:
        return 0.0
    records = [record.value for record in head_records(head, _LISTS)]
    # A series may be longer than a head.
    return 0.95 if 2 * sum(map(_is_series, records)) >= len(records) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read every point of every series."""
    for file in files:
        items = ItemCounter()
        for record in iterate_json(file, writer, _LISTS):
            if not _is_series(record.value):
                writer.reject(file.source_id, record.line, "no series", text_of(record.value), record.offset)
                continue
            points = [point for point in record.value["pointlist"] if not _is_gap(point)]
            writer.rows("metrics", rows_of(_labels_of(record.value), points, file, record, items, writer))


def _is_series(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("pointlist"), list) and isinstance(value.get("metric"), str)


def _is_gap(point: Any) -> bool:
    return isinstance(point, list) and len(point) == 2 and point[1] is None


def _labels_of(series: dict[str, Any]) -> dict[str, str]:
    """Its tags by name, and its own name as Prometheus has it; `*` in a scope stands for all that there is."""
    tags = series.get("tag_set") or text_of(series.get("scope")).split(",")
    pairs = (text_of(tag).partition(":") for tag in tags) if isinstance(tags, list) else ()
    return {"__name__": series["metric"], **{name.strip(): value for name, colon, value in pairs if colon and value}}


READER: Final = Reader("datadog-metrics", "metrics", sniff, read)
