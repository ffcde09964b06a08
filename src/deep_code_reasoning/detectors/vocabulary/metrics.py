"""What a metric is about, read from the words of its name and its unit.

Names differ from team to team; their words hardly do. The vocabulary follows the OpenTelemetry semantic conventions
(`container.cpu.usage`, `db.client.connection.count`), the Prometheus naming practice (`_total`, `_seconds`, `_ratio`)
and the USE and RED methods (utilisation, saturation, errors; rate, errors, duration). A name may be about several
things: the first kind in `KINDS` that any of its words names wins, so that `db_pool_wait_seconds` is about the pool.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

KINDS: Final[dict[str, frozenset[str]]] = {
    "oom": frozenset({"oom", "oomkill", "oomkilled"}),
    "certificate": frozenset({"cert", "certificate", "certs", "x509"}),
    "restarts": frozenset({"restart", "restarts", "uptime", "crashloop"}),
    "errors": frozenset(
        "error errors err errs failure failures failed fail exception exceptions 5xx 500 502 503 504 4xx panic panics "
        "fatal timeout timeouts rejected throttle throttled throttles servfail nxdomain killed "
        "exhausted unavailable dropped aborted conflict conflicts deadlock deadlocks violation violations".split()
    ),
    "success": frozenset({"success", "successes", "availability", "succeeded", "healthy"}),
    "pool": frozenset({"pool", "connections", "connection", "conns", "conn"}),
    "threads": frozenset({"thread", "threads", "worker", "workers", "goroutines", "executor"}),
    "queue": frozenset(
        {"queue", "queued", "lag", "backlog", "depth", "pending", "unacked", "unacknowledged", "inflight"}
    ),
    "cpu": frozenset({"cpu", "cpus", "processor"}),
    "memory": frozenset({"memory", "mem", "rss", "heap", "ram", "swap", "workingset"}),
    "disk": frozenset({"disk", "filesystem", "fs", "volume", "storage", "inode", "inodes", "iops"}),
    "files": frozenset({"fd", "fds", "descriptors"}),
    "latency": frozenset(
        "latency latencies duration durations p50 p75 p90 p95 p99 p999 wait delay elapsed rtt ttfb time".split()
    ),
    "traffic": frozenset(
        "requests request rps qps ops tps calls throughput workload hits invocations transactions queries messages "
        "capacity".split()
    ),
}
THROTTLED: Final = frozenset({"throttle", "throttled", "throttling"})
"""Words of what a processor did not do for a program that asked for more."""
# A network's errors are packets that did not arrive; a processor that is throttled is one that is short, and so is one
# whose event loop comes round late; what queues at a disk are no messages, nor are requests in flight, which take
# workers. What the words mean alone (requests that fail, calls that are turned away, messages that wait) they do not
# mean there.
_TOGETHER: Final[tuple[tuple[str, frozenset[str], frozenset[str]], ...]] = (
    (
        "loss",
        frozenset({"network", "net", "tcp", "packet", "packets", "interface", "nic", "eth0"}),
        frozenset(
            "error errors drop drops dropped discards discarded retransmit retransmits retransmitted retransmissions "
            "retrans retranssegs loss lost".split()
        ),
    ),
    ("cpu", frozenset({"cpu"}), THROTTLED),
    ("cpu", frozenset({"loop", "eventloop"}), frozenset({"lag", "delay", "latency", "utilization", "utilisation"})),
    ("disk", frozenset({"disk"}), frozenset({"queue", "queued", "pending", "inflight"})),
    ("threads", frozenset({"request", "requests"}), frozenset({"inflight"})),
)
# A pool of threads holds none of these.
_CONNECTIONS: Final = frozenset({"connection", "connections", "conn", "conns"})
_LIMITS: Final = frozenset({"limit", "limits", "max", "maximum", "quota", "allocatable", "capacity"})
_PERCENT: Final = frozenset({"percent", "percentage", "pct"})
_RATIOS: Final = frozenset({"ratio", "util", "utilization", "utilisation", "fraction", "share"})
# Calls that the caller gave up: they tell of its deadline, not of a fault of the service that counts them.
_GIVEN_UP: Final = frozenset({"cancelled", "canceled", "cancellations"})
# Parts of the host that all its tenants share: they tell that it is busy, never who made it so.
_SHARED: Final = frozenset({"node", "host", "system", "machine"})

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

    `kind` is a key of `KINDS`, or '' when the name tells nothing. `ratio`: it is a share of a whole; `percent`: the
    whole is 100 (else it is 1, though some say `utilization` and mean percent: see who reads it);
    `limit`: it is the bound of another metric of its kind; `counter`: it only ever grows; `shared`: of a whole host.
    """

    kind: str
    ratio: bool
    percent: bool
    limit: bool
    counter: bool
    shared: bool


def added_up(name: str) -> str:
    """`count`, `sum`, `bucket` or `total`, where a name is of this part of a distribution of times; else ''."""
    part = _ADDED_UP.search(name.lower())
    return (part[1] or part[2]) if part else ""


def words_of(name: str) -> frozenset[str]:
    """The words of a metric's name, in lower case."""
    return frozenset(_WORD.findall(_CAMEL.sub(" ", name).lower()))


def meaning(name: str, unit: str = "", metric_kind: str = "") -> Meaning:
    """Read a metric's name, unit (UCUM or plain) and OTLP kind."""
    words = words_of(name)
    kind = next((kind for kind, one, other in _TOGETHER if words & one and words & other), "")
    if not kind and not words & _GIVEN_UP:
        kind = next((kind for kind, known in KINDS.items() if words & known), "")
    if kind == "pool" and words & KINDS["threads"] and not words & _CONNECTIONS:
        kind = "threads"
    part = added_up(name)
    if part and kind == "latency":
        kind = "traffic" if part == "count" else ""
    percent = "%" in name or unit in ("%", "percent") or bool(words & _PERCENT)
    ratio = percent or bool(words & _RATIOS)
    return Meaning(
        kind=kind,
        ratio=ratio,
        percent=percent,
        # `k8s.container.cpu_limit_utilization` is a share of the limit, and not the limit.
        limit=bool(words & _LIMITS)
        and not ratio
        and kind in ("pool", "threads", "queue", "cpu", "memory", "disk", "files"),
        counter=metric_kind == "sum" or "total" in words or bool(part),
        shared=bool(words & _SHARED),
    )
