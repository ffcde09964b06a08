"""One service under one name, however its sources spell it.

Zipkin's exporters write names of services in small letters, metrics exporters turn hyphens into underscores, and logs
keep what the program is called. Names that have the same letters and digits are one service's, which goes by the
spelling that keeps most: the capitals and separators that others lost.

A service mesh puts a proxy beside every instance, which tells of the same requests under a name of its own: the
service's with its namespace (Istio), or with a word for what it is. What both tell is one service's, too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from .engine import Database
from .schema import Table

# What a proxy's name adds to that of the service beside which it runs.
_OF_PROXY: Final = re.compile(r"\.[a-z0-9-]+|[-_.](?:istio|envoy|linkerd|mesh)?[-_]?(?:proxy|sidecar|envoy)", re.ASCII)
# Envoy says so of each of its spans, whoever runs it; the others are what Istio has it add.
_BY_PROXY: Final = (
    "attributes['component'] = 'proxy' OR attributes['upstream_cluster'] != '' OR attributes['istio.mesh_id'] != ''"
)


def spellings_of(services: Iterable[str], proxies: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Find the spellings that are not the one to use, each with that one.

    Args:
        services: names as the sources spell them; of spellings that keep as much as each other the first is used.
        proxies: names of proxies, each with that of the service beside which it runs.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for service in dict.fromkeys(services):
        alike["".join(filter(str.isalnum, service)).lower()].append(service)
    chosen = {}
    for letters, names in alike.items():
        if letters:
            best = max(names, key=_kept)
            chosen.update({name: best for name in names if name != best})
    beside = {proxy: chosen.get(service, service) for proxy, service in (proxies or {}).items()}
    return {**{name: beside.get(best, best) for name, best in chosen.items()}, **beside}


def proxies_of(database: Database, spans: str, services: Iterable[str]) -> Mapping[str, str]:
    """Find the services that are proxies beside another, each with that: by their names and by all of their spans.

    Args:
        database: where the scan can be run.
        spans: a scan of spans, `service` and `attributes`.
        services: all services of the case.
    """
    names = sorted(set(services))
    beside = {
        proxy: service
        for service in names  # of names that begin alike the longest is kept
        for proxy in names
        if service and proxy.startswith(service) and _OF_PROXY.fullmatch(proxy, len(service))
    }
    if not beside:
        return {}
    proxies = database.query(
        f"SELECT toString(service) AS name FROM ({spans}) WHERE service IN {{names:Array(String)}} "
        f"GROUP BY name HAVING min({_BY_PROXY}) ORDER BY name",
        names=sorted(beside),
    )
    return {row["name"]: beside[row["name"]] for row in proxies}


def read_as_one(spellings: Mapping[str, str]) -> tuple[str, ...]:
    """In words, which names are read as one service's; nothing where every service has one spelling."""
    others: dict[str, list[str]] = defaultdict(list)
    for spelling, name in sorted(spellings.items()):
        others[name].append(spelling)
    return tuple(f"{', '.join(names)} and {name} are read as one service" for name, names in sorted(others.items()))


def respelled(table: Table, scan: str) -> str:
    """A scan of a table with one name a service (by the table `service_spellings`), where it has services."""
    if not table.has("service"):
        return scan
    name = "CAST(if(s.name != '', s.name, toString(t.service)), 'LowCardinality(String)')"
    return (
        f"SELECT t.* REPLACE ({name} AS service) FROM ({scan}) AS t "
        "LEFT ANY JOIN service_spellings AS s ON toString(t.service) = s.spelling"
    )


def _kept(name: str) -> int:
    return sum(character.isupper() or not character.isalnum() for character in name)
