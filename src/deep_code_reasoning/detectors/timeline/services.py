"""Which services a case knows."""

from __future__ import annotations

from ...store import CaseStore


def service_names(store: CaseStore) -> frozenset[str]:
    """Every service that the case knows by name."""
    statement = (
        "SELECT DISTINCT service FROM (SELECT service FROM spans UNION ALL SELECT service FROM logs "
        "UNION ALL SELECT service FROM metrics "
        "UNION ALL SELECT service FROM changes) WHERE service != '' ORDER BY service LIMIT 10000"
    )
    return store.once("service names", lambda: frozenset(row["service"] for row in store.query(statement)))


def traced_services(store: CaseStore) -> frozenset[str]:
    """Every service that has spans."""
    return frozenset(row["service"] for row in store.query("SELECT DISTINCT service FROM spans ORDER BY service"))
