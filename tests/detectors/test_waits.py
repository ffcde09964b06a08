"""Waiting for locks, and for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]
TEXTS = {
    "pg_advisory_xact_lock(42)": "SELECT pg_advisory_xact_lock(42)",
    "rows of stock": "SELECT n FROM stock WHERE id = ? FOR UPDATE",
    "acct-1": "",
}


def waiting(lock: str, wait_ms: float, other_ms: float = 4.0, onset: int = 60) -> Fleet:
    """Requests take a lock and make a query; from request `onset` on, the lock or the query takes long."""
    fleet = Fleet()
    for number in range(120):
        at, trace, late = number * 1000.0, f"t{number}", number >= onset
        wobble = number * 37 % 11 / 10
        wait, other = (wait_ms if late else 2.0) + wobble, (other_ms if late else 4.0) + wobble
        root = fleet.span(trace, "", "stock", "h1", "POST /reserve", at, wait + other + 6, "server")
        if TEXTS[lock]:
            fleet.span(trace, root, "stock", "h1", "SELECT", at + 1, wait, "client", db__query__text=TEXTS[lock])
        else:
            fleet.span(trace, root, "stock", "h1", "lock.acquire", at + 1, wait, lock__key=lock)
        fleet.span(trace, root, "stock", "h1", "UPDATE stock", at + 2 + wait, other, "client")
    return fleet


@pytest.mark.parametrize("lock", sorted(TEXTS))
def test_a_service_that_begins_to_wait_for_a_lock_is_told(lock: str, look: Look) -> None:
    (finding,), _ = look("locks.contention", waiting(lock, 400).tables())
    assert (finding.service, finding.resource, finding.mechanism) == ("stock", lock, "lock_contention")
    assert float(str(finding.facts["wait_ms"])) == pytest.approx(400, abs=2)


@pytest.mark.parametrize(
    "fleet", [waiting("acct-1", 2.0), waiting("acct-1", 400, other_ms=400), waiting("acct-1", 400, onset=0)]
)
def test_locks_that_are_had_as_quickly_as_all_else_are_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("locks.contention", fleet.tables())
    assert not findings
    assert check.verdict == "clear"


def crossing(crossed: bool) -> Fleet:
    """Pairs of transfers between two accounts; crossed ones take the two locks in opposite orders, and fail."""
    fleet = Fleet()
    for number in range(10):
        for side, order in enumerate((("a", "b"), ("b", "a") if crossed else ("a", "b"))):
            at, trace = number * 5000.0 + side * (1 if crossed else 2500), f"t{number}-{side}"
            failed = "error" if crossed and side else ""
            root = fleet.span(trace, "", "bank", "h1", "transfer", at, 2000, "server", failed)
            fleet.span(trace, root, "bank", "h1", "acquire lock", at + 1, 2, key=order[0])
            fleet.span(trace, root, "bank", "h1", "acquire lock", at + 5, 1500 if crossed else 2, "", failed,
                       key=order[1])  # fmt: skip
            if not failed:
                fleet.span(trace, root, "bank", "h1", "release lock", at + 1600, 2, key=order[1])
            fleet.span(trace, root, "bank", "h1", "release lock", at + 1700, 2, key=order[0])
    return fleet


def test_two_that_hold_what_the_other_asks_for_are_told(look: Look) -> None:
    (finding,), _ = look("locks.deadlock", crossing(crossed=True).tables())
    assert (finding.service, finding.mechanism) == ("bank", "deadlock")
    assert (finding.facts["locks"], finding.facts["cycles"]) == (("a", "b"), 10)


def test_locks_taken_in_one_order_are_silent(look: Look) -> None:
    findings, check = look("locks.deadlock", crossing(crossed=False).tables())
    assert not findings
    assert check.verdict == "clear"


def ring(locks: Sequence[str], times: int = 8, caught: bool = True, wait: float = 1500) -> Fleet:
    """Requests that each hold one of some locks and ask for the next, at one moment or, not `caught`, one by one."""
    fleet = Fleet()
    for number in range(times):
        for place, (held, wanted) in enumerate(zip(locks, [*locks[1:], locks[0]], strict=True)):
            at, trace = number * 20_000.0 + place * (4 if caught else 2500), f"t{number}-{place}"
            root = fleet.span(trace, "", "depot", "h1", "move", at, 2000, "server")
            fleet.span(trace, root, "depot", "h1", "mutex.acquire", at + 1, 2, mutex__name=held)
            fleet.span(trace, root, "depot", "h1", "mutex.acquire", at + 30, wait if caught else 3, "",
                       "error" if caught else "",
                       mutex__name=wanted)  # fmt: skip
            if not caught:
                fleet.span(trace, root, "depot", "h1", "mutex.release", at + 1600, 2, mutex__name=wanted)
            fleet.span(trace, root, "depot", "h1", "mutex.release", at + 1700, 2, mutex__name=held)
    return fleet


@pytest.mark.parametrize("locks", [["bay-4", "bay-9"], ["bay-4", "bay-9", "bay-2"], list("fcbad")])
def test_a_ring_of_holders_that_ask_for_each_others_lock_is_told(locks: list[str], look: Look) -> None:
    (finding,), _ = look("locks.deadlock", ring(locks).tables())
    assert (finding.code, finding.service, finding.facts["cycles"]) == ("locks.deadlock", "depot", 8)
    assert finding.facts["locks"] == tuple(sorted(locks))
    assert len(finding.citations) == len(locks)


@pytest.mark.parametrize(("lasts", "told"), [(1500, "locks.deadlock"), (60, "locks.order_inversion")])
def test_one_ring_that_lasts_is_told_where_waits_begin_to_be_long(lasts: float, told: str, look: Look) -> None:
    fleet = ring(["bay-4", "bay-9", "bay-2"], times=1, wait=lasts)
    for number in range(20):
        at, trace = number * 1000.0 - 40_000, f"calm-{number}"
        root = fleet.span(trace, "", "depot", "h1", "move", at, 20, "server")
        fleet.span(trace, root, "depot", "h1", "mutex.acquire", at + 1, 2, mutex__name="bay-4")
        fleet.span(trace, root, "depot", "h1", "mutex.release", at + 9, 2, mutex__name="bay-4")
    (finding,), _ = look("locks.deadlock", fleet.tables())
    assert finding.code == told


@pytest.mark.parametrize("locks", [["bay-4", "bay-9"], ["bay-4", "bay-9", "bay-2"]])
def test_orders_that_could_end_in_a_deadlock_are_told_as_harmless(locks: list[str], look: Look) -> None:
    (finding,), _ = look("locks.deadlock", ring(locks, caught=False).tables())
    assert (finding.code, finding.facts["harmless"]) == ("locks.order_inversion", True)
    assert finding.facts["locks"] == tuple(sorted(locks))


@pytest.mark.parametrize(("reports", "told"), [(20, 1), (2, 0)])
def test_a_deadlock_that_the_database_reports_is_told_where_it_was(reports: int, told: int, look: Look) -> None:
    fleet = Fleet()
    for number in range(120):
        at, trace, failed = number * 1000.0, f"t{number}", number >= 120 - reports
        status, message = ("error", "ERROR: deadlock detected") if failed else ("", "")
        root = fleet.span(trace, "", "shop", "h1", "POST /orders", at, 40, "server", status, message)
        served = fleet.span(trace, root, "stock", "h2", "POST /reserve", at + 2, 30, "server", status, message)
        fleet.span(trace, served, "stock", "h2", "UPDATE stock", at + 5, 20, "client", status, message)
    findings, _ = look("locks.deadlock", fleet.tables())
    assert [finding.service for finding in findings] == ["stock"] * told


@pytest.mark.parametrize(("starved", "told"), [(False, 1), (True, 0)])
def test_holders_that_find_no_connection_are_what_is_waited_for(starved: bool, told: int, look: Look) -> None:
    fleet = Fleet()
    said = "Connection is not available, request timed out" if starved else "no such account"
    for number in range(120):
        at, late = number * 4000.0, number >= 60
        held = 2000.0 if late else 5.0
        for place, status in enumerate(("error" if late else "", "")):
            # The second asks when the first has just got it, and waits until it is let go.
            begun, trace = at + 10 * place, f"t{number}-{place}"
            wait = 1.0 if not place else max(1.0, held - 8)
            root = fleet.span(trace, "", "bank", "h1", "POST /move", begun, 4000, "server", status, said)
            fleet.span(trace, root, "bank", "h1", "mutex.acquire", begun + 1, wait, mutex__name="acct-7")
            fleet.span(trace, root, "bank", "h1", "mutex.release", at + held + place * 50, 1, mutex__name="acct-7")
    findings, _ = look("locks.contention", fleet.tables())
    assert len(findings) == told
