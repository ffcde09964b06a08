"""Code around what is asked about and what the telemetry names: read through the roots, one draft a file.

Places come from the scope (files, entry points), from stack traces in logs and exceptions, from `code.*` attributes
of spans, and from the paths that suspicious commits touch. Lines near such a place are worth the most. Then come the
functions that fit best what the evidence and the question say, of the files that these lead to (`source/selection.py`).
Every line that is shown is cited, so that none is sent twice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ...domain.citation import Citation
from ...domain.pack import Piece
from ...domain.tokens import estimate_tokens
from ...errors import SourceError, SourceNotFoundError
from ...source.roots import Roots, SourceFile, SourcePath
from ...source.selection import Lead, select_lines
from ..draft import Draft, Line
from ..shares import ASKED_SHARE
from ..subject import Subject
from .code_places import places_of_telemetry

# Lines on each side of a place at the usual depth: a function and what calls it.
_RADIUS: Final = 40
# Files of the telemetry's that are offered at the usual depth, the most often named first.
_MAX_FILES: Final = 12
_MAX_NAMESAKES: Final = 2
# What may be chosen of the files that the evidence leads to, beside the evidence itself; and of those that the question
# leads to where there is no evidence: code is then all there is, less the fences.
_SHARE_OF_TOLD: Final = 0.3
_SHARE_ALONE: Final = 0.9
# Tokens of a line's number and of its break.
_NUMBER_TOKENS: Final = 3
_DEFINITION: Final = re.compile(
    r"\s*(?:(?:export|public|private|protected|static|async|abstract|final|override|pub|inline|virtual)\s+)*"
    r"(?:def|class|function|func|fn|interface|struct|enum|trait|impl|type|module|package|import|from|use|#include)\b"
)
_ENTRY_POINT: Final = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?::(?P<function>[\w.$<>~-]+))?")


@dataclass
class _Places:
    """What is asked of one file: lines with their worth, and whether the caller asked."""

    lines: dict[int, float] = field(default_factory=dict)
    whole: bool = False
    asked: bool = False
    worth: float = 0.0

    def add(self, line: int, worth: float) -> None:
        if line > 0:
            self.lines[line] = max(worth, self.lines.get(line, 0.0))
        self.worth += worth


def drafts(subject: Subject) -> Iterator[Draft]:
    """A draft a file: those that the telemetry names, then those of the scope.

    A file that was asked for and not read is a draft without lines whose note says why.
    """
    named: dict[SourcePath, _Places] = defaultdict(_Places)
    for place in places_of_telemetry(subject) if subject.roots else ():
        found = subject.roots.find(place.path)
        # A bare name that several files share says nothing.
        for where in found if len(found) <= _MAX_NAMESAKES else ():
            named[where].add(place.line, place.worth)
    radius = subject.many(_RADIUS)
    chosen = _chosen(subject.told, int(_SHARE_OF_TOLD * subject.budget_tokens))
    ordered = sorted(named, key=lambda where: (-named[where].worth, where))
    for where in ordered[: subject.many(_MAX_FILES)]:
        with suppress(SourceError):  # nobody asked for it
            yield _draft(subject.roots.read(where), named[where], radius, chosen.pop(where, {}))
    for rank, (where, lines) in enumerate(chosen.items()):
        with suppress(SourceError):
            yield _draft(subject.roots.read(where), _Places(worth=1 / (rank + 1)), radius, lines)
    yield from _asked_drafts(subject, radius)


def _asked_drafts(subject: Subject, radius: int) -> Iterator[Draft]:
    """Files of the scope, then those that the question leads to."""
    asked: dict[SourcePath, _Places] = {}
    for path, line, function in _asked(subject):
        try:
            file = _read(subject.roots, path)
        except SourceError as refusal:
            yield Draft(f"code/{path}", f"Code: {path}", (), asked=True, note=refusal.message)
            continue
        places = asked.setdefault(file.where, _Places(asked=True))
        places.add(line or _line_of(file, function), 2.0)
        places.whole = places.whole or not (line or function)
    share = ASKED_SHARE if subject.services else _SHARE_ALONE
    chosen = _chosen(subject.asked, int(share * subject.budget_tokens))
    for where, places in asked.items():
        yield _draft(subject.roots.read(where), places, radius, chosen.pop(where, {}))
    for rank, (where, lines) in enumerate(chosen.items()):
        with suppress(SourceError):
            yield _draft(subject.roots.read(where), _Places(asked=True, worth=-rank / (rank + 1)), radius, lines)


def chosen_pieces(roots: Roots, lead: Lead, max_tokens: int) -> list[Piece]:
    """The lines of files that fit a report best, a piece a file, the likeliest file first.

    Raises:
        SourceError: when a file cannot be read any more.
    """
    pieces = []
    for file in select_lines(lead, max_tokens, _numbered_tokens):
        where = SourcePath(file.repo, file.path)
        piece = _draft(roots.read(where), _Places(), 0, file.lines).piece(max_tokens)
        max_tokens -= estimate_tokens(piece.text)
        if piece.text:
            pieces.append(piece)
    return pieces


def _numbered_tokens(line: str) -> int:
    """What a line takes with its number before it."""
    return estimate_tokens(line) + _NUMBER_TOKENS


def _chosen(lead: Lead, budget_tokens: int) -> dict[SourcePath, Mapping[int, float]]:
    """By file, the likeliest first: lines with their worth, beside that of the best of all."""
    found = select_lines(lead, budget_tokens, _numbered_tokens)
    best = max((worth for file in found for worth in file.lines.values()), default=1.0)
    return {
        SourcePath(file.repo, file.path): {line: worth / best for line, worth in file.lines.items()} for file in found
    }


def code_piece(
    roots: Roots,
    path: str,
    line: int = 0,
    max_tokens: int | None = None,
    radius: int = _RADIUS,
) -> Piece:
    """A file, or the lines around one of it.

    Raises:
        SourceError: when it may not or cannot be read.
    """
    places = _Places(whole=not line, asked=True)
    places.add(line, 2.0)
    return _draft(_read(roots, path), places, radius).piece(max_tokens)


def _read(roots: Roots, path: str) -> SourceFile:
    """A file by its path, or else the only one of which that path is the end."""
    try:
        return roots.read(path)
    except SourceNotFoundError:
        ends = [where for where in roots.find(path) if str(where).endswith(f"/{path}")]
        if len(ends) != 1:
            raise
        return roots.read(ends[0])


def _asked(subject: Subject) -> Iterator[tuple[str, int, str]]:
    """(path, line, function) of the scope."""
    for path in subject.scope.files:
        match = _ENTRY_POINT.fullmatch(path)
        yield (match["file"], int(match["line"]), "") if match else (path, 0, "")
    for entry in subject.scope.entry_points:
        match = _ENTRY_POINT.fullmatch(entry)
        yield (match["file"], int(match["line"]), match["function"] or "") if match else (entry, 0, "")


def _line_of(file: SourceFile, function: str) -> int:
    """Where a function is defined, as far as plain text tells; 0 when it is not found."""
    name = re.escape(re.split(r"[.:#]", function)[-1]) if function else ""
    if not name:
        return 0
    for number, line in enumerate(file.lines, start=1):
        if re.search(rf"\b{name}\b", line) and (
            _DEFINITION.match(line) or re.search(rf"\b{name}\s*[=(].*[{{:]\s*$", line)
        ):
            return number
    return 0


def _draft(file: SourceFile, places: _Places, radius: int, chosen: Mapping[int, float] = MappingProxyType({})) -> Draft:
    """All lines of the file, so that redaction sees the whole; those that are not offered weigh nothing."""
    weights = _weights(file.lines, places, radius, chosen)
    width = len(str(len(file.lines)))
    lines = []
    for number, text in enumerate(file.lines, start=1):
        weight = weights.get(number, 0.0)
        cited = (Citation("code", f"{file.where}#{number}"),) if weight else ()
        lines.append(Line(f"{number:>{width}} {text}", cited, weight))
    value = 1.0 + places.worth if places.asked else min(1.0, places.worth / 3)
    return Draft(f"code/{file.where}", f"Code: {file.where}", tuple(lines), "", "lines", value, places.asked)


def _weights(lines: Sequence[str], places: _Places, radius: int, chosen: Mapping[int, float]) -> dict[int, float]:
    weights: dict[int, float] = {}
    if places.whole or not (places.lines or chosen):
        shown: Iterable[int] = range(1, len(lines) + 1) if places.whole else range(1, min(len(lines), 2 * radius) + 1)
        for number in shown:
            weights[number] = 0.6 if _DEFINITION.match(lines[number - 1]) else 0.2
    for number, worth in chosen.items():
        if number <= len(lines):  # the file may be another one by now
            weights[number] = weights.get(number, 0.0) + worth
    for place, worth in places.lines.items():
        for number in range(max(1, place - radius), min(len(lines), place + radius) + 1):
            near = worth * (1 - abs(number - place) / (radius + 1))
            weights[number] = max(weights.get(number, 0.0), near)
    return weights
