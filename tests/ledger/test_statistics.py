"""The sums of the ledger, against figures worked out by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from deep_code_reasoning.app.ledger import open_ledger
from deep_code_reasoning.app.stats import collect_stats, stats_as_json
from deep_code_reasoning.cli.main import cli
from deep_code_reasoning.domain.budget import Amount, Limits
from deep_code_reasoning.domain.call import Verification
from deep_code_reasoning.domain.escalation import TimeSaved
from deep_code_reasoning.domain.ledger_statistics import CheckTally, Tally
from deep_code_reasoning.domain.model import ModelRecord
from deep_code_reasoning.domain.usage import Usage
from deep_code_reasoning.ledger import Ledger

from .conftest import START_NS, S, a_call, an_escalation


def fill(ledger: Ledger) -> None:
    """Four escalations of two classes: alpha answers three, beta is asked first in one of them and answers another."""
    lock, slow = "lock_lease_expired", "latency_regression"
    plan = [
        # id, class, reason, [(model, status, cost)], answered by, saved, outcome
        ("e1", lock, "services > 3", [("alpha", "ok", "0.10")], 0, TimeSaved(3600, "caller"), ["unknown", "confirmed"]),
        ("e2", lock, "services > 3", [("beta", "cut_off", "0.02"), ("alpha", "ok", "0.30")], 1, None, ["refuted"]),
        ("e3", slow, "files > 50", [("alpha", "ok", "0.20")], 0, TimeSaved(600, "model"), []),
        ("e4", slow, "files > 50", [("beta", "ok", "0.05")], 0, TimeSaved(900, "model"), ["confirmed"]),
    ]
    for number, (name, problem, reason, asked, accepted, saved, outcomes) in enumerate(plan):
        begun = START_NS + number * 3600 * S
        ledger.escalations.record(an_escalation(name, problem_class=problem, reason=reason, started_ns=begun))
        for step, (model, status, cost) in enumerate(asked):
            ledger.calls.record(
                a_call(
                    f"{name}-{step}",
                    escalation_id=name,
                    model_requested=model,
                    model_resolved=f"{model}-1",
                    status=status,
                    usage=Usage(100, 10),
                    total_cost_usd=Decimal(cost),
                    started_ns=begun + step,
                    verification=Verification("verified" if status == "ok" else "refuted"),
                )
            )
        ledger.escalations.close(name, "answered", answer_call_id=f"{name}-{accepted}", time_saved=saved)
        for verdict in outcomes:
            ledger.escalations.report_outcome(name, verdict, "dana")


def test_models_are_judged_by_class_on_the_last_outcome(ledger: Ledger) -> None:
    fill(ledger)
    seen = {(entry.model, entry.problem_class): entry for entry in ledger.statistics.collect().models}
    alpha = seen["alpha", "lock_lease_expired"].tally
    assert (alpha.calls, alpha.input_tokens, alpha.output_tokens, alpha.cached_tokens) == (2, 200, 20, None)
    assert (alpha.asked, alpha.answered, alpha.confirmed, alpha.refuted, alpha.unknown) == (2, 2, 1, 1, 0)
    assert (alpha.cost_usd, alpha.cost_per_confirmed_usd) == (Decimal("0.4"), Decimal("0.4"))
    assert alpha.quality == 0.5
    assert alpha.quality_per_usd == pytest.approx(0.5 / 0.2)
    beta = seen["beta", "lock_lease_expired"].tally
    assert (beta.calls, beta.failed_calls, beta.contradicted, beta.asked, beta.answered) == (1, 1, 1, 1, 0)
    assert (beta.confirmed, beta.quality, beta.cost_per_confirmed_usd, beta.quality_per_usd) == (0, None, None, None)
    assert seen["alpha", "latency_regression"].tally.unknown == 1
    assert seen["beta", "latency_regression"].resolved == ("beta-1",)


def test_reasons_and_the_whole_count_an_escalation_once(ledger: Ledger) -> None:
    fill(ledger)
    stats = ledger.statistics.collect()
    assert (stats.escalations, stats.total.calls, stats.total.asked, stats.total.answered) == (4, 5, 4, 4)
    assert (stats.total.cost_usd, stats.total.cost_per_confirmed_usd) == (Decimal("0.67"), Decimal("0.335"))
    assert (stats.total.verified, stats.total.contradicted) == (4, 1)
    reasons = {entry.reason: (entry.escalations, entry.tally.calls, entry.tally.asked) for entry in stats.reasons}
    assert reasons == {"files > 50": (2, 2, 2), "services > 3": (2, 3, 2)}
    assert [(saved.basis, saved.escalations, saved.estimate_s) for saved in stats.time_saved] == [
        ("caller", 1, 3600.0),
        ("model", 2, 1500.0),
    ]


def test_since_leaves_out_what_began_before(ledger: Ledger) -> None:
    fill(ledger)
    later = ledger.statistics.collect(START_NS + 2 * 3600 * S)
    assert (later.escalations, later.total.calls, later.total.confirmed) == (2, 2, 1)
    assert ledger.statistics.collect(START_NS + 9 * 3600 * S).total == Tally()


def test_one_call_without_a_price_makes_every_figure_of_value_unknown(ledger: Ledger) -> None:
    fill(ledger)
    ledger.calls.record(a_call("free", escalation_id="e1", usage=Usage(7), total_cost_usd=None))
    tally = ledger.statistics.collect().total
    assert (tally.cost_usd, tally.unpriced_calls, tally.unmetered_calls) == (Decimal("0.67"), 1, 1)
    assert (tally.cost_per_confirmed_usd, tally.quality_per_usd) == (None, None)
    assert tally.input_tokens == 507  # what is known is summed, and the gap is said
    assert ledger.statistics.records()["alpha"].cost_usd is None


def test_records_for_routing_are_by_class(ledger: Ledger) -> None:
    fill(ledger)
    lock, slow = "lock_lease_expired", "latency_regression"
    assert ledger.statistics.records_by_class() == {
        ("alpha", lock): ModelRecord(2, 0, confirmed=1, refuted=1, cost_usd=Decimal("0.4"), asked=2),
        ("alpha", slow): ModelRecord(1, 0, confirmed=0, refuted=0, cost_usd=Decimal("0.2"), asked=1),
        ("beta", lock): ModelRecord(1, 1, confirmed=0, refuted=0, cost_usd=Decimal("0.02"), asked=1),
        ("beta", slow): ModelRecord(1, 0, confirmed=1, refuted=0, cost_usd=Decimal("0.05"), asked=1),
    }
    assert ledger.statistics.records()["beta"].confirmed == 1


@pytest.mark.parametrize(
    ("verdict", "verification", "event_type", "rejected"),
    [
        ("confirmed", "refuted", "analysis", 1),
        ("confirmed", "unverified", "analysis", 1),
        ("confirmed", "verified", "analysis", 0),  # it said the same, as far as anybody could check
        ("confirmed", None, "analysis", 0),  # nobody checked it
        ("confirmed", "refuted", "judgement", 0),  # it was asked for something else
        ("refuted", "refuted", "analysis", 1),  # both were wrong
        ("refuted", "unverified", "analysis", 0),  # it may have been right
        ("unknown", "refuted", "analysis", 0),
    ],
)
def test_an_answer_that_was_given_up_counts_once_an_outcome_shows_it_wrong(
    ledger: Ledger, verdict: str, verification: str | None, event_type: str, rejected: int
) -> None:
    ledger.escalations.record(an_escalation("e1"))
    checked = None if verification is None else Verification(verification)
    for step in range(2):  # two requests of one question
        given_up = {"model_requested": "beta", "event_type": event_type, "verification": checked}
        ledger.calls.record(a_call(f"first-{step}", escalation_id="e1", **given_up))
    later = START_NS + S
    ledger.calls.record(a_call("second", escalation_id="e1", started_ns=later, verification=Verification("verified")))
    ledger.escalations.close("e1", "answered", answer_call_id="second")
    ledger.escalations.report_outcome("e1", verdict, "dana")
    records = ledger.statistics.records_by_class()
    assert records["beta", "lock_lease_expired"].rejected == rejected
    assert records["alpha", "lock_lease_expired"].rejected == 0
    beta = next(entry.tally for entry in ledger.statistics.collect().models if entry.model == "beta")
    assert beta.quality == (0.0 if rejected else None)
    alpha = records["alpha", "lock_lease_expired"]
    assert (alpha.refuted, alpha.late) == (
        (1, 1) if (verdict, event_type) == ("refuted", "analysis") else (alpha.refuted, 0)
    )
    assert ledger.statistics.collect().total.quality == {"confirmed": 1.0, "refuted": 0.0, "unknown": None}[verdict]


def test_an_outcome_of_an_escalation_without_an_answer_is_nobodys(ledger: Ledger) -> None:
    ledger.escalations.record(an_escalation("e1"))
    ledger.escalations.close("e1", "unanswered")
    stats = ledger.statistics.collect()
    assert (stats.escalations, stats.models, stats.total.answered, stats.total.unknown) == (1, (), 0, 0)


def test_an_empty_ledger_sums_up_to_nothing(ledger: Ledger) -> None:
    stats = ledger.statistics.collect()
    assert (stats.escalations, stats.models, stats.reasons, stats.time_saved, stats.total) == (0, (), (), (), Tally())


def test_dcr_stats_prints_json_in_which_the_unknown_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DCR_LEDGER_URL", raising=False)
    with open_ledger() as ledger:
        fill(ledger)
        ledger.budgets.reserve("lost", Amount(Decimal("0.5")), Limits(), valid_s=0)
    done = CliRunner().invoke(cli, ["stats", "--format", "json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.output)
    assert printed == stats_as_json(collect_stats())
    assert printed["schema"] == "deep-code-reasoning/stats/1"
    beta = printed["models"][-1]
    assert (beta["model"], beta["problem_class"], beta["quality"]) == ("beta", "lock_lease_expired", None)
    assert (beta["cost_usd"], beta["cached_tokens"], beta["cost_per_confirmed_cause_usd"]) == (0.02, None, None)
    assert printed["unsettled"] == {"calls": 1, "at_most_usd": 0.5}
    assert printed["time_saved_estimates"][0] == {"basis": "caller", "escalations": 1, "estimate_s": 3600.0}
    assert printed["since"] is None
    later = CliRunner().invoke(cli, ["stats", "--format", "json", "--since", "2026-09-21T16:00:00Z"])
    assert json.loads(later.output)["escalations"] == 2


def test_dcr_stats_prints_a_table_that_hostile_names_cannot_steer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DCR_LEDGER_URL", raising=False)
    with open_ledger() as ledger:
        fill(ledger)
        ledger.calls.record(a_call("x", model_requested="evil\x1b[2J\nmodel", total_cost_usd=None))
    done = CliRunner().invoke(cli, ["stats"])
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    assert "estimates, not measurements" in done.output
    assert "1 of the calls have no known price" in done.output
    assert "2 of 2 right ones held, and 1 of 1 wrong ones" in done.output
    row = next(line.split() for line in done.output.splitlines() if line.split()[:2] == ["alpha", "lock_lease_expired"])
    assert row[2:] == ["2", "0", "200", "20", "0.4000", "1", "1", "0", "0.4000", "50%", "2.50"]


def test_the_check_is_judged_by_first_answers_and_their_outcomes(ledger: Ledger) -> None:
    fill(ledger)
    # Alpha's answer did not hold, and beta's was confirmed in its place: so alpha's was wrong. That beta was asked hung
    # on the check itself.
    ledger.escalations.record(an_escalation("e5", started_ns=START_NS))
    for step, (model, result) in enumerate((("alpha", "partly"), ("beta", "verified"))):
        checked = {"escalation_id": "e5", "model_requested": model, "verification": Verification(result)}
        ledger.calls.record(a_call(f"e5-{step}", started_ns=START_NS + step, **checked))
    ledger.escalations.close("e5", "answered", answer_call_id="e5-1")
    assert ledger.statistics.check() == CheckTally(right=2, right_held=2, wrong=1, wrong_held=1)
    ledger.escalations.report_outcome("e5", "confirmed", "dana")
    assert ledger.statistics.check() == CheckTally(right=2, right_held=2, wrong=2, wrong_held=1)
    assert ledger.statistics.collect().check == ledger.statistics.check()


def test_dcr_stats_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DCR_LEDGER_URL", f"sqlite:///{tmp_path / 'other.db'}")
    assert "nothing was escalated yet" in CliRunner().invoke(cli, ["stats"]).output
    assert (tmp_path / "other.db").exists()
    assert CliRunner().invoke(cli, ["stats", "--since", "yesterday"]).exception is not None
