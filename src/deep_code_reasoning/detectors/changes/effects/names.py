"""Names that a change takes out of the code or brings into it, by which others may speak of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..code import computes_nothing, string_literals
from ..diff import Line, Patch
from ..effect import Effect
from .taken_over import handed_here, newcomers, texts

_NAME: Final = re.compile(r"[A-Za-z][\w.:\-/]{3,60}")
_LABELS: Final = re.compile(
    r"(?i)\b(?:with_?label_?values|labels|with_?tags|tags|set_?attributes?)\s*\(([^)]*)\)|label_?names\s*=\s*\[([^\]]*)\]"
)
_MANY_VALUED: Final = re.compile(
    r"(?i)\b\w*(user|customer|client|tenant|account|session|request|trace|order|device|message)_?id\w*|\bemail\b|\bip\b|\burl\b|\bpath\b|\buuid\b|\bquery\b|\bpod\b|timestamp"
)


def extract(patch: Patch) -> list[Effect]:
    """Literals (headers, keys, actions, routes) that are gone or new; labels of metrics that take any value."""
    found = []
    for hunk in patch.running:
        if hunk.kind in ("manifest", "lock", "view"):
            continue
        old, new = _literals(hunk.removed), _literals(hunk.added)
        before, after = _literals(hunk.before), _literals(hunk.after)
        built = _built(old, hunk.added) | _built(new, hunk.removed)
        gone = tuple(name for name in old if name not in after and name not in built | _worded(hunk.after))
        come = tuple(name for name in new if name not in before and name not in built | _worded(hunk.before))
        if gone and len(patch.running) > 1:
            said = texts(newcomers(hunk, patch))
            gone = tuple(name for name in gone if name not in said)
        if come and len(patch.running) > 1:
            said = texts(handed_here(hunk, patch))
            come = tuple(name for name in come if name not in said)
        if gone:
            found.append(
                Effect("name_gone", f"{', '.join(gone[:4])} is no longer there", hunk.path, gone, sureness=0.9)
            )
        if come:
            found.append(Effect("name_new", f"{', '.join(come[:4])} is new", hunk.path, come, sureness=0.8))
        found += _labels(hunk.path, hunk.removed, hunk.added)
    return found


# What only people read, and the names of Terraform's blocks, of tasks and of threads.
_FOR_PEOPLE: Final = re.compile(
    r"(?i)^[\"']?(?:tags?|description|comment|title|doc)[\"']?\s*[:=]|^\w+(?:\s+\"[^\"]+\")+\s*\{"
    r"|\b(?:create_task|Thread|CoroutineName|setName|set_name|spawn|named)\w*\(.*"
)
_PUT_IN: Final = re.compile(r"[#$]?\{\w*\}|%\w")
_PARTS: Final = re.compile(r"[A-Za-z0-9]+")


def _built(names: Iterable[str], others: Iterable[Line]) -> set[str]:
    """Names that the other side has in parts, put together where it runs; with those parts."""
    texts = [text for line in others for text in string_literals(line.code)]
    by_part = {part: text for text in texts for part in _PARTS.findall(text)}
    found: set[str] = set()
    for name in names:
        parts = _PARTS.findall(name)
        whole = any(set(parts) <= set(_PARTS.findall(text)) for text in texts)
        if any(name in text and _PUT_IN.search(text) for text in texts):
            found.add(name)  # of a text that was put together of it and other parts
        if len(parts) > 1 and not whole and all(part in by_part for part in parts):
            found |= {name, *(by_part[part] for part in parts)}
    return found


def _worded(lines: Iterable[Line]) -> set[str]:
    """Words of the sentences that lines hold: `session` is none that is new where "session not found" was said."""
    texts = (text for line in lines for text in string_literals(line.code))
    return {word.strip(".,:;!?'\"()") for text in texts if " " in text for word in text.split()}


def _literals(lines: Iterable[Line]) -> dict[str, None]:
    return dict.fromkeys(
        text
        for line in lines
        if not (computes_nothing(line.code) or _FOR_PEOPLE.search(line.code))
        for text in string_literals(line.code)
        if _NAME.fullmatch(text)
    )


def _labels(path: str, removed: Iterable[Line], added: Iterable[Line]) -> list[Effect]:
    old, new = (
        {
            m[0]
            for line in lines
            for labels in _LABELS.findall(line.code)
            for m in _MANY_VALUED.finditer(" ".join(labels))
        }
        for lines in (removed, added)
    )
    if new - old:
        names = tuple(sorted(new - old))
        return [
            Effect(
                "cardinality_raised",
                f"a metric gains a label of any value: {', '.join(names)}",
                path,
                ("series", "label", *names),
                sureness=0.9,
            )
        ]
    return []
