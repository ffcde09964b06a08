"""Severities of log records: every word and number in use, to one of six.

Sources: OpenTelemetry logs data model (severity numbers and appendix B), RFC 5424 section 6.2.1 (syslog numbers), pino
and bunyan (tens), java.util.logging, log4j, zap, Android and klog (letters).
"""

from __future__ import annotations

from typing import Any, Final

SEVERITIES: Final = ("trace", "debug", "info", "warn", "error", "fatal")

_WORDS: Final[dict[str, str]] = {
    word: severity
    for severity, words in {
        "trace": "trace trc verbose verb vrb finest finer t v",
        "debug": "debug dbg debu fine d",
        "info": "info information informational inf notice note config log default i n operational audit normal",
        "warn": "warn warning wrn w",
        "error": "error err erro eror severe failure e",
        "fatal": "fatal ftl fata critical crit alert emergency emerg panic dpanic f c",
    }.items()
    for word in words.split()
}

# The words that may stand as a level in the header of a plain-text line; the letters are matched apart from them.
LEVEL_WORDS: Final = tuple(sorted((word for word in _WORDS if len(word) > 2), key=lambda word: (-len(word), word)))

# RFC 5424: emergency, alert, critical, error, warning, notice, informational, debug.
_SYSLOG: Final = ("fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug")


def severity_of(level: Any) -> str:
    """The severity that a word or a number stands for; '' when it is no known one.

    Numbers follow from their size: 0 to 7 are syslog's, tens from 10 to 60 are pino's and bunyan's.
    """
    if isinstance(level, str):
        word = level.strip().strip("[]<>():").lower()
        if word in _WORDS:
            return _WORDS[word]
        if word.isdecimal():
            return severity_of(int(word))
        # OpenTelemetry writes ERROR2, SEVERITY_NUMBER_WARN3.
        word = word.removeprefix("severity_number_").rstrip("1234")
        return _WORDS.get(word, "") if len(word) > 2 else ""
    if isinstance(level, bool) or not isinstance(level, int | float):
        return ""
    if 0 <= level < 8 and level == int(level):
        return _SYSLOG[int(level)]
    return SEVERITIES[int(level) // 10 - 1] if 10 <= level < 70 else ""


def severity_of_otel_number(number: Any) -> str:
    """The severity of an OpenTelemetry severity number (1 to 24); '' when it is none."""
    if isinstance(number, str) and number.isdecimal():
        number = int(number)
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 24:
        return SEVERITIES[(number - 1) // 4]
    return severity_of(number) if isinstance(number, str) else ""


def severity_of_python_number(number: Any) -> str:
    """The severity of a level number of Python's logging, whose 30 and 40 are not pino's; '' when it is none."""
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= 50:
        return ("debug", "debug", "info", "warn", "error", "fatal")[number // 10]
    return ""


def severity_of_priority(priority: int) -> str:
    """The severity in a syslog priority value (RFC 5424: facility times eight, plus severity)."""
    return _SYSLOG[priority % 8] if 0 <= priority <= 191 else ""
