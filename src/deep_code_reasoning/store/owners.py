"""Whose a metric is that no service says is its own.

Programs report their own metrics with `service.name`. What an agent measures from outside (the kubelet's container
metrics, a host's, a database's by its receiver) names a pod, a workload or a host instead. Everybody else in the case
knows who runs in that pod; a workload is named for its service; and a host on which no known program runs is a
machine of its own: a database, a cache, a broker, which goes by the name of its host.

A column of a table (`cart-7f9-abc.memory, node-3.cpu`) has room for one name: it may be that of a service, of one of
its instances, or of a host. Whose name it is, those know who ran there. So it is with a log that is called after the
pod it was taken from.

Where not even a column says, a file may: several of a folder that go by the names of services (`cart.csv, shop.csv`)
are those of the services, and the others beside them (`postgres.csv`) are named for what they measure, too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from ..domain.case import Source
from .engine import Database, Row

# What orchestrators call a program that they run, by OpenTelemetry's conventions; the most specific first.
_WORKLOADS: Final = (
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
    "aws.ecs.task.family",
    "faas.name",
)
_WORKLOAD: Final = "firstNonDefault(" + ", ".join(f"resource['{name}']" for name in _WORKLOADS) + ")"
_NOBODY: Final = f"concat(toString(instance), toString(host), {_WORKLOAD}) = ''"
_KEY: Final = f"concat(instance, '|', host, '|', {_WORKLOAD}, '|', if({_NOBODY}, toString(source_id), ''))"
_PROGRAMS: Final = ("spans", "logs")
_TOLD_BY: Final = (*_PROGRAMS, "metrics")
# What orchestrators add to a program's name for its instances: an ordinal, one or two hashes, or a hash and a name.
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"  # of Kubernetes' random names
_OF_INSTANCE: Final = re.compile(
    rf"-\d{{1,4}}|(?:-(?=[a-z]*\d)[0-9a-f]{{5,12}}){{1,2}}|-(?:[{_LETTERS}]{{6,10}}|[0-9a-f]{{8,10}})-[{_LETTERS}]{{5}}"
)
# Who is called, by OpenTelemetry's conventions, newest first; and what a log is called beside its writer's name.
_CALLED: Final = "firstNonDefault(attributes['server.address'], attributes['net.peer.name'])"
_OF_LOG: Final = re.compile(
    r"(?:(?:^|[-_.])(?:postgres(?:ql)?|pg|mysqld?|mariadb|redis|valkey|kafka|mongo(?:d|db)?|rabbitmq|server|error|slow|slowlog"
    r"|logs?|main|stdout|stderr|kern|messages|syslog|journal)(?=$|[-_.]))+[-_.]?"
)


def places_of(database: Database) -> Mapping[str, str]:
    """Find what metrics call a service and is an `instance` of one, or a `host`: by their names, which of both."""
    known = " AND ".join(f"service NOT IN (SELECT service FROM {table})" for table in _PROGRAMS)
    named = database.query(
        "SELECT DISTINCT toString(service) AS name FROM metrics "
        f"WHERE service != '' AND instance = '' AND host = '' AND {known} ORDER BY name"
    )
    if not named:
        return {}
    places = [row for table in _PROGRAMS for row in _places(database, table)]
    services = {row["service"] for row in places}
    instances = {row["instance"] for row in places}
    hosts = {row["host"] for row in places} | {row["node"] for row in places}
    found = {}
    for name in (row["name"] for row in named):
        if name in instances or _is_instance(name, services):
            found[name] = "instance"
        elif name in hosts:
            found[name] = "host"
    return found


def writers_of(database: Database) -> Mapping[str, str]:
    """Find what log records call a service and is an instance of one that spans tell of, each with that service.

    So is a log that goes by the address of a server that spans call (`orders-db.postgresql`), of that server.
    """
    named = database.query(
        "SELECT DISTINCT toString(service) AS name FROM logs WHERE service NOT IN (SELECT service FROM spans) "
        "AND service != '' ORDER BY name"
    )
    if not named:
        return {}
    places = _places(database, "spans")
    services, by_instance = sorted({row["service"] for row in places}), _only(places, "instance")
    called = [row["name"] for row in database.query(f"SELECT DISTINCT {_CALLED} AS name FROM spans ORDER BY name")]
    found = {
        name: by_instance.get(name)
        or (_named(name, services) if _is_instance(name, services) else "")
        or server_named(name, called)
        for name in (row["name"] for row in named)
    }
    return {name: service for name, service in found.items() if service}


def server_named(log: str, servers: Iterable[str]) -> str:
    """The server whose name a log's begins or ends with, beside words that only say what log it is; '' for none."""
    for server in sorted(filter(None, servers), key=len, reverse=True):
        rest = log.removeprefix(server) if log.startswith(server) else log.removesuffix(server)
        if rest != log and (not rest or _OF_LOG.fullmatch(rest)):
            return server
    return ""


def written(scan: str) -> str:
    """A scan of the log records with the service (the table `log_writers`) where they name one of its instances."""
    service = "CAST(if(w.service != '', w.service, toString(l.service)), 'LowCardinality(String)') AS service"
    instance = "CAST(if(w.service != '' AND l.instance = '', l.service, l.instance), 'LowCardinality(String)')"
    return (
        f"SELECT l.* REPLACE ({service}, {instance} AS instance) FROM ({scan}) AS l "
        "LEFT ANY JOIN log_writers AS w ON toString(l.service) = w.name"
    )


def placed(scan: str) -> str:
    """A scan of the metrics with the names of instances and hosts (the table `metric_places`) in their own columns."""
    put = ", ".join(
        f"CAST(if(p.place = '{place}', toString(m.service), toString(m.{place})), 'LowCardinality(String)') AS {place}"
        for place in ("instance", "host")
    )
    service = "CAST(if(p.place != '', '', toString(m.service)), 'LowCardinality(String)') AS service"
    # Who has a place has one already.
    return (
        f"SELECT m.* REPLACE ({service}, {put}) FROM ({scan}) AS m LEFT ANY JOIN metric_places AS p "
        "ON if(m.instance = '' AND m.host = '', toString(m.service), '') = p.name"
    )


def _is_instance(name: str, services: Iterable[str]) -> bool:
    return any(name.startswith(service) and _OF_INSTANCE.fullmatch(name, len(service)) for service in services)


def owners_of(database: Database, sources: Sequence[Source]) -> Mapping[str, str]:
    """Find who owns the metrics without a service: the keys (see `owned`) with their services."""
    nameless = database.query(
        f"SELECT {_KEY} AS key, any(toString(instance)) AS pod, any(toString(host)) AS machine, "
        f"any({_WORKLOAD}) AS workload, any(resource['k8s.node.name']) AS node, any(source_id) AS source "
        "FROM metrics WHERE service = '' GROUP BY key ORDER BY key"
    )
    if not nameless:
        return {}
    places = [row for table in _TOLD_BY for row in _places(database, table)]
    services = sorted({row["service"] for row in places})
    by_instance, by_host = _only(places, "instance"), _only(places, "host", "node")
    nodes = {row["node"] for row in nameless if row["pod"] or row["workload"]}
    nodes |= {row["host"] for row in places} | {row["node"] for row in places}
    measured = {row["source"] for row in nameless}
    by_file = _named_files([source for source in sources if source.id in measured], services)
    owners = {}
    for row in nameless:
        instance, host = row["pod"], row["machine"]
        # A pod is its own host to the program inside.
        owner = by_instance.get(instance) or by_host.get(instance) or ""
        owner = owner or _named(row["workload"] or instance, services) or row["workload"]
        if not owner and not instance:
            owner = by_host.get(host) or ("" if host in nodes else host)
        if not owner and not instance and not host:
            owner = by_file.get(row["source"], "")
        if owner:
            owners[row["key"]] = owner
    return owners


def owned(scan: str) -> str:
    """A scan of the metrics with the owner (the table `metric_owners`) where no service is named."""
    service = "CAST(if(m.service != '', m.service, o.owner), 'LowCardinality(String)')"
    return (
        f"SELECT m.* EXCEPT (owner_key) REPLACE ({service} AS service) "
        f"FROM (SELECT *, {_KEY} AS owner_key FROM ({scan})) AS m "
        "LEFT ANY JOIN metric_owners AS o ON m.owner_key = o.key"
    )


def _places(database: Database, table: str) -> list[Row]:
    return database.query(
        f"SELECT DISTINCT toString(service) AS service, toString(instance) AS instance, toString(host) AS host, "
        f"resource['k8s.node.name'] AS node FROM {table} WHERE service != '' ORDER BY service, instance, host, node"
    )


def _named_files(sources: Iterable[Source], services: Sequence[str]) -> dict[int, str]:
    """By its number: whom a file of a folder is named for in which at least two go by names of services."""
    known = {service.lower(): service for service in services}
    folders: dict[PurePosixPath, dict[int, str]] = defaultdict(dict)
    for source in sources:
        path = PurePosixPath(source.name)
        stem = path.name.split(".")[0]
        folders[path.parent][source.id] = known.get(stem.lower(), stem)
    named = (files for files in folders.values() if len(known.keys() & {name.lower() for name in files.values()}) > 1)
    return {number: name for files in named for number, name in files.items()}


def _only(places: Iterable[Row], *columns: str) -> dict[str, str]:
    """What only one service is in."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in places:
        for column in columns:
            if row[column]:
                found[row[column]].add(row["service"])
    return {place: next(iter(services)) for place, services in found.items() if len(services) == 1}


def _named(name: str, services: Sequence[str]) -> str:
    """The service that a workload or its pod is named for, whose case orchestrators do not keep; '' for none."""
    low = name.lower()
    found = [s for s in services if low == s.lower() or low.startswith(f"{s.lower()}-")]
    return max(found, key=len, default="")
