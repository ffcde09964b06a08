"""What a case that is being written already knows of time: by it, evidence without date or zone is placed.

Readers of undated evidence run last; what the others wrote by then is asked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from . import engine
from .schema import TABLES
from .writer import CaseWriter

# Which tables tell best when the incident was: what the system itself wrote, before what others wrote of it.
_TELLING: Final = (("spans", "logs"), ("metrics",), ("notices",), ("changes",))
_SAMPLE_ROWS: Final = 1_000_000
# Records with absurd times are not neighbours: this share is left out at either end.
_TAIL: Final = 0.01


def known_range(writer: CaseWriter) -> tuple[int, int] | None:
    """From when to when the dated evidence written so far is, outliers apart; None when there is none."""
    for tables in _TELLING:
        selects = [select for table in tables if (select := _times_of(writer, table))]
        if not selects:
            continue
        times = f"({' UNION ALL '.join(selects)})"
        count = int(writer.database.query(f"SELECT count() AS n FROM {times}")[0]["n"])
        if count:
            # A sample by content: the same evidence gives the same range.
            every = count // _SAMPLE_ROWS + 1
            row = writer.database.query(
                f"SELECT quantilesExact({_TAIL}, {1 - _TAIL})(t) AS q FROM {times} "
                f"WHERE cityHash64(t, line, item) % {every} = 0"
            )[0]
            return int(row["q"][0]), int(row["q"][1])
    return None


def trace_starts(writer: CaseWriter, trace_ids: Sequence[str]) -> dict[str, int]:
    """When each of these traces began, of those that are known from spans written so far."""
    paths = writer.finished("spans")
    if not paths or not trace_ids:
        return {}
    rows = writer.database.query(
        f"SELECT trace_id, min(start_ns) AS t FROM ({engine.scan_of(paths, TABLES['spans'].structure)}) "
        "WHERE trace_id IN {ids:Array(String)} AND start_ns > 0 GROUP BY trace_id ORDER BY trace_id",
        ids=list(trace_ids),
    )
    return {row["trace_id"]: int(row["t"]) for row in rows}


def _times_of(writer: CaseWriter, table: str) -> str:
    paths = writer.finished(table)
    if not paths:
        return ""
    # What was placed by guessing is no neighbour.
    condition = " AND time_guess = ''" if table == "logs" else ""
    time, rows = TABLES[table].time, engine.scan_of(paths, TABLES[table].structure)
    return f"SELECT {time} AS t, line, item FROM ({rows}) WHERE {time} > 0{condition}"
