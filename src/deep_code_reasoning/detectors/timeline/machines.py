"""Which services run on which hosts, and which machines are a service's own: databases, caches, brokers.

    machines    a row a host on which one service alone is known to run, which takes part in no trace: host, machine
                (that service)

All that such a host is busy with is its service's work, by whatever name that goes; who calls the host calls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...store import CaseStore
from .linked_spans import CLOCK_OF

# More are pods by the thousand, of which no sentence names one.
_MAX_HOSTS: Final = 5000


@dataclass(frozen=True, slots=True)
class Host:
    """A host, or a node of it, and the services that run there, by what tells so; '' for one that is not named.

    Where spans name no host it is the instance, else the service, that stands for it.
    """

    traced: frozenset[str]
    measured: frozenset[str]
    logged: frozenset[str]


def hosts(store: CaseStore) -> dict[str, Host]:
    """All hosts that spans, metrics and logs are of, by their names, the longest first."""
    return store.once("hosts", lambda: _hosts(store))


def _hosts(store: CaseStore) -> dict[str, Host]:
    told = ("spans", "metrics", "logs")
    services = ", ".join(f"groupUniqArrayIf(service, told = '{table}') AS {table}" for table in told)
    rows = store.query(
        f"""
        SELECT name, {services} FROM (
            SELECT 'spans' AS told, toString(service) AS service, {CLOCK_OF} AS name FROM spans
            UNION ALL SELECT 'spans', toString(service), resource['k8s.node.name'] FROM spans
            UNION ALL SELECT 'metrics', toString(service), toString(host) FROM metrics
            UNION ALL SELECT 'logs', toString(service), toString(host) FROM logs
        )
        WHERE name != '' GROUP BY name ORDER BY length(name) DESC, name LIMIT {_MAX_HOSTS}
        """
    )
    return {str(row["name"]): Host(*(frozenset(row[table]) for table in told)) for row in rows}


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
