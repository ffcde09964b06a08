"""Locks as the services that keep them see them, and under names of all sorts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.detectors.locks.words import roles_of
from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet, busy_fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]
Write = Callable[[Fleet, str, str, str, str, float], None]
"""write(fleet, verb, owner, host, trace, at)"""


def client(
    fleet: Fleet, trace: str, host: str, name: str, at: float, failed: bool = False, **attributes: object
) -> None:
    fleet.span(trace, "", "jobs", host, name, at, 2, "client", "error" if failed else "", **attributes)


def consul(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    url = {
        "acquire": f"http://consul:8500/v1/kv/service/nightly/leader?acquire={owner}",
        "renew": f"http://consul:8500/v1/session/renew/{owner}",
        "release": f"http://consul:8500/v1/kv/service/nightly/leader?release={owner}",
    }[verb]
    client(fleet, trace, host, "PUT", at, http__method="PUT", http__url=url, http__status_code=200)


def service(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    path = {"acquire": "/v2/locks/nightly", "renew": "/v2/locks/nightly/heartbeat", "release": "/v2/locks/nightly"}[
        verb
    ]
    method = {"acquire": "POST", "renew": "POST", "release": "DELETE"}[verb]
    client(fleet, trace, host, f"{method} {path}", at, http__request__method=method, url__full=f"https://locks.internal{path}",
           http__response__status_code=200)  # fmt: skip


def etcd(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    method = {"acquire": "KV/Txn", "renew": "Lease/LeaseKeepAlive", "release": "Lease/LeaseRevoke"}[verb]
    named = {"etcd__key": "/jobs/nightly"} if verb == "acquire" else {}
    lease = {"etcd__lease_id": 7000 + int(trace[3:])}
    client(fleet, trace, host, f"etcdserverpb.{method}", at, rpc__system="grpc", **named, **lease)


def zookeeper(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    node = f"/jobs/nightly/lock-{int(trace[3:]):010d}"
    if verb == "acquire":
        client(fleet, trace, host, "create", at - 40, db__system="zookeeper", db__statement=f"create {node}")
        client(
            fleet,
            trace,
            host,
            "getChildren",
            at - 37,
            db__system="zookeeper",
            db__statement="getChildren /jobs/nightly",
        )
    act = {"acquire": "getChildren /jobs/nightly", "release": f"delete {node}"}.get(verb, "ping")
    client(fleet, trace, host, act.split()[0], at, db__system="zookeeper", db__statement=act)


def dynamo(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    key = '"Key": {"lockId": {"S": "nightly"}}'
    text = {
        "acquire": f'{{"TableName": "Locks", {key}, "ConditionExpression": "attribute_not_exists(lockId)", '
        f'"ExpressionAttributeValues": {{":owner": {{"S": "{owner}"}}}}}}',
        "renew": f'{{"TableName": "Locks", {key}, "ConditionExpression": "#o = :owner", '
        f'"ExpressionAttributeValues": {{":owner": {{"S": "{owner}"}}}}}}',
        "release": f'{{"TableName": "Locks", {key}, "ExpressionAttributeValues": {{":owner": {{"S": "{owner}"}}}}}}',
    }[verb]
    name = {"acquire": "PutItem", "renew": "UpdateItem", "release": "DeleteItem"}[verb]
    client(fleet, trace, host, f"DynamoDB.{name}", at, db__operation=name, db__statement=text)


def mongo(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    until = fleet.recorded_ns(host, at) // 1_000_000 + 800
    text = {
        "acquire": f'{{"findAndModify": "locks", "query": {{"_id": "nightly", "until": {{"$lt": {until - 800}}}}}, '
        f'"update": {{"$set": {{"owner": "{owner}", "until": {until}}}}}}}',
        "renew": f'{{"update": "locks", "q": {{"_id": "nightly", "owner": "{owner}"}}, "u": {{"until": {until}}}}}',
        "release": f'{{"delete": "locks", "q": {{"_id": "nightly", "owner": "{owner}"}}}}',
    }[verb]
    client(fleet, trace, host, f"{text[2:].split(chr(34))[0]} locks", at, db__operation=text[2:].split('"')[0],
           db__statement=text)  # fmt: skip


def elected(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    names = {
        "acquire": "LeaderElection.campaign",
        "renew": "LeaderElection.keepalive",
        "release": "LeaderElection.resign",
    }
    fleet.span(trace, "", "jobs", host, names[verb], at, 2, election__name="nightly", candidate__id=owner, ttl="PT0.8S")


def plain(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    fleet.span(trace, "", "jobs", host, "coordination", at, 2, lock__operation=verb, resource="nightly", holder=owner,
               expires_at=f"{(fleet.recorded_ns(host, at) + 800_000_000) / 1e9:.3f}")  # fmt: skip


def scripts(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    """Scripts without quotes around them, as most clients record them."""
    held = "EVAL if redis.call('get',KEYS[1])==ARGV[1] then return redis.call"
    text = {
        "acquire": f"SET nightly {owner} NX PX 800",
        "renew": f"{held}('pexpire',KEYS[1],ARGV[2]) else return 0 end 1 nightly {owner} 800",
        "release": f"{held}('del',KEYS[1]) else return 0 end 1 nightly {owner}",
    }[verb]
    client(fleet, trace, host, text.split()[0], at, db__statement=text)


def counting(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    """A library's lock that counts how often a thread has it, all by scripts; the time comes before the owner."""
    mine = "redis.call('hexists', KEYS[1], ARGV[2]) == 1"
    text = {
        "acquire": f"EVAL if ((redis.call('exists', KEYS[1]) == 0) or ({mine})) then redis.call('hincrby', KEYS[1], "
        "ARGV[2], 1); redis.call('pexpire', KEYS[1], ARGV[1]); return nil; end; return redis.call('pttl', KEYS[1]); "
        f"1 nightly 800 {owner}:7",
        "renew": f"EVAL if ({mine}) then redis.call('pexpire', KEYS[1], ARGV[1]); return 1; end; return 0; "
        f"1 nightly 800 {owner}:7",
        "release": f"EVAL if ({mine}) then redis.call('del', KEYS[1]); redis.call('publish', KEYS[2], ARGV[1]); "
        f"return 1; end; return nil; 2 nightly nightly:channel 0 800 {owner}:7",
    }[verb]
    client(fleet, trace, host, "EVAL", at, db__query__text=text)


def masked(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    texts = {"acquire": "SET nightly ? ? ? ?", "renew": "EVALSHA 5c 1 nightly ? ?", "release": "EVALSHA 9d 1 nightly ?"}
    client(fleet, trace, host, texts[verb].split()[0], at, db__statement=texts[verb])


def counted(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    texts = {"acquire": "set nightly [4 other arguments]", "renew": "pexpire nightly 800", "release": "del nightly"}
    client(fleet, trace, host, f"redis-{verb}", at, db__statement=texts[verb])


def node(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    act = {"acquire": "create", "renew": "ping", "release": "delete"}[verb]
    said = {"zookeeper__path": "/locks/nightly", "zookeeper__session_id": f"0x{owner}", "zookeeper__rc": "OK"}
    if verb == "acquire":
        client(fleet, trace, host, "zk.create", at - 40, **said | {"zookeeper__rc": "NODEEXISTS"})
    client(fleet, trace, host, f"zk.{act}", at, zookeeper__session_timeout_ms=800, **said)


SESSION_FUNCTIONS = {"acquire": "try_advisory_lock", "release": "advisory_unlock"}


def session_lock(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    call = {verb: f"pg_{name}(hashtext('nightly'))" for verb, name in SESSION_FUNCTIONS.items()}
    if verb == "acquire":
        client(fleet, trace, host, "query", at - 40, db__statement=f"SELECT {call[verb]}", db__result="f")
    if verb in call:
        client(fleet, trace, host, "query", at, db__statement=f"SELECT {call[verb]}", db__result="t")


def attributed_etcd(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    """Key, client and length stand on every call, and whether the lease was found on those about it."""
    method = {"acquire": "KV/Txn", "renew": "Lease/LeaseKeepAlive", "release": "Lease/LeaseRevoke"}[verb]
    ended = {"etcd__txn__succeeded": "true"} if verb == "acquire" else {"etcd__lease__found": "true"}
    client(fleet, trace, host, f"etcdserverpb.{method}", at, etcd__key="/locks/nightly", etcd__client=owner,
           etcd__lease__ttl_ms=800, **ended)  # fmt: skip


def guard(fleet: Fleet, verb: str, owner: str, host: str, trace: str, at: float) -> None:
    """No word of a lock: who holds what, for how long, and whether it was granted."""
    names = {"acquire": "turn.enter", "renew": "turn.extend", "release": "turn.leave"}
    fleet.span(trace, "", "jobs", host, names[verb], at, 2, turn__name="nightly", turn__holder=owner,
               turn__valid_for_ms=800, turn__granted="true")  # fmt: skip


DIALECTS = (
    consul, service, etcd, attributed_etcd, guard, zookeeper, dynamo, mongo, elected, plain, scripts, counting, masked,
    counted, node, session_lock,
)  # fmt: skip


def turns(write: Write, stolen: bool) -> Fleet:
    """Two processes take a lock in turn for 1.1 s; a stolen one is taken 50 ms before its renewal."""
    fleet = busy_fleet({}, requests=60)
    for number in range(16):
        begin = number * 1500.0 - (898 if stolen and number > 8 and number % 2 == 0 else 0)
        host, trace = ("c1", "c2")[number % 2], f"job{number}"
        for verb, at in (("acquire", 0.0), ("renew", 650.0), ("release", 1100.0)):
            write(fleet, verb, f"jobs-{host}", host, trace, begin + at)
    return fleet


@pytest.mark.parametrize("write", DIALECTS)
def test_two_owners_at_once_are_seen_in_every_dialect(write: Write, look: Look) -> None:
    (finding,), _ = look("locks.lease_expired", turns(write, stolen=True).tables())
    assert (finding.service, finding.facts["overlaps"]) == ("jobs", 3)
    assert "nightly" in str(finding.resource)


@pytest.mark.parametrize("write", DIALECTS)
def test_turns_in_order_are_silent_in_every_dialect(write: Write, look: Look) -> None:
    findings, check = look("locks.lease_expired", turns(write, stolen=False).tables())
    assert not findings
    assert check.verdict == "clear"


def kubernetes(paused: bool, by_name: bool = False) -> Fleet:
    """Two pods want one lease, written every 2 s by who has it; a leader that stood still finds it taken."""
    fleet = busy_fleet({}, requests=60, named="instance")
    path = "/apis/coordination.k8s.io/v1/namespaces/ops/leases/nightly"
    name = f"PUT {path}" if by_name else "HTTP PUT"
    where = {} if by_name else {"url__full": f"https://10.0.0.1:443{path}", "http__request__method": "PUT"}

    def put(pod: str, at: float, code: int = 200) -> None:
        fleet.span(f"k{at}", "", "jobs", pod, name, at, 3, "client", "error" if code > 299 else "",
                   http__response__status_code=code, **where)  # fmt: skip

    for term in range(12):
        leader, other = ("c1", "c2") if term % 2 == 0 else ("c2", "c1")
        start = term * 30_000.0
        for beat in range(8):
            put(leader, start + 2000 * beat)
        if paused and term % 4 == 0:
            put(leader, start + 17_500, 409)
            put(other, start + 17_000)
        put(leader, start + 29_000, 409)
    return fleet


@pytest.mark.parametrize("by_name", [False, True])
def test_a_leader_that_stood_still_is_seen_by_its_writes_of_the_lease(by_name: bool, look: Look) -> None:
    (finding,), _ = look("locks.lease_expired", kubernetes(paused=True, by_name=by_name).tables())
    assert (finding.resource, finding.service, finding.facts["overlaps"]) == ("nightly", "jobs", 3)


def test_a_lease_that_changes_hands_is_silent_though_others_try_in_vain(look: Look) -> None:
    findings, check = look("locks.lease_expired", kubernetes(paused=False).tables())
    assert not findings
    assert check.verdict == "clear"


@pytest.mark.parametrize(
    ("name", "attributes", "parts"),
    [
        ("LockManager.tryAcquire", ["lock.key", "lock.leaseTimeMs"], ("acquire", "lock.key", "", "lock.leaseTimeMs")),
        ("mutex.lock", ["mutex.id", "holder_id", "ttl"], ("acquire", "mutex.id", "holder_id", "ttl")),
        ("acquire", ["resource", "owner", "ttl_seconds"], ("acquire", "resource", "owner", "ttl_seconds")),
        ("lease.heartbeat", ["lease.resource", "worker.id"], ("renew", "lease.resource", "worker.id", "")),
        ("with_lock", ["lock.name"], ("hold", "lock.name", "", "")),
        ("claim", ["job.id", "claim.owner", "claim.ttl_ms"], ("acquire", "job.id", "claim.owner", "claim.ttl_ms")),
        ("Lock acquired", ["order_id", "lease_ms"], ("acquire", "order_id", "", "lease_ms")),
    ],
)
def test_parts_are_found_under_names_of_all_sorts(name: str, attributes: list[str], parts: tuple[str, ...]) -> None:
    roles = roles_of(name, attributes)
    assert roles is not None
    assert (roles.verb, roles.key, roles.owner, roles.ttl) == parts


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("get claim", ["claim.id", "customer.id"]),
        ("settle", ["lock.key", "amount"]),
        ("lock.status", ["lock.key"]),
        ("acquire connection", ["pool.name"]),
        ("release", ["version", "environment"]),
        ("enter", ["room.name", "room.owner"]),
    ],
)
def test_what_only_speaks_of_locks_does_nothing_to_them(name: str, attributes: list[str]) -> None:
    assert roles_of(name, attributes) is None
