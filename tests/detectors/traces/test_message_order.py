"""Messages that overtake each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet, steady

Look = Callable[..., tuple[Sequence[Finding], Check]]


def parcels(
    onset: int = 60, late_ms: float = 90.0, failing: bool = False, in_work: bool = False, **names: str
) -> Fleet:
    """Two messages of one parcel, 20 ms apart; from pair `onset` on the first of every third is late by `late_ms`.

    It is taken so late, or, if `in_work`, done so late.

    Each is sent in a trace of its own. Hosts' clocks are 300 ms apart.
    """
    fleet = Fleet({"h2": steady(300.0)})
    for pair in range(120):
        for second in (0, 1):
            at, trace = pair * 1000.0 + 20 * second, f"t{pair}.{second}"
            told: dict[str, object] = {names.get("queue", "messaging__destination__name"): "parcel-moves"}
            if "key" in names:
                told[names["key"]] = f"P{pair % 7}"
            if "number" in names:
                told[names["number"]] = 2 * pair + second
            parent = fleet.span(trace, "", "scanner", "h1", "POST /scan", at, 8, "server")
            for host in ("h2", "h1"):  # ways both ways let the clocks be seen
                client = fleet.span(trace, parent, "scanner", "h1", "GET /rates", at, 3, "client")
                fleet.span(trace, client, "tracker", host, "GET /rates", at + 1, 1, "server")
            sent = fleet.span(trace, parent, "scanner", "h1", "send", at + 4, 2, "producer", **told)
            late = pair >= onset and pair % 3 == 0 and not second
            if late and failing:
                fleet.span(trace, sent, "tracker", "h2", "take", at + 7, 3, "consumer", "error", **told)
            waits, works = (0.0, late_ms * late) if in_work else (late_ms * late, 0.0)
            fleet.span(trace, sent, "tracker", "h2", "take", at + 7 + waits, 5 + works, "consumer", **told)
    return fleet


KEY = {"key": "messaging__kafka__message__key"}


@pytest.mark.parametrize(
    "names", [KEY, {"key": "parcel__id"}, {**KEY, "number": "event__sequence"}, {"queue": "topic", "key": "parcel_no"}]
)
def test_messages_of_one_key_that_are_taken_in_another_order_are_told(names: dict[str, str], look: Look) -> None:
    (finding,), _ = look("traces.message_order", parcels(**names).tables())
    assert (finding.service, finding.mechanism, finding.resource) == ("tracker", "race_condition", "parcel-moves")
    assert len(finding.citations) >= 2


def test_messages_that_overtake_each_other_in_work_are_told(look: Look) -> None:
    (finding,), _ = look("traces.message_order", parcels(in_work=True, **KEY).tables())
    assert finding.facts["late_share"] == pytest.approx(1 / 6, abs=0.05)


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(parcels(onset=0, **KEY), id="it was so before"),
        pytest.param(parcels(late_ms=9, **KEY), id="they are late, and still in order"),
        pytest.param(parcels(late_ms=9, in_work=True, **KEY), id="they take longer, and are done in order"),
        pytest.param(parcels(failing=True, **KEY), id="they come again after they failed"),
        pytest.param(parcels(), id="nothing says what belongs together"),
    ],
)
def test_messages_that_are_taken_in_order_are_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.message_order", fleet.tables())
    assert not findings
