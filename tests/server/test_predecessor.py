"""Calls as the predecessor's README and article printed them: they work unchanged, over stdio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agent.session import AgentSession, text_of

# The README's example of a conversation, word for word.
START = {
    "claude_context": {
        "attempted_approaches": ["Checked for N+1 queries", "Profiled database calls"],
        "partial_findings": [{"type": "performance", "description": "Multiple DB queries in loop"}],
        "stuck_description": "Can't determine if queries are optimizable",
        "code_scope": {"files": ["src/services/UserService.ts"]},
    },
    "analysis_type": "performance",
    "initial_question": "Are these queries necessary or can they be batched?",
}
CONTINUE = {
    "message": "The queries fetch user preferences. Could we use a join instead?",
    "include_code_snippets": True,
}
# The finding that the article prints, and whose location the predecessor itself rejected.
RACE = {"type": "race", "location": "user_service.go:142"}
# As its types were called inside: an agent that has read the source writes them so.
CAMEL = {
    "claudeContext": {
        "attemptedApproaches": ["Checked for N+1 queries"],
        "partialFindings": [RACE],
        "stuckDescription": "p99 > 200ms, <only> under load; {no} pattern",
        "codeScope": {
            "files": ["src/services/UserService.ts"],
            "entryPoints": [{"file": "src/services/UserService.ts", "line": 3, "functionName": "preferencesOf"}],
            "serviceNames": ["user-service"],
        },
    },
    "analysisType": "execution_trace",
    "depthLevel": 2,
    "timeBudgetSeconds": 60,
}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentSession]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "src" / "services").mkdir(parents=True)
    (folder / "src" / "services" / "UserService.ts").write_text(
        "export class UserService {\n"
        "  constructor(private readonly db: Database) {}\n"
        "  async preferencesOf(users: User[]) {\n"
        "    for (const user of users) {\n"
        "      user.preferences = await this.db.query('SELECT * FROM preferences WHERE user_id = $1', user.id);\n"
        "    }\n"
        "    return users;\n"
        "  }\n"
        "}\n"
    )
    with AgentSession(tmp_path_factory.mktemp("home"), folder, era="legacy") as session:
        yield session


def test_the_published_conversation(agent: AgentSession) -> None:
    begun = agent.answer("start_conversation", **START)
    session = begun["session_id"]
    pack = agent.answer("get_result", handle=begun["handle"], section="pack")["text"]
    assert "user.preferences = await" in pack
    went_on = agent.call("continue_conversation", session_id=session, **CONTINUE)
    assert not went_on.is_error, text_of(went_on)
    ended = agent.answer("finalize_conversation", session_id=session, summary_format="actionable")
    assert ended["format"] == "actionable"
    assert agent.answer("get_conversation_status", session_id=session)["state"] == "finished"


@pytest.mark.parametrize("kind", ["execution_trace", "cross_system", "performance", "hypothesis_test"])
def test_the_published_escalation(agent: AgentSession, kind: str) -> None:
    context = {
        **START["claude_context"],  # type: ignore[dict-item]
        "partial_findings": [RACE, "the lock is released at 10:42:31"],
        "code_scope": {
            "files": ["src/services/UserService.ts"],
            "entry_points": ["src/services/UserService.ts:3"],
            "service_names": ["user-service", "order-service"],
        },
    }
    asked = {"claude_context": context, "analysis_type": kind, "depth_level": 3, "time_budget_seconds": 60}
    answer = agent.answer("escalate_analysis", **asked)
    assert {"findings", "recommendations", "enriched_context", "metadata"} <= answer.keys()
    assert "normalised" not in answer, "what was published needs no putting right"


def test_names_as_they_were_inside(agent: AgentSession) -> None:
    result = agent.call("escalate_analysis", **CAMEL)
    assert not result.is_error, text_of(result)
    answer = result.structured_content
    assert answer["metadata"]["analysis_type"] == "execution_trace"
    said = " ".join(answer["normalised"])
    for name in ("claudeContext", "partialFindings", "entryPoints", "serviceNames", "functionName", "depthLevel"):
        assert name in said


FILE = "src/services/UserService.ts"
POINT = {"file": FILE, "line": 3, "function_name": "preferencesOf"}
TOURNAMENT = {
    "claude_context": START["claude_context"],
    "issue": "Preferences are slow to load",
    "tournament_config": {"max_hypotheses": 6, "max_rounds": 3, "parallel_sessions": 4},
}


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("trace_execution_path", {"entry_point": POINT, "max_depth": 10, "include_data_flow": True}),
        ("cross_system_impact", {"change_scope": {"files": [FILE], "service_names": ["user-service"]},
                                 "impact_types": ["breaking", "performance", "behavioral"]}),
        ("performance_bottleneck", {"code_path": {"entry_point": POINT, "suspected_issues": ["N+1 queries"]},
                                    "profile_depth": 3}),
        ("hypothesis_test", {"hypothesis": "The queries can be batched", "test_approach": "Compare with a join",
                             "code_scope": {"files": [FILE], "entry_points": [POINT]}}),
        ("run_hypothesis_tournament", TOURNAMENT),
    ],
)  # fmt: skip
def test_the_other_tools_as_documented(agent: AgentSession, tool: str, arguments: dict[str, Any]) -> None:
    result = agent.call(tool, **arguments)
    assert not result.is_error, text_of(result)
    assert "normalised" not in result.structured_content
