"""Metrics of OTLP in the engine's terms: gauges, sums and histograms (see `otlp_signal`).

Exponential histograms and summaries are rare; lines that hold some are read the thorough way.
"""

from __future__ import annotations

from typing import Final

from .otlp_signal import Column, Signal
from .otlp_sql import KEY_VALUES, attribute_map, has_lists, number_map, some_text, spread

_KINDS: Final = ("gauge", "sum", "histogram")
_NUMBER: Final = f"timeUnixNano Int64, attributes {KEY_VALUES}, asDouble Nullable(Float64), asInt Nullable(Float64)"
_POINT: Final = f"""Array(Tuple({_NUMBER}, count Nullable(Float64), sum Nullable(Float64), min Nullable(Float64),
    max Nullable(Float64), explicitBounds Array(Float64), bucketCounts Array(Float64)))"""
_TYPE: Final = f"""Array(Tuple(
    resource Tuple(attributes {KEY_VALUES}),
    scopeMetrics Array(Tuple(scope Tuple(name String), metrics Array(Tuple(
        name String, unit String, gauge Tuple(dataPoints {_POINT}),
        sum Tuple(dataPoints {_POINT}, aggregationTemporality String), histogram Tuple(dataPoints {_POINT}),
        exponentialHistogram String, summary String)))),
    instrumentationLibraryMetrics String))"""


def _points(metric: str) -> str:
    return f"arrayConcat({', '.join(f'{metric}.{kind}.dataPoints' for kind in _KINDS)})"


def _each_metric(value: str) -> str:
    """`value`, an array over the points of metric `m`, for all points of the line."""
    return f"arrayFlatten(arrayMap(r -> {_of_resource(value)}, resources))"


def _of_resource(value: str) -> str:
    return f"arrayFlatten(arrayMap(s -> arrayFlatten(arrayMap(m -> {value}, s.metrics)), r.scopeMetrics))"


_DELTA: Final = "m.sum.aggregationTemporality IN ('1', 'AGGREGATION_TEMPORALITY_DELTA')"
_METRIC: Final = "Tuple(name String, unit String, kind String)"


def _about(kind: str, points: str) -> str:
    return f"arrayMap(p -> CAST(tuple(m.name, m.unit, {kind}), '{_METRIC}'), {points}.timeUnixNano)"


_ABOUT: Final = ", ".join(
    _about(kind, f"m.{member}.dataPoints")
    for member, kind in (("gauge", "'gauge'"), ("sum", f"if({_DELTA}, 'delta', 'sum')"), ("histogram", "'histogram'"))
)


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
    Column("number_attributes", "Map(String, Float64)", number_map("record.attributes")),
    Column("resource", "Map(String, String)", "who.resource"),
    Column("valued", "UInt8", "kind = 'histogram' OR isNotNull(record.asDouble) OR isNotNull(record.asInt)"),
)

METRICS: Final = Signal(
    name="metrics",
    member="resourceMetrics",
    type=_TYPE,
    records=_each_metric(_points("m")),
    strange=" OR ".join(
        (
            some_text("resources.instrumentationLibraryMetrics"),
            some_text("resources.scopeMetrics.metrics.exponentialHistogram"),
            some_text("resources.scopeMetrics.metrics.summary"),
        )
    ),
    lists=" OR ".join(
        has_lists(f"resources.scopeMetrics.metrics.{kind}.dataPoints.attributes.value") for kind in _KINDS
    ),
    spreads=(
        ("who", spread(*(f"resources.scopeMetrics.metrics.{kind}.dataPoints.timeUnixNano" for kind in _KINDS))),
        ("metric", _each_metric(f"arrayConcat({_ABOUT})")),
    ),
    columns=_COLUMNS,
    bad="multiIf(time_ns <= 0, concat('a point of ', name, ' without a time'), "
    "valued = 0, concat('a point of ', name, ' without a value'), '')",
    excerpt="concat(name, ' ', service)",
    table="metrics",
    unwritten=("valued",),
)
