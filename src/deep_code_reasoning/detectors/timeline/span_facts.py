"""What any span says at all: asked once, so that who looks for what nobody says need not read the spans for it.

    span_facts      a row a service that calls and what it names as its peer (caller, callee; '' for spans that call
                    nobody by name): how many spans (calls), and whether any of them was refused for a conflict
                    (refused), was answered that there is no such thing (absent), speaks to a cache (caches), or
                    failed by its status (failed)

Reading the attributes of all spans takes half a second a gigabyte; six detectors did so to find that there was nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from ...store import CaseStore


def first_attribute(*names: str) -> str:
    """SQL: the first of these attributes that is there, else ''."""
    told = ", ".join(f"attributes['{name}']" for name in names)
    return f"firstNonDefault({told})"


STATUS: Final = first_attribute(
    "http.response.status_code", "http.status_code", "rpc.grpc.status_code", "rpc.response.status_code", "status_code",
    "status",
)  # fmt: skip
"""SQL: what a call was answered, by the conventions now and before."""

REFUSED: Final = f"""multiIf({STATUS} IN ('409', '412', 'ABORTED', 'ALREADY_EXISTS', 'FAILED_PRECONDITION'),
    concat('answered ', {STATUS}), attributes['rpc.grpc.status_code'] IN ('6', '9', '10'),
    concat('answered gRPC ', attributes['rpc.grpc.status_code']), '')"""
"""SQL: that a call was refused for a conflict, in words; '' where it was not. Conventions now and before."""

ABSENT: Final = (
    f"{first_attribute('http.response.status_code', 'http.status_code')} IN ('404', '410') OR "
    f"{first_attribute('rpc.grpc.status_code', 'rpc.response.status_code')} IN ('5', 'NOT_FOUND')"
)
"""SQL: whether a call was answered that there is no such thing."""

SYSTEM: Final = f"lower({first_attribute('db.system.name', 'db.system', 'db.type', 'db')})"
"""SQL: the database of a call by OpenTelemetry's conventions, newest first, then by what tracers before them wrote."""

_PEER: Final = first_attribute("peer.service", "server.address", "net.peer.name")

CACHES: Final = "redis|valkey|memcache|hazelcast|ehcache|infinispan|dragonfly|keydb|aerospike"
"""Databases that keep what others know."""


@dataclass(frozen=True, slots=True)
class SpanFacts:
    """Whether any span at all says so."""

    refused: bool
    absent: bool
    caches: bool
    failed: bool


def prepare_span_facts(store: CaseStore) -> None:
    """Make `span_facts`, once."""
    store.derive(
        "span_facts",
        f"""
        SELECT toString(service) AS caller,
               if(kind IN ('client', 'producer', ''), {_PEER}, '') AS callee,
               count() AS calls, max({REFUSED} != '') AS refused, max({ABSENT}) AS absent,
               max(match({SYSTEM}, '{CACHES}')) AS caches, max(status = 'error') AS failed
        FROM spans GROUP BY caller, callee
        """,
        "caller String, callee String, calls UInt64, refused UInt8, absent UInt8, caches UInt8, failed UInt8",
    )


def span_facts(store: CaseStore) -> SpanFacts:
    """What any span says."""
    return store.once("span facts", lambda: _read_facts(store))


def _read_facts(store: CaseStore) -> SpanFacts:
    prepare_span_facts(store)
    names = [field.name for field in fields(SpanFacts)]
    row = store.query(f"SELECT {', '.join(f'max({name}) AS {name}' for name in names)} FROM span_facts")[0]
    return SpanFacts(*(bool(row[name]) for name in names))
