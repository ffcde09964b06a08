"""What the names of spans, events and attributes say of a lock: the operation, and which attribute plays which part.

There is no convention for locks in OpenTelemetry, so names are read by their words: `DistributedLock.renew`,
`acquire lock`, `lock_released`, `tryLock`; `lock.key`, `resource.name`, `lease.holder`, `ttl_ms`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_NOUNS: Final = frozenset(
    "lock locks locking locked lease leases leased mutex redlock shedlock dlock rlock latch trylock unlock unlocked "
    "leaselock locker relock".split()
)
# In this order: `lock.renewed` renews, `lock.release` releases, whatever else stands beside it.
_VERBS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("lost", frozenset("lost expired expire stolen evicted".split())),
    ("renew", frozenset("renew renewed renewing renewal extend extended extending extension refresh refreshed "
                        "keepalive heartbeat prolong reacquire touch alive".split())),
    ("release", frozenset("release released releasing unlock unlocked revoke revoked relinquish free freed drop "
                          "dropped delete giveup".split())),
    ("hold", frozenset("hold held holding critical guarded section under".split())),
    ("acquire", frozenset("acquire acquired acquiring acquisition trylock obtain obtained grab take taken get lock "
                          "locking locked enter grant granted claim claimed wait waiting relock".split())),
)  # fmt: skip
# Parts, the best word first. A word of an earlier group beats one of a later.
_KEY: Final = ("key", "name", "resource", "path", "lock", "mutex", "lease", "target", "entity", "subject", "id")
_OWNER: Final = ("owner", "holder", "by", "token", "session", "identity", "client", "worker", "requester", "value")
_TTL: Final = ("ttl", "duration", "expiry", "expiration", "expire", "px", "timeout", "lease", "time")
_EXPIRES: Final = ("until", "expires", "expiry", "expiration", "deadline")
_OUTCOME: Final = (
    "acquired", "granted", "success", "succeeded", "ok", "obtained", "renewed", "released", "outcome", "result",
    "status",
)  # fmt: skip
_NO_TTL: Final = frozenset("wait waited waiting acquire held hold elapsed retry took latency".split())
_SHARED: Final = frozenset("shared read reader semaphore permit permits".split())


@dataclass(frozen=True, slots=True)
class Roles:
    """An operation, and the names of the attributes that say on what, by whom, for how long, till when, with what end.

    '' where none does. `ttl_ns` is how many nanoseconds a unit of the time to live is; 0 when the value or its size
    has to tell.
    """

    verb: str
    key: str
    owner: str
    ttl: str
    expires: str
    outcome: str
    ttl_ns: int


def words(text: str) -> list[str]:
    """The words of a name, in lower case: split at signs, digits and capitals."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)]


def roles_of(name: str, attributes: Sequence[str]) -> Roles | None:
    """What a span or event of this name with these attributes does to a lock; None when it is not about one."""
    said = words(name)
    about = [key for key in attributes if _NOUNS & set(words(key))]
    if not (_NOUNS & set(said) or about) or _SHARED & set(said):
        return None
    verb = next((verb for verb, known in _VERBS if known & set(said)), "")
    key = _best(attributes, _KEY, _OWNER[:4] + _TTL[:4] + _OUTCOME[:6] + ("until", "mode", "wait"))
    if not verb or not key:
        return None
    owner = _best(attributes, _OWNER, ("fencing", "fence", key))
    expires = _best([a for a in attributes if {"at", "until", "deadline"} & set(words(a))], _EXPIRES, ())
    timed = [a for a in attributes if a not in (key, owner, expires) and not _NO_TTL & set(words(a))]
    ttl = _best(timed, _TTL, ())
    outcome = _best([a for a in attributes if a not in (key, owner, ttl, expires)], _OUTCOME, ("http", "code", "db"))
    return Roles(verb, key, owner if owner != key else "", ttl, expires, outcome, _unit_ns(ttl))


def _best(attributes: Sequence[str], wanted: Sequence[str], unwanted: Sequence[str]) -> str:
    """The attribute that plays a part best: by the first wanted word it has, then one that speaks of locks."""
    found = []
    for attribute in attributes:
        said = words(attribute)
        if attribute in unwanted or set(said) & set(unwanted):
            continue
        place = next((place for place, word in enumerate(wanted) if word in said), None)
        speaks = bool(_NOUNS & set(said))
        # An attribute of something else (`http.route`, `thread.name`) is no part of a lock.
        foreign = len(said) > 1 and not speaks and said[0] not in (*_KEY, *_OWNER, *_TTL, *_EXPIRES)
        if place is not None and not foreign:
            found.append((not speaks, place, len(said), attribute))
    return min(found)[3] if found else ""


def _unit_ns(attribute: str) -> int:
    said = set(words(attribute))
    if said & {"ms", "millis", "milliseconds", "px"}:
        return 1_000_000
    if said & {"s", "sec", "secs", "seconds"}:
        return 1_000_000_000
    return 1 if said & {"ns", "nanos"} else 0
