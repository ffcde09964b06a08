"""`query_evidence`: one read-only SELECT over a case."""

from __future__ import annotations

from pydantic import Field

from ...store.schema import TABLES
from ..arguments import Arguments
from ..reply import MAX_BYTES, page, place_of
from ..tool import Call, Facts, Tool, case_name

_MOST_ROWS = 1_000


class QueryEvidence(Arguments):
    """What is asked of which case."""

    case: str
    sql: str = Field(
        max_length=20_000, description="One SELECT, ClickHouse dialect; times are integers in ns since 1970"
    )
    max_rows: int = Field(50, ge=1, le=_MOST_ROWS, description="Default 50")
    cursor: str | None = Field(None, description="next_cursor; the query runs again, so ORDER BY")


async def run(arguments: QueryEvidence, call: Call) -> Facts:
    """Query in a worker; rows that do not fit come with the cursor."""
    from ...app.cases import query_case

    rows = await call.workers.run(query_case, case_name(arguments.case), arguments.sql, arguments.max_rows)
    columns = list(rows[0]) if rows else []
    shown, following = page([list(row.values()) for row in rows], arguments.cursor, MAX_BYTES - 1_200)
    return {
        "case": arguments.case,
        "rows_found": len(rows),
        "more_rows_exist": len(rows) == arguments.max_rows,
        "from": place_of(arguments.cursor),
        "next_cursor": following,
        "columns": columns,
        "rows": shown,
    }


def _tables() -> str:
    kept = {
        "spans": "trace_id span_id parent_span_id service name kind start_ns duration_ns status",
        "logs": "time_ns service severity body shape trace_id",
        "metrics": "time_ns service instance name value",
        "changes": "kind id time_ns service repo author message files diff",
    }
    others = ", ".join(name for name in TABLES if name not in kept)
    return "; ".join(f"{name}({columns})" for name, columns in kept.items()) + f"; also {others}"


TOOL = Tool(
    name="query_evidence",
    title="Query a case's evidence with SQL",
    description=(
        f"Read-only SQL over a case: {_tables()}. All columns: resource case://schema. Aggregate in SQL; 30 s at most."
    ),
    arguments=QueryEvidence,
    run=run,
)
