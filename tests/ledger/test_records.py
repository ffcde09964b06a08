"""What goes into the ledger comes out of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from deep_code_reasoning.domain.call import Verification
from deep_code_reasoning.domain.escalation import Extent, Outcome, PackSize, Signal, TimeSaved
from deep_code_reasoning.domain.routing_decision import Candidate, RoutingDecision
from deep_code_reasoning.domain.usage import Usage
from deep_code_reasoning.errors import LedgerError, RecordNotFoundError, UsageError
from deep_code_reasoning.ledger import Ledger

from .conftest import START_NS, Clock, a_call, an_escalation


def test_a_call_comes_back_as_it_was(ledger: Ledger) -> None:
    call = a_call("c1", escalation_id="e1", conversation_id="v1", verification=Verification("partly", 4, 1))
    ledger.calls.record(call)
    assert ledger.calls.get("c1") == call
    assert ledger.calls.of_escalation("e1") == ledger.calls.of_conversation("v1") == (call,)


def test_what_a_provider_does_not_say_stays_unknown(ledger: Ledger) -> None:
    call = a_call("c1", usage=Usage(unmeasured_requests=1), total_cost_usd=None, model_resolved=None, raw_answer=None)
    ledger.calls.record(call)
    assert ledger.calls.get("c1") == call
    assert ledger.calls.get("c1").total_tokens is None


@pytest.mark.parametrize("cost", [Decimal("NaN"), Decimal("Infinity"), Decimal(10) ** 30])
def test_a_cost_that_is_none_does_not_lose_the_answer(ledger: Ledger, cost: Decimal) -> None:
    ledger.calls.record(a_call("c1", total_cost_usd=cost, usage=Usage(-1, 2**70)))
    kept = ledger.calls.get("c1")
    assert (kept.total_cost_usd, kept.usage.input_tokens, kept.usage.output_tokens) == (None, None, None)
    assert kept.raw_answer == "the lock's lease ends first"


def test_text_that_a_database_cannot_hold_is_kept_readable(ledger: Ledger) -> None:
    ledger.calls.record(a_call("c1", raw_answer="a\0b \ud800 é 🔒 '; DROP TABLE calls; --" + "x" * 2_000_000))
    kept = ledger.calls.get("c1").raw_answer or ""
    assert kept.startswith("a\N{REPLACEMENT CHARACTER}b \\ud800 é 🔒 '; DROP TABLE calls; --x")
    assert len(kept) > 2_000_000


def test_a_price_is_exact_to_a_billionth(ledger: Ledger) -> None:
    for number, cost in enumerate(("0.000000001", "0.1", "0.2", "12345678.9")):
        ledger.calls.record(a_call(f"c{number}", total_cost_usd=Decimal(cost)))
    assert ledger.calls.get("c0").total_cost_usd == Decimal("0.000000001")
    assert ledger.statistics.collect().total.cost_usd == Decimal("12345679.200000001")


def test_recording_a_call_again_replaces_it_but_never_its_text_by_nothing(ledger: Ledger) -> None:
    ledger.calls.record(a_call("c1", status="cut_off", verification=Verification("verified", 2, 0)))
    ledger.calls.record(a_call("c1", raw_answer=None))
    kept = ledger.calls.get("c1")
    assert (kept.status, kept.raw_answer) == ("ok", "the lock's lease ends first")
    assert kept.verification == Verification("verified", 2, 0)


def test_an_answer_is_verified_later(ledger: Ledger) -> None:
    ledger.calls.record(a_call("c1"))
    ledger.calls.verify("c1", Verification("refuted", 1, 3))
    assert ledger.calls.get("c1").verification == Verification("refuted", 1, 3)
    with pytest.raises(RecordNotFoundError):
        ledger.calls.verify("c2", Verification("verified"))


def test_an_escalation_comes_back_as_it_was(ledger: Ledger) -> None:
    escalation = an_escalation(
        "e1",
        signals=(Signal("files", 73, 50, True), Signal("trace_bytes", None, 1e8, False)),
        pack=PackSize(Extent(9_000_000), Extent(120_000, 31_000), Extent(8_880_000)),
        status="answered",
        found="the lease of a lock ends before its renewal",
        verification=Verification("verified", 5, 0),
        answer_call_id="c1",
        time_saved=TimeSaved(5400.0, "caller"),
        ended_ns=START_NS + 1,
    )
    ledger.escalations.record(escalation)
    assert ledger.escalations.get("e1") == escalation
    assert ledger.escalations.recent() == (escalation,)


def test_an_escalation_is_closed_and_its_outcome_reported_more_than_once(ledger: Ledger, clock: Clock) -> None:
    ledger.escalations.record(an_escalation("e1"))
    clock.advance(60)
    ledger.escalations.close("e1", "answered", found="a lock", answer_call_id="c1", time_saved=TimeSaved(60, "model"))
    ledger.escalations.report_outcome("e1", "confirmed", "dana")
    clock.advance(60)
    ledger.escalations.report_outcome("e1", "refuted", "eli", "it came back")
    kept = ledger.escalations.get("e1")
    last = Outcome("refuted", "eli", START_NS + 120 * 10**9, "it came back")
    assert (kept.status, kept.found, kept.ended_ns) == ("answered", "a lock", START_NS + 60 * 10**9)
    assert kept.outcome == last
    assert ledger.escalations.outcomes("e1") == (Outcome("confirmed", "dana", START_NS + 60 * 10**9), last)
    # Recording the escalation itself again does not touch what was reported of it.
    ledger.escalations.record(replace(kept, found="a lease"))
    assert ledger.escalations.get("e1") == replace(kept, found="a lease")


def test_nothing_is_said_of_an_escalation_that_there_is_not(ledger: Ledger) -> None:
    for act in (
        lambda: ledger.escalations.report_outcome("e9", "confirmed", "dana"),
        lambda: ledger.escalations.close("e9", "answered"),
        lambda: ledger.escalations.get("e9"),
    ):
        with pytest.raises(RecordNotFoundError):
            act()


def test_a_routing_decision_comes_back_from_the_ledger_as_it_was(ledger: Ledger) -> None:
    candidates = (Candidate("alpha", 0.75, {"alpha": 3, "beta": 1}), Candidate("beta", 0.25, {"alpha": 1, "beta": 1}))
    decision = RoutingDecision(
        "r1", "thompson/1", 0, candidates, "alpha", START_NS, 2**80 + 1, {"why": ["record"]}, "e1"
    )
    ledger.routing.record(decision)
    climb = replace(decision, id="r2", step=1, chosen=None, seed=None)
    ledger.routing.record(climb)
    assert ledger.routing.of_escalation("e1") == (decision, climb)


@pytest.mark.parametrize(
    ("chances", "chosen"),
    [((0.5, 0.4), "alpha"), ((1.5, -0.5), "alpha"), ((1.0, 0.0), "beta"), ((0.5, 0.5), "gamma")],
)
def test_a_decision_without_honest_propensities_is_refused(
    ledger: Ledger, chances: tuple[float, float], chosen: str
) -> None:
    candidates = tuple(Candidate(name, chance) for name, chance in zip(("alpha", "beta"), chances, strict=True))
    with pytest.raises(UsageError):
        ledger.routing.record(RoutingDecision("r1", "p", 0, candidates, chosen, START_NS, escalation_id="e1"))
    assert ledger.routing.of_escalation("e1") == ()


def test_a_ledger_of_a_newer_version_is_left_alone(target: str) -> None:
    from sqlalchemy import insert

    from deep_code_reasoning.ledger.database import Database
    from deep_code_reasoning.ledger.migrations import MIGRATIONS, VERSIONS

    with closing(Database(target)) as database:
        newer = insert(VERSIONS).values(version=len(MIGRATIONS) + 1, applied_ns=0)
        database.write(lambda connection: connection.execute(newer))
    with pytest.raises(LedgerError, match=r"knows up to"):
        Ledger(target)


def test_the_migrations_lead_to_the_tables_that_the_code_uses(target: str) -> None:
    from sqlalchemy import inspect

    from deep_code_reasoning.ledger.database import Database
    from deep_code_reasoning.ledger.schema import METADATA

    def shape(connection: object) -> dict[str, object]:
        looked = inspect(connection)
        return {
            table: (
                [(c["name"], _plain(c["type"]), c["nullable"]) for c in columns],
                looked.get_pk_constraint(table)["constrained_columns"],
                sorted((i["name"], tuple(i["column_names"])) for i in looked.get_indexes(table)),
            )
            for table in looked.get_table_names()
            if table != "ledger_version"
            for columns in [looked.get_columns(table)]
        }

    wanted = {
        table.name: (
            [(c.name, _plain(c.type), bool(c.nullable)) for c in table.columns],
            [c.name for c in table.primary_key],
            sorted((str(index.name), tuple(c.name for c in index.columns)) for index in table.indexes),
        )
        for table in METADATA.tables.values()
    }
    with closing(Database(target)) as database:
        assert database.read(shape) == wanted


def _plain(kind: object) -> str:
    # Databases give 8-byte floating point different names; 4-byte would be a loss, which the round trips would show.
    name = str(getattr(kind, "impl", kind))
    return "DOUBLE" if name.startswith("DOUBLE") or name == "REAL" else name


def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "ledger.db"
    with Ledger(path) as ledger:
        ledger.calls.record(a_call("c1"))
        assert {p.name: p.stat().st_mode & 0o077 for p in path.parent.iterdir()} == {
            "ledger.db": 0,
            "ledger.db-wal": 0,
            "ledger.db-shm": 0,
        }


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u:secret@h/n", "cannot be kept in 'mysql'"),
        ("sqlite://", "in memory would be lost"),
        ("no url: secret", "cannot be read"),
        ("sqlite:///x.db?synchronous=off", "option that is not known"),
        ("sqlite:///x.db?secret=1", "option that is not known"),
    ],
)
def test_a_url_that_names_no_ledger_is_refused_without_repeating_its_password(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as refusal:
        Ledger(url)
    assert "secret" not in f"{refusal.value.message}{refusal.value.hint}"


def test_a_server_that_is_not_there_is_an_error_without_the_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(LedgerError) as refusal:
        Ledger("postgresql://someone:secret@127.0.0.1:1/none", patience_s=1)
    assert "127.0.0.1" in refusal.value.message
    assert "secret" not in refusal.value.message


def test_a_file_that_is_no_database_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("this is no database " * 100)
    with pytest.raises(LedgerError):
        Ledger(path)
    assert path.read_text() == "this is no database " * 100
