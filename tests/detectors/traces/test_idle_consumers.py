from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]


def mail(stop: int = 60, others_take: int = 1, replaced: bool = False, instances: int = 2) -> Fleet:
    """A letter a second, taken by each instance in turn; from number `stop` on the first takes none.

    Of each turn of the first, the others take `others_take` then; `replaced`: another does, under a new name.
    """
    fleet = Fleet(named="instance")
    told = {"messaging__destination__name": "letters"}
    for number in range(120):
        at, trace, turn = number * 1000.0, f"t{number}", number % instances
        sent = fleet.span(trace, "", "shop", "shop-1", "send letters", at, 2, "producer", **told)
        taker: str | None = f"mailer-{turn}"
        if turn == 0 and number >= stop:
            taker = "mailer-new" if replaced else ("mailer-1" if others_take else None)
        if taker is not None:
            fleet.span(trace, sent, "mailer", taker, "onLetter", at + 7, 20, "consumer", **told)
    return fleet


def test_the_instance_that_stops_while_letters_are_left_is_named(look: Look) -> None:
    (finding,), _ = look("traces.idle_consumers", mail(others_take=0).tables())
    assert (finding.service, finding.resource, finding.instance) == ("mailer", "letters", "mailer-0")
    assert (finding.mechanism, finding.facts["of"]) == ("message_backlog", 2)
    assert (finding.facts["sent"], finding.facts["taken"]) == (61, 31)


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(mail(), id="the others take its part"),
        pytest.param(mail(replaced=True), id="a new instance takes its part"),
        pytest.param(mail(others_take=0, stop=114), id="it may only be late"),
        pytest.param(mail(others_take=0, instances=1), id="all of them stop"),
    ],
)
def test_a_queue_that_is_served_or_not_served_at_all_is_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.idle_consumers", fleet.tables())
    assert (tuple(findings), check.verdict) == ((), "clear")
