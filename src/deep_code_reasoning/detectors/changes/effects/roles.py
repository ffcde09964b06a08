"""What a setting is for: the words of its name, of its line and of what it stands in, as one of some roles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ...vocabulary.quantities import Setting
from ...vocabulary.words import words
from ..diff import Hunk, Line

# What a setting is for, from the words of its name and, failing that, of its surroundings. Ordered: the first role
# all of whose words stand in the name wins, so that "max conn idle time" is an idle time before it is a pool.
_ROLES: Final[tuple[tuple[str, str], ...]] = (
    (
        "probe",
        r"\b(liveness|readiness|startup)\b.*\bprobe|\bfailure threshold\b|\bunhealthy threshold\b"
        r"|\bhealth ?check (timeout|threshold|interval)\b",
    ),
    (
        "breaker",
        r"\b(circuit ?breakers?|breakers?|failure (rate )?threshold|error (rate |percentage )?threshold"
        r"|min(imum)? number of calls|request volume threshold|outlier detection"
        r"|consecutive (gateway )?(errors|failures))\b",
    ),
    (
        "cost",
        r"\b((memory|time) cost|work factor|(log|salt|bcrypt|hash) (rounds|cost|strength|iterations)"
        r"|(bcrypt|argon\d?|scrypt|pbkdf\d?)\b.*"
        r"|password iterations|iterations|compression (level|quality)"
        r"|(gzip|brotli|zstd|deflate) (\w+ )?(level|quality))\b",
    ),
    ("grace", r"\b(grace|graceful|termination|drain|shutdown)\b"),
    ("idle_time", r"\b(idle|keep alive|keepalive|keep alives?|max lifetime|life ?time|max age conn)\b"),
    ("lease", r"\b(lease|lock ttl|lock timeout|visibility|session timeout|heartbeat)\b"),
    (
        "backoff",
        r"\b(backoff|back off|jitter|wait (exponential|fixed|random)\w*|retry (delay|wait|interval)|base delay|"
        r"initial (delay|interval)|cooldown|wait duration|min timeout)\b",
    ),
    ("retries", r"\b(retry|retries|attempts?|redeliver\w*|max (tries|times))\b"),
    (
        "cache_ttl",
        r"\b(ttl|time to live|cache (time|expir\w*|seconds|max age|remember|set|put|add|store)|setex|psetex"
        r"|redis set|memcached? set|max age|s maxage|expir(y|es|ation|e)"
        r"( (after|in))?|stale)\b",
    ),
    (
        "timeout",
        r"\b(timeouts?|time out|deadline|time limit|with timeout|budget|max wait|wait (time|timeout|ms|seconds))\b",
    ),
    ("rate_limit", r"\b(rate|rps|qps|tps|throttl\w*|quota|burst|limiter|per (second|minute|hour|day))\b"),
    (
        "payload",
        r"\b(max (\w+ )?(bytes|body|payload|message|request|header|upload)( size)?|body (limit|size)|envelope"
        r"|(message|payload|frame|packet) (size|max|bytes)|client max body)\b",
    ),
    ("memory", r"\b(memory|mem|heap|xmx|max old space size|max ram\w*|shared buffers|work mem)\b"),
    ("cpu", r"\b(cpu|cpus|gomaxprocs|cores?|millicores?)\b"),
    (
        "pool",
        r"\b(pool|(db|database|jdbc|datasource) (\w+ )?max(imum)? size|max (open )?conn(s|ections?)?|conns?"
        r"|connections?|maxconn|max open|maximum pool size|checkout)\b",
    ),
    ("cache_size", r"\b((cache|lru)\b.*\b(size|max|entries|capacity|items)|maxsize|max entries|lru)\b"),
    ("prefetch", r"\b(prefetch|qos|max in ?flight|inflight|in flight|fetch (min|max)|max poll records)\b"),
    (
        "workers",
        r"\b(workers?|threads?|concurrency|parallelism|goroutines?|executors?|processes|max parallel|consumers)\b",
    ),
    ("replicas", r"\b((min|max|desired) capacity|autoscal\w* (min|max)\w*)\b"),
    ("queue", r"\b(queue|buffer|backlog|capacity|channel|maxlen)\b"),
    ("replicas", r"\b(replicas?|instances?|min replicas|max replicas|desired count|nodes?|shards?|partitions?)\b"),
    ("batch", r"\b(batch|chunk|page|bulk|flush|limit per)\b"),
    ("schedule", r"\b(cron|schedule|interval|period|frequency|poll|every|refresh|ticker)\b"),
    ("sampling", r"\b(sampl\w+|ratio|percent|percentage|rollout|weight)\b"),
    ("threshold", r"\b(threshold|limit|max|min|maximum|minimum|size|length|cap|ceiling|floor)\b"),
)
_ROLE_PATTERNS: Final = tuple((role, re.compile(pattern)) for role, pattern in _ROLES)
_LIMITS: Final = re.compile(r"\b(?:limits?|max|maximum|cap|caps)\b")
_KEYED_LOCK: Final = re.compile(
    r"(?i)\b(?:\w*redis\w*\.|redlock\.|lock_?client\.|new_?)?(?<!try)(?:lock|mutex)\w*\(\s*(?:f?[\"'`]|[A-Za-z_]\w*\s*,)"
)
_LEASE: Final = re.compile(r"\b(leases?|leader|election|locks?|mutex|fencing)\b")
_ATTEMPTS: Final = frozenset("max total count times limit attempts tries".split())
_BETWEEN: Final = frozenset("interval delay wait min pause sleep factor base".split())
_PROBE: Final = re.compile(r"(?i)(liveness|readiness|startup)_?probe|health_?check")


def role_of(owner: str, surroundings: Sequence[str] = ()) -> str:
    """What a setting is for: the role that its name tells, else the one its surroundings tell, else ''."""
    for text in (owner, *surroundings):
        spaced = " ".join(words(text))
        for role, pattern in _ROLE_PATTERNS:
            if pattern.search(spaced):
                return role
    return ""


def role_at(hunk: Hunk, line: Line, around: Sequence[str], place: int, setting: Setting) -> str:
    """What a setting is for, where it stands; '' where nothing tells.

    Args:
        hunk: what it is of.
        line: the line that sets it.
        around: the names of the blocks that the line stands in, the innermost first.
        place: how many numbers of the same name come before it in the hunk.
        setting: its name and its value.
    """
    owner, is_time = setting.owner, setting.dimension == "ms"
    if any(_PROBE.search(text) for text in around):
        role = "probe"
    else:
        role = role_of(owner, (line.code, *around, hunk.heading))
    role = _of_attempts(role, owner, line.code, place, setting)
    if not role and is_time and role_of(hunk.path.rsplit("/", 1)[-1].split(".")[0]) == "timeout":
        role = "timeout"  # `timeouts.ts` holds nothing else
    if role in ("", "threshold") and is_time and _LIMITS.search(" ".join(words(" ".join((owner, *around[:1]))))):
        role = "timeout"  # a limit of time
    if role == "timeout" and _KEYED_LOCK.search(line.code):
        return "lease"  # how long a lock by that name is held at most
    if role == "cache_ttl" and _is_of_lease(owner, (*around, hunk.heading, hunk.path)):
        return "lease"
    return role


def _of_attempts(role: str, owner: str, code: str, place: int, old: Setting) -> str:
    """The role of a number beside others of one retry: by place the attempts come first, then the time between them."""
    if not re.search(r"(?i)retr(?:y|ies)", code):
        return role
    if role == "retries" and place and owner.lower() in code.lower():
        return "backoff"
    if role == "backoff" and not place and not old.dimension and re.search(rf"{re.escape(owner)}\s*\(", code):
        return "retries"
    names = set(words(owner))
    if len(names) == 1 and names & _ATTEMPTS:
        return "retries"
    return "backoff" if len(names) == 1 and names & _BETWEEN else role


def _is_of_lease(owner: str, places: Sequence[str]) -> bool:
    """Whether a bare time to live stands among the settings of a lease or a lock rather than of a cache."""
    near = " ".join(word for text in (owner, *places) for word in words(text))
    return _LEASE.search(near) is not None and "cache" not in near
