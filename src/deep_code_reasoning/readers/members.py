"""The members of a decoded record under plain names: `filesChanged` and `files_changed` are both `fileschanged`.

Formats that say the same thing under many names are read by asking for all of them, best first. What nobody asked for
is left over, for the attributes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .log_times import read_time
from .values import text_of

_MAX_DEPTH = 8
# What names of times end in (`deployed_at_ms`); which unit it is the number itself tells.
_UNITS_OF_TIME = ("", "ms", "millis", "us", "ns", "epoch", "epochms", "unix", "utc")


@functools.lru_cache(maxsize=8192)
def plain(name: str) -> str:
    """A name in lower case without separators; dots between the names of nested members stay."""
    return re.sub(r"[^a-z0-9.]", "", name.lower())


class Members:
    """The members of a record, nested ones as `outer.inner`; lists stay whole.

    Args:
        record: a decoded object.
        around: members of the document around it, asked only by `around`.
    """

    def __init__(self, record: Mapping[str, Any], around: Mapping[str, Any] | None = None) -> None:
        self._found: dict[str, tuple[str, Any]] = {}
        self._taken: set[str] = set()
        self.around = around or {}
        for name, value in _flatten(record, "", 0):
            self._found.setdefault(plain(name), (name, value))

    def has(self, *names: str) -> bool:
        """Whether any of these members is there and not empty."""
        return any(self._is_there(name) for name in names)

    def begins(self, prefix: str) -> bool:
        """Whether any member's name begins so."""
        return any(name.startswith(prefix) for name in self._found)

    def value(self, *names: str) -> Any:
        """The first of these members that is there and not empty, or None; it is not left over any more."""
        for name in names:
            if self._is_there(name):
                self._taken.add(name)
                return self._found[name][1]
        return None

    def text(self, *names: str) -> str:
        """The first of these members that is text or a number, as text; '' when there is none."""
        for name in names:
            if self._is_there(name) and isinstance(self._found[name][1], str | int | float):
                self._taken.add(name)
                return text_of(self._found[name][1]).strip()
        return ""

    def peek(self, name: str) -> str:
        """A member as text, as it stands, without taking it; '' when it is none."""
        value = self._found.get(name, ("", None))[1]
        return text_of(value) if isinstance(value, str | int | float) else ""

    def time(self, *names: str) -> int:
        """The first of these members that is a time, in nanoseconds since the epoch; 0 when there is none."""
        for name in (f"{name}{unit}" for name in names for unit in _UNITS_OF_TIME):
            if self._is_there(name) and (time := read_time(self._found[name][1])) is not None and time[0] > 0:
                self._taken.add(name)
                return time[0]
        return 0

    def texts(self, *names: str) -> list[str]:
        """The first of these members that is a list of texts."""
        for name in names:
            if self._is_there(name):
                value = self._found[name][1]
                if isinstance(value, list) and all(isinstance(item, str) for item in value):
                    self._taken.add(name)
                    return list(value)
        return []

    def under(self, name: str) -> dict[str, str]:
        """The members within this one, as text by their own names; they are not left over any more."""
        inner = {key: pair for key, pair in self._found.items() if key.startswith(f"{name}.")}
        self._taken.update(inner)
        return {pair[0][len(name) + 1 :]: text_of(pair[1]) for key, pair in inner.items()}

    def rest(self) -> dict[str, str]:
        """What nobody asked for, as text under its own names."""
        left = (pair for name, pair in self._found.items() if name not in self._taken)
        return {name: text_of(value) for name, value in left if value not in (None, "", [], {})}

    def _is_there(self, name: str) -> bool:
        found = self._found.get(name)
        return found is not None and found[1] is not None and found[1] != "" and found[1] != []


def _flatten(record: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict) and value and depth < _MAX_DEPTH:
            yield from _flatten(value, f"{prefix}{name}.", depth + 1)
        else:
            yield prefix + name, value
