from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_S
from scenery import CALM, START_NS, System, Trouble

MODULE = "logs.new_errors"
Look = Callable[..., Any]


def test_errors_that_begin_are_told_with_their_text_and_first_moment(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=70, stock_error="no such item")).tables())
    assert finding.service == "stock"
    assert "no such item" in finding.facts["error"]
    assert finding.facts["names_services"] == ()
    assert 0 <= finding.window.start_ns - START_NS - 70 * NS_PER_S < NS_PER_S


def test_an_error_about_another_service_says_so(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=70, orders_error="stock answered 503")).tables())
    assert (finding.service, finding.facts["names_services"]) == ("orders", ("stock",))


def test_records_need_neither_traces_nor_a_severity(look: Look) -> None:
    logs = [
        {
            "time_ns": START_NS + n * NS_PER_S,
            "service": "api",
            "body": f"{'ERROR boom' if n > 80 else 'INFO ok'}",
            "line": n,
        }
        for n in range(120)
    ]
    (finding,), _ = look(MODULE, {"logs": [{**row, "source_id": 1} for row in logs]})
    assert finding.service == "api"


@pytest.mark.parametrize(
    "trouble",
    [pytest.param(CALM, id="no error"), pytest.param(Trouble(onset_s=0, stock_error="as ever"), id="as ever")],
)
def test_it_stays_silent(trouble: Trouble, look: Look) -> None:
    findings, check = look(MODULE, System(trouble).tables())
    assert (findings, check.verdict) == ((), "clear")


def test_bursts_that_the_calm_knew_as_well_are_not_new(look: Look) -> None:
    bursts = [System(Trouble(onset_s=0, stock_error="x" if n // 10 % 3 == 0 else ""), 1, first=n) for n in range(120)]
    findings, _ = look(MODULE, {"logs": [row for system in bursts for row in system.logs]})
    assert findings == ()


def test_an_operation_that_was_not_called_before_could_not_fail_before(look: Look) -> None:
    """It fails on each call, and its first call comes late: that is how it has always been."""
    calm, nightly = System(), System(Trouble(onset_s=0, stock_error="as ever"), 30, first=90)
    for row in nightly.spans:
        row["trace_id"] += "n"
        row["name"] += "/nightly"
    for row in nightly.logs:
        row["trace_id"] += "n"
    findings, _ = look(MODULE, {"spans": [*calm.spans, *nightly.spans], "logs": [*calm.logs, *nightly.logs]})
    assert findings == ()


@pytest.mark.parametrize(("heard", "times", "told"), [(True, 2, False), (True, 9, True), (False, 2, True)])
def test_what_others_say_now_and_then_is_no_news_because_it_is_said_here_twice(
    heard: bool, times: int, told: bool, look: Look
) -> None:
    def log(service: str, second: int, body: str, severity: str = "error") -> dict[str, Any]:
        time_ns = START_NS + second * NS_PER_S
        return {"time_ns": time_ns, "service": service, "body": body, "severity": severity, "source_id": 1}

    logs = [log(service, second, "well", "info") for service in ("api", "cart") for second in range(120)]
    if heard:
        logs += [log("cart", second, "PUT /cart failed: OddState: unexpected state") for second in (20, 64)]
    logs += [log("api", 119 - 2 * second, "GET /list failed: OddState: unexpected state") for second in range(times)]
    findings, _ = look(MODULE, {"logs": [{**row, "line": number} for number, row in enumerate(logs, start=1)]})
    assert ["api"] * told == [finding.service for finding in findings]
