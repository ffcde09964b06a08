"""Numbers in code and in configuration, with their units, and the name that each belongs to.

`context.WithTimeout(ctx, 5*time.Second)` is 5,000 ms of `context.WithTimeout`; `maximum-pool-size: 40` is 40 of
`maximum-pool-size`; `Policy{MaxAttempts: 8, BaseDelay: 5 * time.Millisecond}` is two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .words import words

_TOKEN: Final = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
      | (?P<number>(?<![\w.])-?\d[\d_]*(?:\.\d+)?(?P<suffix>r/[sm]|[A-Za-z%]+)?(?!\w|\.\d))
      | (?P<name>[A-Za-z_$][\w$]*(?:(?:::|->|\.|-|/)[A-Za-z_$][\w$]*)*)
      | (?P<op><<|=>|:=|::|[-+*/=:,.(){}\[\]<>])""",
    re.X,
)
_QUOTED_NUMBER: Final = re.compile(r"-?\d[\d_]*(?:\.\d+)?\s*[A-Za-z%]*")
_NUMBER: Final = re.compile(r"(-?\d[\d_]*(?:\.\d+)?)\s*(r/[sm]|[A-Za-z%]*)")
_JAVA_UNIT: Final = re.compile(
    r"(?:TimeUnit|ChronoUnit)\.|(?:NANO|MICRO|MILLI)?SECONDS$|(?:MILLIS|MINUTES|HOURS|DAYS|WEEKS)$"
)
# A duration of ISO 8601, as settings of Java, PHP's `DateInterval` and JSON have it: `PT1H30M`, `P7D`.
_ISO_DURATION: Final = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_ISO_UNITS: Final = ("week", "day", "hour", "minute", "second")
_STRINGS: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`")
_JVM_FLAG: Final = re.compile(r"-(Xm[xsn]|Xss)(\d+)([kKmMgG]?)\b")
# Arguments of a command line, in a string or in a list of them.
_FLAG: Final = re.compile(r"""(?<![\w-])--([A-Za-z][\w-]+)["']?(?:=|[\s,]+)["']?(\d+(?:\.\d+)?)([A-Za-z]*)\b""")
# Settings within a string: of an address (`?connectTimeout=500&maxPool=4`), of options (`-c statement_timeout=600`).
_WITHIN: Final = re.compile(r"(?<![\w.-])([A-Za-z][\w.-]{3,})=(\d+(?:\.\d+)?)([A-Za-z]*)(?![\w.])")
# What servers call by one letter, by their manuals: gunicorn's and puma's processes, celery's and sidekiq's threads.
_SHORT_FLAGS: Final = (
    (re.compile(r"\b(?:gunicorn|puma|hypercorn)\b.*?\s-w[\s=]?(\d+)\b"), "workers"),
    (re.compile(r"\b(?:celery|sidekiq)\b.*?\s-c[\s=]?(\d+)\b"), "concurrency"),
)

# What makes a quantity of a number owns none.
_MAKES_QUANTITY: Final = re.compile(
    r"(?:\w+\.)?(?:timedelta|int|float|long|Number|parseInt|intval|Integer\.parseInt|strconv\.Atoi)"
)
# No number of a program is shifted further.
_WORD_BITS: Final = 64

# Milliseconds a unit of time; bytes a unit of size.
TIME_MS: Final = {
    "ns": 1e-6, "nanosecond": 1e-6, "nano": 1e-6, "us": 1e-3, "microsecond": 1e-3, "micro": 1e-3,
    "ms": 1.0, "msec": 1.0, "millis": 1.0, "milli": 1.0, "millisecond": 1.0,
    "s": 1e3, "sec": 1e3, "second": 1e3, "min": 6e4, "minute": 6e4, "h": 3.6e6, "hr": 3.6e6, "hour": 3.6e6,
    "d": 8.64e7, "day": 8.64e7, "week": 6.048e8,
}  # fmt: skip
SIZE_BYTES: Final = {
    "b": 1.0, "byte": 1.0, "kb": 1e3, "k": 1024.0, "ki": 1024.0, "kib": 1024.0, "mb": 1e6, "mi": 1048576.0,
    "mib": 1048576.0, "m": 1048576.0, "gb": 1e9, "g": 1073741824.0, "gi": 1073741824.0, "gib": 1073741824.0,
    "ti": 1099511627776.0, "tb": 1e12,
}  # fmt: skip

# Rates, a second each: nginx's `30r/m`, and as limiters of other proxies and libraries have them.
_A_SECOND: Final = {"r/s": 1.0, "rps": 1.0, "qps": 1.0, "r/m": 1 / 60, "rpm": 1 / 60}


@dataclass(frozen=True, slots=True)
class Setting:
    """A number and its owner. `dimension` is `ms`, `bytes` or '' (a bare number, in whatever unit its owner has)."""

    owner: str
    value: float
    dimension: str
    ordinal: int
    near: tuple[str, ...]

    def show(self) -> str:
        """The value with a unit that people read."""
        return show_quantity(self.value, self.dimension)


def show_quantity(value: float, dimension: str) -> str:
    """`300 ms`, `5 s`, `256 MiB`, `40`."""
    if dimension == "ms":
        for unit, scale in (("d", 8.64e7), ("h", 3.6e6), ("min", 6e4), ("s", 1e3), ("ms", 1.0), ("µs", 1e-3)):
            if abs(value) >= scale:
                return f"{value / scale:.6g} {unit}"
        return f"{value:.6g} ms"
    if dimension == "bytes":
        for unit, scale in (("GiB", 1073741824.0), ("MiB", 1048576.0), ("KiB", 1024.0)):
            if abs(value) >= scale:
                return f"{value / scale:.6g} {unit}"
        return f"{value:.6g} bytes"
    return f"{value:.10g}"


def parse_quantity(text: str) -> tuple[float, str] | None:
    """Read `300ms`, `5 s`, `256Mi`, `40` as (value, dimension); None when the text is no quantity."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    value = float(match[1].replace("_", ""))
    return _scaled(value, match[2]) if math.isfinite(value) else None


def _iso_ms(text: str) -> float:
    """Milliseconds of a duration written after ISO 8601; 0 for another text."""
    match = _ISO_DURATION.fullmatch(text)
    return (
        sum(float(n) * TIME_MS[unit] for n, unit in zip(match.groups(), _ISO_UNITS, strict=True) if n) if match else 0
    )


def _scaled(value: float, unit: str) -> tuple[float, str] | None:
    key = unit.lower()
    if not key or key in ("l", "f", "u", "ul", "i", "x", "n", "%"):
        return value, ""
    if key in _A_SECOND:
        return value * _A_SECOND[key], ""
    if unit == "m":  # minutes in durations, milli-cores in Kubernetes; sizes use "M"
        return value * TIME_MS["min"], "ms"
    for name in (key, key.rstrip("s")):
        if name in TIME_MS:
            return value * TIME_MS[name], "ms"
    if key in SIZE_BYTES:
        return value * SIZE_BYTES[key], "bytes"
    return None


def _time_scale(name: str) -> float | None:
    # time.Second, TimeUnit.SECONDS, Duration.ofMillis, TimeSpan.FromSeconds, chrono::milliseconds, 30.seconds
    last = words(name)[-1:] or [""]
    word = last[0]
    if len(word) < 3 and "." not in name:
        return None
    singular = word.rstrip("s") if word != "s" else word
    return TIME_MS.get(word, TIME_MS.get(singular)) if len(word) >= 3 else None


def _scale_of_call(name: str) -> float | None:
    """`minutes(5)` makes minutes of a number; `min(size, 5)` takes the lesser."""
    return None if words(name)[-1:] == ["min"] else _time_scale(name)


def _label_scale(label: str) -> float | None:
    """What `seconds=` stands for in `timedelta(seconds=5)`; a singular (`hour=3`) names a point in time."""
    return _time_scale(label) if label.endswith("s") and len(words(label)) == 1 else None


@dataclass(slots=True)
class _Frame:
    name: str  # the callable, or the field that the bracket's value is given to
    label: str = ""  # `timeout:` or `timeout=` right before the value, inside this bracket


def settings(code: str, context: Sequence[str] = ()) -> list[Setting]:
    """Numbers of a line of code with their owners, from left to right.

    Args:
        code: the line, without its comment.
        context: names that a value on a line of its own belongs to (`- name: X` above `value: 3`).
    """
    reader = _Reader(context)
    flags = [(match[1], match[2], match[3]) for match in _FLAG.finditer(code)]
    flags += [(match[1], match[2], match[3]) for text in _STRINGS.findall(code) for match in _WITHIN.finditer(text)]
    flags += [(name, match[1], "") for form, name in _SHORT_FLAGS for match in form.finditer(code)]
    tokens = list(_TOKEN.finditer(_FLAG.sub("", code) if flags else code))
    for index, match in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        reader.take(match, following)
    for flag in _JVM_FLAG.finditer(code):
        reader.found.append((flag[1], *(_scaled(float(flag[2]), flag[3]) or (float(flag[2]), ""))))
    for name, number, unit in flags:
        reader.found.append((name, *(_scaled(float(number), unit) or (float(number), ""))))
    near = tuple(dict.fromkeys(words(code)))
    return [Setting(owner, value, unit, n, near) for n, (owner, value, unit) in enumerate(reader.found)]


class _Reader:
    def __init__(self, context: Sequence[str]) -> None:
        self.frames: list[_Frame] = [_Frame(context[-1] if context else "")]
        self.target = ""
        self.last_name = ""
        self.first_name = ""
        self.found: list[tuple[str, float, str]] = []
        self.operator = ""
        self.previous = ""

    def take(self, match: re.Match[str], following: re.Match[str] | None) -> None:
        kind = match.lastgroup if match.lastgroup != "suffix" else "number"
        text = match[0]
        next_text = following[0] if following else ""
        if match["string"] is not None:
            self._string(text, next_text)
        elif match["number"] is not None:
            self._number(text)
        elif match["name"] is not None:
            self._name(text, next_text)
        else:
            self._operator(text)
        self.previous = kind or ""

    def _string(self, text: str, next_text: str) -> None:
        inner = text[1:-1]
        if next_text in (":", "=>", "="):
            self._label(inner)
        elif _QUOTED_NUMBER.fullmatch(inner):
            self._number(inner)
        elif iso := _iso_ms(inner):
            self.found.append((self._owner(), iso, "ms"))
        self.operator = ""

    def _number(self, text: str) -> None:
        quantity = parse_quantity(text)
        if quantity is None:
            return
        value, unit = quantity
        if (self.operator == "*" or (self.operator == "<<" and value < _WORD_BITS)) and self.found and not unit:
            owner, before, dimension = self.found[-1]
            self.found[-1] = owner, before * value if self.operator == "*" else before * 2**value, dimension
        else:
            frames = reversed(self.frames[1:])
            scales = (scale for f in frames for scale in (_label_scale(f.label), _scale_of_call(f.name)))
            scale = next((scale for scale in scales if scale is not None), None)
            if scale is not None and not unit:
                value, unit = value * scale, "ms"
            self.found.append((self._owner(), value, unit))
        self.operator = ""

    def _name(self, text: str, next_text: str) -> None:
        scale = _time_scale(text)
        if scale is not None and self.found and self.operator in ("*", ".") and next_text != "(":
            owner, value, _ = self.found[-1]
            self.found[-1] = owner, value * scale, "ms"
        elif scale is not None and self.found and self.operator == "," and _JAVA_UNIT.match(text):
            owner, value, unit = self.found[-1]  # `expireAfterWrite(300, TimeUnit.SECONDS)`
            self.found[-1] = owner, value if unit else value * scale, "ms"
        elif (
            scale is not None
            and text.startswith("time.")
            and not self.found
            and self.operator != "*"
            and next_text not in ("(", "*")
        ):
            self.found.append((self._owner(), scale, "ms"))  # Go's `time.Hour` alone is a number itself
        # In `TTL: int = 30` the type does not own the number.
        if next_text in (":", "=", ":=", "=>") and not (self.operator == ":" and next_text == "="):
            self._label(text)
        self.first_name = self.first_name or text
        self.last_name = text
        self.operator = ""

    def _label(self, text: str) -> None:
        self.frames[-1].label = text
        if len(self.frames) == 1:
            self.target = text

    def _operator(self, text: str) -> None:
        if text in "({[":
            opener = self.last_name if self.previous == "name" else self.frames[-1].label
            self.frames.append(_Frame(opener))
        elif text in ")}]":
            if len(self.frames) > 1:
                self.frames.pop()
        elif text == ",":
            self.frames[-1].label = "" if len(self.frames) > 1 else self.frames[-1].label
        self.operator = text

    def _owner(self) -> str:
        for frame in reversed(self.frames):
            if frame.label and (frame is self.frames[0] or _label_scale(frame.label) is None):
                return frame.label
            if frame.name and _time_scale(frame.name) is None and not _MAKES_QUANTITY.fullmatch(frame.name):
                return frame.name
        return self.target or self.first_name or self.frames[0].name
