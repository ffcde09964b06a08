"""The tables of a case: every column with its type and its meaning.

Types are the engine's. Absent text is `''`, absent numbers are NaN (`Float64`) or 0 where the meaning says so; no
column is nullable, which keeps files small and queries short. Times are nanoseconds since the epoch (`Int64`).

Every row of evidence ends with its origin: `source_id` (into the manifest's sources), `line` (1-based line of the
decompressed file, or ordinal of the record in a file that has no lines) and `item` (ordinal, from 0, of the record
within its line). `raw` tables keep nothing else of a file: `dcr case show` reads the line again from the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TEXT: Final = "String"
WORD: Final = "LowCardinality(String)"
TIME: Final = "Int64"
REAL: Final = "Float64"
ATTRIBUTES: Final = "Map(LowCardinality(String), String)"
NAMES: Final = "Array(LowCardinality(String))"
WORDS: Final = "Array(String)"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type in the engine, what it holds."""

    name: str
    type: str
    doc: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a case. `time` names the column by which the table is placed in time, if any."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    time: str = "time_ns"

    @property
    def structure(self) -> str:
        """`name type, ...` as the engine's `file()` takes it."""
        return self.structure_of(*(column.name for column in self.columns))

    def structure_of(self, *names: str) -> str:
        """The same of those of its columns that have these names."""
        return ", ".join(f"{column.name} {column.type}" for column in self.columns if column.name in names)

    def has(self, name: str) -> bool:
        """Whether it has a column of that name."""
        return any(column.name == name for column in self.columns)


_ORIGIN = (
    Column("source_id", "UInt32", "the source, as numbered in the manifest"),
    Column("line", "UInt64", "1-based line in the decompressed source"),
    Column("item", "UInt32", "ordinal of the record within its line, from 0"),
)
_WHO = (
    Column("service", WORD, "service.name"),
    Column("instance", WORD, "k8s.pod.name, else service.instance.id, else container.id"),
    Column("host", WORD, "host.id, else host.name, else host.ip, else k8s.node.name"),
)
_ATTRIBUTES = (
    Column("attributes", ATTRIBUTES, "every attribute as text; arrays and maps as JSON"),
    Column("number_names", NAMES, "which attributes were numbers or booleans: toFloat64OrZero(attributes['name'])"),
)
_RESOURCE = (
    Column("resource", ATTRIBUTES, "resource attributes as text"),
    Column("scope", WORD, "instrumentation scope"),
)

SPANS: Final = Table(
    "spans",
    "One row a span.",
    (
        Column("trace_id", TEXT, "lower-case hex where the source had hex or base64"),
        Column("span_id", TEXT, "lower-case hex; may repeat within a trace in faulty data"),
        Column("parent_span_id", TEXT, "'' for a root"),
        Column("name", WORD, "span name"),
        Column("kind", WORD, "internal, server, client, producer, consumer, or ''"),
        *_WHO,
        Column("start_ns", TIME, "start, as recorded (never corrected)"),
        Column("duration_ns", TIME, "end - start; negative where the source says so"),
        Column("status", WORD, "ok, error, or '' (unset)"),
        Column("status_message", TEXT, "what the status says"),
        *_ATTRIBUTES,
        *_RESOURCE,
        *_ORIGIN,
    ),
    time="start_ns",
)
SPAN_EVENTS: Final = Table(
    "span_events",
    "Events inside spans, exceptions above all.",
    (
        Column("trace_id", TEXT, "of the span"),
        Column("span_id", TEXT, "of the span"),
        Column("service", WORD, "of the span"),
        Column("time_ns", TIME, "when"),
        Column("name", WORD, "`exception` for errors"),
        *_ATTRIBUTES,
        *_ORIGIN,
    ),
)
SPAN_LINKS: Final = Table(
    "span_links",
    "Links from spans to spans of other traces.",
    (
        Column("trace_id", TEXT, "of the span that links"),
        Column("span_id", TEXT, "of the span that links"),
        Column("linked_trace_id", TEXT, "the target's trace"),
        Column("linked_span_id", TEXT, "the target's span"),
        *_ATTRIBUTES,
        *_ORIGIN,
    ),
    time="",
)
LOGS: Final = Table(
    "logs",
    "One row a log record; the lines of a stack trace are one record.",
    (
        Column("time_ns", TIME, "when it happened; 0 when nothing says"),
        Column(
            "time_guess",
            WORD,
            "'' when the record says its whole time; else what was filled in: date, zone, neighbour",
        ),
        *_WHO,
        Column("severity", WORD, "trace, debug, info, warn, error, fatal, or ''"),
        Column("body", TEXT, "the message"),
        Column(
            "shape",
            "UInt64",
            "hash of the body with its variable parts masked; log_shapes leads to the template",
        ),
        Column("trace_id", TEXT, "'' when the record names none"),
        Column("span_id", TEXT, "'' when the record names none"),
        *_ATTRIBUTES,
        *_RESOURCE,
        *_ORIGIN,
    ),
)
LOG_SHAPES: Final = Table(
    "log_shapes",
    "Which template each shape of a log body belongs to.",
    (
        Column("shape", "UInt64", "as in logs"),
        Column("template_id", TEXT, "stable: the same template has the same id in every case"),
        Column("template", TEXT, "the text with <*> where it varies"),
    ),
    time="",
)
METRICS: Final = Table(
    "metrics",
    "One row a metric point.",
    (
        Column("time_ns", TIME, "when"),
        *_WHO,
        Column("name", WORD, "metric name"),
        Column(
            "kind",
            WORD,
            "gauge, sum (cumulative), delta, histogram, summary, or '' when the source does not say",
        ),
        Column("unit", WORD, "as the source says"),
        Column("value", REAL, "the value; of histograms and summaries the mean, since the start where cumulative"),
        Column("count", REAL, "observations in a histogram or summary, else NaN"),
        Column("sum", REAL, "their sum, else NaN"),
        Column("min", REAL, "their minimum where known, else NaN"),
        Column("max", REAL, "their maximum where known, else NaN"),
        Column("bounds", "Array(Float64)", "histogram bucket bounds, or a summary's quantiles"),
        Column("buckets", "Array(Float64)", "counts a bucket, or a summary's quantile values"),
        *_ATTRIBUTES,
        Column("resource", ATTRIBUTES, "resource attributes as text"),
        *_ORIGIN,
    ),
)
CHANGES: Final = Table(
    "changes",
    "Commits, deploys and flag flips.",
    (
        Column("kind", WORD, "commit, deploy or flag"),
        Column("id", TEXT, "commit sha; deploy id, else SERVICE@VERSION or SERVICE@TIME; flag name@TIME"),
        Column("time_ns", TIME, "when"),
        Column("repo", WORD, "repository, where known"),
        Column("service", WORD, "the service deployed or flagged, where known"),
        Column("commit_sha", TEXT, "of a deploy: what it brought; of a commit: its sha"),
        Column("version", TEXT, "version deployed"),
        Column("author", WORD, "who"),
        Column("message", TEXT, "commit message, or what the deploy or flag says of itself (off->on)"),
        Column("files", WORDS, "paths touched"),
        Column("diff", TEXT, "unified diff, '' when the source has none"),
        Column(
            "attributes",
            ATTRIBUTES,
            "all other fields as text; `outcome` of a deploy that did not simply go live (failed, cancelled, pending, "
            "partial, rolled_back), `environment`; of a known tool's record what it is (`read_as`) and no bookkeeping",
        ),
        *_ORIGIN,
    ),
)
NOTICES: Final = Table(
    "notices",
    "What other systems said: alerts, status pages' events, pre-aggregated log patterns.",
    (
        Column("kind", WORD, "alert, status or pattern"),
        Column("id", TEXT, "its id, else SUBJECT@TIME"),
        Column("time_ns", TIME, "when it began; 0 when nothing says"),
        Column("end_ns", TIME, "when it ended; 0 when open or unknown"),
        Column("subject", WORD, "service, component or provider it is about"),
        Column("status", WORD, "as the source says (degraded, critical, negative ...)"),
        Column("title", TEXT, "headline"),
        Column("text", TEXT, "detail"),
        Column("attributes", ATTRIBUTES, "all other fields as text"),
        *_ORIGIN,
    ),
)
_DUMP = (
    Column("dump", WORD, "the source that is the dump, by name"),
    Column("service", WORD, "whose heap it is, by the path of the dump"),
    Column("instance", WORD, "which instance, where the path says"),
    Column("time_ns", TIME, "when the dump was taken"),
    Column("time_guess", WORD, "'' when the dump says so itself; else where the time is from: name, modified"),
)
HEAP_CLASSES: Final = Table(
    "heap_classes",
    "One row a class in a heap dump or class histogram: how many objects, how large.",
    (
        *_DUMP,
        Column("class_name", TEXT, "as programmers write it"),
        Column("objects", REAL, "how many; of a dump only those that something keeps alive"),
        Column("bytes", REAL, "their own bytes together"),
        *_ORIGIN,
    ),
)
HEAP_HOLDERS: Final = Table(
    "heap_holders",
    "One row a place in a heap dump where objects pile up (a map's table, a list, an array): what it keeps alive.",
    (
        *_DUMP,
        Column("node", TEXT, "the object, as the dump names it"),
        Column("class_name", TEXT, "its class"),
        Column("root", WORD, "why the first object of the path is alive: thread, system class ..."),
        Column("path", WORDS, "the way to it: `Class.field` a step, the object itself last"),
        Column("retained_bytes", REAL, "what would go if it went"),
        Column("heap_bytes", REAL, "of all that is alive in the dump"),
        Column("objects", REAL, "how many objects it keeps alive"),
        Column("parts", REAL, "how many of them lie right below it"),
        Column("content_classes", WORDS, "classes of what it keeps alive, the most bytes first"),
        Column("content_counts", "Array(Float64)", "how many of each"),
        Column("attributes", ATTRIBUTES, "texts in fields of the objects on the way, by `Class.field`"),
        Column("ids", WORDS, "a sample of hashes of what looks like identifiers in it: equal ones in equal holders"),
        *_ORIGIN,
    ),
)
REJECTED: Final = Table(
    "rejected",
    "What a reader could not take, one row a piece.",
    (
        Column("source_id", "UInt32", "the source"),
        Column("line", "UInt64", "1-based line, or 0 for the file as a whole"),
        Column("offset_bytes", "Int64", "byte offset in the decompressed file where known, else -1"),
        Column("reason", TEXT, "why"),
        Column("excerpt", TEXT, "its first 200 characters"),
    ),
    time="",
)

TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        SPANS, SPAN_EVENTS, SPAN_LINKS, LOGS, LOG_SHAPES, METRICS, CHANGES, NOTICES, HEAP_CLASSES, HEAP_HOLDERS,
        REJECTED,
    )
}  # fmt: skip
EVIDENCE_TABLES: Final = (
    "spans", "span_events", "span_links", "logs", "metrics", "changes", "notices", "heap_classes", "heap_holders"
)  # fmt: skip
