"""Messages that fail however often they are delivered, among others that are done at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]


def mailing(poison: Sequence[int], turns: int = 12, done_at_last: bool = False, failing: int = 0) -> Fleet:
    """A message a second; those in `poison` fail and come again every two seconds, `turns` times in all.

    With `done_at_last` the last turn succeeds. Of the others every `failing`-th fails once.
    """
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        sent = fleet.span(trace, "", "shop", "h1", "orders send", at, 2, "producer")
        for turn in range(turns if number in poison else 1):
            once = bool(failing) and number % failing == 0
            bad = (number in poison and not (done_at_last and turn == turns - 1)) or once
            fleet.span(
                trace, sent, "mailer", "h2", "orders process", at + 10 + 2000 * turn, 50, "consumer",
                "error" if bad else "", "unexpected character at offset 17" if bad else "",
                messaging__message__id=f"m{number}", messaging__destination__name="orders",
                messaging__operation__type="process",
            )  # fmt: skip
    return fleet


def test_messages_that_fail_each_time_are_told_with_what_is_wrong_with_them(look: Look) -> None:
    (finding,), _ = look("traces.poison_messages", mailing((60, 61)).tables())
    assert (finding.service, finding.mechanism, finding.resource) == ("mailer", "bad_input", "orders")
    assert (finding.facts["messages"], finding.facts["most_deliveries"]) == (2, 12)
    assert (finding.facts["others"], finding.facts["others_failing"]) == (58, 0)
    assert finding.facts["error"] == "unexpected character at offset 17"


@pytest.mark.parametrize(
    "fleet",
    [
        mailing(()),
        mailing((60, 61), turns=3),
        mailing((60, 61), done_at_last=True),
        mailing((60, 61), failing=4),
        mailing(tuple(range(60, 120))),
        mailing((3, 60)),
    ],
    ids=["none", "let go", "done at last", "others fail", "all fail", "always so"],
)
def test_what_is_no_message_s_own_fault_is_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.poison_messages", fleet.tables())
    assert not findings
    assert check.verdict == "clear"
