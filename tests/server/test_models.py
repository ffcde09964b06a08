"""Models behind the tools: a scripted one on loopback answers; one elsewhere is asked only when somebody allows it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mcp_types import CallToolRequestParams, ElicitResult

from agent.process import PATIENCE_S, RawServer, assert_gone, descendants
from agent.session import AgentSession
from deep_code_reasoning.app.consent import Reach, reach_of, restricted
from deep_code_reasoning.app.settings import Settings
from deep_code_reasoning.server.consent import consent_of
from wire.cards import KEY, KEY_VARIABLE, write_catalogue
from wire.script import Typed
from wire.server import Stub

from .test_contract import STOCK, context

CODE = {"citation": "code:stock/stock.py#12", "quote": "def find_item(line)"}
ANSWER = {
    "summary": "find_item is called for every line.",
    "causes": [
        {"statement": "N+1", "service": "stock", "mechanism": "n_plus_one", "proofs": [CODE], "confidence": 0.9}
    ],
}
MECHANISMS = ("n_plus_one", "deadlock", "bad_input", "race_condition")
TESTED = {
    "summary": "tested",
    "verdict": "supported",
    "predictions": [{"statement": "the line is there", "outcome": "holds", "proofs": [CODE]}],
}


@pytest.fixture(scope="module")
def local(_stub_server: Stub, tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[AgentSession]:
    """A session whose user has a model on this machine."""
    home = tmp_path_factory.mktemp("home")
    catalogue = write_catalogue(home / "models.json", _stub_server, "openai-chat")
    environment = {"DCR_MODELS": str(catalogue), KEY_VARIABLE: KEY}
    with AgentSession(home, project, environment=environment) as session:
        yield session


def told(stub: Stub) -> str:
    """All that the last request tells the model."""
    return "\n".join(stub.requests[-1].texts)


def test_a_model_on_this_machine_answers_and_is_checked(local: AgentSession, stub: Stub) -> None:
    stub.script(Typed(ANSWER), Typed(ANSWER))
    asked = {"claude_context": context(), "analysis_type": "performance", "model": "deep"}
    answer = local.answer("escalate_analysis", **asked)
    assert answer["status"] == "answered"
    assert answer["findings"][0]["verdict"] == "verified"
    assert answer["metadata"]["model"] == "deep"
    local.answer("record_outcome", answer=answer["metadata"]["escalation_id"], verdict="refuted")
    usage = local.answer("get_usage", include_models=True)
    assert usage["total"]["refuted"] == 1
    assert usage["available_models"][0]["model"] == "deep"
    # Questions about code ask a model only when one is named.
    path = {"entry_point": f"{STOCK}:2"}
    assert "specialist" not in local.answer("trace_execution_path", **path)
    assert local.answer("trace_execution_path", **path, model="deep")["specialist"]["status"] == "answered"
    assert len(stub.requests) == 2
    # Lines that an answer cites come when they are wanted.
    stub.script(*(Typed(ANSWER) for _ in range(3)))
    begun = local.answer("start_conversation", claude_context=context(), analysis_type="performance", model="deep")
    session = {"session_id": begun["session_id"], "message": "go on"}
    assert "code_snippets" not in local.answer("continue_conversation", **session)
    with_code = local.answer("continue_conversation", **session, include_code_snippets=True)
    assert "find_item" in with_code["code_snippets"][0]["lines"]


def test_what_the_caller_knows_reaches_the_model(local: AgentSession, stub: Stub) -> None:
    stub.script(Typed(ANSWER))
    local.answer("escalate_analysis", claude_context=context(), analysis_type="performance", model="deep")
    for known in ("added logging", "user_service.go:142", "orders fail since 10:06"):
        assert known in told(stub)


def test_a_hypothesis_and_how_to_test_it_reach_the_model(local: AgentSession, stub: Stub) -> None:
    stub.script(Typed(TESTED))
    answer = local.answer(
        "hypothesis_test",
        hypothesis="the sku is missing",
        code_scope={"files": [STOCK], "entry_points": [f"{STOCK}:12"]},
        test_approach="leave the sku out of an order",
        model="deep",
    )
    assert answer["status"] == "answered"
    assert (answer["verdict"], answer["verdict_of_the_case"]) == ("supported", None)
    assert {"outcome": "holds", "what": "the line is there"}.items() <= answer["predictions"][-1].items()
    for known in ("the sku is missing", "leave the sku out of an order", "def find_item"):
        assert known in told(stub)


def test_a_conversation_is_asked_what_is_said_and_ends_in_the_form_that_is_wanted(
    local: AgentSession, stub: Stub
) -> None:
    endings = {}
    for form in ("detailed", "concise", "actionable"):
        stub.script(*(Typed(ANSWER) for _ in range(3)))
        begun = local.answer(
            "start_conversation",
            claude_context=context(),
            analysis_type="performance",
            initial_question="is it the loop?",
            model="deep",
        )
        assert "is it the loop?" in told(stub)
        local.answer("continue_conversation", session_id=begun["session_id"], message="or the store?")
        assert "or the store?" in told(stub)
        ended = local.answer("finalize_conversation", session_id=begun["session_id"], summary_format=form)
        assert ended["format"] == form
        endings[form] = set(ended)
    assert "actions" in endings["actionable"] - endings["concise"]
    assert "cause" in endings["concise"] - endings["actionable"]
    assert "earlier_answers" in endings["detailed"] - endings["concise"]


def test_a_tournament_is_as_long_and_as_wide_as_asked(local: AgentSession, stub: Stub) -> None:
    def hold(**config: int) -> dict[str, Any]:
        stub.reset()
        stub.pause_s = 0.2
        causes = [{**ANSWER["causes"][0], "statement": f"cause {m}", "mechanism": m} for m in MECHANISMS]
        stub.script(Typed({**ANSWER, "causes": causes}), *(Typed(TESTED) for _ in range(30)))
        answer = local.answer(
            "run_hypothesis_tournament",
            claude_context=context(),
            issue="orders fail",
            tournament_config=config,
            model="deep",
        )
        hypotheses = local.answer("get_result", handle=answer["handle"], section="hypotheses")["items"]
        return {
            "hypotheses": len(hypotheses),
            "rounds": {test["round"] for hypothesis in hypotheses for test in hypothesis["tests"]},
            "at_once": stub.most_at_once,
        }

    wide = hold(max_hypotheses=4, max_rounds=1, parallel_sessions=4)
    assert wide == {"hypotheses": 4, "rounds": {1}, "at_once": 4}
    assert hold(max_hypotheses=2, max_rounds=2, parallel_sessions=1) == {
        "hypotheses": 2,
        "rounds": {1, 2},
        "at_once": 1,
    }


def test_a_tournament_goes_on_in_another_server_and_nothing_is_paid_for_twice(
    tmp_path: Path, project: Path, stub: Stub
) -> None:
    home = tmp_path / "home"
    catalogue = write_catalogue(tmp_path / "models.json", stub, "openai-chat")
    environment = {"DCR_MODELS": str(catalogue), KEY_VARIABLE: KEY}
    causes = [{**ANSWER["causes"][0], "statement": f"cause {m}", "mechanism": m} for m in MECHANISMS]
    stub.script(Typed({**ANSWER, "causes": causes}), *(Typed(TESTED) for _ in range(30)))
    stub.pause_s = 0.4
    config = {"max_hypotheses": 4, "max_rounds": 1, "parallel_sessions": 1}
    asked = {"claude_context": context(), "issue": "orders fail", "tournament_config": config, "model": "deep"}
    first = RawServer(home, project, environment=environment)
    try:
        call = {"name": "run_hypothesis_tournament", "arguments": asked}
        first.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call})
        until = time.monotonic() + PATIENCE_S
        while len(stub.requests) < 3:  # the proposal, and one session, are through; the next is under way
            assert time.monotonic() < until
            time.sleep(0.02)
        everybody = [first.process.pid, *descendants(first.process.pid)]
        first.end("SIGKILL")
        assert_gone(everybody)
    finally:
        first.close()
    stub.pause_s = 0.0
    (work,) = (home / "work").iterdir()
    with AgentSession(home, project, environment=environment) as second:
        answer = second.answer("get_result", handle=work.name)
        tests = second.answer("get_result", handle=work.name, section="hypotheses")["items"]
        usage = second.answer("get_usage")
    assert (answer["state"], answer["rounds_finished"]) == ("finished", 1)
    assert [[test["kind"] for test in each["tests"]] for each in tests] == [["evidence", "specialist"]] * 4
    assert len(stub.requests) == 3 + 3, "what was answered is not asked again"
    assert usage["escalations"] == 1


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with a model at a provider; the tests are offline, so that nothing reaches it."""
    catalogue = tmp_path / "models.json"
    catalogue.write_text(
        json.dumps({"model": [{"id": "far", "model": "openai:far", "base_url": "https://far.invalid/v1"}]})
    )
    return {"DCR_MODELS": str(catalogue), "OPENAI_API_KEY": "scripted"}


def ask(session: AgentSession) -> dict[str, Any]:
    return session.answer("escalate_analysis", claude_context=context(), analysis_type="performance", model="far")


@pytest.mark.parametrize(
    ("action", "content", "allowed"),
    [("accept", {"allow": True}, True), ("accept", {"allow": False}, False), ("accept", None, False),
     ("decline", {"allow": True}, False), ("cancel", None, False)],
)  # fmt: skip
def test_only_a_plain_yes_is_one(action: Any, content: Any, allowed: bool) -> None:
    answered = CallToolRequestParams(
        name="escalate_analysis", input_responses={"consent": ElicitResult(action=action, content=content)}
    )
    assert asyncio.run(consent_of(None, answered)("Send it?")) is allowed


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_evidence_goes_to_a_provider_only_when_the_user_allows_it(
    tmp_path: Path, project: Path, elsewhere: dict[str, str], era: str
) -> None:
    questions: list[str] = []
    answers = [ElicitResult(action="decline"), ElicitResult(action="accept", content={"allow": True})]

    async def elicit(_: Any, asked: Any) -> ElicitResult:
        questions.append(asked.message)
        return answers[len(questions) - 1]

    with AgentSession(tmp_path / "home", project, era, elsewhere, elicitation_callback=elicit) as session:
        refused, allowed = [ask(session)["metadata"] for _ in answers]
    assert refused["failures"] == []
    assert "nobody allowed" in refused["why_no_model"]
    assert allowed["failures"][0]["model"] == "far"
    assert len(questions) == 2
    assert "far" in questions[0]


def test_a_client_that_cannot_ask_allows_nothing() -> None:
    context = SimpleNamespace(session=SimpleNamespace(client_capabilities=None))
    call = CallToolRequestParams(name="escalate_analysis")
    assert asyncio.run(consent_of(context, call)("Send it?")) is False


def test_what_the_configuration_allows_is_not_asked(elsewhere: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in elsewhere.items():
        monkeypatch.setenv(name, value)
    for allowed in ("openai", "far", "*"):
        assert reach_of("far", Settings((), frozenset({allowed}))) == Reach(("far",), ())
    assert reach_of(None, Settings((), frozenset({"google"}))) == Reach((), ("far",))
    assert reach_of("none", Settings(())) == Reach((), ())


def test_an_allowed_model_falls_back_on_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = [{"id": "a", "model": "openai:a", "fallback": ["b"]}, {"id": "b", "model": "google:b"}]
    (tmp_path / "models.json").write_text(json.dumps({"model": models}))
    monkeypatch.setenv("DCR_MODELS", str(tmp_path / "models.json"))
    assert [(card.id, card.fallbacks) for card in restricted(["a"])] == [("a", ())]
