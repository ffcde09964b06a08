"""Models asked end to end, over each wire and with each fault: what the user gets, of `dcr investigate --model` too."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deep_code_reasoning.app.converse import continue_conversation, finalize_conversation, start_conversation
from deep_code_reasoning.app.escalate import escalate
from deep_code_reasoning.app.hypothesis import examine_hypothesis
from deep_code_reasoning.app.ledger import open_ledger
from deep_code_reasoning.app.terms import Terms
from deep_code_reasoning.app.tournament import TournamentConfig, run_tournament
from deep_code_reasoning.cli.main import cli
from deep_code_reasoning.domain.analysis import AnalysisRequest
from deep_code_reasoning.domain.pack import Scope
from deep_code_reasoning.errors import ModelNotConfiguredError
from deep_code_reasoning.providers import policy
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
    request = AnalysisRequest("why does stock fail?")
    asked = asyncio.run(escalate(request, case=incident.folder, model="deep")).specialist_as_json()
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
    assert (escalation.status, len(calls)) == ("answered", 2)
    assert escalation.verification is not None
    assert calls[-1].verification is not None
    assert calls[-1].id == escalation.answer_call_id


# What happens -> what the model's endpoint does, the code of the error, and whether asking again may help.
FAULTS: dict[str, tuple[list[Step], str, bool]] = {
    "unauthorized": ([unauthorized()], "provider_authentication", False),
    "rate limited": ([rate_limited(7200)], "provider_rate_limited", True),
    "server error": ([server_error()] * 4, "provider_unavailable", True),
    "stall": ([Say("half", ending="stall")] * 4, "provider_unavailable", True),
    "disconnect": ([Say("half", ending="disconnect")] * 4, "provider_unavailable", True),
    "clean truncation": ([Say("half", ending="truncated")] * 4, "answer_truncated", True),
    "length limit": ([Say("half", finish="length")], "answer_truncated", False),
    "malformed": ([Typed('{"summary": 1}')] * 2, "answer_malformed", False),
    "no JSON": ([Garbled()] * 4, "provider_unavailable", True),
    "quota": ([quota_exhausted()], "provider_quota", False),
}
# Of these something had arrived, and was paid for.
IN_PART = ("stall", "disconnect", "clean truncation", "length limit", "malformed")


@pytest.mark.parametrize("wire", WIRES)
def test_a_conversation_goes_over_every_wire_with_all_that_was_said(
    wire: str, incident: Incident, use_stub: UseStub
) -> None:
    stub = use_stub(wire)
    query = CallTool("query_evidence", {"sql": "SELECT count() AS n FROM logs"}, thinking="let me count")
    stub.script(query, Typed(answer(incident, summary="Maybe stock.")), *[Typed(answer(incident))] * 2)
    request = AnalysisRequest("why does stock fail?", depth=1)
    first = asyncio.run(start_conversation(request, Terms(incident.folder, model="deep")))
    session = first.status.conversation.id
    second = asyncio.run(continue_conversation(session, "are you sure?"))
    report = asyncio.run(finalize_conversation(session, "concise"))
    assert (first.reply, second.reply, report.basis) == ("Maybe stock.", "Stock fails.", "specialist")
    last = json.dumps(stub.requests[-1].body)
    for said in ("why does stock fail?", "are you sure?", "Maybe stock.", "SELECT count() AS n FROM logs"):
        assert said in last
    assert len(stub.requests) == 4


@pytest.mark.parametrize("wire", WIRES)
def test_a_tournament_goes_over_every_wire(wire: str, incident: Incident, use_stub: UseStub) -> None:
    stub = use_stub(wire)
    rival = cause(incident, statement="front sends bad requests", service="front", mechanism="bad_input")
    tested = {"summary": "tested", "verdict": "supported", "predictions": []}
    stub.script(Typed(answer(incident, rival)), *[Typed(tested)] * 2)
    config = TournamentConfig(max_hypotheses=2, max_rounds=1, parallel_sessions=1)
    request = AnalysisRequest("stock fails", depth=1)
    found = asyncio.run(run_tournament(request, Terms(incident.folder, model="deep"), config=config))
    assert found.winner is not None
    assert found.winner.origin == "cause 1"
    assert [h.origin for h in found.hypotheses] == ["cause 1", "model deep"]
    assert found.failures == ()


@pytest.mark.parametrize("wire", WIRES)
def test_a_hypothesis_is_tested_by_code_at_the_provider_else_in_the_sandbox(
    wire: str, incident: Incident, use_stub: UseStub
) -> None:
    at_provider = wire != "openai-chat"  # whose format has no way to ask for it
    stub = use_stub(wire, abilities=["code_execution"])
    run, printed = "print(6 * 7)", "42\n"
    cited = "experiment:provider-1" if at_provider else "experiment:1"
    proven = {"statement": "it is 42", "outcome": "holds", "proofs": [{"citation": cited, "quote": "42"}]}
    made_up = {"statement": "it is 43", "outcome": "fails", "proofs": [{"citation": "experiment:provider-2"}]}
    tested = {"summary": "tested", "verdict": "refuted", "predictions": [proven, made_up]}
    if at_provider:
        stub.script(Typed(tested, ran=(run, printed)))
    else:
        stub.script(CallTool("run_experiment", {"code": run}), Typed(tested))
    request = AnalysisRequest(depth=1)
    found = asyncio.run(examine_hypothesis("stock throws an exception", request, Terms(incident.folder, model="deep")))
    outcomes = {p.name: p.outcome for p in found.predictions if p.by == "model deep"}
    assert outcomes == {"it is 42": "holds", "it is 43": "unknown"}, found.as_json()["metadata"]["failures"]
    opinion = found.as_json()["findings"]["specialist"]
    assert opinion["code_runs"] == ([{"code": run, "output": printed}] if at_provider else [])
    assert [used["tool"] for used in opinion["tools_used"]] == ([] if at_provider else ["run_experiment"])
    assert found.verdict == "supported", "what nothing proves refutes nothing"


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_every_form_shows_the_specialists_answer(
    form: str, incident: Incident, use_stub: UseStub, tmp_path: Path
) -> None:
    ghost = cause(incident, statement="a ghost did it", service="ghost")
    use_stub().script(Typed(answer(incident, cause(incident), ghost)))
    page = tmp_path / "page.html"
    result = investigate(incident, "--format", form, "--html", str(page))
    for shown in (result.stdout, page.read_text("utf-8")):
        assert "part of it was found in the evidence" in shown
        assert "a ghost did it" in shown
        assert shown.index("a ghost did it") < shown.index("1 request at an unknown price")


def test_a_model_that_cannot_be_asked_is_wrong_usage(incident: Incident) -> None:
    with pytest.raises(ModelNotConfiguredError):
        investigate(incident, model="nobody")


def test_a_failure_leaves_the_analysers_answer_as_it_is(incident: Incident, use_stub: UseStub) -> None:
    use_stub().script(unauthorized())
    asked = specialist(incident)
    assert (asked["status"], asked["answer"]) == ("unanswered", None)
    with open_ledger() as ledger:
        assert ledger.escalations.get(asked["metadata"]["escalation_id"]).surface == "cli"


# That every wire tells all faults apart is shown in `tests/providers/test_faults.py`; here the wires take turns.
@pytest.mark.parametrize(("fault", "wire"), list(zip(FAULTS, itertools.cycle(WIRES), strict=False)))
def test_a_failure_is_never_a_finding(
    fault: str, wire: str, tmp_path: Path, use_stub: UseStub, impatient: None
) -> None:
    steps, code, retryable = FAULTS[fault]
    use_stub(wire).script(*steps)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "stock.py").write_text("def stock():\n    return None\n")
    request = AnalysisRequest("why?", scope=Scope(files=("stock.py",)))
    given = asyncio.run(escalate(request, roots=(tmp_path / "code",), model="deep"))
    asked = given.as_json()
    (failure,) = asked["metadata"]["failures"]
    assert (asked["status"], asked["findings"]["specialist"]) == ("unanswered", None)
    assert (failure["model"], failure["code"], failure["retryable"]) == ("deep", code, retryable)
    assert bool(failure["partial_text"]) == (fault in IN_PART), "what was paid for is kept"
    (told, _) = given.consulted.notes
    assert told.startswith("deep gave no usable answer: deep: ")
    assert failure["hint"], "the user is told what to do"
    assert failure["hint"] in told
    with open_ledger() as ledger:
        escalation = ledger.escalations.get(asked["metadata"]["escalation_id"])
        calls = ledger.calls.of_escalation(escalation.id)
    assert (escalation.status, escalation.found, len(calls)) == ("unanswered", None, len(steps))


@pytest.fixture
def impatient(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts take no time; where answers stall, a connection counts as broken after half a second."""

    async def sleep(seconds: float) -> None:
        return None

    init = policy.Policy.__init__
    defaults = dict(zip((field.name for field in fields(policy.Policy)), init.__defaults__ or (), strict=True))
    monkeypatch.setattr(
        init,
        "__defaults__",
        tuple((defaults | {"stall_s": 0.5 if fault == "stall" else 30.0, "sleep": sleep}).values()),
    )
