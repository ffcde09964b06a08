"""Who calls whom, from spans."""

from __future__ import annotations

from ...domain.graph import ServiceGraph
from ...store import CaseStore


def service_graph(store: CaseStore) -> ServiceGraph:
    """Draw the service graph of a case from parent and child spans of different services."""
    rows = store.query(
        """
        SELECT p.service AS caller, c.service AS callee, count() AS calls
        FROM spans AS c JOIN spans AS p ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id
        WHERE c.service != p.service
        GROUP BY caller, callee ORDER BY caller, callee
        """
    )
    names = sorted({row["caller"] for row in rows} | {row["callee"] for row in rows})
    return ServiceGraph(tuple(names), {(row["caller"], row["callee"]): int(row["calls"]) for row in rows})
