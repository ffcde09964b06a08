"""Code that nobody runs: what its diff does is not what requests suffer from.

Code behind routes that nobody asks for is such, and a function that nothing in its repository names but its definition.

Which route a function serves is said where it is registered: a path beside its name (`get('/reports', [X::class,
'list'])`), or in a decorator above it. The histories of the repositories have these lines. Which routes are asked for
is in the spans. A function is set aside only where both are known: all paths that it is registered for end otherwise
than every route that was served.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import Final

from ...domain.instant import NS_PER_S
from ..base import Scene
from .code import block_names, definition, lines_around
from .diff import Hunk
from .trial import Change

# What went out longer before the onset is not asked about.
_RECENT_NS: Final = 86_400 * NS_PER_S
# A decorator stands so few lines above its function.
_DECORATED_LINES: Final = 4
_REGISTERS: Final = re.compile(
    r"(?i)(?:@\w*|\[Http|\bRoute::|\b(?:router?|routes?|app|mux|[a-z]|api|group)(?:\.|->)|(?<![\w.:>]))"
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
    touched = [
        (change, [(hunk, block_names(hunk)) for hunk in change.patch.running])
        for change in known
        if change.diff and any(rollout.time_ns >= limit_ns for rollout in change.rollouts)
    ]
    names: dict[str, set[str]] = defaultdict(set)
    for change, hunks in touched:
        names[change.repo].update(*(of for _, of in hunks))
    mentions = {repo: _mentions(of, [change for change in known if change.repo == repo]) for repo, of in names.items()}
    found = {}
    for change, hunks in touched:
        paths = {hunk.path for hunk, _ in hunks}
        called = {hunk.path for hunk, of in hunks if not _is_uncalled(hunk, of, mentions[change.repo], served)}
        if paths - called:
            found[change.sha] = frozenset(paths - called)
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


_Mentions = Mapping[str, Sequence[tuple[str, tuple[str, ...]]]]
"""By the name of a function: the lines that have it, each with the decorators above it."""


def _mentions(names: Set[str], history: Sequence[Change]) -> _Mentions:
    found: dict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    for change in history:
        if not names or not _words_of(change.diff) & names:
            continue
        lines = [line[1:] for line in change.diff.splitlines() if line[:1] in ("+", " ") and line[:3] != "+++"]
        for place, line in enumerate(lines):
            for name in _words_of(line) & names:
                found[name].append((line, tuple(_decorators(lines[max(0, place - _DECORATED_LINES) : place]))))
    return found


def _words_of(text: str) -> set[str]:
    """The words of a text, with and without the dollar signs that names may have."""
    return {*re.findall(r"\w+", text), *(re.findall(r"[\w$]+", text) if "$" in text else ())}


def _is_uncalled(hunk: Hunk, names: Collection[str], mentions: _Mentions, served: frozenset[tuple[str, ...]]) -> bool:
    if hunk.kind != "code":
        return False
    within = _routes_around(hunk)
    if within and served:
        return not any(_ends(asked, parts) for parts in within for asked in served)
    if not names:
        return False
    if all(_is_unused(name, hunk.path, mentions.get(name, ())) for name in names):
        return True
    told = (text for name in names for line, above in mentions.get(name, ()) for text in (line, *above))
    routes = [parts for text in told for parts in _registered(text)]
    return bool(routes and served) and not any(_ends(asked, parts) for parts in routes for asked in served)


def _routes_around(hunk: Hunk) -> list[tuple[str, ...]]:
    """The routes in whose handlers all changed lines stand, where these are written beside the route; else none."""
    found: list[tuple[str, ...]] = []
    for side in (hunk.before, hunk.after):
        for index, line in enumerate(side):
            if not line.is_changed:
                continue
            around = (*(other.code for other in lines_around(side, index)), hunk.heading)
            routes = next((parts for code in around if (parts := list(_registered(code)))), [])
            if line.indent == 0 or not routes:
                return []
            found += routes
    return found


def _is_unused(name: str, path: str, mentions: Sequence[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether only its definition names a function, of which nothing tells that a framework calls it."""
    if _CALLED_BY_FRAMEWORKS.search(f"{path} {name}"):
        return False
    return bool(mentions) and all(definition(line) == name and not above for line, above in mentions)


def _ends(asked: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    return asked[-len(parts) :] == parts


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
