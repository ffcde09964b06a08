"""Deploys that several records tell of, joined: the states that one went through, the commit of its pipeline.

What is told by one record alone is written at once; what has parts elsewhere waits until all files are read, as those
may stand in another file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..domain.rollout import PENDING
from ..store.writer import CaseWriter
from .change_records import unique

Row = dict[str, Any]

_FILLED: Final = ("service", "commit_sha", "version", "author", "message", "repo")
_OF_STATE: Final = ("state", "outcome", "url")
_OURS: Final = ("key", "merges")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stands, and how it begins."""

    source_id: int
    line: int
    offset: int
    excerpt: str


class ChangeJoin:
    """Takes what records tell of changes, and writes the rows."""

    def __init__(self, writer: CaseWriter) -> None:
        self._writer = writer
        self._taken: dict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._waiting: list[Row] = []
        self._parts: dict[str, list[tuple[Origin, Row]]] = defaultdict(list)

    def add(self, row: Row, origin: Origin, item: int) -> None:
        """Take a row: what is a change, or (`part`) tells more of one."""
        if row["kind"] == "part":
            self._parts[row["key"]].append((origin, row))
            return
        placed = {**row, "source_id": origin.source_id, "line": origin.line, "item": item}
        if row.get("key") or row.get("merges"):
            self._waiting.append(placed)
        else:
            self._write(placed)

    def end(self) -> None:
        """Write what waited; what tells of no deploy that is there is rejected."""
        same: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for number, row in enumerate(self._waiting):
            one = row["id"] if row["merges"] else number
            same[(row["source_id"], row["merges"], one)].append(row)
        for rows in same.values():
            parts = self._parts.get(rows[0]["key"], []) if rows[0]["key"] else []
            # A file that tells it all needs no other.
            own = [row for origin, row in parts if origin.source_id == rows[0]["source_id"]]
            self._write(_joined(rows, own or [row for _, row in parts]))
        known = {row["key"] for row in self._waiting}
        reason = "tells of a deploy or a run that is not in the evidence"
        for key, parts in self._parts.items():
            for origin, _ in parts if key not in known else ():
                self._writer.reject(origin.source_id, origin.line, reason, origin.excerpt, origin.offset)

    def _write(self, row: Row) -> None:
        cells = {name: cell for name, cell in row.items() if name not in _OURS}
        self._writer.rows("changes", [unique(cells, self._taken[row["source_id"]])])


def _joined(rows: Sequence[Row], parts: Sequence[Row]) -> Row:
    """One row of several: what the first does not say, from the others; the latest state; when it began in earnest.

    Where it is told that it waited at first (for its turn, for somebody's leave), it began when it no longer did.
    """
    first, *others = sorted(rows, key=lambda row: row["time_ns"])
    joined = {**first, "attributes": dict(first["attributes"])}
    for name in _FILLED:
        joined[name] = next(filter(None, (row.get(name) for row in (first, *others, *parts))), "")
    states = sorted((row for row in (*rows, *parts) if row["attributes"].get("state")), key=lambda row: row["time_ns"])
    if states:
        last = states[-1]["attributes"]
        kept = {name: text for name, text in joined["attributes"].items() if name not in _OF_STATE}
        joined["attributes"] = {**kept, **{name: last[name] for name in _OF_STATE if name in last}}
    waited = [row["attributes"].get("outcome") == PENDING for row in states]
    if any(waited):
        begun = (row["time_ns"] for row, had_to in zip(states, waited, strict=True) if not had_to)
        joined["time_ns"] = next(begun, joined["time_ns"])
    return joined
