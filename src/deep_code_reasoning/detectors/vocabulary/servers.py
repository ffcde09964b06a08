"""What databases, caches, brokers and kernels say that they have run out of.

Such a sentence is the server's own, whoever repeats it: a client cannot know that another's disk is full, how many
sessions that one may have, or that too few of its replicas follow. Sources: the errors of PostgreSQL (classes 53 and
55P03), MySQL (1021, 1040, 1205), Redis, MongoDB, Kafka, Elasticsearch and Oracle, and the messages of Linux.
"""

from __future__ import annotations

import re
from typing import Final

SHORT: Final = {
    "disk_saturation": "has no space left, or its disk cannot keep up",
    "connection_pool_exhausted": "takes no more connections",
    "memory_saturation": "has used up the memory that it may have",
    "lock_contention": "lets statements wait for locks of others",
    "infrastructure_fault": "has lost what it stands on",
    "dependency_outage": "refuses its proxy, or does not answer it",
}
"""Mechanisms, and in a few words what is said; of two in one text the first is meant."""

# Alternatives are divided by " | "; lines are joined without a blank.
_TABLE: Final = {
    "disk_saturation": r"""
        no space left on device | \benospc\b | could not extend file | disk (?:is )?full\b | disk quota exceeded |
        table '?[^']*'? is full | flood[- ]stage (?:disk )?watermark | read-only-allow-delete |
        checkpoints are occurring too frequently | asynchronous aof fsync is taking too long |
        all log dirs in .{1,80} have failed | insufficient disk space | out of disk space""",
    "connection_pool_exhausted": r"""
        too many (?:clients|connections) already | remaining connection slots are reserved | \btoo many connections\b |
        max number of clients reached | ora-00018 | ora-00020 | no more connections allowed \(max_client_conn\)""",
    "memory_saturation": r"""
        command not allowed when used memory | used memory > 'maxmemory' | server_memory_limit |
        memory_resource_watermark | memory high watermark set | circuit_breaking_exception.{0,80}\bparent\b""",
    "lock_contention": r"""
        still waiting for \w+lock on | lock wait timeout exceeded | canceling statement due to lock timeout |
        could not obtain lock on (?:row|relation)""",
    "infrastructure_fault": r"""
        conntrack: table full | neighbour(?:\d+)?: table overflow | neighbour table overflow |
        fewer in-sync replicas | not ?enough ?replicas | clusterdown the cluster is down | masterdown link with master |
        not ?writable ?primary | cannot execute \w+ in a read-only transaction | i/o error, dev \w+ |
        remounting filesystem read-only""",
}
PATTERNS: Final = {
    mechanism: "(?i)" + re.sub(r"\s+\|\s+", "|", re.sub(r"\n +", " ", table)).strip()
    for mechanism, table in _TABLE.items()
}
"""By mechanism, a regular expression of such sentences, for Python and for the engine alike."""
BEHIND_PROXY: Final = (
    r"(?:refused|timed out|reset by peer|no route to host|closed connection)[^\n]{0,80} while "
    r'(?:connecting|reading|sending)[^\n]{0,600}?upstream: "\w+://([^/"]+)'
)
"""What a proxy says of a server behind it that it cannot reach, with that one's address (nginx)."""

STEMS: Final = tuple(
    "space|enospc|extend file|disk|is full|watermark|checkpoints are|fsync|log dirs|too many|connection slots|read-only"
    "|number of clients|ora-000|more connections|memory|circuit_breaking|waiting for|lock|conntrack|overflow|replicas"
    "|cluster is down|masterdown|primary|i/o error|upstream".split("|")
)
"""No such sentence is without one of these: of a hundred texts most are done with here."""
OF_OTHERS: Final = re.compile(r"in-sync replicas|not ?enough ?replicas|not ?writable ?primary|masterdown", re.I)
"""What a server says that misses others of its kind: one of these may be the one that has run out."""
