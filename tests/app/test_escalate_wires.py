"""`dcr investigate --model`, end to end, over each wire and with each fault: what the user gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deep_code_reasoning.app.escalate import escalate
from deep_code_reasoning.app.ledger import open_ledger
from deep_code_reasoning.cli.main import cli
from deep_code_reasoning.domain.analysis import AnalysisRequest
from deep_code_reasoning.domain.pack import Scope
from wire.script import CallTool, Garbled, Say, Step, Typed, quota_exhausted, rate_limited, server_error, unauthorized
from wire.server import WIRES, Stub

from .conftest import Incident, answer, cause

UseStub = Callable[..., Stub]


def investigate(incident: Incident, *options: str, model: str = "deep") -> Result:
    arguments = ["investigate", str(incident.folder), "--model", model, "--question", "why does stock fail?", *options]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def specialist(incident: Incident) -> dict[str, Any]:
    result = investigate(incident, "--format", "json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["schema"] == "deep-code-reasoning/investigation/1"
    assert found["causes"], "the analysers' answer stands, whatever the model does"
    asked: dict[str, Any] = found["specialist"]
    return asked


@pytest.mark.parametrize("wire", WIRES)
def test_a_question_goes_over_every_wire_and_comes_back_checked(
    wire: str, incident: Incident, use_stub: UseStub
) -> None:
    stub = use_stub(wire)
    query = {"sql": "SELECT count() AS n FROM spans WHERE status = 'error' AND service = 'stock'"}
    ghost = cause(incident, statement="a ghost did it", service="ghost", proofs=[{"citation": "log:none@1"}])
    stub.script(CallTool("query_evidence", query), Typed(answer(incident, cause(incident), ghost)))
    asked = specialist(incident)
    assert asked["status"] == "answered"
    assert [c["verdict"] for c in asked["answer"]["causes"]] == ["verified"]
    assert [c["statement"] for c in asked["answer"]["refuted"]] == ["a ghost did it"]
    assert asked["answer"]["tools_used"][0]["tool"] == "query_evidence"
    assert asked["metadata"]["pack"]["sent"]["tokens"] > 100
    assert any('{"n": 60}' in text.replace("'", '"') for text in stub.requests[1].texts), "the tool's rows went back"
    assert any("why does stock fail?" in text for text in stub.requests[0].texts)
    with open_ledger() as ledger:
        escalation = ledger.escalations.get(asked["metadata"]["escalation_id"])
        calls = ledger.calls.of_escalation(escalation.id)
    assert (escalation.status, escalation.surface, len(calls)) == ("answered", "cli", 2)
    assert escalation.verification is not None
    assert calls[-1].verification is not None
    assert calls[-1].id == escalation.answer_call_id


FAULTS: dict[str, tuple[list[Step], str, bool]] = {
    "unauthorized": ([unauthorized()], "provider_authentication", False),
    "rate limited": ([rate_limited(7200)], "provider_rate_limited", True),
    "server error": ([server_error()] * 4, "provider_unavailable", True),
    "disconnect": ([Say("half", ending="disconnect")] * 4, "provider_unavailable", True),
    "clean truncation": ([Say("half", ending="truncated")] * 4, "answer_truncated", True),
    "malformed": ([Typed('{"summary": 1}')] * 2, "answer_malformed", False),
    "no JSON": ([Garbled()] * 4, "provider_unavailable", True),
    "quota": ([quota_exhausted()], "provider_quota", False),
}


def test_a_failure_leaves_the_analysers_answer_as_it_is(incident: Incident, use_stub: UseStub) -> None:
    use_stub().script(unauthorized())
    asked = specialist(incident)
    assert (asked["status"], asked["answer"]) == ("unanswered", None)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_never_a_finding(
    wire: str, fault: str, tmp_path: Path, use_stub: UseStub, no_waiting: None
) -> None:
    steps, code, retryable = FAULTS[fault]
    use_stub(wire).script(*steps)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "stock.py").write_text("def stock():\n    return None\n")
    request = AnalysisRequest("why?", scope=Scope(files=("stock.py",)))
    asked = asyncio.run(escalate(request, roots=(tmp_path / "code",), model="deep")).as_json()
    (failure,) = asked["metadata"]["failures"]
    assert (asked["status"], asked["findings"]["specialist"]) == ("unanswered", None)
    assert (failure["model"], failure["code"], failure["retryable"]) == ("deep", code, retryable)
    if code in ("answer_truncated", "answer_malformed"):
        assert failure["partial_text"], "what was paid for is kept"
    with open_ledger() as ledger:
        escalation = ledger.escalations.get(asked["metadata"]["escalation_id"])
        calls = ledger.calls.of_escalation(escalation.id)
    assert (escalation.status, escalation.found, len(calls)) == ("unanswered", None, len(steps))


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts take no time."""

    async def sleep(seconds: float) -> None:
        return None

    from deep_code_reasoning.providers import policy

    monkeypatch.setattr(policy.Policy.__init__, "__defaults__", (*policy.Policy.__init__.__defaults__[:-1], sleep))
