"""Loose values of decoded records made into cells of a case: text, numbers, times, attributes.

Sources write a number as text, a time in any unit, a flag as `"true"`; a value that is none of what a cell needs
becomes None, and the reader decides whether its row is rejected or does without.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..domain.instant import NS_PER_US, parse_instant
from .log_times import read_time

# Times and durations are 64-bit integers in a case.
MAX_NS: Final = 2**63 - 1

# The resource attributes that name an instance and a host, best first (see `store/schema.py`); OpenTelemetry
# semantic conventions 1.2x, and the names that Jaeger's own clients write.
INSTANCE: Final = ("k8s.pod.name", "service.instance.id", "container.id")
HOST: Final = ("host.id", "host.name", "host.ip", "k8s.node.name", "hostname", "ip")

Attributes = dict[str, str]
Names = list[str]


def text_of(value: Any) -> str:
    """A value as text: absent is '', booleans are true and false, lists and objects are JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dict | list):
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except RecursionError:
            return "(nested too deeply)"
    return str(value)


def number_of(value: Any) -> float | None:
    """A number, also when it is written as text (`NaN`, `+Inf` and `1e3` too); booleans are 0 and 1."""
    if isinstance(value, str):
        # Python reads 1_000 as a number; no exporter writes it.
        value = value.strip()
        if "_" in value:
            return None
    elif not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def number_in(value: Any) -> Any:
    """The number that a text is, for formats that have no numbers; what may be an id (`007`, `12e45`) stays text."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return value
    return float(value) if "." in value else int(value)


_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?")


def attributes_of(members: Iterable[tuple[str, Any]] | Mapping[str, Any]) -> tuple[Attributes, Names]:
    """Members as two columns of a row: all of them as text, and the names of those that are numbers or booleans.

    Of a name that comes twice the last value counts.
    """
    # Not copied: readers make their records anew, and nobody changes a row.
    known = members if type(members) is dict else dict(members)
    if set(map(type, known.values())) <= _TEXT:
        return known, []
    texts = {name: text_of(value) for name, value in known.items()}
    numbers = [n for n, value in known.items() if isinstance(value, int | float) and number_of(value) is not None]
    return texts, numbers


_TEXT: Final = {str}


def scaled_ns(value: Any, scale: int) -> int | None:
    """A number (or its text) of units of `scale` nanoseconds; None when it is none or beyond 64 bits.

    Whole numbers stay exact.
    """
    if isinstance(value, str):
        value = value.strip()
        value = int(value) if value.isdecimal() and value.isascii() and len(value) < 25 else number_of(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    ns = value * scale if isinstance(value, int) else round(value * scale)
    return ns if abs(ns) <= MAX_NS else None


def times_in_us(span: Mapping[str, Any], start_name: str) -> tuple[str, int, int]:
    """Why the times of a span in microseconds cannot be taken, or ''; its start and its duration, in nanoseconds.

    A span that never finished has no duration; it counts as none.
    """
    start_ns = scaled_ns(span.get(start_name), NS_PER_US)
    if start_ns is None or start_ns <= 0:
        return f"{start_name} is no time in microseconds: {text_of(span.get(start_name))[:40]}", 0, 0
    duration_ns = scaled_ns(span.get("duration", 0), NS_PER_US)
    if duration_ns is None:
        return f"duration is no number of microseconds: {text_of(span.get('duration'))[:40]}", 0, 0
    return "", start_ns, duration_ns


def instant_ns(value: Any) -> int | None:
    """An instant in any form that says its own date and unit (see `log_times`); None otherwise."""
    if isinstance(value, str):
        return _instant_of_text(value) if len(value) <= 64 else None
    time = read_time(value) if isinstance(value, int | float) else None
    return time[0] if time else None


# Metrics have many points a moment.
@functools.lru_cache(maxsize=65_536)
def _instant_of_text(text: str) -> int | None:
    ns = parse_instant(text) if "_" not in text else None
    if ns is None:
        time = read_time(text)
        ns = time[0] if time else None
    return ns if ns is not None and 0 < ns <= MAX_NS else None


def who(service: str, resource: Mapping[str, str]) -> dict[str, str]:
    """The columns `service`, `instance` and `host` of a row."""
    if not resource:
        return {"service": service, "instance": "", "host": ""}
    return {"service": service, "instance": first_of(resource, INSTANCE), "host": first_of(resource, HOST)}


def first_of(members: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first member of these names that is there and not empty, else ''."""
    for name in names:
        value = members.get(name)
        if value is not None and value != "":
            return value
    return ""


def status_of(value: Any) -> str:
    """A span's status as `ok`, `error` or '' from what sources write: a word, a gRPC or HTTP code, a boolean."""
    if isinstance(value, bool):
        return "error" if value else ""
    if isinstance(value, dict):
        value = first_of(value, ("code", "status_code", "statusCode"))
    if isinstance(value, str) and not value.strip().isdecimal():
        word = value.strip().lower().removeprefix("status_code_").removeprefix("status.")
        return _STATUS_WORDS.get(word, "")
    code = number_of(value)
    if code is None:
        return ""
    if 100 <= code < 600:
        # Of HTTP's 4xx only the caller knows whether it was a fault.
        return "error" if code >= 500 else "ok" if code < 400 else ""
    # OpenTelemetry's enumeration: 0 unset, 1 ok, 2 error.
    return {1.0: "ok", 2.0: "error"}.get(code, "")


_STATUS_WORDS: Final = {
    **dict.fromkeys(("ok", "success", "succeeded", "successful", "true"), "ok"),
    **dict.fromkeys(("error", "err", "fail", "failed", "failure", "fault", "exception", "timeout", "fatal"), "error"),
    # gRPC's codes that are a failure whoever asks.
    **dict.fromkeys(("internal", "internal_error", "unavailable", "deadline_exceeded", "resource_exhausted"), "error"),
    **dict.fromkeys(("aborted", "data_loss"), "error"),
}

_KINDS: Final = frozenset({"internal", "server", "client", "producer", "consumer"})
# The numbers of OTLP's SpanKind.
_KIND_NUMBERS: Final = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


def kind_of(value: Any) -> str:
    """A span's kind as `server`, `client` ... or '' from a word (`SPAN_KIND_SERVER` too) or OTLP's number."""
    if value is None:
        return ""
    number = None if isinstance(value, str) and value.isalpha() else number_of(value)
    if number is not None:
        return _KIND_NUMBERS.get(int(number), "") if math.isfinite(number) else ""
    word = text_of(value).strip().lower().removeprefix("span_kind_").removeprefix("spankind.")
    return word if word in _KINDS else ""


class ItemCounter:
    """Numbers rows from 0 within each line, for formats whose records give several rows."""

    def __init__(self) -> None:
        self._line = 0
        self._next = 0

    def of(self, line: int) -> int:
        """The ordinal of the next row on a line; lines come in order."""
        if line != self._line:
            self._line, self._next = line, 0
        self._next += 1
        return self._next - 1
