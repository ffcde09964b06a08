"""Locks and leases in the dialects that instrumentation writes, held by one or by two."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deep_code_reasoning.detectors.locks.words import roles_of
from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet, busy_fleet, steady
from scenery import Row

Look = Callable[..., tuple[list[Finding], Check]]
Write = Callable[[Fleet, str, str, str, str, float, float], None]
TTL_MS = 800


def spoken(fleet: Fleet, verb: str, trace: str, parent: str, host: str, at: float, ms: float) -> None:
    names = {"acquire": "AcquireLease", "renew": "lease.extend", "release": "unlock"}
    fleet.span(
        trace, parent, "ledger", host, names[verb], at, ms, lease__name="acct-7", lease__holder=f"{host}/{trace}",
        lease__ttl_seconds=TTL_MS / 1000,
    )  # fmt: skip


def redis(fleet: Fleet, verb: str, trace: str, parent: str, host: str, at: float, ms: float) -> None:
    expires = fleet.recorded_ns(host, at) // 1_000_000 + TTL_MS
    text = {
        "acquire": f"SET lk:acct-7 {trace} PXAT {expires} NX",
        "renew": f"EVALSHA 77aa 1 lk:acct-7 {trace} {TTL_MS}",
        "release": f'EVAL "if redis.call(get,KEYS[1]) == ARGV[1] then return redis.call( del ,KEYS[1]) end" 1 lk:acct-7 {trace}',  # noqa: E501
    }[verb]
    fleet.span(trace, parent, "ledger", host, text[:4].strip(), at, ms, "client", db__statement=text)


def table(fleet: Fleet, verb: str, trace: str, parent: str, host: str, at: float, ms: float) -> None:
    until = fleet.recorded_ns(host, at) // 1_000_000 + TTL_MS
    text = {
        "acquire": f"UPDATE job_locks SET locked_by = '{trace}', lock_until = {until} "
        f"WHERE lock_name = 'acct-7' AND lock_until < {until - TTL_MS}",
        "renew": f"UPDATE job_locks SET lock_until = {until} WHERE lock_name = 'acct-7' AND locked_by = '{trace}'",
        "release": f"DELETE FROM job_locks WHERE lock_name = 'acct-7' AND locked_by = '{trace}'",
    }[verb]
    fleet.span(trace, parent, "ledger", host, "UPDATE job_locks", at, ms, "client", db__query__text=text)


def events(fleet: Fleet, verb: str, trace: str, parent: str, host: str, at: float, ms: float) -> None:
    fleet.events.append(
        {
            "trace_id": trace, "span_id": parent, "service": "ledger",
            "name": "mutex " + {"renew": "renewed"}.get(verb, f"{verb}d"),
            "time_ns": fleet.recorded_ns(host, at + ms),
            "attributes": {"resource": "acct-7", "client_id": f"{host}-{trace}", "ttl_ms": str(TTL_MS)},
            "source_id": 1, "line": len(fleet.events) + 1,
        }
    )  # fmt: skip


def leases(write: Write, stolen: bool, skew_ms: float = -200.0, until: int = 24) -> dict[str, list[Row]]:
    """Jobs hold a lock for 1.1 s in turn on two hosts, renewed after 650 ms; a stolen one is taken after 602 ms."""
    fleet = busy_fleet({"c2": steady(skew_ms)}, requests=120)
    for number in range(24):
        host, trace = ("c1", "c2")[number % 2], f"job{number}"
        # A lease of c2 looks expired 200 ms early to the other host, 50 ms before it is renewed.
        begin = number * 1500.0 - (1500 - 602 if stolen and 10 < number < until and number % 2 == 0 else 0)
        failed = stolen and number > 10
        root = fleet.span(trace, "", "ledger", host, "settle", begin - 5, 1120, "server", "error" if failed else "")
        for verb, at in (("acquire", 0.0), ("renew", 650.0), ("release", 1100.0)):
            write(fleet, verb, trace, root, host, begin + at, 2)
        fleet.span(trace, root, "ledger", host, "POST /transfers", begin + 1000, 20, "client")
    return fleet.tables()


@pytest.mark.parametrize("write", [spoken, redis, table, events])
def test_a_lease_that_another_takes_before_its_renewal_is_told(write: Write, look: Look) -> None:
    (finding,), _ = look("locks.lease_expired", leases(write, stolen=True))
    facts = finding.facts
    assert finding.mechanism == "lock_lease_expired"
    assert (finding.service, finding.resource) == ("ledger", "lk:acct-7" if write is redis else "acct-7")
    assert facts["overlaps"] == 6
    assert facts["skewed_host"] == "c2"
    assert float(str(facts["clock_offset_ms"])) == pytest.approx(-200, abs=2)
    assert float(str(facts["gap_ms"])) == pytest.approx(50, abs=5)
    assert len(set(facts["owners"])) == 2  # type: ignore[arg-type]
    assert facts["hosts"] == ("c2", "c1")
    assert (facts["expiry_on_another_clock"], facts["calls_after_loss"], facts["fencing_token"]) == (True, 6, False)
    assert finding.confidence > 0.9


@pytest.mark.parametrize("write", [redis, table])
def test_one_overlap_is_sure_where_a_late_renewal_and_a_clock_that_is_off_prove_it(write: Write, look: Look) -> None:
    (finding,), _ = look("locks.lease_expired", leases(write, stolen=True, until=13))
    assert finding.facts["overlaps"] == 1
    assert finding.facts["skewed_host"] == "c2"
    assert finding.confidence > 0.9


def test_one_overlap_is_sure_where_a_late_renewal_and_requests_that_failed_prove_it(look: Look) -> None:
    (finding,), _ = look("locks.lease_expired", leases(table, stolen=True, skew_ms=0.0, until=13))
    assert (finding.facts["overlaps"], finding.facts["skewed_host"], finding.confidence) == (1, None, 0.97)


@pytest.mark.parametrize("write", [spoken, redis, table, events])
def test_a_lock_that_is_handed_over_is_silent_however_far_the_clocks_are_apart(write: Write, look: Look) -> None:
    findings, check = look("locks.lease_expired", leases(write, stolen=False))
    assert not findings
    assert check.verdict == "clear"


def test_attempts_that_did_not_get_the_lock_are_no_holds(look: Look) -> None:
    tables = leases(redis, stolen=False)
    fleet = Fleet(spans=tables["spans"])
    for number in range(23):
        redis(fleet, "acquire", f"late{number}", "", "c1", number * 1500.0 + 700, 2)
    findings, _ = look("locks.lease_expired", fleet.tables())
    assert not findings


def test_a_lock_that_many_hold_at_all_times_is_not_exclusive(look: Look) -> None:
    fleet = busy_fleet({}, requests=60)
    for number in range(40):
        for verb, at in (("acquire", 0.0), ("release", 900.0)):
            spoken(fleet, verb, f"job{number}", "", "c1", number * 200.0 + at, 2)
    findings, _ = look("locks.lease_expired", fleet.tables())
    assert not findings


def test_without_locks_it_says_that_it_could_not_look(look: Look) -> None:
    findings, check = look("locks.lease_expired", busy_fleet({}, requests=30).tables())
    assert (findings, check.verdict) == ((), "skipped")


@pytest.mark.parametrize(
    ("name", "attributes", "parts"),
    [
        ("DistributedLock.renew", ["resource.name", "lease.holder", "lease.duration"], ("renew", "resource.name")),
        ("acquire lock", ["key", "ttl"], ("acquire", "key")),
        ("tryLock", ["lock.name", "lock.owner.id", "lock.lease_time_ms"], ("acquire", "lock.name")),
        ("redlock:extend", ["redlock.resources", "redlock.resource", "redlock.value"], ("renew", "redlock.resource")),
        ("lock_released", ["lockKey", "lockedBy"], ("release", "lockKey")),
    ],
)
def test_names_are_read_by_their_words(name: str, attributes: list[str], parts: tuple[str, str]) -> None:
    roles = roles_of(name, attributes)
    assert roles is not None
    assert (roles.verb, roles.key) == parts


@pytest.mark.parametrize("name", ["release order", "clock.tick", "block user", "GET /releases", "unblock account"])
def test_words_that_only_look_like_locks_are_none(name: str) -> None:
    assert roles_of(name, ["key", "http.route", "order.id"]) is None


def test_a_lock_without_a_name_is_not_read() -> None:
    assert roles_of("lock.acquire", ["thread.name", "http.route"]) is None
