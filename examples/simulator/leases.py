"""Work under a distributed lock whose lease ends: taken, prolonged while the work lasts, given back.

Six ways to do it, as libraries and in-house code do. Which clock decides that a lease is over differs, and that is
where it goes wrong: `redis-pxat` writes the client's time and the server compares it with its own; `redis-script` and
`lease-table` compare the contender's time with the holder's; `redlock`, `etcd` and `zookeeper` measure a duration at
the server, so that only a clock that runs at a wrong rate, or a holder that stood still, ends it early.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .kernel import MS, Process
from .steps import awake, command
from .system import Failure, Frame, Step

SCRIPT = "7d8f2a4c1e5b9036ad41"
BACKENDS = ("redis-pxat", "redis-script", "lease-table", "redlock", "etcd", "zookeeper")


@dataclass
class Locking:
    """How this system locks."""

    backend: str = "redis-pxat"
    ttl_ms: int = 3000
    renew_ms: int = 2000
    wait_ms: int = 8000
    poll_ms: int = 110
    prefix: str = "lock:"


def leased(locking: Locking, key: str, *steps: Step) -> Step:
    """Do something while holding the lock of a key; a watchdog prolongs the lease."""

    def step(frame: Frame) -> Process:
        name = locking.prefix + key.format_map(frame.request)
        holder = Lease(locking, name, frame)
        yield from holder.acquire()
        frame.world.simulation.spawn(holder.watch(frame.fork()))
        try:
            for one in steps:
                yield from one(frame)
        except Failure:
            yield from holder.release()
            raise
        yield from holder.release()

    return step


class Lease:
    """One holder's view of one lock."""

    def __init__(self, locking: Locking, key: str, frame: Frame) -> None:
        self.locking = locking
        self.key = key
        self.frame = frame
        self.owner = f"{frame.instance.name}:{frame.trace[:8]}"
        self.held = False
        self.until = 0  # when the lease ends: true time, or the holder's own where clients compare times

    def _local_ms(self) -> int:
        return (self.frame.world.simulation.now + self.frame.instance.host.offset_ns) // MS

    def _round(self, frame: Frame, text: str) -> Process:
        """One round trip to the store, with the span that the client library has."""
        world = frame.world
        backend = self.locking.backend
        host = world.locks.host
        if world.style.name == "sparse" or backend == "zookeeper":
            yield world.duration(1.2)
        elif backend == "etcd":
            span = frame.open()
            yield world.duration(2.0)
            service, method = text.split(" ")[0].rsplit("/", 1)
            span.end(world.style.rpc(host, service, method, 200, False))
        elif backend == "lease-table":
            db = world.databases["payments"]
            span = frame.open()
            yield world.duration(2.0)
            site = world.style.query(db.system, db.host, db.name, text.split(" ")[0], "leases", "LeaseRepository")
            span.end(
                site, ",".join(filter(None, (world.style.statement(db.system, text), world.style.parameters(text))))
            )
        elif backend == "redlock":
            for place in range(len(world.locks.nodes)):
                yield from command(frame, "redis", f"{host}-{place}", text, world.duration(0.5))
        else:
            yield from command(frame, "redis", host, text, world.duration(0.8))

    def _try(self, new: bool) -> bool:
        world, ttl = self.frame.world, self.locking.ttl_ms * MS
        nodes = world.locks.nodes
        local_ns = world.simulation.now + self.frame.instance.host.offset_ns
        if self.locking.backend == "redis-pxat":
            won = nodes[0].set_until(self.key, self.owner, local_ns + ttl, new)
            self.until = nodes[0].leases[self.key][1] if won else self.until
            return won
        if self.locking.backend in ("redis-script", "lease-table"):
            owner, until = nodes[0].leases.get(self.key, (None, 0))
            if (until > local_ns) if new else (owner != self.owner):
                return False
            nodes[0].leases[self.key] = (self.owner, local_ns + ttl)
            self.until = local_ns + ttl
            return True
        votes = [node.set(self.key, self.owner, ttl, new) for node in nodes]
        if 2 * sum(votes) > len(votes):
            ends = sorted(node.leases[self.key][1] for node, vote in zip(nodes, votes, strict=True) if vote)
            self.until = ends[-(len(nodes) // 2 + 1)]  # from here on no majority is left
            return True
        if new:
            for node in nodes:
                node.drop(self.key, self.owner)
        return False

    def _expired_at(self) -> int:
        """The true time at which this holder's lease was over for the one who has the key now."""
        if self.locking.backend not in ("redis-script", "lease-table"):
            return self.until
        owner = self.frame.world.locks.nodes[0].leases.get(self.key, (self.owner, 0))[0]
        instances = {one.name: one for one in self.frame.service.instances}
        return self.until - instances[owner.split(":")[0]].host.offset_ns

    def _text(self, act: str) -> str:
        key, owner, ttl, now = self.key, self.owner, self.locking.ttl_ms, self._local_ms()
        backend = self.locking.backend
        if backend == "redis-pxat":
            if act == "acquire":
                return f"SET {key} {owner} NX PXAT {now + ttl}"
            if act == "renew":
                return f"EVALSHA {SCRIPT} 1 {key} {owner} {now + ttl}"
        elif backend == "redis-script" and act != "release":
            return f"EVALSHA {SCRIPT[::-1]} 1 {key} {owner} {now} {ttl}"
        elif backend == "lease-table":
            if act == "acquire":
                free = f"WHERE name = '{key}' AND lease_until < {now}"
                return f"UPDATE leases SET owner = '{owner}', lease_until = {now + ttl} {free}"
            if act == "renew":
                return f"UPDATE leases SET lease_until = {now + ttl} WHERE name = '{key}' AND owner = '{owner}'"
            return f"UPDATE leases SET lease_until = 0 WHERE name = '{key}' AND owner = '{owner}'"
        elif backend == "etcd":
            return {"acquire": "etcdserverpb.KV/Txn", "renew": "etcdserverpb.Lease/LeaseKeepAlive"}.get(
                act, "etcdserverpb.Lease/LeaseRevoke"
            )
        elif backend == "redlock" and act == "acquire":
            return f"SET {key} {owner} NX PX {ttl}"
        elif backend == "redlock" and act == "renew":
            return f"EVALSHA {SCRIPT} 1 {key} {owner} {ttl}"
        return f"EVALSHA {SCRIPT[5:] + SCRIPT[:5]} 1 {key} {owner}"

    def _shows(self) -> bool:
        """Whether the application has a span of its own around the use of the lock."""
        return self.frame.world.style.name != "current" or self.locking.backend in ("etcd", "zookeeper")

    def _spanned(self, frame: Frame, act: str, done: Process) -> Process:
        if not self._shows():
            return (yield from done)
        span = frame.open()
        result = yield from done
        site = frame.world.style.lock(act, self.key, self.owner, self.locking.ttl_ms)
        span.end(site, error=None if result else f"{act} of {self.key} was refused")
        return result

    def acquire(self) -> Process:
        """Take the lock, trying again until the wait is too long."""
        if not (yield from self._spanned(self.frame, "acquire", self._take())):
            text = f"lock {self.key} was not free within {self.locking.wait_ms}ms"
            self.frame.log("ERROR", f"{self.frame.service.error('lock')}: {text}")
            raise Failure("lock", text, 503)

    def _take(self) -> Process:
        world = self.frame.world
        asked = world.simulation.now
        give_up = asked + self.locking.wait_ms * MS
        while True:
            yield from awake(self.frame.instance)
            text = self._text("acquire")
            won = self._try(new=True)
            yield from self._round(self.frame, text)
            if won:
                break
            if world.simulation.now > give_up:
                return False
            yield int(world.chance.uniform(0.7, 1.3) * self.locking.poll_ms * MS)
        self.held = True
        note(self.frame, "taken", self.key, self.owner, waited_ms=(world.simulation.now - asked) / MS)
        return True

    def watch(self, frame: Frame) -> Process:
        """Prolong the lease for as long as the work lasts; the work is not stopped when that fails."""
        while True:
            yield self.locking.renew_ms * MS
            yield from awake(frame.instance)
            if not self.held:
                return
            if not (yield from self._spanned(frame, "renew", self._renew(frame))):
                frame.log("WARN", f"lease {self.key} could not be renewed, it is no longer ours")
                return

    def _renew(self, frame: Frame) -> Process:
        text = self._text("renew")
        won = self._try(new=False)
        if not won:
            gap_ms = (frame.world.simulation.now - self._expired_at()) / MS
            note(frame, "late", self.key, self.owner, gap_ms=round(gap_ms, 1))
        yield from self._round(frame, text)
        return won

    def release(self) -> Process:
        """Give the lock back, if it is still held."""
        self.held = False
        note(self.frame, "left", self.key, self.owner)
        yield from self._spanned(self.frame, "release", self._drop())

    def _drop(self) -> Process:
        text = self._text("release")
        dropped = 0
        for node in self.frame.world.locks.nodes:
            if node.leases.get(self.key, ("",))[0] == self.owner:
                del node.leases[self.key]
                dropped += 1
        yield from self._round(self.frame, text)
        return dropped > 0


def note(frame: Frame, what: str, key: str, owner: str, **more: float) -> None:
    """Keep the truth about locks, for the answer: never written to the evidence."""
    told: dict[str, Any] = {
        "what": what,
        "key": key,
        "owner": owner,
        "instance": frame.instance.name,
        "host": frame.instance.host.name,
        "at_ns": frame.world.simulation.now,
        "trace": frame.trace,
        **more,
    }
    frame.world.truth.append(told)
