"""What is looked for and then put in, twice: two requests with one key, neither of which finds the other's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet, steady

Look = Callable[..., tuple[Sequence[Finding], Check]]
Access = Callable[[str, str], dict[str, object]]


def literals(verb: str, key: str) -> dict[str, object]:
    look, put = f"SELECT 1 FROM tickets WHERE token = '{key}'", f"INSERT INTO tickets (token) VALUES ('{key}')"
    return {"db__statement": look if verb == "look" else put}


def parameters(verb: str, key: str) -> dict[str, object]:
    look, put = "SELECT count(*) FROM tickets WHERE token = $1", "INSERT INTO tickets (token, sum) VALUES ($1, $2)"
    named = {"db__operation__name": "SELECT" if verb == "look" else "INSERT", "db__collection__name": "tickets"}
    return {**named, "db__query__text": look if verb == "look" else put, "db__query__parameter__0": key}


def marked(verb: str, key: str) -> dict[str, object]:
    """A key under which it is kept that something was done, in a store that has no rows."""
    return {"db__query__text": f"GET dedup:{key}" if verb == "look" else f"SET dedup:{key} 1"}


def cached(verb: str, key: str) -> dict[str, object]:
    return {"db__query__text": f"GET page:{key}" if verb == "look" else f"SET page:{key} x"}


def upserted(verb: str, key: str) -> dict[str, object]:
    put = f"INSERT INTO tickets (token) VALUES ('{key}') ON CONFLICT DO NOTHING"
    return literals(verb, key) if verb == "look" else {"db__statement": put}


def hidden(verb: str, _: str) -> dict[str, object]:
    return literals(verb, "?")


def clerk(
    access: Access = literals,
    crossing: int = 60,
    customers: int = 0,
    apart: bool = False,
    locked: bool = False,
    prefix: str = "",
    late_ms: float = 0.0,
) -> Fleet:
    """Pairs of requests with one token, the second 30 ms after the first; hosts' clocks are 400 ms apart.

    Each looks for its token and puts it in at once, so that the second finds it and stops; from pair `crossing` on
    only after 50 ms. With `customers` the tokens are those of so many who come again; with `apart` the second has its
    own. With `locked` all of them hold a lock meanwhile.
    """
    fleet = Fleet({f"{prefix}h2": steady(400.0)})
    for pair in range(120):
        for second in (0, 1):
            at, trace, host = late_ms + pair * 1000.0 + 30 * second, f"t{pair}.{second}", f"{prefix}h{second + 1}"
            wait = 50.0 if pair >= crossing else 4.0
            token = f"k{pair % customers if customers else pair}{'b' if apart and second else ''}"
            root = fleet.span(trace, "", f"{prefix}web", f"{prefix}h1", "POST /in", at, wait + 16, "client")
            server = fleet.span(trace, root, f"{prefix}clerk", host, "POST /in", at + 1, wait + 14, "server")
            if locked:
                fleet.span(trace, server, f"{prefix}clerk", host, "acquire lock", at + 1.2, 0.4, key=f"clerk-{token}")
                fleet.span(
                    trace, server, f"{prefix}clerk", host, "release lock", at + wait + 6, 0.4, key=f"clerk-{token}"
                )
            finds = second and pair < crossing and not apart
            for verb, then in (("look", 2.0), *(() if finds else (("put", 2.0 + wait),))):
                fleet.span(trace, server, f"{prefix}clerk", host, f"{verb} it", at + then, 3, "client",
                           **access(verb, token))  # fmt: skip
    return fleet


@pytest.mark.parametrize(("prefix", "late_ms"), [("", 0.0), ("zz-", 0.0), ("", 7_777_777.0)])
@pytest.mark.parametrize("access", [literals, parameters, marked])
def test_what_two_requests_look_for_and_both_put_in_is_done_twice(
    access: Access, prefix: str, late_ms: float, look: Look
) -> None:
    (finding,), _ = look("traces.race_condition", clerk(access, prefix=prefix, late_ms=late_ms).tables())
    assert (finding.service, finding.mechanism, finding.facts["kind"]) == (
        f"{prefix}clerk",
        "race_condition",
        "done twice",
    )
    assert (finding.facts["conflicting_requests"], finding.facts["conflicting_requests_before"]) == (120, 0)
    assert len(finding.citations) >= 4


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(clerk(crossing=999), id="the second finds what the first put in"),
        pytest.param(clerk(crossing=0), id="it was so before"),
        pytest.param(clerk(apart=True), id="they have keys of their own"),
        pytest.param(clerk(customers=8), id="who comes again is put in again"),
        pytest.param(clerk(locked=True), id="they hold a lock"),
        pytest.param(clerk(upserted), id="what is there stays as it is"),
        pytest.param(clerk(cached), id="what is put in only replaces"),
        pytest.param(clerk(hidden), id="the keys are hidden"),
    ],
)
def test_what_is_not_known_to_be_done_once_is_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.race_condition", fleet.tables())
    assert not findings
