"""The contract's tools: the published calls work, loose input is put right, and every parameter changes the outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.session import AgentSession, text_of
from deep_code_reasoning.server.registry import tools

STOCK = "stock/stock.py"


def context(**more: Any) -> dict[str, Any]:
    """A caller's context as the predecessor published it."""
    scope = {"files": [STOCK], "entry_points": [f"{STOCK}:2"], "service_names": ["stock"], **more.pop("code_scope", {})}
    return {
        "attempted_approaches": ["added logging"],
        "partial_findings": [{"type": "race", "location": "user_service.go:142"}],
        "stuck_description": "orders fail since 10:06",
        "code_scope": scope,
        **more,
    }


def pack_of(agent: AgentSession, answer: dict[str, Any]) -> str:
    """The whole pack of an answer."""
    text, cursor = "", None
    while True:
        piece = agent.answer("get_result", handle=answer["handle"], section="pack", cursor=cursor)
        text += piece["text"]
        cursor = piece["next_cursor"]
        if cursor is None:
            return text


def escalate(agent: AgentSession, **arguments: Any) -> dict[str, Any]:
    asked = {"claude_context": context(), "analysis_type": "cross_system", **arguments}
    return agent.answer("escalate_analysis", **asked)


def test_an_escalation_answers_in_four_parts_without_a_model(agent: AgentSession, case: str) -> None:
    answer = escalate(agent, case=case)
    assert answer["verdict"] == "cause_found"
    assert answer["status"] == "analysers_only"
    assert answer["findings"][0]["service"] == "stock"
    assert {"findings", "recommendations", "enriched_context", "metadata"} <= answer.keys()
    assert "no model is configured" in answer["metadata"]["why_no_model"]
    # What to do, when it was, what nobody could look at, and how much of the evidence is for the caller's own model.
    assert answer["recommendations"][0]["citations"]
    context = answer["enriched_context"]
    assert context["onset"].startswith("2026-03-01T10:0")
    assert len(context["incident"]) == 2
    assert all(": " in check for check in context["could_not_look"])
    assert context["could_not_look"]
    assert context["pack"]["section"] == "pack"
    assert 0 < context["pack"]["tokens"] <= context["pack"]["budget_tokens"]


def test_the_outcome_of_an_answer_without_a_model_can_be_recorded(agent: AgentSession, case: str) -> None:
    def refuted() -> int:
        return int(agent.answer("get_usage")["investigations_without_model"]["refuted"])

    before = refuted()
    escalation = escalate(agent, case=case)["metadata"]["escalation_id"]
    assert refuted() == before
    recorded = agent.answer("record_outcome", answer=escalation, verdict="refuted")
    assert (recorded["of"], recorded["id"]) == ("escalation", escalation)
    assert refuted() == before + 1


def test_an_escalation_about_code_alone_works(agent: AgentSession) -> None:
    answer = escalate(agent)
    assert answer.get("verdict") is None
    assert "def reserve" in pack_of(agent, answer)


def test_what_the_caller_knows_arrives_whole(agent: AgentSession) -> None:
    answer = escalate(agent, claude_context=context(code_scope={"files": [STOCK, "nowhere.py"]}))
    assert [skip["path"] for skip in answer["metadata"]["skipped"]] == ["nowhere.py"]


def test_each_part_of_a_scope_changes_the_pack(agent: AgentSession, case: str) -> None:
    plain = context(code_scope={"files": [], "entry_points": [], "service_names": []})

    def pack(**scope: Any) -> str:
        answer = escalate(agent, case=case, claude_context={**plain, "code_scope": {**plain["code_scope"], **scope}})
        return pack_of(agent, answer)

    bare = pack()
    assert "def halve" not in bare
    assert "def halve" in pack(files=["misc/halves.py"])
    assert "def halve" in pack(entry_points=[{"file": "misc/halves.py", "line": 1, "function_name": "halve"}])


def test_services_and_depth_change_the_pack(agent: AgentSession, booking: str) -> None:
    def pack(services: list[str], depth: int) -> str:
        scope = {"files": [], "entry_points": [], "service_names": services}
        answer = escalate(agent, case=booking, claude_context=context(code_scope=scope), depth_level=depth)
        return pack_of(agent, answer)

    bare = pack([], 1)
    assert "of ts-user-service" not in bare
    assert "of ts-user-service" in pack(["ts-user-service"], 1)
    assert len(pack([], 2)) > len(bare)


def test_the_time_budget_is_kept(agent: AgentSession, case: str) -> None:
    error = agent.error(
        "escalate_analysis", claude_context=context(), analysis_type="cross_system", case=case, time_budget_seconds=0.01
    )
    assert error["code"] == "deadline"


def test_attempts_and_files_are_signals(agent: AgentSession) -> None:
    def held(**more: Any) -> list[str]:
        return list(escalate(agent, claude_context=context(**more))["metadata"]["signals_held"])

    assert "attempts" not in held()
    assert "attempts" in held(attempted_approaches=[f"approach {n}" for n in range(6)])
    assert "files" in held(code_scope={"files": [STOCK, *(f"missing{n}.py" for n in range(60))]})


def test_the_type_of_analysis_decides_what_a_model_must_be_good_at(agent: AgentSession) -> None:
    said = {
        kind: " ".join(escalate(agent, analysis_type=kind)["enriched_context"]["a_specialist_could_add"])
        for kind in ("execution_trace", "cross_system", "performance", "hypothesis_test")
    }
    assert len(set(said.values())) == 4


def test_a_model_that_is_not_configured_is_an_error(agent: AgentSession) -> None:
    error = agent.error("escalate_analysis", claude_context=context(), analysis_type="performance", model="nobody")
    assert error["code"] == "model_not_configured"


def test_calls_are_followed_as_deep_as_asked(agent: AgentSession) -> None:
    def path(**more: Any) -> dict[str, Any]:
        return agent.answer("trace_execution_path", entry_point={"file": STOCK, "line": 3}, **more)

    deep = path()
    assert [step["function"] for step in deep["path"]] == ["reserve", "find_item", "query_rows", "store_item"]
    assert deep["path"][1]["given"] == "item = find_item(line)"
    assert deep["calls_outside_the_code"] == ["write_row"]
    assert [step["function"] for step in path(max_depth=1)["path"]] == ["reserve", "find_item", "store_item"]
    assert "given" not in path(include_data_flow=False)["path"][1]


def test_an_entry_point_may_be_named_by_its_function(agent: AgentSession) -> None:
    entry = {"file": STOCK, "line": 1, "function_name": "query_rows"}
    assert agent.answer("trace_execution_path", entry_point=entry)["function"] == "query_rows"
    assert agent.answer("trace_execution_path", entry_point=f"{STOCK}:12")["function"] == "find_item"
    assert agent.error("trace_execution_path", entry_point=f"{STOCK}:1")["code"] == "usage"


def test_spans_that_ran_a_function_stand_beside_it(agent: AgentSession, case: str) -> None:
    path = agent.answer("trace_execution_path", entry_point=f"{STOCK}:2", case=case)["path"]
    assert path[0]["spans"][0]["operation"] == "Stock.reserve"
    assert path[0]["spans"][0]["failed"] == 80


def test_impact_is_told_by_kind(agent: AgentSession, case: str) -> None:
    def impact(**more: Any) -> dict[str, Any]:
        return agent.answer("cross_system_impact", change_scope={"files": [STOCK], "service_names": ["stock"]}, **more)

    whole = impact(case=case)
    assert whole["services"] == ["stock"]
    assert [use["at"].rpartition("/")[2] for use in whole["breaking"]] == ["order.go#5"]
    assert "shop -> stock" in whole["performance"][0]["call"]
    assert whole["behavioral"][0]["service"] == "stock"
    kinds = {"breaking", "performance", "behavioral"}
    for kind in kinds:
        assert kinds & impact(case=case, impact_types=[kind]).keys() == {kind}
    assert impact()["could_not_look_at"] != []


def test_a_service_that_is_named_is_looked_at(agent: AgentSession, case: str) -> None:
    answer = agent.answer(
        "cross_system_impact",
        change_scope={"files": [], "service_names": ["shop"]},
        case=case,
        impact_types=["performance"],
    )
    assert answer["services"] == ["shop"]
    assert any("shop" in edge["call"] for edge in answer["performance"])


def test_a_bottleneck_is_seen_in_loops_and_times(agent: AgentSession, case: str) -> None:
    def profile(**more: Any) -> dict[str, Any]:
        depth = more.pop("profile_depth", 3)
        path = {"entry_point": {"file": STOCK, "line": 2}, **more.pop("path", {})}
        return agent.answer("performance_bottleneck", code_path=path, profile_depth=depth, **more)

    answer = profile(case=case, path={"suspected_issues": ["N+1 queries", "garbage collection"]})
    assert answer["calls_in_loops"][0]["calls"] == ["find_item"]
    assert answer["own_time_by_operation"][0]["operation"] == "Stock.reserve"
    assert [issue["verdict"] for issue in answer["suspected_issues"]] == ["something fits", "nothing seen that fits"]
    assert profile()["suspected_issues"] == []
    named = {"file": STOCK, "line": 1, "function_name": "query_rows"}
    assert profile(path={"entry_point": named})["function"] == "query_rows"
    assert profile(profile_depth=1)["followed"] != profile(profile_depth=5)["followed"]


def test_a_hypothesis_and_how_to_test_it_arrive(agent: AgentSession, case: str) -> None:
    answer = agent.answer(
        "hypothesis_test",
        hypothesis="the sku is missing",
        code_scope={"files": [STOCK]},
        test_approach="look",
        case=case,
    )
    assert "def reserve" in pack_of(agent, answer)
    assert answer["metadata"]["analysis_type"] == "hypothesis_test"


@pytest.mark.parametrize(
    ("hypothesis", "verdict"),
    [("stock raises an exception", "supported"), ("shop is the cause: its connection pool is exhausted", "refuted")],
)
def test_a_hypothesis_is_held_against_the_evidence_without_a_model(
    agent: AgentSession, case: str, hypothesis: str, verdict: str
) -> None:
    answer = agent.answer(
        "hypothesis_test", hypothesis=hypothesis, code_scope={"files": []}, test_approach="", case=case
    )
    assert answer["verdict"] == verdict, answer["predictions"]
    assert next(iter(answer)) == "verdict"
    assert answer["read_as"]["service"] == hypothesis.partition(" ")[0]
    assert all(test["outcome"] in ("holds", "fails", "unknown") for test in answer["predictions"])


def test_an_experiment_of_the_agents_decides_too(agent: AgentSession, case: str) -> None:
    def verdict(rows: int) -> dict[str, Any]:
        code = f"import json\nrows = json.load(open('failed.json'))\nprint(len(rows))\nassert len(rows) == {rows}"
        inputs = {"failed.json": "SELECT span_id FROM spans WHERE service = 'stock' AND status = 'error'"}
        answer = agent.answer(
            "hypothesis_test",
            hypothesis="eighty orders failed",
            code_scope={"files": []},
            test_approach="count them",
            experiment={"code": code, "inputs": inputs},
            case=case,
        )
        assert answer["experiment"]["stdout"].strip() == "80"
        return answer

    assert verdict(80)["verdict"] == "supported"
    wrong = verdict(81)
    assert wrong["verdict"] == "refuted"
    assert "AssertionError" in wrong["experiment"]["stderr"]


def test_other_spellings_are_put_right_and_said(agent: AgentSession) -> None:
    loose = {
        "claudeContext": json.dumps(
            {
                "attemptedApproaches": "only one",
                "partialFindings": [],
                "stuckDescription": "stuck",
                "codeScope": {"files": STOCK},
            }
        ),
        "analysisType": "performance",
        "depthLevel": "2",
    }
    result = agent.call("escalate_analysis", **loose)
    assert not result.is_error, text_of(result)
    said = " ".join(result.structured_content["normalised"])
    for name in ("claudeContext", "attempted_approaches was one thing", "files was one thing", "read as JSON"):
        assert name in said


@pytest.mark.parametrize("tool", tools().values(), ids=lambda tool: tool.name)
def test_the_least_that_a_schema_asks_for_is_accepted(tool: Any) -> None:
    advertised = tool.advertised().input_schema
    tool.arguments.model_validate(_least(advertised), context=[])


def _least(schema: dict[str, Any]) -> Any:
    """The smallest value that a schema accepts."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _least(schema["anyOf"][0])
    if schema["type"] == "object":
        return {name: _least(schema["properties"][name]) for name in schema.get("required", ())}
    return {"string": "text", "array": [], "integer": schema.get("minimum", 1), "number": 1.0, "boolean": False}[
        schema["type"]
    ]


def test_a_conversation_has_a_beginning_turns_and_an_end(agent: AgentSession, case: str) -> None:
    begun = agent.answer(
        "start_conversation", claude_context=context(), analysis_type="performance", initial_question="why?", case=case
    )
    session = begun["session_id"]
    assert begun["reply"].startswith("stock")
    assert begun["verdict"] == "cause_found"
    assert agent.answer("get_conversation_status", session_id=session)["state"] == "active"
    assert (
        agent.answer("continue_conversation", session_id=session, message="and why stock?")["status"]["turns_used"] == 2
    )
    ended = agent.answer("finalize_conversation", session_id=session, summary_format="concise")
    assert ended["format"] == "concise"
    assert ended["causes"][0]["service"] == "stock"
    assert agent.answer("get_conversation_status", session_id=session)["state"] == "finished"
    assert (
        agent.error("continue_conversation", session_id=session, message="once more")["code"] == "conversation_finished"
    )
    again = agent.answer("finalize_conversation", session_id=session)
    assert again["causes"] == ended["causes"]
    assert again["note"] == "it had finished: nothing more was asked"


def test_the_first_question_and_the_form_of_the_summary_matter(agent: AgentSession, booking: str) -> None:
    asked = {
        "claude_context": context(code_scope={"service_names": []}),
        "analysis_type": "performance",
        "case": booking,
    }
    plain = agent.answer("start_conversation", **asked)
    about = agent.answer("start_conversation", **asked, initial_question="what of ts-user-service?")
    assert "of ts-user-service" not in pack_of(agent, plain)
    assert "of ts-user-service" in pack_of(agent, about)
    assert "findings" in agent.answer("finalize_conversation", session_id=plain["session_id"])


def test_unknown_conversations_are_told_from_others(agent: AgentSession) -> None:
    for tool, more in (
        ("continue_conversation", {"message": "x"}),
        ("finalize_conversation", {}),
        ("get_conversation_status", {}),
    ):
        assert agent.error(tool, session_id="conversation-0", **more)["code"] == "conversation_not_found"


def test_a_tournament_is_as_large_as_asked(agent: AgentSession, booking: str) -> None:
    def hold(**config: int) -> dict[str, Any]:
        return agent.answer(
            "run_hypothesis_tournament",
            claude_context=context(),
            issue="bookings fail",
            case=booking,
            tournament_config=config,
        )

    whole = hold()
    assert whole["state"] == "finished"
    assert len(whole["hypotheses"]) > 2
    small = hold(max_hypotheses=2, max_rounds=1, parallel_sessions=1)
    assert len(small["hypotheses"]) == 2
    assert small["rounds_finished"] <= 1
    assert "winner" in small or small["no_winner_because"]
