"""Who calls whom by the labels of metrics: a client counts its calls by whom it makes them to.

HTTP and RPC clients name the server (`server.address`, `peer.service`; OpenTelemetry semantic conventions), meshes and
graphs made of traces name both ends (`source_workload` and `destination_workload` of Istio, `dst_deployment` of
Linkerd, `upstream_cluster` of Envoy, `client` and `server` of service graphs), teams say `target`, `backend`,
`dependency`. What such a label says is believed where it is the name of a known service or its address in a cluster.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from ...store import CaseStore
from ..vocabulary.words import words

_CALLEE: Final = frozenset("peer upstream destination dest dst target callee remote backend dependency server".split())
# Who calls, where one who is called counts his callers; a `source` alone may be where data comes from.
_CALLER: Final = frozenset({"client", "caller"})
_SOURCE: Final = _CALLER | {"source", "src", "downstream"}
# What else of the other end is told, and what is called a destination and is no service.
_NO_NAME: Final = frozenset(
    "namespace version zone region port principal locality messaging topic queue revision".split()
)
# `server.address` of those who serve is their own.
_ADDRESS: Final = frozenset({"address", "host", "name"})
# A column of a table has room for a label's value alone: `outbound_latency_ms{orders}`.
_COLUMN: Final = re.compile(r"(.+)[{\[]([^{}\[\]=]+)[}\]]")
_OUTBOUND: Final = _CALLEE - {"server"} | {"outbound", "client", "outgoing", "egress"}
# `outbound|8080||orders.shop.svc.cluster.local`, `http://orders:8080/v1`, `orders.shop.svc`, `orders.internal`.
_HOST: Final = re.compile(
    r"(?:.*\|)?(?:\w+://)?(?P<name>[\w-]+)"
    r"(?:\.(?:[\w-]+\.)?(?:svc(?:\.[\w.-]+)?|local|internal|lan|consul))?(?::\d+)?(?:/.*)?"
)
# Who names more ends than that names its users.
_MOST_ENDS: Final = 20_000


def metric_calls(store: CaseStore, services: Sequence[str], machines: Mapping[str, str]) -> dict[tuple[str, str], int]:
    """The calls that metrics tell of, (caller, callee), with how many points tell of each.

    Args:
        store: the case.
        services: every known service.
        machines: the services that are known by their hosts, by these.
    """
    if not store.count("metrics"):
        return {}
    known = {name.lower(): name for name in services} | {host.lower(): name for host, name in machines.items()}
    # Where labels have too many names to be listed they are no vocabulary.
    labels = sorted(store.attribute_names("metrics") or ())
    keys = [key for key in labels if (parts := set(words(key))) & (_CALLEE | _SOURCE) and not parts & _NO_NAME]
    rows = store.query(
        """
        SELECT * FROM (
            SELECT service, name, arrayMap(key -> attributes[key], {keys:Array(String)}) AS told, count() AS points
            FROM metrics WHERE hasAny(mapKeys(attributes), {keys:Array(String)}) OR match(name, '[}\\\\]]$')
            GROUP BY service, name, told ORDER BY points DESC, service, name, told LIMIT {most:UInt32}
        ) ORDER BY service, name, told
        """,
        keys=keys,
        most=_MOST_ENDS,
    )
    calls: dict[tuple[str, str], int] = {}
    for row in rows:
        told = {key: name for key, value in zip(keys, row["told"], strict=True) if (name := _named(value, known))}
        pair = _pair(row["service"], row["name"], told) or _of_column(row["service"], row["name"], known)
        if pair and all(pair) and pair[0] != pair[1]:
            calls[pair] = calls.get(pair, 0) + int(row["points"])
    return calls


def _pair(service: str, metric: str, told: Mapping[str, str]) -> tuple[str, str] | None:
    serves = "server" in words(metric)
    callee = next(
        (
            name
            for key, name in told.items()
            if (parts := set(words(key))) & _CALLEE and not (serves and "server" in parts and parts & _ADDRESS)
        ),
        "",
    )
    callers = _SOURCE if callee else _CALLER
    caller = next((name for key, name in told.items() if set(words(key)) & callers), "")
    return (caller or service, callee or service) if caller or callee else None


def _of_column(service: str, metric: str, known: Mapping[str, str]) -> tuple[str, str] | None:
    column = _COLUMN.fullmatch(metric)
    if column is None or not _OUTBOUND & set(words(column[1])):
        return None
    return service, _named(column[2], known)


def _named(value: str, known: Mapping[str, str]) -> str:
    low = value.strip().lower()
    host = _HOST.fullmatch(low)
    return known.get(low) or (known.get(host["name"], "") if host else "")
