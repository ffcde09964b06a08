"""Which log statements each span passed through: the table `span_steps` that the detectors of code paths share.

One row a span of those operations that ever log:

    trace_id, span_id, service, entry, operation, start_ns
    labels  Array(String)   the statements it passed, each once, in the order in which the process wrote them
    errors  Array(String)   those of them at level error or above

A statement is known by its place in the code where the record tells it (`Class#line`, `file.py:12`, the OTel
attributes `code.*`), else by its template. `entry` is the name of the parent span when that is of the same service:
it keeps two endpoints apart that share a method.

The order within a span is that of the time written *in* the line where there is one: the record's own time stamp is
often taken by a collector, some tens of milliseconds later and not always in order.
"""

from __future__ import annotations

from typing import Final

from ...store import CaseStore
from ..timeline.linked_spans import prepare_linked_spans, taken_traces

SEPARATOR: Final = "_"
START: Final = " start"

_LANGUAGES: Final = "py|java|kt|scala|groovy|go|rb|js|mjs|ts|rs|cs|cpp|cc|c|php|ex|exs|swift"
_PLACE: Final = rf"([A-Za-z_$][\\w.$\\[\\]/-]*(?:#\\d+|\\.(?:{_LANGUAGES}):\\d+))"
# A service that logs everything through one wrapper shows that wrapper's place on (nearly) every line, whatever the
# line says; then its places say nothing. A place with several templates but few of the lines is a poor template.
_WRAPPER_TEMPLATES: Final = 8
_WRAPPER_SHARE: Final = 0.9

ERROR_LEVEL: Final = (
    "(severity IN ('error', 'fatal') OR (severity = '' AND "
    "match(substring(body, 1, 100), '\\\\b(ERROR|FATAL|SEVERE|CRITICAL|PANIC)\\\\b')))"
)
"""SQL: whether a log record is at level error or above, by its severity or, when it has none, by a word in it."""

PLACE: Final = f"""multiIf(
    attributes['code.line.number'] != '',
    concat(attributes[if(attributes['code.function.name'] != '', 'code.function.name', 'code.file.path')], '#',
           attributes['code.line.number']),
    attributes['code.lineno'] != '',
    concat(attributes[if(attributes['code.namespace'] != '', 'code.namespace', 'code.filepath')], '#',
           attributes['code.lineno']),
    extract(substring(body, 1, 160), '{_PLACE}'))"""
"""SQL: the place in the code that wrote a log record, '' when the record does not tell."""


def prepare_statements(store: CaseStore) -> None:
    """Make the table `statements`, once: for each log record that names its span, which statement wrote it.

    Columns: trace_id, span_id, service, shape, place ('' when unknown), is_error, written_at (the time of day in the
    line, '' when there is none), time_ns.
    """
    store.derive(
        "statements",
        f"""
        SELECT trace_id, span_id, service, shape, {PLACE} AS place, {ERROR_LEVEL} AS is_error,
               extract(substring(body, 1, 80), '(\\d\\d:\\d\\d:\\d\\d[.,]\\d+)') AS written_at, time_ns
        FROM logs
        WHERE span_id != '' AND cityHash64(trace_id) % {{every:UInt32}} = 0
        """,
        "trace_id String, span_id String, service LowCardinality(String), shape UInt64, place String, "
        "is_error UInt8, written_at String, time_ns Int64",
        every=taken_traces(store),
    )


def prepare_span_steps(store: CaseStore) -> None:
    """Make the table `span_steps` of the case, once."""
    prepare_statements(store)
    prepare_linked_spans(store)
    store.derive(
        "statement_names",
        f"""
        SELECT service, place, shape,
               if(place = '' OR (templates > {_WRAPPER_TEMPLATES} AND lines > {_WRAPPER_SHARE} * all_lines),
                  if(template != '', template, toString(shape)), place) AS label
        FROM (
            SELECT service, place, shape, t.template AS template,
                   uniqExact(t.template) OVER (PARTITION BY service, place) AS templates,
                   sum(lines_of_shape) OVER (PARTITION BY service, place) AS lines,
                   sum(lines_of_shape) OVER (PARTITION BY service) AS all_lines
            FROM (
                SELECT service, place, shape, count() AS lines_of_shape FROM statements GROUP BY service, place, shape
            ) AS s
            LEFT ANY JOIN (SELECT shape, min(template) AS template FROM log_shapes GROUP BY shape) AS t USING (shape)
        )
        """,
        "service LowCardinality(String), place String, shape UInt64, label String",
    )
    store.derive(
        "span_labels",
        """
        SELECT trace_id, span_id, arraySort(groupArray((written_at, time_ns, label, is_error))) AS steps
        FROM statements LEFT ANY JOIN statement_names USING (service, place, shape) GROUP BY trace_id, span_id
        """,
        "trace_id String, span_id String, steps Array(Tuple(String, Int64, String, UInt8))",
    )
    store.derive(
        "span_steps",
        """
        WITH operations AS (
            SELECT DISTINCT service, name FROM linked_spans
            WHERE (trace_id, span_id) IN (SELECT trace_id, span_id FROM span_labels)
        )
        SELECT s.trace_id AS trace_id, s.span_id AS span_id, s.service AS service,
               if(s.parent_service = s.service, toString(s.parent_name), '') AS entry, s.name AS operation,
               s.start_ns AS start_ns,
               arrayDistinct(arrayMap(step -> step.3, l.steps)) AS labels,
               arrayDistinct(arrayMap(step -> step.3, arrayFilter(step -> step.4, l.steps))) AS errors
        FROM (
            SELECT DISTINCT trace_id, span_id, parent_service, parent_name, service, name, start_ns FROM linked_spans
            WHERE (service, name) IN operations
        ) AS s
        LEFT ANY JOIN span_labels AS l ON s.trace_id = l.trace_id AND s.span_id = l.span_id
        """,
        "trace_id String, span_id String, service LowCardinality(String), entry String, "
        "operation LowCardinality(String), start_ns Int64, labels Array(String), errors Array(String)",
    )
