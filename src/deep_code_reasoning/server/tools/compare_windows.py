"""`compare_windows`: what differs between two stretches of time."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from ..arguments import Arguments
from ..reply import page
from ..tool import Call, Facts, Tool, case_name

# Rows of each table in the overview.
_OVERVIEW: Final = {"values": 8, "call_tree": 8, "latency": 4, "operations": 8, "logs": 6, "metrics": 8}


class CompareWindows(Arguments):
    """Which case, and which stretches."""

    case: str
    a_from: str | None = Field(None, description="ISO 8601; default: the calm stretch of the investigation")
    a_to: str | None = None
    b_from: str | None = Field(None, description="Default: the bad stretch")
    b_to: str | None = None
    service: str = Field("", description="Only this one")
    table: Literal["all", "values", "call_tree", "latency", "operations", "logs", "metrics"] = Field(
        "all", description="Default all: the first rows of each"
    )
    cursor: str | None = Field(None, description="next_cursor, with table")


async def run(arguments: CompareWindows, call: Call) -> Facts:
    """Compare in a worker; the rows of each table that differ most, as many as fit."""
    from ...app.comparison import compare_windows

    compared = await call.workers.run(
        compare_windows,
        case_name(arguments.case),
        (arguments.a_from, arguments.a_to),
        (arguments.b_from, arguments.b_to),
        arguments.service,
    )
    stretches = {"case": arguments.case, "a": compared["a"], "b": compared["b"]}
    if arguments.table != "all":
        rows, following = page(compared[arguments.table], arguments.cursor)
        return {**stretches, "of": len(compared[arguments.table]), "next_cursor": following, arguments.table: rows}
    return {**stretches, **{table: compared[table][:count] for table, count in _OVERVIEW.items()}}


TOOL = Tool(
    name="compare_windows",
    title="Compare two stretches of time",
    description=(
        "What changed from stretch a to b of a case: values and pairs that b's bad requests share, the call tree, who "
        "owns the latency, operations, log templates, metrics; pairs are [a, b], the most changed first."
    ),
    arguments=CompareWindows,
    run=run,
)
