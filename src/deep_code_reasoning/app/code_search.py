"""Code that may be read: searched line by line, and read around a line."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from ..errors import SourceError, UsageError
from ..packing.pieces.code import chosen_pieces, code_piece
from ..packing.redaction import redact
from ..source import Roots
from ..source.roots import SourceFile, SourcePath
from .localise import lead

# A search ends after this long and says so; a hundred thousand files take about as long.
_MAX_SECONDS: Final = 20.0
# Files that are named, the likeliest first; the lines of most of them are not shown.
_MAX_FILES: Final = 20
# Longer lines are generated; a pattern over them may take forever.
_MAX_LINE: Final = 1_000


def search_code(
    roots: Sequence[Path], query: str, path_pattern: str, is_regex: bool, max_matches: int
) -> dict[str, Any]:
    """Lines that hold a text, or match a regular expression, in the files of the roots; secrets are taken out.

    Raises:
        UsageError: when the expression is none.
    """
    pattern = _compiled(query, is_regex)
    code = Roots(roots)
    files = [where for where in code.files if not path_pattern or _fits(where, path_pattern)]
    matches: list[dict[str, Any]] = []
    until = time.monotonic() + _MAX_SECONDS
    searched = 0
    for where in files:
        if len(matches) >= max_matches or time.monotonic() > until:
            break
        searched += 1
        file = _read(code, where)
        if file is not None:
            matches += _matches(file, pattern)[: max_matches - len(matches)]
    return {
        "matches": matches,
        "files_searched": searched,
        "files": len(files),
        "complete": searched == len(files),
        "roots": list(code.names),
    }


def code_about(roots: Sequence[Path], report: str, max_tokens: int) -> dict[str, Any]:
    """The functions that a report in words is most likely about, with what holds them together, secrets taken out.

    Raises:
        UnreadableSourceError: when the index cannot be used.
    """
    code = Roots(roots)
    found = lead(report, code)
    pieces = chosen_pieces(code, found, max_tokens)
    return {
        "files": [f"{place.repo}/{place.path}" for place in (c.place for c in found.candidates[:_MAX_FILES])],
        "code": "\n\n".join(f"{piece.title}\n{piece.text}" for piece in pieces),
        "roots": list(code.names),
    }


def read_code(roots: Sequence[Path], path: str, line: int, max_tokens: int) -> dict[str, Any]:
    """A file, or the lines around one of it.

    Raises:
        SourceError: when it may not or cannot be read.
    """
    code = Roots(roots)
    where = code.resolve(path)
    piece = code_piece(code, str(where), line, max_tokens)
    return {"file": str(where), "code": piece.text}


def _compiled(query: str, is_regex: bool) -> re.Pattern[str]:
    try:
        return re.compile(query if is_regex else re.escape(query))
    except re.error as fault:
        raise UsageError(
            f"the regular expression cannot be read: {fault}", "set regex to false to search for plain text"
        ) from fault


def _fits(where: SourcePath, pattern: str) -> bool:
    return fnmatch(where.path, pattern) or fnmatch(str(where), pattern) or fnmatch(where.path, f"*/{pattern}")


def _read(code: Roots, where: SourcePath) -> SourceFile | None:
    """A file's text; None for what is no text, too large, or gone."""
    try:
        return code.read(where)
    except SourceError:
        return None


def _matches(file: SourceFile, pattern: re.Pattern[str]) -> list[dict[str, Any]]:
    return [
        {"at": f"code:{file.where}#{number}", "line": redact(line.strip()).text[:240]}
        for number, line in enumerate(file.lines, start=1)
        if len(line) <= _MAX_LINE and pattern.search(line)
    ]
