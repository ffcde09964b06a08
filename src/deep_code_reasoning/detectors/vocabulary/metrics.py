"""What a metric is about, and of what trouble it speaks when it moves, read from the words of its name.

Names differ from team to team; their words hardly do. The vocabulary follows the OpenTelemetry semantic conventions
(`container.cpu.usage`, `db.client.connection.count`), the Prometheus naming practice (`_total`, `_seconds`, `_ratio`),
the habits of common exporters, and the USE and RED methods (utilisation, saturation, errors; rate, errors, duration).

Two things are asked of a name. What is measured (`meaning`): a name may be about several things, and the first kind in
`KINDS` that any of its words names wins, so that `db_pool_wait_seconds` is about the pool. And what a move of it says
(`kind_of_shift`): one of the kinds of trouble of `lexicon.py`, which are told apart more finely, and by direction.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from ...store.counters import MESSAGES_DONE
from .words import words

_Words: TypeAlias = str | frozenset[str]


def _set(some: _Words) -> frozenset[str]:
    return frozenset(some.split()) if isinstance(some, str) else some


# What the same thing is called, whichever of the two is asked.
_CERTIFICATE: Final = _set("cert certificate certs x509")
_CONNECTIONS: Final = _set("connection connections conn conns")
_CPU: Final = _set("cpu cpus")
_DISK: Final = _set("disk filesystem fs volume storage inode inodes")
_FILES: Final = _set("fd fds descriptors")
_LATENCY: Final = _set("latency latencies duration durations p50 p75 p90 p95 p99 p999 wait delay elapsed rtt ttfb time")
_LOOP: Final = _set("loop eventloop")
_MEMORY: Final = _set("memory mem rss heap ram swap workingset")
_OOM: Final = _set("oom oomkill oomkilled")
_RESTARTS: Final = _set("restart restarts crashloop")
_THROTTLING: Final = _set("throttle throttled throttles")
_UNACKED: Final = _set("unacked unacknowledged")
_WAITING: Final = _set("lag backlog depth pending queue queued")
_WORK_DONE: Final = MESSAGES_DONE | _set("stored imported ingested completed written exported indexed shipped")
# Who takes the messages of a queue: more of them is no backlog.
_TAKERS: Final = _set("consumers subscribers listeners")
_RATES: Final = _set("requests request rps qps tps throughput hits")
# How connections, transactions and orders end that were to end otherwise: a rate of these is no demand.
_ENDED_BADLY: Final = _set(
    "disconnect disconnects disconnected disconnections rolled rollback rollbacks declined refused lost discarded "
    "undelivered unprocessed abandoned unavailable dropped"
)
# What comes and goes by the minute, whatever it is (`rows_imported_per_min`): events, records, plays.
_RATE_OF: Final = re.compile(r"(?i)(?:^|[._-])per[._-](?:s|sec|second|m|min|minute|h|hour)$")

THROTTLED: Final = _THROTTLING | {"throttling"}
"""Words of what a processor did not do for a program that asked for more."""

KINDS: Final[dict[str, frozenset[str]]] = {
    "oom": _OOM,
    "certificate": _CERTIFICATE,
    "restarts": _RESTARTS | {"uptime"},
    "errors": _THROTTLING
    | _ENDED_BADLY
    | _set(
        "error errors err errs failure failures failed fail exception exceptions 5xx 500 502 503 504 4xx panic panics "
        "fatal timeout timeouts rejected servfail nxdomain killed exhausted aborted conflict "
        "conflicts deadlock deadlocks violation violations"
    ),
    "success": _set("success successes availability succeeded healthy"),
    "pool": _CONNECTIONS | {"pool"},
    "threads": _set("thread threads worker workers goroutines executor"),
    "queue": _WAITING | _UNACKED | {"inflight"},
    "cpu": _CPU | {"processor"},
    "memory": _MEMORY,
    "disk": _DISK | {"iops"},
    "files": _FILES,
    "latency": _LATENCY,
    "traffic": _RATES | _set("ops calls workload invocations transactions queries messages capacity"),
}
# A network's errors are packets that did not arrive; a processor that is throttled is one that is short, and so is one
# whose event loop comes round late; what queues at a disk are no messages, nor are requests in flight, which take
# workers. What the words mean alone (requests that fail, calls that are turned away, messages that wait) they do not
# mean there.
_TOGETHER: Final[tuple[tuple[str, frozenset[str], frozenset[str]], ...]] = (
    (
        "loss",
        _set("network net tcp packet packets interface nic eth0"),
        _set(
            "error errors drop drops dropped discards discarded retransmit retransmits retransmitted retransmissions "
            "retrans retranssegs loss lost"
        ),
    ),
    ("cpu", frozenset({"cpu"}), THROTTLED),
    ("cpu", _LOOP, _set("lag delay latency utilization utilisation")),
    ("disk", frozenset({"disk"}), _set("queue queued pending inflight")),
    ("threads", _set("request requests"), frozenset({"inflight"})),
)
# `sql_queries_per_request`: how much one asks for, however many come.
_ONE_PIECE: Final = _set("request page job message transaction operation order call trace")
_CALLS: Final = _set("queries calls statements selects reads writes lookups fetches rpcs requests roundtrips commands")
_LIMITS: Final = _set("limit limits max maximum quota allocatable capacity")
_PERCENT: Final = _set("percent percentage pct")
_RATIOS: Final = _set("ratio util utilization utilisation fraction share")
# Calls that the caller gave up: they tell of its deadline, not of a fault of the service that counts them.
_GIVEN_UP: Final = _set("cancelled canceled cancellations")
# Parts of the host that all its tenants share: they tell that it is busy, never who made it so.
_SHARED: Final = _set("node host system machine")


@dataclass(frozen=True, slots=True)
class _Move:
    """What the move of a metric speaks of: of one whose name has any of some words, of others any too (where there are
    such), and of yet others none. `rises`: it has to go up, else down."""

    kind: str
    any_of: frozenset[str]
    rises: bool
    also: frozenset[str]
    never: frozenset[str]

    def is_told_by(self, name: frozenset[str], rises: bool) -> bool:
        """Whether a metric with these words in its name, that rises or falls, speaks of it."""
        return (
            rises is self.rises
            and not name.isdisjoint(self.any_of)
            and (not self.also or not name.isdisjoint(self.also))
            and name.isdisjoint(self.never)
        )


def _move(rises: bool, kind: str, any_of: _Words, also: _Words = "", never: _Words = "") -> _Move:
    return _Move(kind, _set(any_of), rises, _set(also), _set(never))


_up: Final = functools.partial(_move, True)
_down: Final = functools.partial(_move, False)

# The first that fits a name and its direction is meant.
_MOVES: Final[tuple[_Move, ...]] = (
    _down("certificate_expired", "expiry expires expiration", _CERTIFICATE | _set("tls ssl not after")),
    _up("oom", _OOM | {"killed"}),
    _up("dns", "dns coredns servfail nxdomain resolver"),
    _down("limit_dropped", "max limit quota replicas desired capacity size", never="p99 duration wait age"),
    _up("unacked", _UNACKED | {"unack"}),
    _up("deadlock", "deadlock deadlocks"),
    _up("lock_wait", "lock locks mutex", never="clock block"),
    _up(
        "pool_exhausted",
        "pool hikaricp hikari pgbouncer",
        "wait pending use timeout active waiting acquire queued exhausted blocked",
    ),
    # What a client waits for, or has in use, is of its pool.
    _up("pool_exhausted", _CONNECTIONS, "wait waiting waiters pending acquire checkout"),
    _up("pool_exhausted", "connections conns", "use usage", never="server max limit"),
    _up("too_many_connections", "connections conns clients sessions activity sockets", never="error failed refused"),
    _up("handle_leak", _FILES | _set("files handles sockets"), never="error"),
    _up("thread_growth", "goroutines threads goroutine thread"),
    _up("worker_exhausted", "workers worker executor busy saturation queued inflight backpressure", never="error"),
    _down("cache_miss", "cache", "hit hits ratio rate"),
    _up("cache_miss", "cache misses miss", "miss misses"),
    _up(
        "fanout",
        "queries query calls selects reads writes statements lookups",
        "per count sql db database capacity consumed n",
        "duration latency p50 p90 p95 p99 seconds ms time",
    ),
    _up("fanout", "consumed capacity units", "write read wcu rcu capacity"),
    _up("event_loop", _LOOP, "lag event eventloop delay"),
    _up("throttled", _THROTTLING | _set("429 shed limited ratelimited"), never="cpu"),
    _up("retry_exhausted", "retry retries attempts", "exhausted exceeded failed budget"),
    _up("retries_up", "retry retries attempts"),
    _up("cancelled", _GIVEN_UP | _set("cancel aborted")),
    _up("decode_error", "decode parse deserialization dlq dead malformed invalid schema validation unmarshal"),
    _up("race", "duplicate duplicates dup conflict conflicts double"),
    _up(
        "wrong_result",
        "unbalanced cross tenant mismatch mismatches discrepancy drift inconsistent incorrect reconciliation stale "
        "skipped",
    ),
    _up(
        "backlog", _WAITING | _set("ready messages outstanding"), never=MESSAGES_DONE | _TAKERS | _set("error acquire")
    ),
    _up("missing_table", "missing", "table relation"),
    _up("not_found", "404 notfound missing lookup", "failed total 404 notfound ratio errors min count per"),
    _up("auth", "401 403 4xx unauthorized forbidden auth denied"),
    _up("restart", _RESTARTS | _set("crash crashes panics panic exits")),
    _up("memory_growth", _MEMORY | {"resident"}, never="limit persist error errors failed"),
    _up("gc", "gc pause"),
    _up("disk_full", _DISK, "used percent usage full ratio utilization", never="free available"),
    _down("disk_full", "free available", "disk filesystem bytes space"),
    _up("cpu", _CPU | {"load"}, never="limit"),
    _up("timeout", "timeout timeouts deadline expired"),
    _up(
        "errors",
        _ENDED_BADLY
        | _set("rejected error errors failed failure failures 5xx 500 exception exceptions fail faults aborts"),
    ),
    _up("slow", _LATENCY | _set("seconds ms response"), never="uptime age until lifetime"),
    _down(
        "volume_drop",
        "uptime processed throughput completed success successful orders requests rps qps events messages rate "
        "published produced consumed delivered imported stored ingested",
        never="error failed",
    ),
    _down("platform", "node nodes zone", "ready healthy available status"),
    _up(
        "traffic_up",
        _RATES | _set("inserts writes reads puts gets received consumed streams rate visits sessions"),
        never="error failed ratio share",
    ),
)

# What a distribution of times is exported as: how many there were, and what they are together. Both grow with the
# requests; their quotient tells how long one takes, neither alone does.
_ADDED_UP: Final = re.compile(
    r"(?:duration|latency|latencies|time|seconds|milliseconds|ms)[._](count|sum|bucket)$|"
    r"(?:duration|latency)(?:[._](?:seconds|milliseconds|ms))?[._](total)$"
)

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD: Final = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a metric is about.

    `kind` is a key of `KINDS`, `loss`, `fanout` (calls a request), or '' when the name tells nothing. `ratio`:
    it is a share of a whole; `percent`: the
    whole is 100 (else it is 1, though some say `utilization` and mean percent: see who reads it);
    `limit`: it is the bound of another metric of its kind; `counter`: it only ever grows; `shared`: of a whole host.
    """

    kind: str
    ratio: bool
    percent: bool
    limit: bool
    counter: bool
    shared: bool


def counts_work_done(name: str) -> bool:
    """Whether a metric counts what a service gets done (messages consumed, objects stored), not what it is asked."""
    return not words_of(name).isdisjoint(_WORK_DONE)


def added_up(name: str) -> str:
    """`count`, `sum`, `bucket` or `total`, where a name is of this part of a distribution of times; else ''."""
    part = _ADDED_UP.search(name.lower())
    return (part[1] or part[2]) if part else ""


def words_of(name: str) -> frozenset[str]:
    """The words of a metric's name, in lower case.

    Each as it stands (`p99`, `inFlight`: inflight), taken apart where the case changes (in, flight), and without digits
    (`cpu0`: cpu).
    """
    whole = _WORD.findall(f"{name} {_CAMEL.sub(' ', name)}".lower())
    return frozenset((*whole, *(word for word in words(name) if not word.isdecimal())))


def meaning(name: str, unit: str = "", metric_kind: str = "") -> Meaning:
    """Read a metric's name, unit (UCUM or plain) and OTLP kind."""
    said = words_of(name)
    kind = next((kind for kind, one, other in _TOGETHER if said & one and said & other), "")
    if _REFUSED.search(name):
        kind = "errors"
    if not kind and not said & _GIVEN_UP:
        kind = next((kind for kind, known in KINDS.items() if said & known), "")
    if not kind and _RATE_OF.search(name):
        kind = "traffic"
    if kind == "traffic" and said & _set("ratio fraction share"):
        kind = ""  # a part of all requests is no number of them
    if kind == "pool" and said & KINDS["threads"] and not said & _CONNECTIONS:
        kind = "threads"
    if kind == "queue" and said & MESSAGES_DONE and not said & (_UNACKED | {"inflight"}):
        kind = "traffic"
    if kind == "queue" and said & _TAKERS and not said & _set("lag backlog depth"):
        kind = ""
    if kind in ("traffic", "") and "per" in said and not said.isdisjoint(_ONE_PIECE) and not said.isdisjoint(_CALLS):
        kind = "fanout"
    part = added_up(name)
    if part and kind == "latency":
        kind = "traffic" if part == "count" else ""
    percent = "%" in name or unit in ("%", "percent") or bool(said & _PERCENT)
    ratio = percent or bool(said & _RATIOS)
    return Meaning(
        kind=kind,
        ratio=ratio,
        percent=percent,
        # `k8s.container.cpu_limit_utilization` is a share of the limit, and not the limit.
        limit=bool(said & _LIMITS)
        and not ratio
        and kind in ("pool", "threads", "queue", "cpu", "memory", "disk", "files"),
        counter=metric_kind == "sum" or "total" in said or bool(part),
        shared=bool(said & _SHARED),
    )


# Requests by the status that they were answered with: those that failed are no demand.
_REFUSED: Final = re.compile(r"(?:^|[._ /-])(?:[45]\d\d|[45]xx)$", re.IGNORECASE)


@functools.lru_cache(maxsize=10_000)  # every detector of metrics asks it of every name
def kind_of_shift(metric: str, rises: bool, climbs: bool) -> str:
    """The kind of trouble that a metric's move speaks of, by its name and direction; '' when it speaks of none.

    `climbs` tells a slow climb from a jump: memory that jumps is no leak.
    """
    if added_up(metric):
        return ""
    if _REFUSED.search(metric):
        return "errors" if rises else ""
    said = words_of(metric)
    kind = next((move.kind for move in _MOVES if move.is_told_by(said, rises)), "")
    return "memory_step" if kind == "memory_growth" and not climbs else kind
