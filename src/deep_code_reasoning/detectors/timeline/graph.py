"""Who calls whom: from spans and metrics, and where they say nothing, from what services say of each other in logs."""

from __future__ import annotations

from ...domain.graph import ServiceGraph
from ...store import CaseStore
from .linked_spans import prepare_linked_spans
from .machines import prepare_machines
from .metric_calls import metric_calls
from .names import mentions
from .span_facts import prepare_span_facts

# Different warnings and errors that are searched for names of services.
_MAX_TEXTS = 5000


def service_graph(store: CaseStore) -> ServiceGraph:
    """Draw the service graph of a case.

    A call is a span whose parent is of another service, or one that names a known service as its peer
    (`peer.service`, else the address that it calls; OpenTelemetry semantic conventions): a database is known by its
    metrics, and by the host that these are of. Metrics that name the other end of a call are as good a witness
    (`metric_calls.py`). A service whose warnings or errors name another one is taken
    to call it (with 0 calls), unless spans show a path between the two: they are the better witness.
    """
    prepare_linked_spans(store)
    prepare_machines(store)
    rows = store.query(
        """
        SELECT parent_service AS caller, service AS callee, count() AS calls FROM linked_spans
        WHERE service != parent_service AND service != '' AND parent_service != ''
        GROUP BY caller, callee ORDER BY caller, callee
        """
    )
    calls = {(row["caller"], row["callee"]): int(row["calls"]) for row in rows}
    names = [
        row["service"]
        for row in store.query(
            """
            SELECT DISTINCT service FROM (
                SELECT toString(service) AS service FROM spans UNION ALL SELECT toString(service) FROM logs
                UNION ALL SELECT toString(service) FROM metrics
            ) WHERE service != '' ORDER BY service
            """
        )
    ]
    prepare_span_facts(store)
    peers = store.query(
        """
        SELECT caller, if(machine != '', machine, named) AS callee, sum(n) AS calls
        FROM (SELECT caller, callee AS named, calls AS n FROM span_facts) AS called
        LEFT ANY JOIN machines ON machines.host = called.named
        WHERE callee IN {names:Array(String)} AND callee != caller
        GROUP BY caller, callee ORDER BY caller, callee
        """,
        names=names,
    )
    for row in peers:
        calls.setdefault((row["caller"], row["callee"]), int(row["calls"]))
    machines = {row["host"]: row["machine"] for row in store.query("SELECT host, machine FROM machines ORDER BY host")}
    for (caller, callee), points in metric_calls(store, names, machines).items():
        if (callee, caller) not in calls:
            calls.setdefault((caller, callee), points)
    seen = ServiceGraph(tuple(names), dict(calls))
    for caller, callee in _spoken_of(store, names):
        if not seen.path(caller, callee) and not seen.path(callee, caller):
            calls.setdefault((caller, callee), 0)
    return ServiceGraph(tuple(names), calls)


def _spoken_of(store: CaseStore, names: list[str]) -> list[tuple[str, str]]:
    rows = store.query(
        """
        SELECT service, min(body) AS sample FROM logs
        WHERE severity IN ('warn', 'error', 'fatal') AND service != ''
        GROUP BY service, shape ORDER BY service, sample LIMIT {texts:UInt32}
        """,
        texts=_MAX_TEXTS,
    )
    return sorted({(row["service"], name) for row in rows for name in mentions(row["sample"], names, row["service"])})
