"""SQL that all signals of OTLP JSON share: dialects of names, attribute values, ids, resources.

The engine parses each line once, with `JSONExtract` into a typed tuple. It takes an integer as number or as text
(protobuf's JSON mapping writes 64-bit integers as text), leaves out what it does not know, and gives the empty value
for what is absent or of the wrong kind. An attribute's value is taken as a map of its one member, kind to text:
`{"intValue": "200"}` becomes `{'intValue': '200'}`.

Sources: opentelemetry-proto 1.x (`common.proto`, `trace.proto`, `logs.proto`, `metrics.proto`), the OTLP
specification on its JSON encoding (ids as hex), protobuf's JSON mapping (ids as base64), OpenTelemetry's resource
conventions.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from ..store.engine import literal

# Attributes, as the engine extracts them.
KEY_VALUES: Final = "Array(Tuple(key String, value Map(String, String)))"

# Lists nested deeper than this stay in OTLP's own notation.
_MAX_DEPTH: Final = 4

# Every name of two words that our statements use; in the snake_case dialect they are spelt so.
_NAMES: Final = (
    "resourceSpans scopeSpans resourceLogs scopeLogs logRecords resourceMetrics scopeMetrics "
    "instrumentationLibrary instrumentationLibrarySpans instrumentationLibraryLogs instrumentationLibraryMetrics "
    "traceId spanId parentSpanId startTimeUnixNano endTimeUnixNano timeUnixNano observedTimeUnixNano "
    "severityNumber severityText stringValue intValue doubleValue boolValue arrayValue kvlistValue bytesValue "
    "dataPoints asDouble asInt isMonotonic aggregationTemporality exponentialHistogram bucketCounts explicitBounds "
    "quantileValues zeroCount zeroThreshold"
).split()
_NAME: Final = re.compile(rf"\b({'|'.join(_NAMES)})\b")
_SCOPED: Final = re.compile(r"\b(?:scope|instrumentationLibrary)(Spans|Logs|Metrics)\b")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a document spells its names.

    Attributes:
        outer: keys that lead to the object around the list of resources.
        batches: the list of resources is called `batches` (Tempo).
        snake: `trace_id` for `traceId`.
        library: `instrumentationLibrarySpans` for `scopeSpans` (OTLP before 0.15).
        base64: some ids are base64 (protobuf's JSON mapping), not hex.
        lists: some attributes (or bodies of logs) are arrays or maps, and not numbers, text or booleans.
    """

    outer: tuple[str, ...] = ()
    batches: bool = False
    snake: bool = False
    library: bool = False
    base64: bool = False
    lists: bool = False

    def spell(self, sql: str) -> str:
        """Turn the usual names, which all statements are written in, and marks, into this dialect's."""
        sql = _ID.sub(_hex_of_base64 if self.base64 else _hex, sql)
        sql = _MARK.sub(_scalar_or_list if self.lists else _scalar, sql)
        if self.batches:
            sql = sql.replace("resourceSpans ", "batches ")
        if self.library:
            sql = _SCOPED.sub(_other_scope, sql).replace("scope Tuple(", "instrumentationLibrary Tuple(")
            sql = sql.replace(".scope.name", ".instrumentationLibrary.name")
        return _NAME.sub(lambda match: snake_case(match[1]), sql) if self.snake else sql


def _other_scope(match: re.Match[str]) -> str:
    return ("instrumentationLibrary" if match[0].startswith("scope") else "scope") + match[1]


def snake_case(name: str) -> str:
    """`traceId` as `trace_id`."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


# --- attribute values ---------------------------------------------------------------------------------------------


def attribute_map(attributes: str) -> str:
    """Attributes as the column `attributes`: a mark that `Dialect.spell` puts the reading in place of."""
    return f"attribute_map({attributes})"


def text_of(value: str) -> str:
    """One value (a map of kind to text) as text: a mark that `Dialect.spell` puts the reading in place of."""
    return f"text_of({value})"


def has_lists(values: str) -> str:
    """Whether some among values, nested in lists of any depth, is an array or a map."""
    kinds = f"arrayFlatten({values}.keys)"
    return f"has({kinds}, 'arrayValue') OR has({kinds}, 'kvlistValue')"  # `hasAny` takes twice as long


_MARK: Final = re.compile(r"(attribute_map|text_of)\(([\w.]+)\)")


def _scalar(match: re.Match[str]) -> str:
    kind, value = match.groups()
    if kind == "text_of":
        return f"mapValues({value})[1]"
    return f"mapFromArrays({value}.key, arrayMap(v -> v[1], {value}.value.values))"


def _scalar_or_list(match: re.Match[str]) -> str:
    kind, value = match.groups()
    if kind == "text_of":
        return _any_text(value)
    return f"mapFromArrays({value}.key, arrayMap(v -> {_any_text('v')}, {value}.value))"


def number_names(attributes: str) -> str:
    """The column `number_names`: which attributes are numbers or booleans."""
    chosen = "k[1] IN ('intValue', 'doubleValue', 'boolValue')"
    return f"arrayFilter((name, k) -> {chosen}, {attributes}.key, {attributes}.value.keys)"


def _any_text(value: str) -> str:
    """One value as text; arrays and maps as JSON."""
    kind, text = f"mapKeys({value})[1]", f"mapValues({value})[1]"
    nested = f"""concat('{{"', {kind}, '":', {text}, '}}')"""
    return f"if({kind} IN ('arrayValue', 'kvlistValue'), {_unwrapped(nested)}, {text})"


def _unwrapped(json: str) -> str:
    """JSON of an array or a map without OTLP's wrappings: `{"arrayValue":{"values":[{"intValue":"1"}]}}` is `[1]`.

    A quote inside a JSON string has a backslash before it, so that a wrapping's beginning cannot occur in one. Lists
    are unwrapped from the inside out: those done have control characters for brackets, which no JSON text contains.
    """
    for pattern, replacement in (*_SCALARS, *_LISTS * _MAX_DEPTH):
        json = f"replaceRegexpAll({json}, {literal(pattern)}, {literal(replacement)})"
    return f"translate({json}, '\\x01\\x02\\x03\\x04', '[]{{}}')"


_STRING: Final = r'"(?:[^"\\]|\\.)*"'
_DONE: Final = rf'((?:[^"\[\]{{}}]|{_STRING})*)'
_SCALARS: Final = (
    (rf'\{{"(?:stringValue|bytesValue)":({_STRING})\}}', r"\1"),
    (r'\{"(?:intValue|doubleValue|boolValue)":"?(-?[0-9][0-9.eE+-]*|true|false)"?\}', r"\1"),
    (rf'\{{"doubleValue":({_STRING})\}}', r"\1"),
    (r"\{\}", "null"),
)
_LISTS: Final = (
    (r'\{"arrayValue":(?:null|\{"values":\[\]\})\}', "\x01\x02"),
    (r'\{"kvlistValue":(?:null|\{"values":\[\]\})\}', "\x03\x04"),
    (rf'\{{"key":({_STRING})\}}', r"\1:null"),
    (rf'\{{"key":({_STRING}),"value":{_DONE}\}}', r"\1:\2"),
    (rf'\{{"arrayValue":\{{"values":\[{_DONE}\]\}}\}}', "\x01\\1\x02"),
    (rf'\{{"kvlistValue":\{{"values":\[{_DONE}\]\}}\}}', "\x03\\1\x04"),
)


# --- ids ----------------------------------------------------------------------------------------------------------

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def hex_id(text: str, size_bytes: int) -> str:
    """An id as lower-case hex, '' for one of zeros: a mark that `Dialect.spell` puts the reading of ids in place of."""
    return f"hex_id({text}, {size_bytes})"


def some_text(texts: str) -> str:
    """Whether some of the texts, nested in lists of any depth, is not empty."""
    return f"notEmpty(arrayStringConcat(arrayFlatten({texts})))"


def is_base64(ids: str) -> str:
    """Whether some of the ids, nested in lists of any depth, are base64."""
    return f"arrayExists(id -> endsWith(id, '='), arrayFlatten({ids}))"


_ID: Final = re.compile(r"hex_id\(([\w.]+), (\d+)\)")


def _hex(match: re.Match[str]) -> str:
    text, size_bytes = match[1], int(match[2])
    return f"if({text} = '{'0' * 2 * size_bytes}', '', lower({text}))"


def _hex_of_base64(match: re.Match[str]) -> str:
    """The engine's small build cannot decode base64; two of its characters are 12 bits, which are three hex digits."""
    text, size_bytes = match[1], int(match[2])
    length = 4 * -(-size_bytes // 3)
    bits = f"bitAnd(position('{_ALPHABET}', translate(substring({text}, {{}}, 1), '-_', '+/')) - 1, 63)"
    # hex() leaves leading zeros out; a digit in front keeps them.
    pair = f"substring(hex(toUInt16(61440 + {bits.format('i')} * 64 + {bits.format('i + 1')})), 2, 3)"
    decoded = f"lower(substring(arrayStringConcat(arrayMap(i -> {pair}, range(1, {length}, 2))), 1, {2 * size_bytes}))"
    zeros = f"{text} IN ('{'0' * 2 * size_bytes}', '{base64.b64encode(bytes(size_bytes)).decode()}')"
    coded = f"length({text}) = {length} AND endsWith({text}, '=')"
    return f"multiIf({zeros}, '', {coded}, {decoded}, lower({text}))"


# --- resources ----------------------------------------------------------------------------------------------------

# The same as `values.who`, in SQL.
_INSTANCE: Final = ("k8s.pod.name", "service.instance.id", "container.id")
_HOST: Final = ("host.id", "host.name", "host.ip", "k8s.node.name", "hostname", "ip")

WHO_TYPE: Final = "Tuple(service String, instance String, host String, resource Map(String, String))"


def whos(resources: str) -> str:
    """What each of a list of resources says: its service, instance, host, and all its attributes as a map."""

    def first(*names: str) -> str:
        return f"firstNonDefault({', '.join(f'm[{literal(name)}]' for name in names)})"

    parts = f"m['service.name'], {first(*_INSTANCE)}, {first(*_HOST)}, m"
    maps = f"arrayMap(pairs -> {attribute_map('pairs')}, {resources}.resource.attributes)"
    return f"arrayMap(m -> CAST(tuple({parts}), '{WHO_TYPE}'), {maps})"


# The engine takes the longer to understand an expression the larger the types in it are: so these go over ids alone.


def spread(*ids: str) -> str:
    """What a resource says of whose records they are (`whos`), for each of its records.

    Args:
        ids: some member of all records, of a simple type: `resources.scopeSpans.spans.traceId`.
    """
    names = [f"ids_{number}" for number in range(len(ids))]
    count = " + ".join(f"length(arrayFlatten({name}))" for name in names)
    arguments = f"({', '.join(names)}, v)"
    return f"arrayFlatten(arrayMap({arguments} -> arrayWithConstant({count}, v), {', '.join(ids)}, whos))"


def scope_names(names: str, ids: str) -> str:
    """The name of the scope of each record of the line."""
    of_scope = "arrayMap((name, ids) -> arrayWithConstant(length(ids), name), names, scopes)"
    return f"arrayFlatten(arrayMap((names, scopes) -> {of_scope}, {names}, {ids}))"
