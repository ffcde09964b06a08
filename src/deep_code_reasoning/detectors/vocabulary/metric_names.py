"""What a metric's name and direction say of trouble, by the naming habits of common exporters."""

from __future__ import annotations

import functools
import re
from typing import Final

from .metrics import added_up
from .words import words

# (kind, words any of which the name has, direction, words that must stand beside, words that must not).
_Rule = tuple[str, frozenset[str], str, frozenset[str], frozenset[str]]


def _rule(kind: str, any_of: str, direction: str = "up", also: str = "", never: str = "") -> _Rule:
    return kind, frozenset(any_of.split()), direction, frozenset(also.split()), frozenset(never.split())


_METRICS: Final[tuple[_Rule, ...]] = (
    _rule("certificate_expired", "expiry expires expiration", "down", "cert certificate tls ssl not after"),
    _rule("oom", "oom killed"),
    _rule("dns", "dns coredns servfail nxdomain resolver"),
    _rule("limit_dropped", "max limit quota replicas desired capacity size", "down", never="p99 duration wait age"),
    _rule("unacked", "unacked unacknowledged unack"),
    _rule("deadlock", "deadlock deadlocks"),
    _rule("lock_wait", "lock locks mutex", never="clock block"),
    _rule(
        "pool_exhausted",
        "pool hikaricp hikari pgbouncer",
        "up",
        "wait pending use timeout active waiting acquire queued exhausted blocked",
    ),
    # What a client waits for, or has in use, is of its pool.
    _rule("pool_exhausted", "connections connection conns", "up", "wait waiting waiters pending acquire checkout"),
    _rule("pool_exhausted", "connections conns", "up", "use usage", never="server max limit"),
    _rule("too_many_connections", "connections conns clients sessions activity sockets", never="error failed refused"),
    _rule("handle_leak", "fds fd descriptors files handles sockets", never="error"),
    _rule("thread_growth", "goroutines threads goroutine thread"),
    _rule("worker_exhausted", "workers worker executor busy saturation queued inflight backpressure", never="error"),
    _rule("cache_miss", "cache", "down", "hit hits ratio rate"),
    _rule("cache_miss", "cache misses miss", "up", "miss misses"),
    _rule(
        "fanout",
        "queries query calls selects reads writes statements lookups",
        "up",
        "per count sql db database capacity consumed n",
        "duration latency p50 p90 p95 p99 seconds ms time",
    ),
    _rule("fanout", "consumed capacity units", "up", "write read wcu rcu capacity"),
    _rule("event_loop", "eventloop loop", "up", "lag event eventloop delay"),
    _rule("throttled", "throttle throttled throttles 429 shed limited ratelimited", never="cpu"),
    _rule("retry_exhausted", "retry retries attempts", "up", "exhausted exceeded failed budget"),
    _rule("retries_up", "retry retries attempts"),
    _rule("cancelled", "cancelled canceled cancel aborted"),
    _rule("decode_error", "decode parse deserialization dlq dead malformed invalid schema validation unmarshal"),
    _rule("race", "duplicate duplicates dup conflict conflicts double"),
    _rule(
        "wrong_result",
        (
            "unbalanced cross tenant mismatch mismatches discrepancy drift inconsistent incorrect "
            "reconciliation stale skipped"
        ),
    ),
    _rule("backlog", "lag backlog depth ready pending queue queued messages outstanding", never="error acquire"),
    _rule("volume_drop", "lag"),
    _rule("missing_table", "missing", "up", "table relation"),
    _rule("not_found", "404 notfound missing lookup", "up", "failed total 404 notfound ratio errors min count per"),
    _rule("auth", "401 403 4xx unauthorized forbidden auth denied"),
    _rule("restart", "restarts restart crash crashes panics panic exits"),
    _rule("memory_growth", "memory heap rss mem resident", never="limit persist error errors failed"),
    _rule("gc", "gc pause"),
    _rule(
        "disk_full", "disk filesystem volume inode inodes storage", "up", "used percent usage full ratio utilization"
    ),
    _rule("disk_full", "free available", "down", "disk filesystem bytes space"),
    _rule("cpu", "cpu load", "up", never="limit"),
    _rule("timeout", "timeout timeouts deadline expired", "up"),
    _rule("errors", "rejected error errors failed failure failures 5xx 500 exception exceptions fail faults aborts"),
    _rule(
        "slow",
        "duration latency p99 p95 p90 p50 time seconds ms elapsed response wait delay",
        never="uptime age until lifetime",
    ),
    _rule(
        "volume_drop",
        ("uptime processed throughput completed success successful orders requests rps qps events messages rate"),
        "down",
        never="error failed",
    ),
    _rule("platform", "node nodes zone", "down", "ready healthy available status"),
    _rule(
        "traffic_up",
        (
            "inserts writes reads puts gets received consumed streams requests request rps qps rate throughput "
            "tps hits visits sessions"
        ),
        never="error failed",
    ),
)


@functools.lru_cache(maxsize=10_000)  # every detector of metrics asks it of every name
def kind_of_metric(metric: str, rises: bool, climbs: bool) -> str:
    """The kind of trouble that a metric's shift speaks of, by its name and direction; '' when it speaks of none.

    `climbs` tells a slow climb from a jump: memory that jumps is no leak.
    """
    name = frozenset(words(metric)) | frozenset(re.split(r"[_.\-]", metric.lower()))
    direction = "up" if rises else "down"
    if added_up(metric):
        return ""
    for kind, any_of, way, also, never in _METRICS:
        if way == direction and name & any_of and (not also or name & also) and not name & never:
            return "memory_step" if kind == "memory_growth" and not climbs else kind
    return ""
