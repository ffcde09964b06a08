"""Routes that are files: Next.js, Nuxt and Nitro, SvelteKit, Astro, Remix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from re import Pattern
from typing import Final

from .frameworks import VERBS
from .syntax import CodeFile
from .templates import joined

Found = tuple[tuple[str, ...], str, int, str]
_EXPORTED: Final = re.compile(
    r"(?m)^[^\S\n]*export\s+(?:async\s+)?(?:function\s+|const\s+)(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ALL)\b"
)
_REEXPORTED: Final = re.compile(r"(?m)^[^\S\n]*export\s*\{([^}]*)\}")
_COMPARED: Final = re.compile(r"(?:\bmethod\b[^\n]{0,40}?[=!]==?\s*|\bcase\s+)['\"]([A-Z]{3,7})['\"]")
_DEFAULT: Final = re.compile(r"(?m)^[^\S\n]*(?:export\s+default\b|module\.exports\s*=)")
_REMIX: Final = re.compile(r"(?m)^[^\S\n]*export\s+(?:async\s+)?(?:function\s+|const\s+)(loader|action)\b")
_GROUP: Final = re.compile(r"(?:^|/)(?:\([^()/]*\)|@[^/]*)(?=/|$)")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the files of routes lie (the path is the first group), what one mentions, and how its verbs are known."""

    where: Pattern[str]
    served: Callable[[CodeFile], Iterator[tuple[tuple[str, ...], int, str]]]
    mentions: Pattern[str] = re.compile("")


def _exported(file: CodeFile) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """A function of the name of each verb."""
    for found in _EXPORTED.finditer(file.code):
        yield () if found[1] == "ALL" else (found[1],), found.start(1), found[1]
    for again in _REEXPORTED.finditer(file.code):
        for verb in re.findall(r"\b(?:as\s+)?(GET|POST|PUT|PATCH|DELETE)\b", again[1]):
            yield (verb,), again.start(1), verb


def _default(file: CodeFile) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """One function for all verbs, or for those that it compares the request's with, or that the file is named for."""
    exported = _DEFAULT.search(file.code)
    if exported is not None:
        named = re.search(r"\.(get|post|put|patch|delete|head)\.[jt]sx?$", file.where.path)
        compared = (v for v in _COMPARED.findall(file.code) if v.lower() in VERBS)
        yield (named[1].upper(),) if named else tuple(dict.fromkeys(compared)), exported.start(), "default"


def _remix(file: CodeFile) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """What is loaded, and what is done, of a route without a page."""
    for found in _REMIX.finditer(file.code) if not _DEFAULT.search(file.code) else ():
        told = tuple(dict.fromkeys(v for v in _COMPARED.findall(file.code) if v.lower() in VERBS and v != "GET"))
        yield ("GET",) if found[1] == "loader" else told or ("POST",), found.start(1), found[1]


_LAYOUTS: Final = (
    _Layout(re.compile(r"(?:^|/)pages/(api(?:/.*)?)\.[jt]sx?$"), _default),
    _Layout(re.compile(r"(?:^|/)app/(?:(.*)/)?route\.[jt]sx?$"), _exported),
    _Layout(
        re.compile(
            r"(?:^|/)server/(?:routes/)?((?<=routes/).+?|api/.+?)(?:\.(?:get|post|put|patch|delete|head))?\.[jt]s$"
        ),
        _default,
        re.compile(r"\b(?:define\w*|event|cachedEvent)(?:Event)?Handler\b"),
    ),
    _Layout(re.compile(r"(?:^|/)src/routes/(?:(.*)/)?\+server\.[jt]s$"), _exported),
    _Layout(re.compile(r"(?:^|/)src/pages/(.+?)(?:\.\w+)?\.[jt]s$"), _exported),
    _Layout(
        re.compile(r"(?:^|/)app/routes/(.+?)(?:/route)?\.[jt]sx?$"), _remix, re.compile(r"@remix-run|react-router")
    ),
)


def is_file_route(path: str) -> bool:
    """Whether a file is a route by its path."""
    return any(layout.where.search(path) for layout in _LAYOUTS)


def file_routes(file: CodeFile) -> Iterator[Found]:
    """The routes that a file is by its path, as (verbs, template, line, handler)."""
    if file.language not in ("javascript", "typescript", "tsx"):
        return
    for layout in _LAYOUTS:
        found = layout.where.search(file.where.path)
        if found is None or not layout.mentions.search(file.text):
            continue
        path = _GROUP.sub("", found[1] or "")
        if layout.served is _remix:  # the parts are between dots, what varies begins with a dollar
            path = re.sub(r"\$(\w*)", r"[\1]", re.sub(r"(?:^|(?<=\.))_\w+\.|_(?=\.|$)|\.", "/", path)).replace(
                "[]", "[rest]"
            )
        template = joined(re.sub(r"(?:^|/)index$", "", path))
        served = list(layout.served(file))
        for verbs, at, handler in served:
            yield verbs, template, file.code.count("\n", 0, at) + 1, handler
        if served:
            return
