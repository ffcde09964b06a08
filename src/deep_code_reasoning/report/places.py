"""Places in code as text and as JSON."""

from __future__ import annotations

from typing import Any, Final

from ..domain.citation import Citation
from ..source.index import UnitHit
from ..source.localise import Place
from ..source.located import Located
from .plain import printable

_SCHEMA: Final = "deep-code-reasoning/places/1"
# Functions and classes of a file that are named; the rest fit less.
_UNITS: Final = 5


def places_as_json(found: Located) -> dict[str, Any]:
    """One object: the places, best first, the statements that wrote log lines, what was looked at and left out."""
    return {
        "schema": _SCHEMA,
        "places": [
            {
                "rank": rank,
                "repo": place.repo,
                "path": place.path,
                "lines": list(place.lines),
                "lines_now": [found.now.get((place.repo, place.path, line), line) for line in place.lines],
                "units": [
                    {"kind": unit.kind, "name": unit.name, "lines": [unit.first_line, unit.last_line]}
                    for unit in place.units[:_UNITS]
                ],
                "reasons": list(place.reasons),
                "citation": str(_citation(place)),
            }
            for rank, place in enumerate(found.places, start=1)
        ],
        "written_by": [
            {
                "log_line": line,
                "citation": str(Citation("code", f"{origin.repo}/{origin.path}#{origin.line}")),
                "line_now": found.now.get((origin.repo, origin.path, origin.line), origin.line),
            }
            for line, origin in found.written_by
        ],
        "searched": [
            {
                "repo": repo,
                "files": done.files,
                "new_files": done.new_files,
                "by_name_only": done.apart,
                "left_out": [{"path": item.path, "reason": item.reason} for item in done.left_out],
            }
            for repo, done in found.indexed
        ],
        "more_files_than_listed": found.unlisted,
    }


def places_as_text(found: Located) -> str:
    """A file a paragraph, then the statements that wrote log lines, and what was looked at."""
    lines = []
    for rank, place in enumerate(found.places, start=1):
        at = f":{place.lines[0]}" if place.lines else ""
        why = f"  ({', '.join(place.reasons)})" if place.reasons else ""
        lines.append(f"{rank:>3}  {printable(f'{place.repo}/{place.path}')}{at}{why}")
        lines += [f"       {_unit(unit)}" for unit in place.units[:_UNITS] if unit.kind != "module"]
    if not found.places:
        lines.append("nothing that is searched shares a rare word with it")
    for line, origin in found.written_by:
        now = found.now.get((origin.repo, origin.path, origin.line), origin.line)
        moved = "" if now == origin.line else " (now gone)" if now is None else f" (now line {now})"
        lines.append(f"{printable(f'{origin.repo}/{origin.path}')}:{origin.line}{moved} writes: {printable(line, 100)}")
    for repo, done in found.indexed:
        left_out = f", {len(done.left_out):,} left out" if done.left_out else ""
        apart = f", {done.apart:,} of tests and the like by name only" if done.apart else ""
        lines.append(f"searched {printable(repo)}: {done.files:,} files, {done.new_files:,} new{apart}{left_out}")
    if found.unlisted:
        lines.append("the folders hold more files than are listed; give narrower ones")
    return "\n".join(lines)


def _unit(unit: UnitHit) -> str:
    return f"{unit.first_line}-{unit.last_line}  {printable(unit.name, 120)}"


def _citation(place: Place) -> Citation:
    line = next(iter(place.lines), None) or next((unit.first_line for unit in place.units), 1)
    return Citation("code", f"{place.repo}/{place.path}#{line}")
