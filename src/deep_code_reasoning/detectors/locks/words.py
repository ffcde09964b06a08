"""What the names of spans, events and attributes say of a lock: the operation, and which attribute plays which part.

There is no convention for locks in OpenTelemetry, so names are read by their words: `DistributedLock.renew`,
`acquire lock`, `lock_released`, `tryLock`; `lock.key`, `resource.name`, `lease.holder`, `ttl_ms`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

_NOUNS: Final = frozenset(
    "lock locks locking locked lease leases leased mutex redlock shedlock dlock rlock latch trylock unlock unlocked "
    "leaselock locker relock leader leadership leaderelection election claim claims mutexes "
    "etcdserverpb lockpb electionpb".split()
)
# In this order: `lock.renewed` renews, `lock.release` releases, whatever else stands beside it.
_VERBS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("lost", frozenset("lost expired expire stolen evicted".split())),
    ("renew", frozenset("renew renewed renewing renewal extend extended extending extension refresh refreshed "
                        "keepalive heartbeat prolong reacquire touch alive".split())),
    ("release", frozenset("release released releasing unlock unlocked revoke revoked relinquish free freed drop "
                          "dropped delete giveup resign resigned surrender abandon yield stepdown leave left "
                          "exit".split())),
    ("hold", frozenset("hold held holding critical guarded section under".split())),
    ("acquire", frozenset("acquire acquired acquiring acquisition trylock obtain obtained grab take taken get lock "
                          "locking locked enter grant granted claim claimed wait waiting relock campaign elect elected "
                          "checkout txn".split())),
)  # fmt: skip
# These also stand for other things: only a name that speaks of a lock itself means a lock by them.
_EVERYDAY: Final = frozenset(
    "get take taken enter leave left exit wait waiting delete dropped drop touch free freed hold section "
    "under claim claimed checkout grab yield abandon refresh refreshed heartbeat alive".split()
)
# Of a lock only where something says whose it is or how long.
_AMBIGUOUS: Final = frozenset({"claim", "claims"})
# Who asks how a lock stands does nothing to it.
_QUESTIONS: Final = frozenset("check status info list count inspect describe exists stats metrics verify".split())
_REFUSED: Final = frozenset(
    "failed failure denied refused rejected contended busy unavailable timeout conflict not unsuccessful".split()
)
# What ends with `id` or `key` and is about the caller, not about what is locked.
_CALLERS: Final = frozenset(
    "thread process request trace span host container service worker client node instance correlation session pod "
    "http db net server peer user_agent code".split()
)
# Parts, the best word first. A word of an earlier group beats one of a later.
_KEY: Final = ("key", "name", "resource", "path", "lock", "mutex", "lease", "target", "entity", "subject", "id")
_OWNER: Final = (
    "owner", "holder", "by", "token", "session", "identity", "client", "worker", "requester", "candidate", "leader",
    "who", "instance", "node", "value",
)  # fmt: skip
WHOSE: Final = frozenset({"owner", "holder", "lessee", "leaseholder"})
"""Whoever says whose it is speaks of a lock, even where no word does."""

_TTL: Final = (
    "ttl", "duration", "expiry", "expiration", "expire", "px", "valid", "validity", "timeout", "lease", "time",
)  # fmt: skip
_EXPIRES: Final = ("until", "expires", "expiry", "expiration", "deadline")
_SESSIONS: Final = frozenset({"lease", "session"})
_OUTCOME: Final = (
    "acquired", "granted", "success", "succeeded", "ok", "obtained", "renewed", "released", "outcome", "result",
    "status", "found",
)  # fmt: skip
# Stores that keep locks: what is called by their names is of the lock.
_KEEPERS: Final = frozenset("etcd consul zk zookeeper curator redis".split())
_ACTS: Final = ("operation", "action", "op", "event", "phase", "step", "type", "state")
_UNITS: Final = {
    **dict.fromkeys(("ns", "nanos", "nanoseconds"), 1),
    **dict.fromkeys(("ms", "millis", "milliseconds", "px"), 1_000_000),
    **dict.fromkeys(("s", "sec", "secs", "seconds"), 1_000_000_000),
    **dict.fromkeys(("min", "mins", "minutes"), 60_000_000_000),
}
_NO_TTL: Final = frozenset("wait waited waiting acquire held hold elapsed retry took latency".split())
# Who says whose it is and how that ended, or for how long, means a lock by an everyday word too.
_ENDS: Final = frozenset({*_TTL[:8], *_OUTCOME[:8]})
REFUSED: Final = (
    "^(?i)(false|f|0|no|fail(ed|ure)?|denied|refused|rejected|timeout|timed.?out|busy|contended|held|lost|expired|"
    "conflict|not.?acquired|not.?owner|error|nil|null|none)$"
)
"""Outcomes of operations that did not get what they asked for."""

AGREED: Final = "^(?i)(true|t|1|yes|ok|success(ful)?|succeeded|acquired|granted|obtained|renewed|released|extended)$"
"""Outcomes of operations that did."""

_SHARED: Final = frozenset("shared read reader semaphore permit permits".split())


@dataclass(frozen=True, slots=True)
class Roles:
    """An operation, and the names of the attributes that say on what, by whom, for how long, till when, with what end.

    '' where none does. `session` is the number of a lease or session that stands for the key in renewals. `ttl_ns` is
    how many nanoseconds a unit of the time to live is; 0 when the value or its size has to tell. `refused`: the name
    itself says that it did not succeed.
    """

    verb: str
    key: str
    owner: str
    session: str
    ttl: str
    expires: str
    outcome: str
    ttl_ns: int
    refused: bool


def words(text: str) -> list[str]:
    """The words of a name, in lower case: split at signs, digits and capitals."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)]


def roles_of(name: str, attributes: Sequence[str]) -> Roles | None:
    """What a span or event of this name with these attributes does to a lock; None when it is not about one."""
    spoken, parts = words(name), [set(words(attribute)) for attribute in attributes]
    said, attributed = set(spoken), set[str]().union(*parts)
    whose = any(WHOSE & part for part in parts)
    if not (_NOUNS & (said | attributed) or whose) or (_SHARED | _QUESTIONS) & said:
        return None
    known = said if _NOUNS & said or (whose and attributed & _ENDS) else said - _EVERYDAY
    verb = "hold" if spoken[:1] == ["with"] else next((verb for verb, meant in _VERBS if meant & known), "")
    session = next((a for a in attributes if _SESSIONS & set(words(a)) and words(a)[-1] == "id"), "")
    own = _KEEPERS | {words(attribute)[0] for attribute in attributes if WHOSE & set(words(attribute))}
    key = _key([a for a in attributes if a != session], session, own)
    if not verb or not key:
        return None
    owner = _best(attributes, _OWNER, ("fencing", "fence", key), own)
    expires = _best([a for a in attributes if {"at", "until", "deadline"} & set(words(a))], _EXPIRES, (), own)
    ttl = _best(
        [a for a in attributes if a not in (key, owner, session, expires) and not _NO_TTL & set(words(a))],
        _TTL,
        (),
        own,
    )
    outcome = _best(
        [a for a in attributes if a not in (key, owner, ttl, expires)],
        _OUTCOME,
        ("http", "code", "db", "at", "by", "ms"),
        own,
    )
    refused = bool(_REFUSED & said)
    if _NOUNS & (said | attributed) <= _AMBIGUOUS and not (whose or ttl or expires):
        return None
    return Roles(verb, key, owner if owner != key else "", session, ttl, expires, outcome, _unit_ns(ttl), refused)


def _key(attributes: Sequence[str], session: str, own: Collection[str]) -> str:
    """The attribute that says what is locked; where none speaks of locks, the one key or number of a thing there is."""
    parts = {*_OWNER[:4], *_TTL[:4], *_OUTCOME[:6], *_UNITS, *_ACTS}
    parts |= {"until", "mode", "wait", "leader", "candidate", "found", "valid"}
    key = _best(attributes, _KEY, tuple(parts), own)
    things = {
        ending: [a for a in attributes if words(a)[-1:] == [ending] and not (_CALLERS | parts) & set(words(a))]
        for ending in ("key", "id")
    }
    keys, numbers = things["key"], things["id"]
    return key or (keys[0] if len(keys) == 1 else session or (numbers[0] if len(numbers) == 1 else ""))


def _best(attributes: Sequence[str], wanted: Sequence[str], unwanted: Sequence[str], own: Collection[str]) -> str:
    """The attribute that plays a part best: by the first wanted word it has, then one that speaks of locks.

    What begins with one of the `own` words is of the lock.
    """
    found = []
    for attribute in attributes:
        said = words(attribute)
        if attribute in unwanted or set(said) & set(unwanted):
            continue
        place = next((place for place, word in enumerate(wanted) if word in said), None)
        speaks = bool(_NOUNS & set(said))
        # An attribute of something else (`http.route`, `thread.name`) is no part of a lock.
        foreign = len(said) > 1 and not speaks and said[0] not in (*_KEY, *_OWNER, *_TTL, *_EXPIRES, *own)
        if place is not None and not foreign:
            found.append((not speaks, place, len(said), attribute))
    return min(found)[3] if found else ""


def _unit_ns(attribute: str) -> int:
    return next((_UNITS[word] for word in words(attribute) if word in _UNITS), 0)
