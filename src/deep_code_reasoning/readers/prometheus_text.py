"""Prometheus' text exposition and OpenMetrics: what a `/metrics` endpoint answers, one scrape or many in a file.

The series of a histogram (`_bucket`, `_sum`, `_count`) or a summary (quantiles, `_sum`, `_count`) become one row a
label set and moment; cumulative bucket counts are taken apart. A sample without a timestamp, as endpoints write them,
is kept at time 0, which is no time: nothing in the file says when it was scraped, and the file's own date changes with
every copy. The source's note says so. Sources: Prometheus "Exposition formats" 0.0.4, OpenMetrics 1.0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Line, Reader, iterate_lines
from .metric_labels import is_exporters, parse_labels, who_measured
from .values import instant_ns, number_of

_TYPE: Final = re.compile(r"#\s*TYPE\s+([A-Za-z_:][\w:.]*)\s+(\w+)\s*")
_UNIT: Final = re.compile(r"#\s*UNIT\s+([A-Za-z_:][\w:.]*)\s+(\S+)\s*")
_COMMENT: Final = re.compile(r"#\s*(TYPE|HELP|UNIT)\s+[A-Za-z_:][\w:.]*(\s.*)?|#\s*EOF\s*")
# name{labels} value [timestamp] [# {labels} exemplar]
_SAMPLE: Final = re.compile(
    r'([A-Za-z_:][\w:.]*)\s*(?:\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?\s+([-+.\w]+)(?:\s+(-?[\d.eE+]+))?\s*(?:#\s*\{.*)?'
)
_KINDS: Final = {"counter": "sum", "gauge": "gauge", "histogram": "histogram", "summary": "summary",
                 "gaugehistogram": "histogram", "stateset": "gauge", "info": "gauge"}  # fmt: skip
_PARTS: Final = ("_bucket", "_sum", "_count", "_created")
# A family of more series than this at once is written in pieces.
_MAX_OPEN_SERIES: Final = 100_000

Row = dict[str, Any]
Labels = tuple[tuple[str, str], ...]


def sniff(head: Head) -> float:
    """Sure by `# TYPE` and `# HELP` beside samples; fairly sure when most lines are samples with labels."""
    lines = [line.strip() for line in head.lines[:60]]
    samples = [match for line in lines if not line.startswith("#") and (match := _SAMPLE.fullmatch(line))]
    numbers = sum(number_of(match[3]) is not None for match in samples)
    if any(_COMMENT.fullmatch(line) for line in lines) and 2 * numbers >= len(lines) - sum(
        line.startswith("#") for line in lines
    ):
        return 0.95
    if 2 * numbers <= len(lines):
        return 0.0
    return 0.7 if any(match[2] for match in samples) else 0.35 if numbers >= 3 else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read every sample, histograms and summaries joined."""
    for file in files:
        scrape = _Exposition(file, writer)
        writer.rows("metrics", scrape.rows())
        if scrape.untimed:
            text = f"{scrape.untimed} sample(s) say no time: kept at time 0, outside of every window"
            writer.note(file.source_id, text)


@dataclass(slots=True)
class _Sample:
    name: str
    labels: dict[str, str]
    value: float
    time_ns: int


@dataclass(slots=True)
class _Joined:
    """A histogram or a summary of one label set and moment, as far as it was read; `line` is its first."""

    kind: str
    labels: dict[str, str]
    time_ns: int
    line: int
    points: list[tuple[float, float]] = field(default_factory=list)
    sum: float = math.nan
    count: float = math.nan


class _Exposition:
    """One file, read line by line; the series of the family at hand are held until the next family begins."""

    def __init__(self, file: EvidenceFile, writer: CaseWriter) -> None:
        self._file = file
        self._writer = writer
        self._kinds: dict[str, str] = {}
        self._units: dict[str, str] = {}
        self._family = ""
        self._open: dict[tuple[Labels, int], _Joined] = {}
        self.untimed = 0

    def rows(self) -> Iterator[Row]:
        """The rows of the file; what is no sample is rejected."""
        for line in iterate_lines(self._file, self._writer):
            if not line.data.strip():
                continue
            sample = self._read(line)
            if sample is None:
                continue
            if isinstance(sample, str):
                excerpt = line.data[:200].decode("utf-8", "replace")
                self._writer.reject(self._file.source_id, line.number, sample, excerpt, line.offset)
                continue
            self.untimed += not sample.time_ns
            family, kind, part = self._place(sample)
            if family != self._family or len(self._open) >= _MAX_OPEN_SERIES:
                yield from self._flush()
                self._family = family
            if kind in ("histogram", "summary"):
                self._join(sample, kind, part, line.number)
            elif part != "_created":
                yield self._row(family, kind, sample.labels, sample.time_ns, line.number) | {"value": sample.value}
        yield from self._flush()

    def _read(self, line: Line) -> _Sample | str | None:
        """The sample of a line; None for a comment; a reason for what is neither."""
        try:
            text = line.data.decode("utf-8").strip()
        except UnicodeDecodeError as fault:
            return f"invalid UTF-8 at byte {fault.start} of the line"
        if text.startswith("#"):
            if match := _TYPE.fullmatch(text):
                self._kinds[match[1]] = match[2].lower()
            elif match := _UNIT.fullmatch(text):
                self._units[match[1]] = match[2]
            return None
        match = _SAMPLE.fullmatch(text)
        labels = parse_labels(match[2] or "") if match else None
        if match is None or labels is None:
            return "no sample of the exposition format"
        value = number_of(match[3])
        if value is None or not math.isfinite(value):
            return f"a sample without a finite value: {match[3][:40]}"
        # Milliseconds in the text format, seconds in OpenMetrics: the size tells.
        time_ns = instant_ns(match[4]) if match[4] else 0
        return f"no timestamp: {match[4][:40]}" if time_ns is None else _Sample(match[1], labels, value, time_ns)

    def _place(self, sample: _Sample) -> tuple[str, str, str]:
        """The family of a sample, its kind, and which part of the family the sample is."""
        for part in _PARTS:
            base = sample.name.removesuffix(part)
            if base != sample.name:
                declared = self._kinds.get(base, "")
                if declared in ("histogram", "gaugehistogram", "summary") or (declared and part == "_created"):
                    return base, _KINDS.get(declared, ""), part
                if (
                    not declared
                    and ("le" in sample.labels or (self._open and base == self._family))
                    and part != "_created"
                ):
                    # Without a TYPE line the bucket's bound tells, and what follows buckets belongs to them.
                    return base, "histogram", part
        # OpenMetrics declares a counter without its `_total`.
        declared = self._kinds.get(sample.name) or self._kinds.get(sample.name.removesuffix("_total"), "")
        if not declared and "quantile" in sample.labels:
            declared = "summary"
        return sample.name, _KINDS.get(declared, ""), ""

    def _join(self, sample: _Sample, kind: str, part: str, line: int) -> None:
        labels = {name: value for name, value in sample.labels.items() if name not in ("le", "quantile")}
        key = (tuple(sorted(labels.items())), sample.time_ns)
        joined = self._open.get(key)
        if joined is None:
            joined = self._open[key] = _Joined(kind, labels, sample.time_ns, line)
        if part == "_sum":
            joined.sum = sample.value
        elif part == "_count":
            joined.count = sample.value
        elif part != "_created":
            bound = number_of(sample.labels.get("le") or sample.labels.get("quantile") or "")
            joined.points.append((math.inf if bound is None else bound, sample.value))

    def _flush(self) -> Iterator[Row]:
        for joined in self._open.values():
            row = self._row(self._family, joined.kind, joined.labels, joined.time_ns, joined.line)
            yield row | (_histogram(joined) if joined.kind == "histogram" else _summary(joined))
        self._open.clear()

    def _row(self, family: str, kind: str, labels: dict[str, str], time_ns: int, line: int) -> Row:
        unit = self._units.get(family) or self._units.get(family.removesuffix("_total"), "")
        origin = {"source_id": self._file.source_id, "line": line, "item": 0}
        return {"time_ns": time_ns, "name": family, "kind": kind, "unit": unit, "attributes": labels,
                **who_measured(labels, is_exporters(family)), **origin}  # fmt: skip


def _histogram(joined: _Joined) -> Row:
    points = sorted(joined.points)
    counts = [count for _, count in points]
    count = joined.count if not math.isnan(joined.count) or not points else counts[-1]
    return {
        "bounds": [bound for bound, _ in points if math.isfinite(bound)],
        "buckets": [after - before for before, after in zip([0.0, *counts], counts, strict=False)],
        **_sums(joined.sum, count),
    }


def _summary(joined: _Joined) -> Row:
    points = sorted(joined.points)
    return {
        "bounds": [quantile for quantile, _ in points],
        "buckets": [value for _, value in points],
        **_sums(joined.sum, joined.count),
    }


def _sums(total: float, count: float) -> Row:
    return {"sum": total, "count": count, "value": total / count if count else math.nan}


READER: Final = Reader("prometheus-text", "metrics", sniff, read)
