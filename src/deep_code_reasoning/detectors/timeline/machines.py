"""Machines of their own: databases, caches, brokers.

    machines    a row a host on which one service alone is known to run, which takes part in no trace: host, machine
                (that service)

All that such a host is busy with is its service's work, by whatever name that goes; who calls the host calls it.
"""

from __future__ import annotations

from ...store import CaseStore


def prepare_machines(store: CaseStore) -> None:
    """Make `machines`, once."""
    store.derive(
        "machines",
        """
        SELECT any(service) AS machine, host FROM (
            SELECT DISTINCT toString(service) AS service, toString(host) AS host FROM spans
            UNION DISTINCT SELECT DISTINCT toString(service), toString(host) FROM logs
            UNION DISTINCT SELECT DISTINCT toString(service), toString(host) FROM metrics
        )
        WHERE service != '' AND host != '' GROUP BY host
        HAVING count() = 1 AND machine NOT IN (SELECT DISTINCT toString(service) FROM spans)
        """,
        "machine String, host String",
    )
