"""Reporting what an answer proved to be worth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deep_code_reasoning.app.ledger import open_ledger
from deep_code_reasoning.cli.main import cli
from deep_code_reasoning.domain.call import Call
from deep_code_reasoning.domain.case import CaseInfo
from deep_code_reasoning.domain.escalation import ANALYSERS_ONLY, Escalation
from deep_code_reasoning.errors import RecordNotFoundError, UsageError
from deep_code_reasoning.store.layout import MANIFEST, Manifest

CLASS = "lock_contention"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_HOME", str(tmp_path))
    monkeypatch.delenv("DCR_LEDGER_URL", raising=False)
    case = tmp_path / "cases" / "payments"
    case.mkdir(parents=True)
    (case / MANIFEST).write_text(json.dumps(Manifest(CaseInfo("payments")).as_json()))


def dcr(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def escalate(name: str, started_ns: int, status: str = "answered") -> None:
    with open_ledger() as ledger:
        ledger.escalations.record(
            Escalation(name, "cli", "cross_system", CLASS, "why?", "services > 3", started_ns, case_id="payments")
        )
        ledger.calls.record(Call(f"{name}-call", "deep", "acme", "cli", "analysis", "ok", started_ns, 5, name))
        ledger.escalations.close(name, status, answer_call_id=f"{name}-call" if status == "answered" else None)


def test_an_outcome_of_an_escalation_is_what_its_model_is_judged_by() -> None:
    escalate("e1", 1)
    done = dcr("outcome", "e1", "confirmed", "--note", "the lease", "--by", "dana")
    assert (done.exit_code, done.output) == (0, "escalation e1: confirmed, says dana\n")
    with open_ledger() as ledger:
        outcome = ledger.escalations.get("e1").outcome
        assert outcome is not None
        assert (outcome.verdict, outcome.note) == ("confirmed", "the lease")
        assert ledger.statistics.records_by_class()["deep", CLASS].confirmed == 1
    assert dcr("outcome", "e1", "unknown").exit_code == 0
    with open_ledger() as ledger:
        record = ledger.statistics.records_by_class()["deep", CLASS]
    assert (record.confirmed, record.refuted) == (0, 0)


def test_an_outcome_of_a_case_is_that_of_its_last_answer() -> None:
    escalate("e1", 1)
    escalate("e2", 2)
    escalate("e3", 3, status="failed")
    assert dcr("outcome", "payments", "refuted", "--by", "dana").output == "escalation e2: refuted, says dana\n"
    with open_ledger() as ledger:
        assert ledger.escalations.get("e1").outcome is None


def test_an_escalation_that_the_analysers_answered_alone_is_no_models_merit() -> None:
    with open_ledger() as ledger:
        ledger.escalations.record(Escalation("e1", "mcp", "cross_system", CLASS, "why?", "no cause was found", 1))
        ledger.escalations.close("e1", ANALYSERS_ONLY)
    assert json.loads(dcr("stats", "--format", "json").output)["investigations_without_model"]["unknown"] == 0
    assert dcr("outcome", "e1", "refuted").exit_code == 0
    assert dcr("outcome", "e1", "confirmed").exit_code == 0
    printed = json.loads(dcr("stats", "--format", "json").output)
    assert printed["escalations"] == 1
    assert printed["investigations_without_model"] == {"confirmed": 1, "refuted": 0, "unknown": 0}
    assert printed["total"]["confirmed"] == printed["total"]["answered"] == 0


def test_without_an_escalation_it_is_the_analysers_that_were_right_or_wrong() -> None:
    assert (
        dcr("outcome", "payments", "refuted", "--by", "dana").output == "investigation payments: refuted, says dana\n"
    )
    assert dcr("outcome", "payments", "confirmed", "--by", "lee").exit_code == 0
    with open_ledger() as ledger:
        assert [(o.verdict, o.reported_by) for o in ledger.investigations.outcomes("payments")] == [
            ("refuted", "dana"),
            ("confirmed", "lee"),
        ]
        assert ledger.statistics.records_by_class() == {}
    printed = json.loads(dcr("stats", "--format", "json").output)
    assert printed["investigations_without_model"] == {"confirmed": 1, "refuted": 0, "unknown": 0}
    assert "1 confirmed, 0 refuted, 0 unknown" in dcr("stats").output


def test_what_is_neither_is_said() -> None:
    for name, error in (("stranger", RecordNotFoundError), ("../x", UsageError)):
        done = dcr("outcome", name, "confirmed")
        assert isinstance(done.exception, error)
    assert dcr("outcome", "payments", "perhaps").exit_code == 2
