"""Trace and span ids that stand in the text of a log record.

Sources: W3C Trace Context (`traceparent`), the pattern layouts of Spring Sleuth and Micrometer, the names that
OpenTelemetry's, Datadog's and Zipkin's log correlation write.
"""

from __future__ import annotations

import re
from typing import Final

_ID: Final = r"[\"']?(?:\s*[:=]\s*|\s+is\s+|\s+)[\"']?\[?([0-9A-Za-z-]{8,64})(?![\w-])"
_TRACE: Final = re.compile(rf"(?i)(?<![a-z])(?:x-)?(?:b3-?)?trace[-_. ]?id{_ID}")
_SPAN: Final = re.compile(rf"(?i)(?<![a-z])(?:x-)?(?:b3-?)?span[-_. ]?id{_ID}")
_TRACEPARENT: Final = re.compile(r"\b[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\b")
_WELL_FORMED: Final = re.compile(r"(?=[^0-9]*[0-9])[0-9a-z_.:-]{6,64}")
# Sleuth's bracket: service, trace, span, and in older versions whether it is exported.
SLEUTH: Final = re.compile(
    r"([\w.-]*), *([0-9a-f]{16}(?:[0-9a-f]{16})?), *([0-9a-f]{16})(?:, *(?:true|false))?|([0-9a-f]{32})-([0-9a-f]{16})"
)


def ids_in(text: str) -> tuple[str, str]:
    """The trace id and the span id that a text names; '' for what it does not."""
    # Looking for a word is ten times as fast as the expressions, and most records have none.
    if "race" not in text and "RACE" not in text:
        return "", ""
    if "raceparent" in text and (parent := _TRACEPARENT.search(text)):
        return parent[1], parent[2]
    trace = _TRACE.search(text)
    if trace is None or not (trace_id := id_of(trace[1])):
        return "", ""
    span = _SPAN.search(text)
    return trace_id, id_of(span[1]) if span else ""


def id_of(text: str) -> str:
    """An id as traces write it: lower case, without the dashes of a UUID; '' when it is none, or all zeros."""
    text = text.strip().lower()
    if len(text) == 36 and text.count("-") == 4:
        text = text.replace("-", "")
    return text if _WELL_FORMED.fullmatch(text) and text.strip("0-") else ""
