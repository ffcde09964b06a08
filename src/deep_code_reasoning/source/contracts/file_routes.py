"""Routes that are files: Next.js `pages/api` and `app`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .frameworks import VERBS
from .syntax import CodeFile
from .templates import joined

Found = tuple[tuple[str, ...], str, int, str]
_PAGES: Final = re.compile(r"(?:^|/)pages/(api(?:/.*)?)\.[jt]sx?$")
_APP: Final = re.compile(r"(?:^|/)app/(?:(.*)/)?route\.[jt]sx?$")
_EXPORTED: Final = re.compile(
    r"(?m)^\s*export\s+(?:async\s+)?(?:function\s+|const\s+)(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\b"
)
_REEXPORTED: Final = re.compile(r"(?m)^\s*export\s*\{([^}]*)\}")
_COMPARED: Final = re.compile(r"(?:\bmethod\b[^\n]{0,40}?[=!]==?\s*|\bcase\s+)['\"]([A-Z]{3,7})['\"]")
_DEFAULT: Final = re.compile(r"(?m)^\s*(?:export\s+default\b|module\.exports\s*=)")


def is_file_route(path: str) -> bool:
    """Whether a file is a route by its path."""
    return _PAGES.search(path) is not None or _APP.search(path) is not None


def file_routes(file: CodeFile) -> Iterator[Found]:
    """The routes that a file is by its path, as (verbs, template, line, handler)."""
    if file.language not in ("javascript", "typescript", "tsx"):
        return
    page, app = _PAGES.search(file.where.path), _APP.search(file.where.path)
    if page:
        exported = _DEFAULT.search(file.text)
        if exported:
            verbs = tuple(dict.fromkeys(v for v in _COMPARED.findall(file.text) if v.lower() in VERBS))
            yield verbs, joined(re.sub(r"(?:^|/)index$", "", page[1])), _line(file, exported.start()), "default"
    elif app:
        parts = [part for part in (app[1] or "").split("/") if not part.startswith(("(", "@"))]
        for exported in _EXPORTED.finditer(file.text):
            yield (exported[1],), joined(*parts), _line(file, exported.start(1)), exported[1]
        for again in _REEXPORTED.finditer(file.text):
            for verb in re.findall(r"\b(?:as\s+)?(GET|POST|PUT|PATCH|DELETE)\b", again[1]):
                yield (verb,), joined(*parts), _line(file, again.start(1)), verb


def _line(file: CodeFile, at: int) -> int:
    return file.text.count("\n", 0, at) + 1
