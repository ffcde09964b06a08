"""What a tool answers: facts, in the order of their importance, bounded; the same in text and as structured content.

Some clients show their model the text alone, some the structure alone: so the text is written from the structure.
Secrets are taken out of every string. What does not fit is shortened or left out, the last first, and that is said.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final

import mcp_types as types

# What a model reads of one call at most; the rest comes by section and cursor.
MAX_BYTES: Final = 8_000
# A list up to this wide is written on one line.
_WIDTH: Final = 100
# Less room than this for a value is no use: it is left out and named.
_LEAST: Final = 48
# So much of every value has a place, as long as all of that fits.
_SHARE: Final = 1_000


def as_result(facts: Mapping[str, Any], notes: Sequence[str] = ()) -> types.CallToolResult:
    """The answer of a tool. `notes` say what was put right in the arguments."""
    facts = _without_secrets(facts)
    closing = {"normalised": list(notes)} if notes else {}
    room = MAX_BYTES - _size(closing)
    while True:
        fitted = {**_fitted(facts, room), **closing}
        text = as_text(fitted)
        excess = max(len(text.encode()), _size(fitted)) - MAX_BYTES
        if excess <= 0:
            return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=fitted)
        room -= max(excess, 64)


def page(items: Sequence[Any], cursor: str | None, room: int = MAX_BYTES - 1_500) -> tuple[list[Any], str | None]:
    """As many items from the cursor on as fit, at least one; and the cursor of the next page, None at the end."""
    start = place_of(cursor)
    shown: list[Any] = []
    for item in items[start:]:
        room -= _size(item) + 2
        if shown and room < 0:
            break
        shown.append(item)
    end = start + len(shown)
    return shown, str(end) if end < len(items) else None


def place_of(cursor: str | None) -> int:
    """Where a cursor points to. Anything that is none of ours points to the beginning."""
    return int(cursor) if cursor and cursor.isdecimal() and len(cursor) < 12 else 0


def as_text(value: Mapping[str, Any]) -> str:
    """Facts as text that people and models read well: `name: value`, lists with dashes, two blanks a level."""
    return "\n".join(_lines(value, ""))


def _without_secrets(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """All texts of an answer, redacted together: that is one scan, and redaction keeps every line break."""
    from ..packing.redaction import redact

    whole = redact("\n".join(_texts(facts)))
    lines = iter(whole.text.split("\n"))
    redacted: Mapping[str, Any] = _each_text(facts, lambda text: "\n".join(islice(lines, text.count("\n") + 1)))
    return redacted


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(map(_texts, value.values()))
    elif isinstance(value, list | tuple):
        yield from chain.from_iterable(map(_texts, value))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """The value with every text in it changed, in order; names stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _each_text(inner, change) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(item, change) for item in value]
    return value


def _lines(value: Any, indent: str) -> list[str]:
    lines = []
    for name, inner in value.items():
        if inner is None:
            continue
        if isinstance(inner, str) and "\n" in inner:
            lines += [f"{indent}{name}:", *(f"{indent}  {line}" for line in inner.split("\n"))]
        elif isinstance(inner, Mapping) and inner:
            lines += [f"{indent}{name}:", *_lines(inner, f"{indent}  ")]
        elif isinstance(inner, list | tuple) and inner and not _is_row(inner):
            lines += [f"{indent}{name}:", *_items(inner, indent)]
        else:
            lines.append(f"{indent}{name}: {_scalar(inner)}")
    return lines


def _items(items: Sequence[Any], indent: str) -> list[str]:
    lines = []
    for item in items:
        if isinstance(item, Mapping) and item:
            first, *rest = _lines(item, f"{indent}  ") or [""]
            lines += [f"{indent}- {first.strip()}", *rest]
        else:
            lines.append(f"{indent}- {_scalar(item)}")
    return lines


def _is_row(items: Sequence[Any]) -> bool:
    """Whether items stand well on one line: few figures or short words."""
    flat = all(not isinstance(item, Mapping | list | tuple) for item in items)
    return flat and sum(len(str(item)) + 4 for item in items) <= _WIDTH


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode())


def _fitted(facts: Mapping[str, Any], room: int) -> dict[str, Any]:
    """The facts in their order, as whole as there is room; then the names of those left out.

    What is short stays whole, wherever it stands; of what is long, the first gets what the others can spare.
    """
    if _size(facts) <= room:
        return dict(facts)
    room -= 40 + sum(len(name) + 4 for name in facts)
    sizes = {name: _size(value) for name, value in facts.items()}
    share = _SHARE
    while share and sum(min(size, share) for size in sizes.values()) > room:
        share //= 2
    spare = room - sum(min(size, share) for size in sizes.values())
    fitted: dict[str, Any] = {}
    left_out = []
    for name, value in facts.items():
        spare += min(sizes[name], share)
        if sizes[name] <= spare:
            fitted[name] = value
        elif spare >= _LEAST and isinstance(value, str | Mapping | list | tuple):
            fitted[name] = _shortened(value, spare)
        else:
            left_out.append(name)
            continue
        spare -= _size(fitted[name])
    return {**fitted, "left_out": left_out} if left_out else fitted


def _shortened(value: Any, room: int) -> Any:
    if isinstance(value, str):
        return _cut(value, room)
    if isinstance(value, Mapping):
        return _fitted(value, room)
    kept: list[Any] = []
    room -= _LEAST
    for item in value:
        if _size(item) > room:
            if not kept and room > _LEAST and isinstance(item, str | Mapping | list):
                kept.append(_shortened(item, room))
            break
        kept.append(item)
        room -= _size(item) + 2
    missing = len(value) - len(kept)
    return [*kept, f"({missing} more left out)"] if missing else kept


def _cut(text: str, room: int) -> str:
    kept = text.encode()[: max(0, room - _LEAST)].decode(errors="ignore")
    while kept and _size(kept) > room - _LEAST + 2:
        kept = kept[: len(kept) * 3 // 4]
    return f"{kept}… ({len(text) - len(kept)} more characters)"
