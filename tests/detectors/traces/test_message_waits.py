from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet, steady

Look = Callable[..., tuple[Sequence[Finding], Check]]


def mail(wait_ms: float, onset: int = 60, taken: bool = True, hinted: bool = True) -> Fleet:
    """A message a second, taken after 5 ms; from number `onset` on after `wait_ms`, or not at all."""
    fleet = Fleet()
    for number in range(120):
        at, trace, late = number * 1000.0, f"t{number}", number >= onset
        kinds = ("producer", "consumer") if hinted else ("", "")
        told = {"messaging__destination__name": "letters"} if hinted else {"queue": "letters"}
        sent = fleet.span(trace, "", "shop", "h1", "send letters", at, 2, kinds[0], **told)
        if taken or not late:
            wait = wait_ms if late else 5.0 + number % 5
            fleet.span(trace, sent, "mailer", "h2", "onLetter", at + 2 + wait, 20, kinds[1], **told)
    return fleet


@pytest.mark.parametrize("hinted", [True, False])
@pytest.mark.parametrize("taken", [True, False])
def test_messages_that_begin_to_wait_are_told_of_who_takes_them(taken: bool, hinted: bool, look: Look) -> None:
    (finding,), _ = look("traces.message_waits", mail(9000, taken=taken, hinted=hinted).tables())
    assert (finding.service, finding.resource, finding.mechanism) == ("mailer", "letters", "message_backlog")
    assert float(str(finding.facts["wait_s"])) == pytest.approx(9 if taken else 0, abs=0.1)
    assert finding.facts["not_taken"] == (0 if taken else 60)


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(mail(12), id="they wait as ever"),
        pytest.param(mail(9000, onset=0), id="they always waited so long"),
        pytest.param(mail(0, onset=116, taken=False), id="the last ones may be taken yet"),
    ],
)
def test_messages_that_wait_as_they_did_are_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.message_waits", fleet.tables())
    assert not findings
    assert check.verdict == "clear"


def test_messages_that_nobody_is_seen_to_take_are_skipped(look: Look) -> None:
    findings, check = look("traces.message_waits", mail(0, onset=0, taken=False).tables())
    assert (findings, check.verdict) == ((), "skipped")


def test_a_takers_clock_that_is_off_is_no_wait(look: Look) -> None:
    ahead = Fleet(offsets={"h2": steady(9000.0)})
    for number in range(120):
        at, trace, host = number * 1000.0, f"t{number}", "h2" if number >= 60 else "h1"
        sent = ahead.span(trace, "", "shop", "h1", "send letters", at, 2, "producer", messaging__destination__name="m")
        taken = ahead.span(trace, sent, "mailer", host, "onLetter", at + 4, 20, "consumer")
        ahead.call(trace, taken, ("mailer", host, "post", "h3"), at + 6, 5)
        # The shop calls the mailer as well: what tells that the clock is off, and not the letters late.
        ahead.call(trace, "", ("shop", "h1", "mailer", host), at + 50, 5)
        ahead.call(trace, "", ("shop", "h1", "post", "h3"), at + 70, 5)
    for row in ahead.spans:
        if row["name"] == "onLetter":
            row["attributes"] = {"messaging.destination.name": "m"}
    findings, check = look("traces.message_waits", ahead.tables())
    assert (tuple(findings), check.verdict) == ((), "clear")
