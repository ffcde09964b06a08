"""Processes that do not come up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_S
from scenery import CALM, START_NS, System

Look = Callable[..., Any]
POD = "Back-off restarting failed container stock in pod stock-7d4f9-x2x8q"


def events(at_s: list[int], said: str = "KeyError: 'REGION'", told: str = POD) -> dict[str, list[dict[str, Any]]]:
    """Requests as ever, while stock's new process ends at its start each time."""
    tables = dict(System(CALM).tables())
    rows = []
    for number in at_s:
        told_at = START_NS + number * NS_PER_S
        mine = {"time_ns": told_at - NS_PER_S, "service": "stock", "severity": "error", "body": said}
        rows += [mine, {"time_ns": told_at, "service": "k8s-events", "severity": "warn", "body": told}]
    template = tables["logs"][0]
    extra = [{**template, "trace_id": "", "span_id": "", "line": 5000 + n, **row} for n, row in enumerate(rows)]
    return {**tables, "logs": [*tables["logs"], *extra]}


def test_a_process_that_is_started_again_and_again_is_told_with_its_last_words(look: Look) -> None:
    (finding,), _ = look("logs.crash_loop", events([70, 85, 110]))
    assert (finding.service, finding.mechanism, finding.facts["times"]) == ("stock", "startup_failure", 3)
    assert "KeyError: 'REGION'" in finding.summary
    assert finding.window.start_ns == START_NS + 69 * NS_PER_S


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param(events([70]), id="once"),
        pytest.param(events([2, 40, 80]), id="as ever"),
        pytest.param(events([70, 85, 110], said="java.lang.OutOfMemoryError: heap"), id="no memory"),
        pytest.param(events([70, 85, 110], told=POD.replace("stock", "mailer")), id="nobody's"),
    ],
)
def test_it_stays_silent(tables: dict[str, list[dict[str, Any]]], look: Look) -> None:
    findings, check = look("logs.crash_loop", tables)
    assert (findings, check.verdict) == ((), "clear")
