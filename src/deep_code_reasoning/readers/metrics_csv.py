"""Metrics as delimited text: long (`timestamp,service,metric,value`) or wide (`timestamp`, a column a metric).

Times may have any form that says its own date or unit. Columns of text beside them are labels and become attributes; so
do the pairs of a `labels` column, and labels in a wide header (`cpu{pod="cart-0"}`). Where a wide file has no column
that names a service, but its columns form a grid of names and measures (`cart_cpu, cart_mem, shop_cpu, shop_mem`),
the names are services.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .delimited import DelimitedRow, Layout, iterate_rows, layout_of
from .metric_grid import split_grid
from .metric_labels import is_exporters, parse_labels, who_measured
from .span_fields import parts_named
from .values import attributes_of, instant_ns, number_of

_TIME: Final = ("timestamp", "time", "datetime", "date", "ts", "timestampms", "timestamps", "epoch", "unixtime", "at")
_METRIC: Final = ("metric", "metricname", "name", "measurement", "metrickey", "series")
_VALUE: Final = ("value", "metricvalue", "val", "v")
_LABELS: Final = ("labels", "tags", "attributes", "dimensions")
_UNIT: Final = ("unit", "units", "metricunit")
_KIND: Final = ("type", "kind", "metrictype")
_KINDS: Final = {"gauge": "gauge", "counter": "sum", "sum": "sum", "delta": "delta", "histogram": "", "summary": ""}
# Columns that only logs, or only deploys and commits, have.
_FOREIGN: Final = frozenset(
    "message msg log body content logger level severity loglevel severitytext "
    "commit commitsha sha author version diff".split()
)
_WORDS_OF_SENTENCE: Final = 4
_ABSENT: Final = frozenset({"", "-", "nan", "null", "none", "na", "n/a", "undefined"})
_WITH_LABELS: Final = re.compile(r"\s*([^{}]*?)\s*(\{.*\})\s*")
_PUNCTUATION: Final = re.compile(r"[^a-z0-9]")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Series:
    """A wide file's column of values: its place, and the labels that its header says."""

    column: int
    name: str
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What each column of a file is for; -1 stands for a part that has no column. `series` is empty in a long file."""

    time: int
    metric: int
    value: int
    unit: int
    kind: int
    label_text: int
    labels: tuple[int, ...]
    series: tuple[Series, ...]


def sniff(head: Head) -> float:
    """By the header and the rows below it: a time column that holds times, and numbers under the metrics."""
    layout = layout_of(head)
    plan = _plan(layout) if layout else None
    if layout is None or plan is None:
        return 0.0
    plain = {_plain(column) for column in layout.columns}
    if plain & _FOREIGN or parts_named(layout.columns) >= {"trace_id", "span_id"}:
        return 0.0
    if any(_holds_sentences(layout, column) for column in plan.labels):
        return 0.0
    timed = [row for row in layout.sample if instant_ns(row[plan.time]) is not None]
    if 2 * len(timed) <= len(layout.sample):
        return 0.0
    if not plan.series:
        numbers = sum(number_of(row[plan.value]) is not None for row in timed)
        return 0.9 if 2 * numbers > len(timed) else 0.0
    return 0.7


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read every value as a metric point; a cell without a number in a wide file is no point."""
    for file in files:
        layout, rows = iterate_rows(file, writer)
        plan = _plan(layout) if layout else None
        if layout is None or plan is None:
            for row in rows:
                writer.reject(file.source_id, row.line, "no column of times, or none of values", "", row.offset)
            if layout is not None:
                writer.note(file.source_id, "no metric table: no column of times, or none of values")
            continue
        writer.rows("metrics", _points(rows, layout, plan, file.source_id, writer))


def _points(
    rows: Iterator[DelimitedRow], layout: Layout, plan: Plan, source_id: int, writer: CaseWriter
) -> Iterator[Row]:
    """The points of all rows; what is none is rejected."""
    labels_of = _LabelColumns(layout, plan)
    convert = _wide_points if plan.series else _long_points
    for row in rows:
        time_ns = instant_ns(row.cells[plan.time])
        if time_ns is None:
            points: Iterable[Row | str] = (f"no time: {row.cells[plan.time][:40]}",)
        else:
            points = convert(row.cells, time_ns, plan, labels_of)
        for point in points:
            if isinstance(point, str):
                excerpt = layout.delimiter.join(row.cells)
                writer.reject(source_id, row.line, point, excerpt, row.offset)
            else:
                yield {**point, "source_id": source_id, "line": row.line}


def _long_points(cells: list[str], time_ns: int, plan: Plan, labels_of: _LabelColumns) -> Iterator[Row | str]:
    value = number_of(cells[plan.value])
    if value is None or not math.isfinite(value):
        yield f"no finite value: {cells[plan.value][:40]}"
        return
    name = cells[plan.metric]
    labels: tuple[tuple[str, str], ...] = ()
    if name.endswith("}") and (named := _split_labels(name)):
        name, labels = named
    described = labels_of.describe(cells, labels, name)
    if isinstance(described, str) or not name:
        yield described if isinstance(described, str) else "no metric name"
        return
    kind = _KINDS.get(cells[plan.kind].lower(), "") if plan.kind >= 0 else ""
    unit = cells[plan.unit] if plan.unit >= 0 else ""
    yield {"time_ns": time_ns, "name": name, "kind": kind, "unit": unit, "value": value, "item": 0, **described}


def _wide_points(cells: list[str], time_ns: int, plan: Plan, labels_of: _LabelColumns) -> Iterator[Row | str]:
    seen = 0
    for item, series in enumerate(plan.series):
        cell = cells[series.column]
        if cell.lower() in _ABSENT:
            continue
        seen += 1
        value = number_of(cell)
        if value is None or not math.isfinite(value):
            yield f"no finite value of {series.name}: {cell[:40]}"
            continue
        described = labels_of.describe(cells, series.labels, series.name)
        if isinstance(described, str):
            yield described
            return
        yield {"time_ns": time_ns, "name": series.name, "value": value, "item": item, **described}
    if not seen:
        yield "no value in the row"


class _LabelColumns:
    """Labels of rows, from the columns that hold them; who was measured is worked out once for each combination."""

    def __init__(self, layout: Layout, plan: Plan) -> None:
        self._columns = tuple((column, layout.columns[column]) for column in plan.labels)
        self._text = plan.label_text
        self._known: dict[tuple[object, ...], Row | str] = {}

    def describe(self, cells: list[str], labels: tuple[tuple[str, str], ...], name: str) -> Row | str:
        """The columns of a point that labels give, or the reason why they cannot be read."""
        text = cells[self._text] if self._text >= 0 else ""
        by_exporter = is_exporters(name)
        key = (text, labels, by_exporter, *(cells[column] for column, _ in self._columns))
        found = self._known.get(key)
        if found is None:
            if len(self._known) > 100_000:
                self._known.clear()
            found = self._known[key] = self._describe(cells, labels, text, by_exporter)
        return found

    def _describe(
        self, cells: list[str], labels: tuple[tuple[str, str], ...], text: str, by_exporter: bool
    ) -> Row | str:
        pairs = parse_labels(text)
        if pairs is None:
            return f"labels that cannot be read: {text[:40]}"
        merged = {**{name: cells[column] for column, name in self._columns if cells[column]}, **pairs, **dict(labels)}
        typed = ((name, _bare_number(value)) for name, value in merged.items())
        texts, numbers = attributes_of(typed)
        return {**who_measured(merged, by_exporter), "attributes": {**texts, **merged}, "number_names": numbers}


def _bare_number(text: str) -> float | str:
    number = number_of(text)
    return text if number is None or not math.isfinite(number) else number


@functools.lru_cache(maxsize=16)
def _plan(layout: Layout) -> Plan | None:
    """What the columns are for; None when there is none of times, or none of values."""
    plain = [_plain(column) for column in layout.columns]
    time = _find(plain, _TIME)
    if time < 0:
        return None
    metric, value, label_text = _find(plain, _METRIC), _find(plain, _VALUE), _find(plain, _LABELS)
    unit, kind = _find(plain, _UNIT), _find(plain, _KIND)
    if metric >= 0 and value >= 0:
        used = {time, metric, value, unit, kind, label_text}
        others = tuple(column for column, name in enumerate(plain) if column not in used and name)
        return Plan(time, metric, value, unit, kind, label_text, others, ())
    columns = [column for column, name in enumerate(plain) if column not in {time, label_text} and name]
    values = [column for column in columns if _holds_numbers(layout, column)]
    labels = tuple(column for column in columns if column not in values)
    series = _series(layout, values, bool(who_measured({layout.columns[c]: "x" for c in labels})["service"]))
    return Plan(time, -1, -1, -1, -1, label_text, labels, series) if series else None


def _series(layout: Layout, columns: list[int], has_service: bool) -> tuple[Series, ...]:
    found: list[Series] = []
    for column in columns:
        name, labels = _split_labels(layout.columns[column]) or (layout.columns[column], ())
        found.append(Series(column, name, labels))
    if has_service or any(series.labels for series in found):
        return tuple(found)
    grid = split_grid([series.name for series in found])
    return tuple(
        Series(series.column, grid[series.name][1], (("service", grid[series.name][0]),)) if grid else series
        for series in found
    )


def _split_labels(header: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """`name{a="b"}` as the name and the labels; a name may also be the label `__name__`."""
    match = _WITH_LABELS.fullmatch(header)
    labels = parse_labels(match[2]) if match else None
    if match is None or labels is None:
        return None
    name = labels.pop("__name__", "") or match[1] or header
    return name, tuple(labels.items())


def _holds_numbers(layout: Layout, column: int) -> bool:
    """Whether a column is one of values: its name is no label's, and most of its cells are numbers or absent."""
    if any(who_measured({layout.columns[column]: "x"}).values()):
        return False
    cells = [row[column] for row in layout.sample]
    return 2 * sum(number_of(cell) is not None or cell.lower() in _ABSENT for cell in cells) > len(cells)


def _holds_sentences(layout: Layout, column: int) -> bool:
    """Whether most cells are of several words: a table of logs; labels are words."""
    return 2 * sum(row[column].count(" ") >= _WORDS_OF_SENTENCE for row in layout.sample) > len(layout.sample)


def _find(plain: list[str], names: Sequence[str]) -> int:
    return next((plain.index(name) for name in names if name in plain), -1)


def _plain(name: str) -> str:
    return _PUNCTUATION.sub("", name.lower())


READER: Final = Reader("metrics-csv", "metrics", sniff, read)
