"""Code that nobody runs: what its diff does is not what requests suffer from.

Code behind routes that nobody asks for is such, and a function that nothing in its repository names but its definition.

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
from .code import block_names, definition
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
# Handlers by their file's name, hooks and entries by their own.
_CALLED_BY_FRAMEWORKS: Final = re.compile(
    r"(?i)controller|resolver|handler|consumer|worker|job|listener|serializer|mapper|view|middleware|\b(?:main|init|run|start"
    r"|call|perform|handle\w*|execute|process|apply|invoke|setup|new|create|index|show|update|destroy|load|string|error"
    r"|render|close|on\w+|get\w*|set\w*|is\w*|__\w+__|serve\w*|round_?trip)$"
)
# What stands above functions whether or not anybody calls them.
_CALLS_NOTHING: Final = re.compile(
    r"\s*@(?:Transactional|Cacheable|CacheEvict|Timed|Deprecated|SuppressWarnings|Nullable|NonNull|NotNull|Inject"
    r"|staticmethod|classmethod|doc|spec|JvmStatic|Throws)\b"
)
_LITERAL: Final = re.compile(r"""["'`]\^?(/?[\w\-.:{}<>*\[\]$]*(?:/[\w\-.:{}<>*\[\]$]*)*)["'`]""")
_PARAMETER: Final = re.compile(r"[:{<\[*$]|^\d+$")


def uncalled(scene: Scene, known: Sequence[Change]) -> Mapping[str, frozenset[str]]:
    """By the change (its hash): the files of it in which no request runs what it touches."""
    served = _served(scene)
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
    if not names or hunk.kind != "code":
        return False
    if all(_is_unused(name, hunk.path, history) for name in names):
        return True
    routes = [parts for name in names for parts in _routes_of(name, history)]
    return bool(routes and served) and not any(_ends(asked, parts) for parts in routes for asked in served)


def _is_unused(name: str, path: str, history: Sequence[Change]) -> bool:
    """Whether only its definition names a function, of which nothing tells that a framework calls it."""
    if _CALLED_BY_FRAMEWORKS.search(f"{path} {name}"):
        return False
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    defined = False
    for change in history:
        if name not in change.diff:
            continue
        lines = [line[1:] for line in change.diff.splitlines() if line[:1] in ("+", " ") and line[:3] != "+++"]
        for place, line in enumerate(lines):
            if not word.search(line):
                continue
            if definition(line) != name or any(_decorators(lines[max(0, place - _DECORATED_LINES) : place])):
                return False
            defined = True
    return defined


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
        if not _CALLS_NOTHING.match(line):
            yield line


def _registered(line: str) -> Iterator[tuple[str, ...]]:
    if _REGISTERS.search(line):
        yield from (parts for match in _LITERAL.finditer(line) if (parts := _parts(match[1])) and set(parts) != {"*"})
