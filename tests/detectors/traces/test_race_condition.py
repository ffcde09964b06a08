from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet, steady

Look = Callable[..., tuple[Sequence[Finding], Check]]
Access = Callable[[str, int], dict[str, object]]
STALE = "Row was updated or deleted by another transaction (or unsaved-value mapping was incorrect)"


def literals(verb: str, key: int) -> dict[str, object]:
    text = (
        f"SELECT * FROM wallet WHERE id = {key}" if verb == "SELECT" else f"UPDATE wallet SET sum = 5 WHERE id = {key}"
    )
    return {"db__statement": text}


def parameters(verb: str, key: int) -> dict[str, object]:
    text = "SELECT * FROM wallet WHERE id = $1" if verb == "SELECT" else "UPDATE wallet SET sum = sum + 1 WHERE id = $1"
    named = {"db__operation__name": verb, "db__collection__name": "wallet", "db__query__text": text}
    return {**named, "db__query__parameter__0": key}


def sanitised(verb: str, _: int) -> dict[str, object]:
    text = "select sum from wallet where id = ?" if verb == "SELECT" else "update wallet set sum = ? where id = ?"
    return {"db__statement": text}


def redis(verb: str, key: int) -> dict[str, object]:
    return {"db__query__text": f"GET wallet:{key}" if verb == "SELECT" else f"SET wallet:{key} 5"}


def mongo(verb: str, key: int) -> dict[str, object]:
    command = "find" if verb == "SELECT" else "update"
    text = f'{{"{command}": "wallet", "filter": {{"_id": "{key}"}}}}'
    return {"db__operation": command, "db__mongodb__collection": "wallet", "db__statement": text}


def bank(
    access: Access = literals,
    crossing: int = 60,
    failing: int = 60,
    message: str = STALE,
    locking: str = "",
    spread: int = 1,
) -> Fleet:
    """Pairs of payments, the second 30 ms after the first, on hosts whose clocks are 400 ms apart.

    Each reads a wallet and writes it: at once, and from pair `crossing` on only after 50 ms, so across the other. From
    pair `failing` on the second of each third pair is told `message`. With `spread` 2 the two have different wallets.
    """
    fleet = Fleet({"h2": steady(400.0)})
    for pair in range(120):
        for second in (0, 1):
            at, trace, host = pair * 1000.0 + 30 * second, f"t{pair}.{second}", ("h1", "h2")[second]
            wait = 50.0 if pair >= crossing else 4.0
            failed = bool(second) and pair >= failing and pair % 3 == 0
            status, said = ("error", message) if failed else ("", "")
            root = fleet.span(trace, "", "front", "h1", "POST /pay", at, wait + 16, "client")
            server = fleet.span(trace, root, "bank", host, "POST /pay", at + 1, wait + 14, "server", status, said)
            key = 7 + pair % 4 + 100 * second * (spread - 1)
            for verb, then in (("SELECT", 2.0), ("UPDATE", 2.0 + wait)):
                told = access(verb, key)
                if verb == "SELECT" and locking:
                    told = {name: f"{text} {locking}" for name, text in told.items()}
                fleet.span(trace, server, "bank", host, f"{verb} wallet", at + then, 3, "client", **told)
    return fleet


@pytest.mark.parametrize("access", [literals, parameters, sanitised, redis, mongo])
def test_writes_across_each_other_that_meet_conflicts_are_told(access: Access, look: Look) -> None:
    fleet = bank(access)
    (finding, *_), check = look("traces.race_condition", fleet.tables())
    assert check.verdict == "fired"
    assert (finding.service, finding.mechanism) == ("bank", "race_condition")
    assert (finding.resource or "").startswith("wallet")
    assert STALE in finding.summary
    assert finding.window is not None
    assert len(finding.citations) >= 4


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(bank(failing=999), id="they cross as always, and no one is told of a conflict"),
        pytest.param(bank(message="connection reset by peer"), id="they fail for another reason"),
        pytest.param(bank(crossing=0, failing=0), id="it was so before"),
        pytest.param(bank(crossing=999), id="the conflicts have nothing to do with crossing"),
        pytest.param(bank(locking="FOR UPDATE"), id="the rows are locked"),
        pytest.param(bank(spread=2), id="they are of different keys"),
    ],
)
def test_without_new_conflicts_of_crossing_writes_it_is_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.race_condition", fleet.tables())
    assert not findings
    assert check.verdict == "clear"


def ledger(again_ms: float, onset: int = 60, every: int = 3, **names: str) -> Fleet:
    """Messages take 40 ms; from number `onset` on some come again after `again_ms`, at another host."""
    fleet = Fleet({"h2": steady(-300.0)})
    for number in range(120):
        at, trace, told = number * 1000.0, f"t{number}", {names.get("id", "messaging__message__id"): f"m{number}"}
        told[names.get("queue", "messaging__destination__name")] = "postings"
        kind = names.get("kind", "consumer")
        sent = fleet.span(trace, "", "shop", "h0", "send postings", at, 2, "producer", **told)
        # Ways both ways between all hosts let the clocks be seen.
        for host in ("h1", "h2"):
            client = fleet.span(trace, sent, "shop", "h0", "GET /rates", at, 5, "client")
            fleet.span(trace, client, "ledger", host, "GET /rates", at + 1, 3, "server")
        fleet.span(trace, sent, "ledger", "h1", "process postings", at + 5, 40, kind, **told)
        if number >= onset and number % every == 0:
            fleet.span(trace, sent, "ledger", "h2", "process postings", at + 5 + again_ms, 40, kind, **told)
    return fleet


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"id": "messaging__message_id", "queue": "messaging__destination"},
        {"id": "message_id", "queue": "queue", "kind": ""},
    ],
)
def test_a_message_that_is_taken_twice_at_once_is_told(names: dict[str, str], look: Look) -> None:
    (finding,), _ = look("traces.race_condition", ledger(20, **names).tables())
    assert (finding.service, finding.mechanism, finding.resource) == ("ledger", "race_condition", "postings")
    assert finding.facts["conflicting_requests"] == 20


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(ledger(200), id="it comes again after its first turn"),
        pytest.param(ledger(20, onset=0), id="it was so before"),
        pytest.param(ledger(20, onset=119, every=7), id="it never comes again"),
    ],
)
def test_messages_that_are_not_taken_twice_at_once_are_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.race_condition", fleet.tables())
    assert not findings
    assert check.verdict == "clear"
