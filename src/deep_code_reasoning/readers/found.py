"""Members of a decoded record by paths that go through lists, named values, tags and JSON within text.

A path is plain names joined by dots (see `members.plain`). A list is gone through element by element; elements that are
called so (`{"name": "SERVICE", "value": "cart"}`, `{"type": "Progressing", ...}`, `"service:cart"`) are found by that
name. So `actions.parameters.service` reads what Jenkins keeps as lists in lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from .log_times import read_time
from .members import plain
from .values import text_of

_MAX_DEPTH: Final = 12
_CALLED: Final = ("name", "key", "type")
# How programs in Go print a time: `2026-06-18 14:00:00.5 +0000 UTC m=+0.1`.
_OF_GO: Final = re.compile(r"(\d [+-]\d{4}) [A-Z]{3,4}(?: m=\S+)?$")


def found(value: Any, path: str, depth: int = 0) -> Iterator[Any]:
    """Every text, number or boolean at a path that is not empty, in the record's order."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _in_element(item, path, depth + 1)
    elif isinstance(value, dict):
        own = {plain(name): inner for name, inner in value.items()} if path else {}
        # Names may hold dots themselves: the longest that is there comes first.
        ends = [len(path), *(at for at in range(len(path) - 1, 0, -1) if path[at] == ".")]
        for end in ends:
            if path[:end] in own:
                yield from found(own[path[:end]], path[end + 1 :], depth + 1)
    elif path and isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return
        yield from found(inner, path, depth + 1)
    elif not path and value not in (None, ""):
        yield value


def _in_element(item: Any, path: str, depth: int) -> Iterator[Any]:
    head, _, rest = path.partition(".")
    if isinstance(item, str) and path:
        name, mark, text = item.partition(":")
        if mark and plain(name) == path and text:
            yield text.strip()
    elif isinstance(item, dict) and path and any(plain(text_of(item.get(name))) == head for name in _CALLED):
        yield from found(item["value"] if "value" in item and not rest else item, rest, depth)
    else:
        yield from found(item, path, depth)


def items_at(value: Any, path: str) -> Iterator[dict[str, Any]]:
    """The objects in the lists at a path."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and not path:
                yield item
            else:
                yield from items_at(item, path)
    elif isinstance(value, dict) and path:
        head, _, rest = path.partition(".")
        for name, inner in value.items():
            if plain(name) == head:
                yield from items_at(inner, rest)


def text_at(records: Sequence[Any], names: str) -> str:
    """The first text that is found at one of the paths, best first; '' when there is none.

    Args:
        records: where to look: an element of a list, the record that it is in, what is around that.
        names: paths apart by spaces. `path~pattern` takes the pattern's first group out of what is found, `a@b` joins
            what is at two paths, `^path` passes over the first of the records.
    """
    for name in names.split():
        path, _, pattern = name.partition("~")
        if not pattern and "@" in path:
            parts = [text_at(records, part) for part in path.split("@")]
            if all(parts):
                return "@".join(parts)
            continue
        for record in records[1:] if path[:1] == "^" else records:
            for value in found(record, path.lstrip("^")):
                text = text_of(value).strip()
                match = re.search(pattern, text, re.IGNORECASE) if pattern else None
                if match is not None or (text and not pattern):
                    return match[1] if match is not None else text
    return ""


def texts_at(record: Any, names: str) -> list[str]:
    """All texts at the paths."""
    return [text_of(value).strip() for name in names.split() for value in found(record, name)]


def time_at(record: Any, names: str) -> int:
    """The first time at one of the paths, in nanoseconds since the epoch; 0 when there is none."""
    for name in names.split():
        for value in found(record, name):
            time = read_time(_OF_GO.sub(r"\1", value) if isinstance(value, str) else value)
            if time is not None and time[0] > 0:
                return time[0]
    return 0
