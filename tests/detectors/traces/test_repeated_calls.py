from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]


def shop(lines: Callable[[int], list[str]], onset: int = 60, failed: bool = False, kind: str = "client") -> Fleet:
    """Orders are listed 120 times; from request `onset` on, each makes the statements that `lines` gives."""
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        told = lines(number) if number >= onset else ["SELECT * FROM prices WHERE id IN (?)"]
        root = fleet.span(trace, "", "orders", "h1", "GET /orders", at, 10 + 9 * len(told), "server" if kind else "")
        fleet.span(trace, root, "orders", "h1", "SELECT orders", at + 1, 4, kind, db__statement="SELECT * FROM orders")
        for place, text in enumerate(told):
            fleet.span(
                trace, root, "orders", "h1", text.split(" WHERE")[0], at + 6 + 8 * place, 7, kind,
                "error" if failed and place < len(told) - 1 else "", db__statement=text,
            )  # fmt: skip
    return fleet


def one_a_row(number: int) -> list[str]:
    return [f"SELECT * FROM prices WHERE id = {number * 31 + row}" for row in range(8 + number % 5)]


def one_a_row_hidden(number: int) -> list[str]:
    return ["SELECT * FROM prices WHERE id = ?"] * (8 + number % 5)


def many_kinds(_: int) -> list[str]:
    return [f"SELECT * FROM setting_{chr(97 + row)} WHERE id = ?" for row in range(20)]


def the_same_over_again(_: int) -> list[str]:
    return ["SELECT * FROM limits WHERE tenant = 7"] * 16


@pytest.mark.parametrize(
    ("lines", "kind", "mechanism", "resource"),
    [
        (one_a_row, "client", "n_plus_one", "prices"),
        (one_a_row, "", "n_plus_one", "prices"),
        (one_a_row_hidden, "client", "n_plus_one", "prices"),
        (many_kinds, "client", "chatty_calls", None),
        (the_same_over_again, "client", "chatty_calls", "limits"),
    ],
)
def test_calls_that_became_many_are_told_by_what_they_are(
    lines: Callable[[int], list[str]], kind: str, mechanism: str, resource: str | None, look: Look
) -> None:
    (finding,), _ = look("traces.repeated_calls", shop(lines, kind=kind).tables())
    assert (finding.service, finding.mechanism, finding.resource) == ("orders", mechanism, resource)
    assert finding.window is not None


def test_what_was_always_so_is_silent(look: Look) -> None:
    findings, check = look("traces.repeated_calls", shop(one_a_row, onset=0).tables())
    assert not findings
    assert check.verdict == "clear"


def test_other_requests_that_need_more_calls_are_silent(look: Look) -> None:
    fleet = shop(one_a_row)
    late = {
        row["trace_id"] for row in fleet.spans if row["name"] == "GET /orders" and int(str(row["trace_id"])[1:]) >= 60
    }
    for row in fleet.spans:
        if row["trace_id"] in late and row["name"] == "GET /orders":
            row["name"] = "GET /report"
    findings, _ = look("traces.repeated_calls", fleet.tables())
    assert not findings


def test_operations_behind_one_door_are_told_apart(look: Look) -> None:
    fleet = Fleet()
    for number in range(240):
        at, trace, listing = number * 1000.0, f"t{number}", number % 5 == 0
        calls = 9 if listing and number >= 120 else 1
        door = fleet.span(trace, "", "orders", "h1", "orders.shop.svc:8080/*", at, 90, "server")
        name = "GET /orders" if listing else "GET /status"
        root = fleet.span(trace, door, "orders", "h1", name, at + 1, 88, "server")
        for place in range(calls):
            fleet.span(trace, root, "orders", "h1", "SELECT prices", at + 2 + 9 * place, 8, "client")
    (finding,), _ = look("traces.repeated_calls", fleet.tables())
    assert (finding.service, finding.operation) == ("orders", "GET /orders")


def test_retries_of_a_failing_call_are_not_counted(look: Look) -> None:
    findings, _ = look("traces.repeated_calls", shop(one_a_row_hidden, failed=True).tables())
    assert not findings


def test_a_few_calls_are_silent(look: Look) -> None:
    findings, check = look("traces.repeated_calls", shop(lambda _: ["SELECT * FROM prices WHERE id = ?"] * 3).tables())
    assert not findings
    assert check.verdict == "clear"


def told_by(attributes: Callable[[int, int], dict[str, str]], callee_path: str = "", rows: int = 8) -> Fleet:
    """From request 60 on, `rows` calls a request whose attributes say what `attributes(request, row)` gives."""
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        root = fleet.span(trace, "", "orders", "h1", "GET /orders", at, 120, "server")
        for row in range(rows if number >= 60 else 1):
            call = fleet.span(trace, root, "orders", "h1", "ask", at + 5 + 12 * row, 11, "client")
            fleet.spans[-1]["attributes"] = attributes(number, row)
            if callee_path:
                fleet.span(trace, call, "prices", "h2", "GET /prices/{id}", at + 6 + 12 * row, 9, "server")
                fleet.spans[-1]["attributes"] = {"url.path": callee_path.format(row=row)}
    return fleet


HIDDEN = {"db.query.text": "SELECT * FROM prices WHERE id = $1"}


@pytest.mark.parametrize(
    ("fleet", "mechanism"),
    [
        (told_by(lambda n, row: HIDDEN | {"db.query.parameter.0": str(n + row)}), "n_plus_one"),
        (told_by(lambda n, _: HIDDEN | {"db.query.parameter.0": str(n)}), "chatty_calls"),
        (told_by(lambda *_: HIDDEN), "chatty_calls"),
        (told_by(lambda *_: HIDDEN, rows=16), "n_plus_one"),
        (told_by(lambda *_: {"url.full": "http://prices/prices/{id}"}, "/prices/{row}"), "n_plus_one"),
        (told_by(lambda *_: {"url.full": "http://prices/prices/{id}"}, "/prices/7"), "chatty_calls"),
        (told_by(lambda *_: {}), "n_plus_one"),
    ],
    ids=[
        "other values",
        "one value",
        "hidden, a few",
        "hidden, many",
        "callee's address",
        "one address",
        "says nothing",
    ],
)
def test_one_a_row_is_told_from_the_same_over_again_by_whatever_says_it(
    fleet: Fleet, mechanism: str, look: Look
) -> None:
    (finding,), _ = look("traces.repeated_calls", fleet.tables())
    assert finding.mechanism == mechanism


def test_calls_of_a_kind_that_came_with_the_change_are_told_with_none_before(look: Look) -> None:
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        root = fleet.span(trace, "", "orders", "h1", "GET /orders", at, 150, "server")
        stops = [f"SELECT * FROM stops WHERE id = {number * 31 + row}" for row in range(9)] if number >= 60 else []
        for place, said in enumerate(["SELECT * FROM orders", *stops]):
            name = said.split(" WHERE")[0]
            fleet.span(trace, root, "orders", "h1", name, at + 6 + 12 * place, 11, "client", db__statement=said)
    (finding,), _ = look("traces.repeated_calls", fleet.tables())
    assert "9 calls of stops per request" in finding.summary
    assert (finding.facts["calls_per_request"], finding.facts["calls_per_request_before"]) == (9.0, 0.0)


def test_asking_for_a_lock_until_it_is_free_is_no_call_a_row(look: Look) -> None:
    fleet = Fleet()
    for number in range(120):
        at, trace, turns = number * 2000.0, f"t{number}", 20 if number >= 60 else 1
        root = fleet.span(trace, "", "orders", "h1", "POST /orders", at, 40 + 60 * turns, "server")
        for turn in range(turns):
            fleet.span(trace, root, "orders", "h1", "SET", at + 5 + 60 * turn, 3, "client",
                       db__statement=f"SET lock:7 {trace} NX PX 3000")  # fmt: skip
        fleet.span(trace, root, "orders", "h1", "DEL", at + 20 + 60 * turns, 3, "client", db__statement="DEL lock:7")
    assert not look("traces.repeated_calls", fleet.tables())[0]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("GET http://prices/prices/{row}", {}),
        ("GET http://prices/prices/{row}", {"url.full": "http://prices/prices/{row}"}),
        ("GET /prices/b{row}f00d-91ce", {}),
        ("SELECT * FROM prices WHERE id = 'p{row}'", {}),
    ],
)
@pytest.mark.parametrize("loops", [True, False])
def test_names_that_have_the_values_in_them_are_of_one_kind(
    name: str, told: dict[str, str], loops: bool, look: Look
) -> None:
    fleet = Fleet()
    for number in range(120):
        at, trace, calls = number * 1000.0, f"t{number}", 9 if number >= 60 and loops else 1
        root = fleet.span(trace, "", "orders", "h1", "GET /orders", at, 10 + 9 * calls, "server")
        for row in range(calls):
            address = fleet.span(trace, root, "orders", "h1", name.format(row=number * 31 + row), at + 2 + 9 * row, 8,
                                 "client")  # fmt: skip
            fleet.spans[-1]["attributes"] = {key: text.format(row=number * 31 + row) for key, text in told.items()}
            fleet.span(trace, address, "prices", "h2", "GET /prices/{id}", at + 3 + 9 * row, 6, "server")
    findings, _ = look("traces.repeated_calls", fleet.tables())
    assert [(f.service, f.mechanism, f.facts["calls_per_request"]) for f in findings] == (
        [("orders", "n_plus_one", 9)] if loops else []
    )
