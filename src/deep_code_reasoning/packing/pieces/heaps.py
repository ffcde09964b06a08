"""Heap dumps as the places where objects pile up, dump by dump: what grew stands beside what it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...domain.citation import heap_citation
from ...store import Row
from ..draft import Draft, Line
from ..subject import Subject
from .wording import moment, number

_MAX_HOLDERS: Final = 200


def drafts(subject: Subject) -> Iterator[Draft]:
    """The largest piles of all dumps, by service, place and time."""
    if not subject.store.count("heap_holders"):
        return
    rows = subject.store.query(
        f"SELECT * FROM (SELECT * FROM heap_holders ORDER BY retained_bytes / heap_bytes DESC, dump, node "
        f"LIMIT {_MAX_HOLDERS}) ORDER BY service, path, time_ns, dump, node"
    )
    head = (
        "A line is a place in a heap dump where objects pile up: the way to it, what it keeps alive, of which classes."
    )
    yield Draft("metric/heaps", "Heap dumps", tuple(_line(row) for row in rows), head, "places", 1.0)


def _line(row: Row) -> Line:
    share = float(row["retained_bytes"]) / max(1.0, float(row["heap_bytes"]))
    held = ", ".join(
        f"{number(count)} {name}"
        for name, count in zip(row["content_classes"][:4], row["content_counts"], strict=False)
    )
    names = "; ".join(f"{field} = {text}" for field, text in sorted(row["attributes"].items()))
    cited = heap_citation(str(row["dump"]), str(row["node"]))
    text = (
        f"{row['service']} {moment(row['time_ns'])}: {' > '.join(row['path'])} keeps "
        f"{number(float(row['retained_bytes']) / 1e6)} MB alive ({share:.0%}): {held}"
        f"{f'; {names}' if names else ''} [{cited}]"
    )
    return Line(text, (cited,), share)
