"""Metrics of OTLP in the engine's terms: gauges, sums and histograms (see `otlp_signal`).

Exponential histograms and summaries are rare; lines that hold some are read the thorough way. Many files hold gauges
alone, or gauges and sums: a statement about fewer kinds is understood in half the time, so there is one for each set of
kinds, and lines with another kind are put aside for the one that takes all.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

from .otlp_signal import Column, Signal
from .otlp_sql import KEY_VALUES, attribute_map, has_lists, number_names, some_text, spread

KINDS: Final = ("gauge", "sum", "histogram")
_NUMBER: Final = f"timeUnixNano Int64, attributes {KEY_VALUES}, asDouble Nullable(Float64), asInt Nullable(Float64)"
_POINT: Final = f"""Array(Tuple({_NUMBER}, count Nullable(Float64), sum Nullable(Float64), min Nullable(Float64),
    max Nullable(Float64), explicitBounds Array(Float64), bucketCounts Array(Float64)))"""
_MEMBERS: Final = {
    "gauge": f"gauge Tuple(dataPoints {_POINT})",
    "sum": f"sum Tuple(dataPoints {_POINT}, aggregationTemporality String)",
    "histogram": f"histogram Tuple(dataPoints {_POINT})",
}
_RARE: Final = ("exponentialHistogram", "summary")
_SAID: Final = {
    "gauge": "'gauge'",
    "sum": "if(m.sum.aggregationTemporality IN ('1', 'AGGREGATION_TEMPORALITY_DELTA'), 'delta', 'sum')",
    "histogram": "'histogram'",
}


def _type(members: Sequence[str]) -> str:
    return f"""Array(Tuple(
    resource Tuple(attributes {KEY_VALUES}),
    scopeMetrics Array(Tuple(scope Tuple(name String), metrics Array(Tuple(
        name String, unit String, {", ".join(members)})))),
    instrumentationLibraryMetrics String))"""


def _each_metric(value: str) -> str:
    """`value`, an array over the points of metric `m`, for all points of the line."""
    return f"arrayFlatten(arrayMap(r -> {_of_resource(value)}, resources))"


def _of_resource(value: str) -> str:
    return f"arrayFlatten(arrayMap(s -> arrayFlatten(arrayMap(m -> {value}, s.metrics)), r.scopeMetrics))"


_METRIC: Final = "Tuple(name String, unit String, kind String)"


def _about(kind: str) -> str:
    """For each point of metric `m` that is of a kind: what the metric is."""
    return f"arrayMap(p -> CAST(tuple(m.name, m.unit, {_SAID[kind]}), '{_METRIC}'), m.{kind}.dataPoints.timeUnixNano)"


def _joined(arrays: Sequence[str]) -> str:
    return f"arrayConcat({', '.join(arrays)})" if len(arrays) > 1 else arrays[0]


def _without(points: Sequence[str]) -> str:
    """Whether some metric has no points of the kinds that are known: it has others, or none at all."""
    empties = ", ".join(
        f"arrayFlatten(arrayMap(s -> arrayMap(m -> arrayMap(p -> empty(p), m), s), {each}.timeUnixNano))"
        for each in points
    )
    names = [f"empty_{number}" for number in range(len(points))]
    return f"arrayExists(({', '.join(names)}) -> {' AND '.join(names)}, {empties})"


def _real(member: str) -> str:
    return f"ifNull(record.{member}, nan)"


_COLUMNS: Final = (
    Column("time_ns", "Int64", "record.timeUnixNano"),
    Column("service", "String", "who.service"),
    Column("instance", "String", "who.instance"),
    Column("host", "String", "who.host"),
    Column("name", "String", "metric.name"),
    Column("kind", "String", "metric.kind"),
    Column("unit", "String", "metric.unit"),
    Column(
        "value",
        "Float64",
        "if(kind = 'histogram', if(count > 0, sum / count, nan), coalesce(record.asDouble, record.asInt, nan))",
    ),
    Column("count", "Float64", _real("count")),
    Column("sum", "Float64", _real("sum")),
    Column("min", "Float64", _real("min")),
    Column("max", "Float64", _real("max")),
    Column("bounds", "Array(Float64)", "record.explicitBounds"),
    Column("buckets", "Array(Float64)", "record.bucketCounts"),
    Column("attributes", "Map(String, String)", attribute_map("record.attributes")),
    Column("number_names", "Array(String)", number_names("record.attributes")),
    Column("resource", "Map(String, String)", "who.resource"),
    Column("valued", "UInt8", "kind = 'histogram' OR isNotNull(record.asDouble) OR isNotNull(record.asInt)"),
)


@functools.cache
def metrics_of(kinds: tuple[str, ...]) -> Signal:
    """Metrics whose points are of these kinds, in the order of `KINDS`; lines with others are put aside."""
    points = [f"resources.scopeMetrics.metrics.{kind}.dataPoints" for kind in kinds]
    all_kinds = kinds == KINDS
    rare = " OR ".join(some_text(f"resources.scopeMetrics.metrics.{member}") for member in _RARE)
    return Signal(
        name="metrics",
        member="resourceMetrics",
        type=_type([_MEMBERS[kind] for kind in kinds] + [f"{member} String" for member in _RARE if all_kinds]),
        records=_each_metric(_joined([f"m.{kind}.dataPoints" for kind in kinds])),
        strange=f"{some_text('resources.instrumentationLibraryMetrics')} OR {rare if all_kinds else _without(points)}",
        lists=" OR ".join(has_lists(f"{each}.attributes.value") for each in points),
        spreads=(
            ("who", spread(*(f"{each}.timeUnixNano" for each in points))),
            ("metric", _each_metric(_joined([_about(kind) for kind in kinds]))),
        ),
        columns=_COLUMNS,
        bad="multiIf(time_ns <= 0, concat('a point of ', name, ' without a time'), "
        "valued = 0, concat('a point of ', name, ' without a value'), '')",
        excerpt="concat(name, ' ', service)",
        table="metrics",
        unwritten=("valued",),
    )


METRICS: Final = metrics_of(KINDS)
