"""One SELECT over the case."""

from __future__ import annotations

import json
from typing import Annotated, Final

from pydantic import Field
from pydantic.dataclasses import dataclass

from ...domain.asking import Tool
from ...errors import EngineError, QueryError
from ...store.schema import TABLES
from ...store.user_query import checked, run_bounded
from ..bench import Bench

_MAX_ROWS: Final = 200


@dataclass
class QueryEvidence:
    """Arguments of the tool."""

    sql: Annotated[str, Field(description="One SELECT in ClickHouse SQL. Aggregate; rows that come back are few.")]
    max_rows: Annotated[int, Field(ge=1, le=_MAX_ROWS)] = 50


def make(bench: Bench) -> Tool:
    """The tool."""

    def run(wanted: QueryEvidence) -> str:
        statement = checked(wanted.sql)
        try:
            rows = run_bounded(bench.case, statement, wanted.max_rows + 1)
        except EngineError as refusal:
            raise QueryError(refusal.message, "the tables and columns are in the tool's description") from refusal
        more = len(rows) > wanted.max_rows
        head = f"{min(len(rows), wanted.max_rows)} rows" + (", and there are more" if more else "")
        lines = [json.dumps(row, ensure_ascii=False) for row in rows[: wanted.max_rows]]
        return bench.shown_lines("query/rows", "Rows of a query", lines, head)

    return Tool("query_evidence", _description(), QueryEvidence, run)


def _description() -> str:
    tables = "\n".join(
        f"{table.name}({', '.join(column.name for column in table.columns)})" for table in TABLES.values()
    )
    return (
        "Runs one read-only SELECT over the evidence. Times are nanoseconds since the epoch; absent text is '', absent "
        "numbers are NaN; attributes are maps of text. Cite spans as span:trace_id/span_id, log records as "
        f"log:SOURCE@line.\nTables:\n{tables}"
    )
