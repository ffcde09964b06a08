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


def named(verb: str, key: int) -> dict[str, object]:
    """What a sanitiser left, and an attribute of the application's own."""
    return {**sanitised(verb, key), "wallet__number": f"W{key}"}


def relative(verb: str, key: int) -> dict[str, object]:
    text = f"UPDATE wallet SET sum = sum - 5 WHERE id = {key}"
    return {"db__statement": text} if verb == "UPDATE" else literals(verb, key)


def versioned(verb: str, key: int) -> dict[str, object]:
    text = f"UPDATE wallet SET sum = 5, version = 4 WHERE id = {key} AND version = 3"
    return {"db__statement": text} if verb == "UPDATE" else literals(verb, key)


def redis(verb: str, key: int) -> dict[str, object]:
    return {"db__query__text": f"GET wallet:{key}" if verb == "SELECT" else f"SET wallet:{key} 5"}


def mongo(verb: str, key: int) -> dict[str, object]:
    command = "find" if verb == "SELECT" else "update"
    text = f'{{"{command}": "wallet", "filter": {{"_id": "{key}"}}}}'
    return {"db__operation": command, "db__mongodb__collection": "wallet", "db__statement": text}


def store(system: str, reads: str, writes: str, **told: str) -> Access:
    """Calls of a store that tell its verbs; `{key}` in what else they tell is the row's."""

    def access(verb: str, key: int) -> dict[str, object]:
        named = {name: text.format(key=key, verb=verb) for name, text in told.items()}
        return {"db__system__name": system, "db__operation__name": reads if verb == "SELECT" else writes, **named}

    return access


def aws(service: str, reads: str, writes: str, **told: str) -> Access:
    """The same by the conventions of AWS's clients."""

    def access(verb: str, key: int) -> dict[str, object]:
        named = {name: text.format(key=key) for name, text in told.items()}
        method = reads if verb == "SELECT" else writes
        return {"rpc__system": "aws-api", "rpc__service": service, "rpc__method": method, **named}

    return access


def commands(reads: str, writes: str) -> Access:
    """Commands of a store of keys."""
    return lambda verb, key: {"db__query__text": f"{reads if verb == 'SELECT' else writes}".format(key=key)}


OF_KEYS = commands("GET wallet:{key}", "SET wallet:{key} ?")
STORES = {
    "redis": OF_KEYS,
    "redis, hashes": commands("HGET wallet:{key} sum", "HSET wallet:{key} sum ?"),
    "redis, documents": commands("JSON.GET wallet:{key}", "JSON.SET wallet:{key} $ ?"),
    "documents": store("mongodb", "find", "update", db__collection__name="wallet", wallet__id="w{key}"),
    "documents, thin": store("mongodb", "findOne", "replaceOne", db__collection__name="wallet", wallet__id="w{key}"),
    "an index": store("elasticsearch", "get", "index", db__collection__name="wallet",
                      db__operation__parameter__id="{key}"),
    "items": store("aws.dynamodb", "GetItem", "PutItem", aws__dynamodb__table_names='["wallet"]', wallet__id="w{key}"),
    "items, older": aws("DynamoDB", "GetItem", "PutItem", aws__dynamodb__table_names="wallet", wallet__id="w{key}"),
    "objects": aws("S3", "GetObject", "PutObject", aws__s3__bucket="wallet", aws__s3__key="{key}.json"),
    "a summary": lambda verb, key: {"db__query__summary": f"{verb} wallet", "wallet__id": f"w{key}"},
}  # fmt: skip
GUARDED = {
    "an end": commands("GET wallet:{key}", "SET wallet:{key} ? EX 60"),
    "a condition": commands("GET wallet:{key}", "SET wallet:{key} ? XX"),
    "what it was": lambda verb, key: {
        "db__statement": f"UPDATE wallet SET state = 'taken' WHERE id = {key} AND state = 'free'"
        if verb == "UPDATE" else f"SELECT * FROM wallet WHERE id = {key}"},
    "a light transaction": lambda verb, key: {
        "db__statement": f"UPDATE wallet SET sum = 5 WHERE id = {key} IF sum = 4"
        if verb == "UPDATE" else f"SELECT * FROM wallet WHERE id = {key}"},
}  # fmt: skip


def bank(
    access: Access = literals,
    crossing: int = 60,
    failing: int = 60,
    message: str = STALE,
    locking: str = "",
    spread: int = 1,
    locked: Callable[[int], bool] = lambda _: False,
) -> Fleet:
    """Pairs of payments, the second 30 ms after the first, on hosts whose clocks are 400 ms apart.

    Each reads a wallet and writes it: at once, and from pair `crossing` on only after 50 ms, so across the other. From
    pair `failing` on the second of each third pair is told `message`. With `spread` 2 the two have different wallets.
    The pairs that are `locked` take a lock by name, which is that of a wallet.
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
            if locked(pair):
                fleet.span(trace, server, "bank", host, "acquire lock", at + 1.2, 0.4, key=f"wallet-{key}")
                fleet.span(trace, server, "bank", host, "release lock", at + wait + 6, 0.4, key=f"wallet-{key}")
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
        pytest.param(bank(crossing=0, failing=999), id="they cross as always, and no one is told of a conflict"),
        pytest.param(bank(sanitised, message="connection reset by peer"), id="they fail for another reason"),
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


@pytest.mark.parametrize("access", [literals, mongo, named, *STORES.values()], ids=["sql", "mongo", "named", *STORES])
def test_updates_that_are_lost_without_a_word_are_told(access: Access, look: Look) -> None:
    (finding,), _ = look("traces.race_condition", bank(access, failing=999).tables())
    assert (finding.service, finding.mechanism, finding.facts["kind"]) == ("bank", "race_condition", "lost update")
    assert (finding.resource or "").startswith("wallet")
    assert len(finding.citations) >= 3


def test_an_entry_that_is_mostly_read_is_a_caches(look: Look) -> None:
    fleet = bank(OF_KEYS, failing=999)
    for number in range(60):
        trace, at = f"r{number}", number * 1000.0 + 500
        server = fleet.span(trace, "", "bank", "h1", "GET /sum", at, 9, "server")
        told = OF_KEYS("SELECT", number % 4)
        fleet.span(trace, server, "bank", "h1", "GET", at + 1, 1, "client", **told)
    assert not look("traces.race_condition", fleet.tables())[0]


def test_a_lock_that_is_no_longer_taken_is_told_where_requests_cross_since_then(look: Look) -> None:
    (finding,), _ = look("traces.race_condition", bank(named, failing=999, locked=lambda pair: pair < 60).tables())
    assert (finding.service, finding.facts["kind"]) == ("bank", "lost update")
    (finding,), _ = look("traces.race_condition", bank(sanitised, failing=999, locked=lambda pair: pair < 60).tables())
    assert (finding.service, finding.facts["kind"]) == ("bank", "no lock any more")
    assert finding.confidence == 0.8
    assert len(finding.citations) >= 4


@pytest.mark.parametrize("locked", [lambda _: True, lambda pair: pair >= 60, lambda pair: pair % 2 == 0])
def test_locks_that_are_taken_as_ever_are_silent(locked: Callable[[int], bool], look: Look) -> None:
    findings, _ = look("traces.race_condition", bank(sanitised, failing=999, locked=locked).tables())
    assert not findings


@pytest.mark.parametrize(
    "access", [relative, versioned, sanitised, *GUARDED.values()], ids=["sum", "version", "hidden", *GUARDED]
)
def test_writes_that_lose_nothing_or_hide_their_row_are_silent(access: Access, look: Look) -> None:
    findings, _ = look("traces.race_condition", bank(access, failing=999).tables())
    assert not findings


Written = Callable[[int], tuple[str, dict[str, object], dict[str, object]]]


def by_path(key: int) -> tuple[str, dict[str, object], dict[str, object]]:
    return "PUT", {"http__request__method": "GET", "url__path": f"/v1/units/{key}"}, {
        "http__request__method": "PUT", "url__path": f"/v1/units/{key}"}  # fmt: skip


def by_route(key: int) -> tuple[str, dict[str, object], dict[str, object]]:
    route = {"http__target": f"/units/{'abc'[key % 3]}", "http__route": "/units/:name"}
    return "PATCH", {"http__method": "GET", **route}, {"http__method": "PATCH", **route}


def by_attribute(key: int) -> tuple[str, dict[str, object], dict[str, object]]:
    told: dict[str, object] = {"rpc__system": "grpc", "unit__id": f"u-{key}"}
    return "SetUnit", {"rpc__method": "GetUnit", **told}, {"rpc__method": "SetUnit", **told}


def depot(written: Written, crossing: int = 60, refused: str = "", other: str = "") -> Fleet:
    """Pairs of requests; each asks another service for a unit and writes it back, as those of `bank` do.

    With `refused` every third pair's second write is answered so. With `other` something else is written than read.
    """
    fleet = Fleet()
    for pair in range(120):
        for second in (0, 1):
            at, trace, wait = pair * 1000.0 + 30 * second, f"t{pair}.{second}", 50.0 if pair >= crossing else 4.0
            verb, asks, writes = written(pair % 4)
            if other:
                writes = {"http__request__method": "POST", "url__path": other}
            root = fleet.span(trace, "", "desk", "h1", "POST /move", at, wait + 20, "server")
            for name, then, told in (("GET", 2.0, asks), (verb, 2.0 + wait, writes)):
                told = dict(told)
                if refused and name == verb and second and pair >= 60 and pair % 3 == 0:
                    told["http__response__status_code"] = refused
                called = fleet.span(trace, root, "desk", "h1", name, at + then, 8, "client")
                fleet.span(trace, called, "yard", "h2", name, at + then + 1, 6, "server", **told)
    return fleet


@pytest.mark.parametrize("written", [by_path, by_route, by_attribute])
def test_what_is_lost_in_another_service_is_told_of_who_read_and_wrote(written: Written, look: Look) -> None:
    (finding,), _ = look("traces.race_condition", depot(written).tables())
    assert (finding.service, finding.facts["kind"]) == ("desk", "lost update")
    assert (finding.resource or "").startswith("yard")


def test_refusals_for_a_conflict_are_conflicts(look: Look) -> None:
    (finding,), _ = look("traces.race_condition", depot(by_path, refused="409").tables())
    assert (finding.service, finding.mechanism) == ("desk", "race_condition")


def test_a_check_here_and_an_act_there_are_told_together(look: Look) -> None:
    (finding,), _ = look("traces.race_condition", depot(by_path, refused="409", other="/bookings").tables())
    assert (finding.service, finding.resource) == ("desk", "yard /v1/units/#, then yard /bookings")


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(depot(by_path, crossing=0), id="they always cross"),
        pytest.param(depot(by_path, crossing=999), id="they never cross"),
        pytest.param(depot(by_path, crossing=999, refused="409"), id="refusals have nothing to do with crossing"),
        pytest.param(depot(by_path, other="/bookings"), id="something else is written, and nobody refuses it"),
    ],
)
def test_calls_that_lose_nothing_are_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.race_condition", fleet.tables())
    assert not findings


def ledger(
    again_ms: float, onset: int = 60, every: int = 3, failing: bool = False, refused: str = "", **names: str
) -> Fleet:
    """Messages take 40 ms; from number `onset` on some come again after `again_ms`, at another host.

    With `failing` the first turn of these fails, with `refused` the second, with that message.
    """
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
        twice = number >= onset and number % every == 0
        status = "error" if failing and twice else ""
        fleet.span(trace, sent, "ledger", "h1", "process postings", at + 5, 40, kind, status, **told)
        if twice:
            ended = "error" if refused else ""
            at += 5 + again_ms
            fleet.span(trace, sent, "ledger", "h2", "process postings", at, 40, kind, ended, refused, **told)
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


def test_a_message_that_is_worked_on_again_after_it_was_done_is_told(look: Look) -> None:
    (finding,), _ = look("traces.race_condition", ledger(200).tables())
    assert (finding.service, finding.mechanism, finding.resource) == ("ledger", "race_condition", "postings")
    assert finding.facts["kind"] == "one message, again after it was done"
    assert finding.facts["conflicting_requests"] == 20


def test_a_message_that_comes_again_and_is_refused_as_done_already_is_told(look: Look) -> None:
    (finding,), _ = look("traces.race_condition", ledger(200, refused="duplicate key value (id)").tables())
    assert (finding.service, finding.resource) == ("ledger", "postings")
    assert "is told that it was" in finding.summary


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(ledger(200, refused="connection reset by peer"), id="its second turn fails for another reason"),
        pytest.param(ledger(200, failing=True), id="it comes again after its first turn failed"),
        pytest.param(ledger(20, onset=0), id="it was so before"),
        pytest.param(ledger(20, onset=119, every=7), id="it never comes again"),
    ],
)
def test_messages_that_are_not_taken_twice_at_once_are_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.race_condition", fleet.tables())
    assert not findings
    assert check.verdict == "clear"
