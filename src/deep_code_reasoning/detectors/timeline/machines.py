"""Machines of their own: databases, caches, brokers.

    machines    a row a host on which one service alone is known to run, which takes part in no trace: host, machine
                (that service)

All that such a host is busy with is its service's work, by whatever name that goes; who calls the host calls it.
"""

from __future__ import annotations

from ...store import CaseStore


def prepare_machines(store: CaseStore) -> None:
    """Make `machines`, once."""
    # Tables without rows are planned as long as others.
    told = ["spans", *(table for table in ("logs", "metrics") if store.count(table))]
    hosts = (f"SELECT DISTINCT toString(service) AS service, toString(host) AS host FROM {table}" for table in told)
    store.derive(
        "machines",
        f"""
        SELECT any(service) AS machine, host FROM ({" UNION DISTINCT ".join(hosts)})
        WHERE service != '' AND host != '' GROUP BY host
        HAVING count() = 1 AND machine NOT IN (SELECT DISTINCT toString(service) FROM spans)
        """,
        "machine String, host String",
    )
