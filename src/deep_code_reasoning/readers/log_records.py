"""A structured log record (decoded JSON, logfmt) made into a row of `logs`, whoever wrote it.

Members are known by their names, whatever the case and the separators: `severity_text`, `severityText` and
`log.level` all say a level. Names seen in: OpenTelemetry, Elastic Common Schema and logstash, zap, zerolog, logrus,
slog, pino, bunyan, winston, python-json-logger, structlog, log4j2, logback, Serilog (CLEF), monolog, GELF, Google
Cloud, Datadog, CloudWatch, Splunk, journald, Fluent Bit, MongoDB. What is known stands in columns; all else becomes
attributes, nested objects with dots between their names.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .log_origin import workload_of
from .log_times import read_time
from .severity import severity_of, severity_of_otel_number, severity_of_python_number
from .trace_ids import id_of, ids_in
from .values import attributes_of, text_of

_MAX_DEPTH: Final = 8

# Names by role, best first; written as `_plain` writes names.
_NAMES: Final[dict[str, str]] = {
    "time": "timestamp time ts timeunixnano datetime eventtime asctime instant t timemillis logtime date time_ "
    "logtimestamp eventtimestamp lasttimestamp dt realtimetimestamp created createdat observedtimestamp "
    "observedtimeunixnano receivetimestamp ingestiontime",
    "message": "message msg body m shortmessage renderedmessage mt log event text textpayload messagetemplate "
    "fullmessage raw jsonpayloadmessage jsonpayloadmsg attributesmessage line content",
    "level": "severitytext level lvl loglevel levelname severity l s levelno severitynumber priority syslogseverity "
    "jsonpayloadlevel jsonpayloadseverity status type",
    "service": "servicename service resourceservicename resourceattributesservicename resourceattrsservicename svc "
    "ddservice servicecontextservice labelsservice kubernetesdeploymentname kuberneteslabelsappkubernetesioname "
    "kuberneteslabelsk8sapp kuberneteslabelsapp comdockercomposeservice labelsapp appname application app "
    "applicationname syslogidentifier systemdunit resourcelabelscontainername kubernetescontainername "
    "containername program",
    "instance": "k8spodname resourcek8spodname resourceattributesk8spodname kubernetespodname podname pod "
    "resourcelabelspodname serviceinstanceid containerid instanceid instance involvedobjectname",
    "host": "hostname hostid host hosthostname kuberneteshost kubernetesnodename k8snodename nodename node ddhost",
    "scope": "logger loggername loglogger scopename instrumentationscopename sourcecontext propertiessourcecontext "
    "category channel target scope c name",
    "trace_id": "traceid ddtraceid oteltraceid mdctraceid contextmaptraceid xb3traceid loggingtrace "
    "logginggoogleapiscomtrace trace jsonpayloadtraceid attributestraceid propertiestraceid contexttraceid",
    "span_id": "spanid ddspanid otelspanid mdcspanid contextmapspanid xb3spanid logginggoogleapiscomspanid "
    "jsonpayloadspanid attributesspanid propertiesspanid contextspanid",
    "exception.stacktrace": "exceptionstacktrace stacktrace errorstacktrace errstack errorstack stack excinfo @x "
    "throwninfoextendedstacktrace thrownextendedstacktrace exceptionstack exctext",
    "exception.type": "exceptiontype errortype errtype errorkind exceptionclass exceptionexceptionclass thrownname "
    "errname errorname exctype",
    "exception.message": "exceptionmessage errormessage errmessage thrownmessage exceptionexceptionmessage errormsg",
}
_ROLES: Final[dict[str, tuple[str, int]]] = {
    name: (role, rank) for role, names in _NAMES.items() for rank, name in enumerate(names.split())
}
# Objects around a record that say nothing themselves: Elasticsearch's hits, Splunk's exports, Datadog's events.
_WRAPPERS: Final = ("_source", "result", "attributes")
# Attributes that resource members become; the rest of a resource is kept in `resource`.
_RESOURCE_PREFIXES: Final = ("resource.attributes.", "resource.labels.", "resource.", "kubernetes.", "k8s.")
_EMBEDDED: Final = frozenset({"log", "message", "msg", "textPayload", "MESSAGE"})
_TRACE_PATH: Final = re.compile(r"^projects/[^/]+/traces/")
# A level must be one of the words when its member may as well be something else (an HTTP status, an event's type).
_VAGUE_LEVELS: Final = frozenset({"status", "type", "s", "l"})

# By role: how good the name is, the name, the value.
_Chosen = dict[str, tuple[int, str, Any]]

decode: Final = json.JSONDecoder().decode


@functools.lru_cache(maxsize=4096)
def role_of(name: str) -> tuple[str, int] | None:
    """What a member says, and how good its name is for that (0 is best); None for a name that is not known."""
    return _ROLES.get(name) or _ROLES.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def flatten(record: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The members of a record and of the objects in it, under names joined by dots."""
    for name, value in record.items():
        if type(value) is dict and value and depth < _MAX_DEPTH and not _is_time(name, value):
            yield from flatten(value, f"{prefix}{name}.", depth + 1)
        else:
            yield prefix + name, value


def _is_time(name: str, value: Mapping[str, Any]) -> bool:
    role = role_of(name)
    return role is not None and role[0] == "time" and read_time(value) is not None


def unwrap(record: dict[str, Any]) -> dict[str, Any]:
    """A record without the envelope that a store of logs puts around it."""
    for wrapper in _WRAPPERS:
        inner = record.get(wrapper)
        if type(inner) is dict and any(map(role_of, inner)) and not any(name in record for name in _EMBEDDED):
            rest = {name: value for name, value in record.items() if name != wrapper and not name.startswith("_")}
            return {**rest, **inner}
    return record


def row_of(record: dict[str, Any]) -> dict[str, Any]:
    """The row of `logs` that a record makes, without its origin; columns that it does not fill are left out."""
    record = _with_embedded(unwrap(record))
    chosen: _Chosen = {}
    rest: list[tuple[str, Any]] = []
    for name, value in flatten(record):
        if value is None:
            continue
        role = role_of(name)
        if role is None or not _may_be(role[0], name, value):
            rest.append((name, value))
            continue
        known = chosen.get(role[0])
        if known is None or role[1] < known[0]:
            if known is not None:
                rest.append(known[1:])
            chosen[role[0]] = (role[1], name, value)
        else:
            rest.append((name, value))
    return _fill(chosen, rest)


def _with_embedded(record: dict[str, Any]) -> dict[str, Any]:
    """A record whose message is itself a record in JSON, as collectors wrap them, joined with it."""
    for name in _EMBEDDED.intersection(record):
        text = record[name]
        if type(text) is str and text.startswith("{") and text.rstrip().endswith("}"):
            try:
                inner = decode(text.strip())
            except (ValueError, RecursionError):
                continue
            if type(inner) is dict and any(map(role_of, inner)):
                return {**{key: value for key, value in record.items() if key != name}, **inner}
    return record


def _may_be(role: str, name: str, value: Any) -> bool:
    """Whether a member's value can be what its name promises."""
    if role == "time":
        return read_time(value) is not None
    if role == "level":
        if name.rpartition(".")[2].lower() in _VAGUE_LEVELS:
            return isinstance(value, str) and not value.isdecimal() and severity_of(value) != ""
        return _severity(name, value) != ""
    if role == "message":
        return isinstance(value, str | int | float | list)
    if role == "scope":
        return isinstance(value, str)
    if role in ("trace_id", "span_id"):
        return isinstance(value, int) or (isinstance(value, str) and id_of(_TRACE_PATH.sub("", value)) != "")
    if role.startswith("exception."):
        return isinstance(value, str | list)
    return isinstance(value, str) and value != ""


def _severity(name: str, value: Any) -> str:
    plain = name.rpartition(".")[2].replace("_", "").lower()
    if plain == "severitynumber":
        return severity_of_otel_number(value)
    if plain == "levelno":
        return severity_of_python_number(value)
    return severity_of(value)


def _fill(chosen: _Chosen, rest: list[tuple[str, Any]]) -> dict[str, Any]:
    row = _columns(chosen, rest)
    for name in ("exception.type", "exception.message", "exception.stacktrace"):
        if name in chosen:
            value = chosen[name][2]
            rest.append((name, "\n".join(map(text_of, value)) if isinstance(value, list) else value))
    row["body"] = _body(chosen, rest)
    if "trace_id" not in row:
        trace_id, span_id = ids_in(row["body"])
        if trace_id:
            row["trace_id"] = trace_id
            row.setdefault("span_id", span_id)
    resource = [(name, value) for name, value in rest if name.startswith(_RESOURCE_PREFIXES)]
    if resource:
        rest = [pair for pair in rest if not pair[0].startswith(_RESOURCE_PREFIXES)]
        row["resource"] = {_resource_name(name): text_of(value) for name, value in resource}
    if rest:
        row["attributes"], numbers = attributes_of(rest)
        if numbers:
            row["number_names"] = numbers
    return row


def _columns(chosen: _Chosen, rest: list[tuple[str, Any]]) -> dict[str, Any]:
    """The columns that members of known names fill, but for the body."""
    row: dict[str, Any] = {}
    if "time" in chosen:
        row["time_ns"], row["time_guess"] = read_time(chosen["time"][2]) or (0, "")
    if "level" in chosen:
        row["severity"] = _severity(*chosen["level"][1:])
    scope = chosen.get("scope")
    if scope is not None and scope[1] == "name" and "service" not in chosen and _is_bunyan(chosen, rest):
        # bunyan and pino name the application where Python names the logger.
        chosen["service"] = chosen.pop("scope")
    for column in ("service", "instance", "host", "scope"):
        if column in chosen:
            row[column] = chosen[column][2].strip("/") if column == "service" else chosen[column][2]
    if "service" not in row and "pod" in chosen.get("instance", (0, "", ""))[1]:
        row["service"] = workload_of(row["instance"])
    for column in ("trace_id", "span_id"):
        if column in chosen:
            row[column] = id_of(_TRACE_PATH.sub("", str(chosen[column][2])))
    return row


def _is_bunyan(chosen: _Chosen, rest: list[tuple[str, Any]]) -> bool:
    """bunyan's core members: name, hostname, pid, a level in numbers. Python's logging writes levels as words."""
    level = chosen.get("level")
    return level is not None and isinstance(level[2], int) and ("host" in chosen or any(n == "pid" for n, _ in rest))


def _body(chosen: _Chosen, rest: list[tuple[str, Any]]) -> str:
    message = chosen.get("message")
    if message is not None:
        return text_of(message[2]).rstrip()
    # Without a message the error is what the record says; else all of it is.
    for name, value in rest:
        if name in ("error", "err", "exception", "exception.message", "reason") and isinstance(value, str) and value:
            return value
    return " ".join(f"{name}={text_of(value)}" for name, value in rest)


def _resource_name(name: str) -> str:
    for prefix in ("resource.attributes.", "resource.labels.", "resource."):
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def looks_like_log(record: Any) -> float:
    """How sure one decoded record is a log record, 0 to 1."""
    if type(record) is not dict or not record:
        return 0.0
    record = _with_embedded(unwrap(record))
    found: dict[str, int] = {}
    for name, value in flatten(record):
        role = role_of(name) if value is not None else None
        if role is not None and _may_be(role[0], name, value):
            found[role[0]] = min(role[1], found.get(role[0], 99))
    if "message" in found and "level" in found:
        return 0.85 if "time" in found else 0.7
    if "message" in found and "time" in found:
        return 0.6
    return 0.5 if "level" in found and "time" in found else 0.0
