"""Which services a case knows."""

from __future__ import annotations

from typing import Final

from ...store import CaseStore

# A case of so many has names of something else among them.
_MOST_SERVICES: Final = 10_000


def service_names(store: CaseStore) -> frozenset[str]:
    """Every service that the case knows by name."""
    return store.once("service names", lambda: _named_in(store, "spans", "logs", "metrics", "changes"))


def running_services(store: CaseStore) -> frozenset[str]:
    """Every service that anything tells of which runs: a deploy may be of what does not."""
    return store.once("running services", lambda: _named_in(store, "spans", "logs", "metrics"))


def traced_services(store: CaseStore) -> frozenset[str]:
    """Every service that has spans."""
    return frozenset(row["service"] for row in store.query("SELECT DISTINCT service FROM spans ORDER BY service"))


def _named_in(store: CaseStore, *tables: str) -> frozenset[str]:
    all_rows = " UNION ALL ".join(f"SELECT service FROM {table}" for table in tables if store.count(table))
    if not all_rows:
        return frozenset()
    rows = store.query(
        f"SELECT DISTINCT service FROM ({all_rows}) WHERE service != '' ORDER BY service LIMIT {{most:UInt32}}",
        most=_MOST_SERVICES,
    )
    return frozenset(row["service"] for row in rows)
