"""Names that a change takes out of the code or brings into it, by which others may speak of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..code import is_import, is_log_statement, is_telemetry, string_literals
from ..diff import Line, Patch
from ..effect import Effect

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
        gone = tuple(name for name in old if name not in after)
        come = tuple(name for name in new if name not in before)
        if gone:
            found.append(
                Effect("name_gone", f"{', '.join(gone[:4])} is no longer there", hunk.path, gone, sureness=0.9)
            )
        if come:
            found.append(Effect("name_new", f"{', '.join(come[:4])} is new", hunk.path, come, sureness=0.8))
        found += _labels(hunk.path, hunk.removed, hunk.added)
    return found


def _literals(lines: Iterable[Line]) -> dict[str, None]:
    return dict.fromkeys(
        text
        for line in lines
        if not (is_log_statement(line.code) or is_telemetry(line.code) or is_import(line.code))
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
