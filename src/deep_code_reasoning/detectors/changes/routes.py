"""Code behind routes that nobody asks for: what its diff does is not what requests suffer from.

Which route a function serves is said where it is registered: a path beside its name (`get('/reports', [X::class,
'list'])`), or in a decorator above it. The histories of the repositories have these lines. Which routes are asked for
is in the spans. A function is set aside only where both are known: all paths that it is registered for end otherwise
than every route that was served.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ...domain.instant import NS_PER_S
from ..base import Scene
from .code import block_names
from .diff import Hunk, parse_diff
from .trial import Change

# What went out longer before the onset is not asked about.
_RECENT_NS: Final = 86_400 * NS_PER_S
# A decorator stands so few lines above its function.
_DECORATED_LINES: Final = 4
_REGISTERS: Final = re.compile(
    r"(?i)(?:@\w*|\[Http|\b(?:Route::|router?\.|routes?\.|app\.|mux\.|[a-z]\.|api\.|group\.)?)"
    r"(?:get|post|put|patch|delete|head|any|all|handle|handlefunc|route|map(?:get|post|put|delete|patch)?|path|re_path|"
    r"(?:get|post|put|patch|delete|request)mapping)\b\s*[\(\s]"
)
_LITERAL: Final = re.compile(r"""["'`]\^?(/?[\w\-.:{}<>*\[\]$]*(?:/[\w\-.:{}<>*\[\]$]*)*)["'`]""")
_PARAMETER: Final = re.compile(r"[:{<\[*$]|^\d+$")


def uncalled(scene: Scene, known: Sequence[Change]) -> Mapping[str, frozenset[str]]:
    """By the change (its hash): the files of it in which all that it touches serves routes that nobody asked for."""
    served = _served(scene)
    if not served:
        return {}
    limit_ns = scene.windows.onset.start_ns - _RECENT_NS
    found = {}
    for change in known:
        if not change.diff or not any(rollout.time_ns >= limit_ns for rollout in change.rollouts):
            continue
        history = [other for other in known if other.repo == change.repo]
        hunks: dict[str, list[Hunk]] = {}
        for hunk in parse_diff(change.diff, change.files).running:
            hunks.setdefault(hunk.path, []).append(hunk)
        paths = {path for path, own in hunks.items() if all(_is_uncalled(hunk, history, served) for hunk in own)}
        if paths:
            found[change.sha] = frozenset(paths)
    return found


def _served(scene: Scene) -> frozenset[tuple[str, ...]]:
    """The routes that requests were served by, in parts."""
    rows = scene.store.query(
        "SELECT DISTINCT if(attributes['http.route'] != '', attributes['http.route'], toString(name)) AS route "
        "FROM spans WHERE kind = 'server' ORDER BY route LIMIT 5000"
    )
    paths = (word for row in rows for word in str(row["route"]).split() if "/" in word)
    return frozenset(parts for path in paths if (parts := _parts(path)))


def _parts(path: str) -> tuple[str, ...]:
    """The parts of a path, lower case, with parameters as `*`."""
    return tuple("*" if _PARAMETER.search(part) else part.lower() for part in path.split("/") if part.strip("^$"))


def _is_uncalled(hunk: Hunk, history: Sequence[Change], served: frozenset[tuple[str, ...]]) -> bool:
    names = block_names(hunk)
    if not names:
        return False
    routes = [parts for name in names for parts in _routes_of(name, history)]
    return bool(routes) and not any(_ends(asked, parts) for parts in routes for asked in served)


def _ends(asked: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    return asked[-len(parts) :] == parts


def _routes_of(name: str, history: Sequence[Change]) -> Iterator[tuple[str, ...]]:
    """Paths that a function is registered for, as far as they can be told from others."""
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w])|[.#:@]{re.escape(name)}\b")
    for change in history:
        if name not in change.diff:
            continue
        lines = [line[1:] for line in change.diff.splitlines() if line[:1] in ("+", " ") and line[:3] != "+++"]
        for place, line in enumerate(lines):
            if not word.search(line):
                continue
            above = _decorators(lines[max(0, place - _DECORATED_LINES) : place])
            for text in (line, *above):
                yield from _registered(text)


def _decorators(above: Sequence[str]) -> Iterable[str]:
    """The decorators right above a line, the nearest first."""
    for line in reversed(above):
        if not re.match(r"\s*[@\[#]", line):
            return
        yield line


def _registered(line: str) -> Iterator[tuple[str, ...]]:
    if _REGISTERS.search(line):
        yield from (parts for match in _LITERAL.finditer(line) if (parts := _parts(match[1])) and set(parts) != {"*"})
