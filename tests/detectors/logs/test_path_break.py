from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_S
from fleet import Fleet
from scenery import CALM, START_NS, System, Trouble

MODULE = "logs.path_break"
Look = Callable[..., Any]


def test_the_region_between_the_last_statement_passed_and_the_first_missed_is_named(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=70, stock_stops=True)).tables())
    assert finding.service == "stock"
    assert finding.mechanism == "exception"
    assert finding.code_region == "StockService#31_StockService#34"
    assert (finding.facts["stopped_before"], finding.facts["stopped_after"]) == (0, 50)
    assert abs(finding.window.start_ns - START_NS - 70 * NS_PER_S) <= NS_PER_S
    assert finding.confidence > 0.9


def test_an_error_without_an_exception_is_a_wrong_result(look: Look) -> None:
    tables = System(Trouble(onset_s=70, stock_error="no such item")).tables()
    (finding,), _ = look(MODULE, tables)
    assert (finding.mechanism, finding.code_region) == ("wrong_result", "StockService#31_StockService#34")


@pytest.mark.parametrize(
    ("failing", "mechanism"),
    [(range(0), "exception"), (range(5, 6), "wrong_result"), (range(70, 120), "exception")],
    ids=["spans tell nothing", "others fail", "they fail"],
)
def test_who_stops_short_and_fails_nobody_returns_wrongly(failing: range, mechanism: str, look: Look) -> None:
    tables = System(Trouble(onset_s=70, stock_stops=True)).tables()
    for row in tables["spans"]:
        if int(row["trace_id"], 16) in failing:
            row["status"] = "error"
    (finding,), _ = look(MODULE, tables)
    assert finding.mechanism == mechanism


def test_the_region_may_begin_with_the_span(look: Look) -> None:
    tables = dict(System(Trouble(onset_s=70, stock_stops=True)).tables())
    tables["logs"] = [row for row in tables["logs"] if "StockService#31" not in row["body"]]
    (finding,), _ = look(MODULE, tables)
    assert finding.code_region == "GET /stock start_StockService#34"


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(CALM, id="nothing"),
        pytest.param(Trouble(branch=True), id="another branch that comes back"),
        pytest.param(Trouble(onset_s=0, stock_stops=True), id="never otherwise"),
        pytest.param(Trouble(orders_error="cannot reach stock: no instances available"), id="its dependency's name"),
        pytest.param(Trouble(onset_s=118, stock_stops=True), id="two requests only"),
    ],
)
def test_it_stays_silent(trouble: Trouble, look: Look) -> None:
    findings, check = look(MODULE, System(trouble).tables())
    assert (findings, check.verdict) == ((), "clear")


def test_an_error_that_was_logged_before_excuses(look: Look) -> None:
    """Orders gave up for the same reason in the calm stretch, in a request of another kind."""
    tables = dict(System(Trouble(orders_error="registry cache is stale")).tables())
    before = {**tables["logs"][-1], "time_ns": START_NS + 5, "trace_id": "nightly", "span_id": "n"}
    tables["logs"] = [*tables["logs"], before]
    findings, _ = look(MODULE, tables)
    assert findings == ()


def test_only_the_deepest_of_the_paths_that_broke_together_is_told(look: Look) -> None:
    tables = dict(System(Trouble(onset_s=70, stock_stops=True)).tables())
    cut_off = START_NS + 70 * NS_PER_S
    tables["logs"] = [r for r in tables["logs"] if "OrderService#20" not in r["body"] or r["time_ns"] < cut_off]
    findings, _ = look(MODULE, tables)
    assert [finding.service for finding in findings] == ["stock"]


def test_lines_that_a_collector_stamped_out_of_order_are_put_in_the_order_they_were_written(look: Look) -> None:
    tables = dict(System(Trouble(onset_s=70, stock_stops=True)).tables())
    for place, row in enumerate(tables["logs"]):
        within_ms = row["time_ns"] % NS_PER_S // 1_000_000
        row["body"] = f"12:00:{place % 60:02d}.{within_ms:03d} {row['body']}"
        row["time_ns"] += 40_000_000 * (place * 7 % 3)
    for row in tables["logs"]:
        row["body"] = row["body"].replace(row["body"][:8], "12:00:00", 1)
    (finding,), _ = look(MODULE, tables)
    assert finding.code_region == "StockService#31_StockService#34"


def test_logs_that_name_no_span_cannot_be_judged(look: Look) -> None:
    tables = dict(System(Trouble(stock_stops=True)).tables())
    tables["logs"] = [{**row, "span_id": ""} for row in tables["logs"]]
    _, check = look(MODULE, tables)
    assert check.verdict == "skipped"


def test_a_logging_wrapper_does_not_hide_the_statements_behind_it(look: Look) -> None:
    """Every line shows the wrapper's place; what it says tells the statements apart."""
    tables = dict(System(Trouble(onset_s=70, stock_stops=True)).tables())
    for row in tables["logs"]:
        row["body"] = f"log.py:12 {row['body'].split(' ', 1)[1]}"
    words = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima".split()
    noise = [{**tables["logs"][0], "service": "stock", "body": f"log.py:12 {word} is {word}"} for word in words]
    tables["logs"] = [*tables["logs"], *noise]
    (finding,), _ = look(MODULE, tables)
    assert finding.code_region == "<*> find item <*>_<*> found <*>"


def sampled(misses: Callable[[int, str], bool]) -> dict[str, list[Any]]:
    """Two operations of one service, each with one line a request; `misses` says which lines are left out."""
    fleet, lines = Fleet(), []
    for number in range(120):
        for name in ("GET /claims", "POST /claims"):
            trace = f"{name[0]}{number}"
            span = fleet.span(trace, "", "claims", "h1", name, number * 1000.0 + len(name), 20, "server")
            if not misses(number, name):
                at_ns = START_NS + number * NS_PER_S
                line = {"trace_id": trace, "span_id": span, "service": "claims", "severity": "info", "time_ns": at_ns}
                lines.append(
                    {**line, "body": "claim handled", "shape": 1 + len(name), "source_id": 1, "line": len(lines)}
                )
    shapes = [{"shape": 1 + len(n), "template_id": n, "template": n} for n in ("GET /claims", "POST /claims")]
    return {**fleet.tables(), "logs": lines, "log_shapes": shapes}


def test_lines_that_a_logger_leaves_out_by_chance_are_no_broken_path(look: Look) -> None:
    """Half of all lines are missing; that one operation's first seven are all there is luck."""
    chance = [zlib.crc32(f"{number}".encode()) % 100 < 50 for number in range(240)]
    by_luck = sampled(lambda n, name: chance[n] if name[0] == "G" else n >= 7 and chance[n + 120])
    assert look(MODULE, by_luck)[0] == ()
    (stopped,), _ = look(MODULE, sampled(lambda n, name: chance[n] if name[0] == "G" else n >= 60 or chance[n + 120]))
    assert stopped.operation == "POST /claims"


def test_a_path_that_stops_for_half_of_all_requests_is_told_where_no_lines_are_left_out(look: Look) -> None:
    (finding,), _ = look(MODULE, sampled(lambda n, name: name[0] == "P" and n >= 60 and n % 3 > 0))
    assert finding.operation == "POST /claims"
