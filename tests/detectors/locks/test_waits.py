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


def test_a_request_that_locks_thousands_of_rows_hides_no_deadlock(look: Look) -> None:
    fleet = crossing(crossed=True)
    root = fleet.span("batch", "", "books", "h2", "close day", 100, 9000, "server")
    for number in range(5000):
        text = f"UPDATE entries SET closed = true WHERE id = {number}"
        fleet.span("batch", root, "books", "h2", "UPDATE entries", 101 + number, 60, "client", db__query__text=text)
    findings, _ = look("locks.deadlock", fleet.tables())
    assert [finding.service for finding in findings] == ["bank"]


def test_locks_taken_in_one_order_are_silent(look: Look) -> None:
    findings, check = look("locks.deadlock", crossing(crossed=False).tables())
    assert not findings
    assert check.verdict == "clear"


def ring(locks: Sequence[str], times: int = 8, caught: bool = True) -> Fleet:
    """Requests that each hold one of some locks and ask for the next, at one moment or, not `caught`, one by one."""
    fleet = Fleet()
    for number in range(times):
        for place, (held, wanted) in enumerate(zip(locks, [*locks[1:], locks[0]], strict=True)):
            at, trace = number * 20_000.0 + place * (4 if caught else 2500), f"t{number}-{place}"
            wait = 1500 if caught else 3
            root = fleet.span(trace, "", "depot", "h1", "move", at, 2000, "server")
            fleet.span(trace, root, "depot", "h1", "mutex.acquire", at + 1, 2, mutex__name=held)
            fleet.span(trace, root, "depot", "h1", "mutex.acquire", at + 30, wait, "", "error" if caught else "",
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


def across(opposite: bool, written: bool, patience_ms: float = 4000.0) -> Fleet:
    """Orders and stock each take a lock of their own, or write a row, and then call the other that does so too.

    Only in `opposite` orders, at one moment and from the 40th request on, do they wait for each other: until one call
    ends in a timeout and lets its own lock go.
    """
    fleet = Fleet()

    def take(trace: str, parent: str, service: str, at: float, ms: float, until: float) -> None:
        if written:
            db = {"db__system": "postgresql", "server__address": f"{service}-db"}
            fleet.span(trace, parent, service, service, "UPDATE", at, ms, "client",
                       db__query__text=f"UPDATE {service}.item SET n = n - 1 WHERE item_id = 7", **db)  # fmt: skip
            fleet.span(trace, parent, service, service, "COMMIT", until, 1, "client", db__query__text="COMMIT", **db)
        else:
            fleet.span(trace, parent, service, service, "lock.acquire", at, ms, lock__key=f"{service}/7")
            fleet.span(trace, parent, service, service, "lock.release", until, 1, lock__key=f"{service}/7")

    for number in range(60):
        for side, (first, second) in enumerate((("orders", "stock"), ("stock", "orders"))):
            stuck = opposite and number >= 40
            at = number * 10_000.0 + side * (3 if stuck else 5000)
            wait = (patience_ms + 20 * side if stuck else 2) - 3 * side
            trace, failed = f"t{number}-{side}", "error" if stuck and not side else ""
            root = fleet.span(trace, "", first, first, f"POST /{first}", at, wait + 60, "server", failed)
            call = fleet.span(trace, root, first, first, "POST", at + 10, wait + 6, "client", failed)
            served = fleet.span(trace, call, second, second, f"POST /of-{second}", at + 11, wait + 40, "server")
            take(trace, root, first, at + 1, 3, at + 10 + wait + 8)
            # Who asked in vain goes on when the other has let go, and nobody waits for it any more.
            late = 30 if failed else 0
            take(trace, served, second, at + 12, wait + late, at + 12 + wait + late + 3)
    return fleet


@pytest.mark.parametrize("written", [False, True], ids=["locks", "rows"])
def test_services_that_call_each_other_with_a_lock_in_hand_wait_for_each_other(written: bool, look: Look) -> None:
    (finding,), _ = look("locks.deadlock", across(opposite=True, written=written).tables())
    assert (finding.code, finding.facts["services"]) == ("locks.deadlock", ("orders", "stock"))
    assert (finding.facts["cycles"], finding.facts["requests"]) == (20, 40)
    findings, _ = look("locks.deadlock", across(opposite=False, written=written).tables())
    assert all(finding.facts.get("harmless") for finding in findings)


ROWS = {
    "literals": ("UPDATE stock SET n = n - 1 WHERE item_id = {row}", False),
    "parameters": ("UPDATE stock SET n = n - ? WHERE tenant_id = 4 AND item_id = ?", True),
    "advisory": ("SELECT pg_advisory_xact_lock({row})", False),
}


def moving(text: str, given: bool, opposite: bool, ends: bool = True) -> Fleet:
    """Moves lock two rows in a transaction; from the 40th on pairs do in `opposite` orders, and one `ends` in vain."""
    fleet = Fleet()
    for number in range(80):
        for side in range(2):
            stuck = number >= 40
            at, trace = number * 5000.0 + side * 10, f"t{number}-{side}"
            status = "error" if stuck and side and ends else ""
            waits = [3.0, (900.0 - 2 * side if stuck else 3.0)]
            root = fleet.span(trace, "", "stock", "h1", "POST /move", at, 1000, "server", status)
            for place, row in enumerate((1, 2) if not (side and opposite) else (2, 1)):
                said = {"db__query__parameter__0": 1, "db__query__parameter__1": row} if given else {}
                fleet.span(trace, root, "stock", "h1", "db", at + 2 + 40 * place, waits[place], "client",
                           status if place else "", db__statement=text.format(row=row), **said)  # fmt: skip
            last = "ROLLBACK" if status else "COMMIT"
            fleet.span(trace, root, "stock", "h1", last, at + 60 + waits[1], 1, "client", db__statement=last)
    return fleet


@pytest.mark.parametrize("rows", sorted(ROWS))
def test_rows_that_transactions_lock_in_opposite_orders_are_told_from_their_statements(rows: str, look: Look) -> None:
    (finding,), _ = look("locks.deadlock", moving(*ROWS[rows], opposite=True).tables())
    assert (finding.service, finding.facts["cycles"], finding.facts["share_of_waits"]) == ("stock", 40, 1.0)
    assert [citation.kind for citation in finding.citations] == ["span", "span"]
    assert look("locks.contention", moving(*ROWS[rows], opposite=True).tables())[0] == ()


@pytest.mark.parametrize(
    "fleet",
    [moving(*ROWS["literals"], opposite=False), moving(*ROWS["literals"], opposite=True, ends=False)],
    ids=["one order", "nobody waits in vain"],
)
def test_rows_that_are_waited_for_in_a_line_make_no_deadlock(fleet: Fleet, look: Look) -> None:
    assert look("locks.deadlock", fleet.tables())[0] == ()


@pytest.mark.parametrize(("waited_ms", "told"), [(120.0, 0), (900.0, 1)], ids=["now and then", "all the while"])
def test_a_line_that_forms_now_and_then_is_no_contention_where_few_stand_in_it(
    waited_ms: float, told: int, look: Look
) -> None:
    fleet = Fleet()
    for number in range(120):
        wait = waited_ms if number >= 60 and number % 3 == 0 else 2.0
        at, trace = number * 1000.0, f"t{number}"
        root = fleet.span(trace, "", "bank", "h1", "POST /move", at, wait + 20, "server", "")
        fleet.span(trace, root, "bank", "h1", "lock.acquire", at + 1, wait, lock__key="acct-0")
        fleet.span(trace, root, "bank", "h1", "lock.release", at + wait + 10, 1, lock__key="acct-0")
    assert len(look("locks.contention", fleet.tables())[0]) == told


def queueing(partner_ms: float, fails: bool = False) -> Fleet:
    """Pairs of requests lock an account and ask a partner under it, who answers in time until the 40th."""
    fleet = Fleet()
    for number in range(80):
        for side in range(2):
            late = number >= 40
            at, trace, asked = number * 5000.0 + side * 5, f"t{number}-{side}", partner_ms if late else 60.0
            # From the 40th on all move one account.
            key = "acct-0" if late else f"acct-{number % 7}-{side}"
            wait = asked if side and late else 2.0
            status = "error" if fails and late else ""
            root = fleet.span(trace, "", "bank", "h1", "POST /move", at, wait + asked + 20, "server", status)
            fleet.span(trace, root, "bank", "h1", "lock.acquire", at + 1, wait, lock__key=key)
            fleet.span(trace, root, "bank", "h1", "GET /rates", at + 2 + wait, asked - 5, "client", status)
            fleet.span(trace, root, "bank", "h1", "lock.release", at + wait + asked, 1, lock__key=key)
    return fleet


@pytest.mark.parametrize(
    ("fleet", "told"), [(queueing(60.0), 1), (queueing(400.0), 0), (queueing(60.0, fails=True), 0)],
    ids=["all take one lock", "a partner is slow", "a partner fails"],
)  # fmt: skip
def test_who_holds_a_lock_and_waits_for_a_partner_does_not_make_it_contended(
    fleet: Fleet, told: int, look: Look
) -> None:
    assert len(look("locks.contention", fleet.tables())[0]) == told


@pytest.mark.parametrize("calls", [True, False], ids=["who is called waits", "nobody that it calls waits"])
def test_who_only_logs_that_a_lock_was_not_to_be_had_repeats_what_its_callee_was_told(calls: bool, look: Look) -> None:
    fleet, said = Fleet(), "POST /reserve failed: ERROR: canceling statement due to lock timeout"
    logs = []
    for number in range(120):
        at, trace, late = number * 1000.0, f"t{number}", number >= 60
        status, wait = ("error", 400.0) if late and calls else ("", 4.0)
        root = fleet.span(trace, "", "shop", "h1", "POST /orders", at, wait + 20, "server", status)
        served = fleet.span(trace, root, "stock", "h2", "POST /reserve", at + 2, wait + 10, "server", status)
        text = "SELECT n FROM stock WHERE id = ? FOR UPDATE"
        fleet.span(trace, served, "stock", "h2", "SELECT", at + 5, wait, "client", status, db__query__text=text)
        if late:
            logs.append({"time_ns": fleet.recorded_ns("h1", at + 30), "trace_id": f"other{number}", "service": "shop",
                         "severity": "error", "body": said, "source_id": 1, "line": number})  # fmt: skip
    findings, _ = look("locks.contention", {**fleet.tables(), "logs": logs})
    assert [finding.service for finding in findings] == ["stock" if calls else "shop"]
