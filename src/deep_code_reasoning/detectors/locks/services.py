r"""Locks as calls of the services that keep them: over HTTP, etcd's RPCs, ZooKeeper's nodes, documents with conditions.

HTTP: what is locked stands in the path behind `locks`, `leases` and the like, and the method or a last word tells what
is done to it: Kubernetes (`PUT .../leases/NAME`), Consul (`PUT /v1/kv/KEY?acquire=SESSION`, `/v1/session/renew/ID`) and
lock services of one's own (`POST /locks/NAME/renew`). Who writes a lease while it is another's takes it, who writes it
again renews it; the bodies that name the holder stay hidden, so the process that writes is the holder.

ZooKeeper: who waits makes a node of its own in a row and looks at the row again and again; after the last look it has
the lock, until it deletes the node (Apache ZooKeeper, *Recipes: Locks*). Who makes a node of one name has the lock
when that succeeds. Clients that record no command name it by the span, with the node as an attribute.

Documents (MongoDB, DynamoDB): a write on condition that no one's or only an old lease is there acquires, one on
condition that it is still one's own renews, a deletion releases (AWS, *Building distributed locks with DynamoDB*).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from .commands import OUTCOME, REPLY

_NOUNS: Final = "locks?|leases?|mutex(?:es)?|leaders?|elections?"
_ACTS: Final = "acquire|lock|claim|renew|extend|refresh|heartbeat|keep-?alive|release|unlock"

LOCK_PATH: Final = rf"(?i)/({_NOUNS})/[^/?{{:]|[?&](acquire|release)=|/v1/session/(renew|destroy)/"
"""Paths and URLs of calls that may be about a lock."""

HTTP_NAME: Final = r"(?i)\b(get|head|post|put|patch|delete)\b|^https?\b"
"""Names of spans that may be calls over HTTP."""

URL: Final = """multiIf(attributes['url.full'] != '', attributes['url.full'],
    attributes['http.url'] != '', attributes['http.url'],
    attributes['url.path'] != '', concat(attributes['url.path'], '?', attributes['url.query']),
    attributes['http.target'] != '', attributes['http.target'], attributes['http.path'] != '', attributes['http.path'],
    extract(name, '^[A-Z]+ (/[^ {:]*)$'))"""
"""SQL: where a call over HTTP goes, by OpenTelemetry's names of now and before, else by the span's name."""

ETCD_NAME: Final = r"etcdserverpb|v3lockpb|v3electionpb"
"""Names of etcd's RPCs: what they do to a lock is in the name, on which one only in attributes."""

DOCUMENT: Final = r"(?is)^[^{]*\{.*(lock|lease)"
"""Texts of document stores' commands that may be about a lock."""

OF_CALLS: Final = "url != '' AND kind != 'server'"
OF_NODES: Final = "match(statement, '(?i)^(create|delete|exists|getchildren|getdata|ping)[a-z0-9]*[ (,]+/')"
OF_DOCUMENTS: Final = f"match(statement, '{DOCUMENT}')"
"""SQL: which of `lock_candidates` are operations of each kind."""

_COMMON: Final = "trace_id, span_id, service, clock, process, start_ns, duration_ns"


def http_operations() -> str:
    """SQL: operations on locks among `lock_candidates` that are calls over HTTP."""
    return rf"""
    WITH calls AS (
        SELECT {_COMMON}, status, extract(url, '^(?:[a-zA-Z]+://[^/]*)?([^?#]*)') AS path,
               extract(url, '[?&](?:acquire|release)=([^&#]+)') AS session,
               upper(multiIf(attributes['http.request.method'] != '', attributes['http.request.method'],
                             attributes['http.method'] != '', attributes['http.method'],
                             extract(name, '(?i)\\b(get|post|put|patch|delete)\\b'))) AS method,
               toUInt16OrZero(if(attributes['http.response.status_code'] != '',
                                 attributes['http.response.status_code'], attributes['http.status_code'])) AS code,
               extract(path, '(?i)/v1/session/(?:renew|destroy)/([^/]+)') AS named_session,
               extractGroups(path, '(?i)/(?:{_NOUNS})/(.+?)(?:[/:]({_ACTS}))?/?$') AS parts,
               multiIf(named_session != '', '', session != '', extract(path, '/kv/(.*)$'), parts[1]) AS key,
               lower(multiIf(named_session != '', extract(path, '/session/([a-z]+)'),
                             session != '', extract(url, '[?&](acquire|release)='), parts[2])) AS act
        FROM lock_candidates WHERE {OF_CALLS} AND method NOT IN ('', 'GET', 'HEAD')
    )
    SELECT 2, key, if(session != '', session, named_session) AS owner, owner,
           multiIf(act IN ('acquire', 'lock', 'claim'), 'acquire', act IN ('release', 'unlock', 'destroy'), 'release',
                   act != '', 'renew', method = 'POST', 'acquire', method = 'DELETE', 'release', 'write'),
           multiIf(code BETWEEN 200 AND 299, 1, code > 0 OR status = 'error', 0, -1), 0, {_COMMON}
    FROM calls WHERE key != '' OR named_session != ''
    """


# Attributes that may hold the path of a node, and what spans call what is done to it.
_ZNODE: Final = r"(?i)^(zk|zookeeper|curator)[._]?(z?node|path)$|^(znode[._]?)?path$|^znode$"
_ZNODE_ACT: Final = r"(?i)(?:^|[^a-z])(create|delete|exists|get_?children|get_?data|ping)(?:[^a-z]|$)"


def znode_command(names: Iterable[str]) -> str:
    """SQL: the command on a node that stands for a lock, by a span's name and what attributes say; '' for none.

    Nodes are told from paths of files and calls by the verb in the name and by what the path speaks of.
    """
    paths = ", ".join(f"attributes['{name}']" for name in sorted(names) if re.match(_ZNODE, name))
    if not paths:
        return "''"
    return rf"""if(match(name, '{_ZNODE_ACT}')
        AND match(arrayFirst(path -> path != '', [{paths}]) AS node, '(?i)^/.*(lock|lease|mutex|latch|leader|elect)'),
        concat(extract(name, '{_ZNODE_ACT}'), ' ', node), '')"""


def zookeeper_operations() -> str:
    """SQL: operations on ZooKeeper's nodes among `lock_candidates`, each node in a row being one who waits."""
    return rf"""
    WITH calls AS (
        SELECT {_COMMON}, lower(extract(statement, '^([a-zA-Z]+)')) AS act, extract(statement, '(/[^ ,?]+)') AS path,
               extract(path, '^(.*)/[^/]*[0-9]{{10}}$') AS row,
               {_said("(zk|zookeeper|curator).*client(_?id)?$")} AS client,
               if(client != '', client, {_said("session(_?id)?$")}) AS owner,
               toInt64OrZero({_said("session_?timeout(_?ms)?$")}) * 1000000 AS ttl_ns,
               -- Its codes of errors are negative, its names of them many: all but one are refusals.
               multiIf({REPLY} IN ('', '?'), {OUTCOME}, match({REPLY}, '^(?i)(ok|0|success|true)$'), 1, 0) AS ok
        FROM lock_candidates WHERE {OF_NODES}
    ),
    rows AS (SELECT trace_id, row, any(path) AS node FROM calls WHERE row != '' GROUP BY trace_id, row)
    SELECT 2, if(c.row != '', c.row, c.path), c.owner, '',
           multiIf(act = 'delete', 'release', act = 'ping', 'renew', act = 'create' AND c.row = '', 'acquire',
                   c.path IN (SELECT row FROM rows) OR c.row != '' AND act != 'create', 'acquire', '') AS verb,
           c.ok, c.ttl_ns, {", ".join(f"c.{name.strip()}" for name in _COMMON.split(","))}
    FROM calls AS c WHERE verb != ''
    """


def _said(names: str) -> str:
    """SQL: what the first attribute says whose name matches; '' when none does."""
    return f"attributes[arraySort(arrayFilter(name -> match(name, '(?i){names}'), mapKeys(attributes)))[1]]"


def document_operations() -> str:
    """SQL: operations on documents that stand for locks among `lock_candidates`."""
    value = r"""["\']?\\s*:\\s*(?:[{]\\s*["\']?[SN]["\']?\\s*:\\s*)?["\']?([^"\',{} ]+)"""
    return rf"""
    WITH written AS (
        SELECT {_COMMON}, status, statement, attributes, name,
               extract(statement, '(?i)["\' {{](?:_id|key|lock_?(?:id|key|name)|name|resource|pk|id){value}') AS key,
               extract(statement,
                       '(?i)["\' {{:](?:new_?)?(?:owner|holder|locked_?by|lease_?owner|token)[a-z_]*{value}') AS owner,
               toInt64OrZero(extract(statement, '(?i)["\' {{:][a-z_]*(?:until|expir)[a-z_]*{value}')) AS until,
               lower(concat(name, ' ', attributes['db.operation.name'], ' ', attributes['db.operation'])) AS act
        FROM lock_candidates WHERE {OF_DOCUMENTS}
    )
    SELECT 2, key, owner, '',
           multiIf(match(act, 'delete|remove'), 'release',
                   match(statement, '(?i)attribute_not_exists|[$]lt|< *:|upsert'), 'acquire',
                   match(act, 'insert|put'), 'acquire', match(act, 'update|modify'), 'renew', '') AS verb,
           if(status = 'error', 0, -1), if(until > 1000000000000, greatest(0, until * 1000000 - start_ns), 0),
           {_COMMON}
    FROM written WHERE key NOT IN ('', '?') AND verb != ''
    """
