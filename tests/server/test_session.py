"""What an agent sees: the tools, a case from its paths to its outcome, long work, resources and prompts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mcp_types import PromptReference, ResourceTemplateReference

from agent.session import AgentSession, text_of
from deep_code_reasoning.domain.tokens import estimate_tokens
from deep_code_reasoning.server.instructions import INSTRUCTIONS
from deep_code_reasoning.server.reply import MAX_BYTES

from .conftest import EXAMPLES, SECRET, stamp

MAX_LIST_TOKENS = 6_000
MAX_TOOLS = 20


@pytest.fixture(scope="module")
def listed(agent: AgentSession) -> list[dict[str, Any]]:
    tools = agent.wait(agent.client.list_tools()).tools
    return [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in tools]


def test_the_list_of_tools_is_short(listed: list[dict[str, Any]]) -> None:
    tokens = estimate_tokens(json.dumps(listed, separators=(",", ":")))
    print(f"{len(listed)} tools, {tokens} tokens")  # noqa: T201 - shown by pytest -s
    assert len(listed) <= MAX_TOOLS
    assert tokens < MAX_LIST_TOKENS


def test_instructions_and_descriptions_are_short_enough_for_every_client(listed: list[dict[str, Any]]) -> None:
    assert len(INSTRUCTIONS.encode()) < 2_048
    assert {tool["name"] for tool in listed if len(tool["description"].encode()) > 2_048} == set()


def test_schemas_are_whole_and_typed(listed: list[dict[str, Any]]) -> None:
    def nodes(schema: Any) -> Any:
        if isinstance(schema, dict):
            yield schema
            for inner in schema.values():
                yield from nodes(inner)
        elif isinstance(schema, list):
            for inner in schema:
                yield from nodes(inner)

    for tool in listed:
        for node in nodes(tool["inputSchema"]):
            assert "$ref" not in node
            assert node.get("items") != {}
            assert node.get("type") != "array" or "items" in node
        assert tool["inputSchema"]["additionalProperties"] is False


def test_what_changes_nothing_says_so(listed: list[dict[str, Any]]) -> None:
    hints = {tool["name"]: tool["annotations"] for tool in listed}
    assert hints["query_evidence"]["readOnlyHint"] is True
    assert hints["query_evidence"]["openWorldHint"] is False
    assert hints["record_outcome"]["readOnlyHint"] is False
    assert hints["escalate_analysis"]["openWorldHint"] is True
    assert all(hint["readOnlyHint"] or hint["destructiveHint"] is False for hint in hints.values())


def test_a_case_goes_from_its_paths_to_its_outcome(agent: AgentSession, case: str) -> None:
    found = agent.call("investigate_case", case=case, wait_seconds=45)
    answer = found.structured_content
    assert answer["verdict"] == "cause_found"
    assert answer["causes"][0]["service"] == "stock"
    # Some clients show their model the text alone, some the structure alone.
    assert text_of(found).startswith("verdict: cause_found")
    assert answer["causes"][0]["summary"] in text_of(found)
    causes = agent.answer("get_result", handle=answer["handle"], section="causes")
    assert causes["items"][0]["citations"]
    agent.answer("record_outcome", answer=case, verdict="confirmed", note="the deploy")
    assert agent.answer("get_usage")["investigations_without_model"]["confirmed"] == 1


def test_what_a_case_is_opened_with_matters(agent: AgentSession, project: Path) -> None:
    repository = project / "repository"
    repository.mkdir()
    (repository / "stock.py").write_text("def reserve():\n    pass\n")
    git = ["git", "-C", str(repository), "-c", "user.name=dev", "-c", "user.email=dev@example.com"]
    dated = {**os.environ, "GIT_AUTHOR_DATE": stamp(300), "GIT_COMMITTER_DATE": stamp(300)}
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "reserve"]):
        subprocess.run([*git, *words], check=True, env=dated)
    opened = agent.answer(
        "open_case", paths=["evidence/traces.json"], repositories=["repository"],
        baseline_paths=["evidence/logs.ndjson"], case_name="told", wait_seconds=45,
    )  # fmt: skip
    assert "changes" in opened["tables"]
    read = agent.answer("get_result", handle=opened["handle"], section="evidence")["items"]
    assert {row["source"].rpartition("/")[2]: row["role"] for row in read}["logs.ndjson"] == "baseline"


def test_when_it_was_noticed_parts_a_case_in_which_nothing_changed(agent: AgentSession, project: Path) -> None:
    calm = project / "calm"
    calm.mkdir()
    line = '{{"timestamp": "{}", "service": "stock", "severity_text": "INFO", "msg": "reserved {}"}}\n'
    (calm / "logs.ndjson").write_text("".join(line.format(stamp(n * 3), n) for n in range(200)))
    agent.answer("open_case", paths=["calm"], case_name="calm", noticed_at=stamp(300), wait_seconds=45)
    for noticed, told in ((300, {}), (450, {"noticed_at": stamp(450)})):
        agent.answer("investigate_case", case="calm", wait_seconds=45, **told)
        assert agent.answer("compare_windows", case="calm")["b"][0] == stamp(noticed)


def test_the_question_of_a_case_steers_its_packs(agent: AgentSession, booking: str) -> None:
    def pack(case: str, **more: Any) -> str:
        made = agent.answer("get_evidence_pack", case=case, budget_tokens=8_000, **more)
        return str(agent.answer("get_result", handle=made["handle"], section="pack")["text"])

    evidence = str(EXAMPLES / "ticket-booking" / "evidence")
    agent.answer("open_case", paths=[evidence], case_name="asked", question="what of ts-user-service?", wait_seconds=45)
    plain = pack(booking)
    assert pack("asked") != plain
    assert pack(booking, service_names=["ts-user-service"]) != plain
    assert pack(booking, analysis_type="performance") != plain


def test_a_span_that_is_cited_can_be_read(agent: AgentSession, case: str) -> None:
    cause = agent.answer("investigate_case", case=case)["causes"][0]
    cited = next(citation for citation in cause["citations"] if citation.startswith("span:"))
    trace = agent.answer("get_trace", case=case, trace_id=cited)
    assert trace["trace_id"] in cited
    assert trace["failed_spans"] == 2
    assert [step["what"] for step in trace["critical_path"]] == ["shop POST /order", "stock Stock.reserve"]


def test_the_worst_trace_of_a_service_is_found(agent: AgentSession, case: str) -> None:
    assert agent.answer("get_trace", case=case, service="stock", operation="Stock.reserve")["failed_spans"] == 2
    assert agent.error("get_trace", case=case, service="nowhere")["code"] == "citation"


def test_stretches_of_time_are_compared(agent: AgentSession, case: str) -> None:
    whole = agent.answer("compare_windows", case=case)
    failed = {row["service"]: row["failed"] for row in whole["operations"]}
    assert failed["stock"][0] == 0
    assert failed["stock"][1] > 50
    assert {"values", "call_tree", "latency"} <= whole.keys()
    assert any("fails more" in row["what"] and "stock" in row["path"] for row in whole["call_tree"])
    ours = agent.answer(
        "compare_windows", case=case, a_from="2026-03-01T10:00:00Z", a_to="2026-03-01T10:01:00Z",
        b_from="2026-03-01T10:07:00Z", b_to="2026-03-01T10:08:00Z", service="stock", table="operations",
    )  # fmt: skip
    assert [row["failed"] for row in ours["operations"]] == [[0, 20]]
    assert agent.error("compare_windows", case=case, a_from="2026-03-01T10:09:00Z", a_to="2026-03-01T10:01:00Z")


def test_rows_come_in_pages_until_the_last(agent: AgentSession, case: str) -> None:
    sql = "SELECT body, trace_id FROM logs ORDER BY time_ns, body"
    cursor, rows, pages = None, [], 0
    while True:
        found = agent.answer("query_evidence", case=case, sql=sql, max_rows=300, cursor=cursor)
        rows += found["rows"]
        pages += 1
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert pages > 2
    assert len(rows) == 201
    assert len({json.dumps(row) for row in rows}) == 201


def test_secrets_of_evidence_and_code_do_not_come_out(agent: AgentSession, case: str) -> None:
    found = agent.call("query_evidence", case=case, sql="SELECT body FROM logs WHERE body LIKE '%token%'")
    assert found.structured_content["rows_found"] == 1
    assert SECRET not in text_of(found) + json.dumps(found.structured_content)
    assert agent.error("search_code", path=".env")["code"] == "secret_file"
    searched = agent.answer("search_code", query=SECRET[:8])
    assert [match["at"].rpartition("/")[2].partition("#")[0] for match in searched["matches"]] == ["logs.ndjson"]
    assert SECRET not in json.dumps(searched)


def test_links_out_of_the_evidence_are_not_followed(agent: AgentSession, case: str) -> None:
    assert (
        agent.answer("query_evidence", case=case, sql="SELECT body FROM logs WHERE body LIKE '%jewels%'")["rows_found"]
        == 0
    )
    assert agent.error("open_case", paths=["way-out"])["code"] == "outside_roots"


def test_code_is_searched_and_read(agent: AgentSession) -> None:
    found = agent.answer("search_code", query="def find_item")
    assert [match["at"].rpartition("/")[2] for match in found["matches"]] == ["stock.py#12"]
    assert "query_rows" in agent.answer("search_code", path="stock/stock.py", line=12)["code"]
    assert agent.answer("search_code", query="find_item", path="*.go")["matches_found"] == 1
    assert agent.answer("search_code", query=r"find_\w+\(line\)", regex=True)["matches_found"] == 2
    assert len(agent.answer("search_code", query="e", max_matches=3)["matches"]) == 3


def test_a_pack_is_made_for_the_hosts_own_model(agent: AgentSession, case: str) -> None:
    small = agent.answer("get_evidence_pack", case=case, question="why does stock fail?", budget_tokens=1_000)
    large = agent.answer("get_evidence_pack", case=case, budget_tokens=8_000, files=["stock/stock.py"])
    assert small["tokens"] <= 1_000 < large["tokens"]
    assert small["partial"]
    text = agent.answer("get_result", handle=large["handle"], section="pack")["text"]
    assert "<evidence-" in text
    assert SECRET not in text


def test_every_answer_stays_in_its_bounds(agent: AgentSession, case: str) -> None:
    wide = agent.call("query_evidence", case=case, sql="SELECT repeat('x', 100000) AS wide FROM logs LIMIT 3")
    for result in (wide, agent.call("get_usage", include_models=True), agent.call("compare_windows", case=case)):
        assert not result.is_error
        assert len(text_of(result).encode()) <= MAX_BYTES
        assert len(json.dumps(result.structured_content, ensure_ascii=False).encode()) <= MAX_BYTES
    assert "more characters" in text_of(wide)


def test_work_that_is_stopped_says_so(agent: AgentSession, case: str) -> None:
    started = agent.answer("investigate_case", case=case, wait_seconds=0)
    assert started["state"] == "running"
    stopped = agent.call("get_result", handle=started["handle"], stop=True)
    # It may have been quicker than we were.
    assert stopped.is_error is ("stopped_by_request" in text_of(stopped))


def test_a_handle_outlives_its_server(tmp_path: Path, project: Path) -> None:
    with AgentSession(tmp_path, project, era="legacy") as first:
        handle = first.answer("open_case", paths=["evidence"], wait_seconds=45)["handle"]
        begun = first.answer("open_case", paths=["evidence/traces.json"], wait_seconds=0)["handle"]
    with AgentSession(tmp_path, project, era="legacy") as second:
        # Two that were read, and a link that is only told of.
        assert second.answer("get_result", handle=handle)["files"] == 3
        # Work that the first server left behind is taken up again.
        assert second.answer("get_result", handle=begun, wait_seconds=45)["rows_by_kind"] == {"traces": 400}


def test_progress_is_told_while_a_call_waits(agent: AgentSession) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))

    arguments = {"paths": ["evidence"], "case_name": "again"}
    agent.wait(agent.client.call_tool("open_case", arguments, progress_callback=on_progress))
    assert told
    assert " of " in (told[-1][2] or "")


def test_resources_tell_of_cases(agent: AgentSession, case: str) -> None:
    uris = {str(resource.uri) for resource in agent.wait(agent.client.list_resources()).resources}
    assert {"case://schema", f"case://{case}"} <= uris

    def read(uri: str) -> str:
        return str(agent.wait(agent.client.read_resource(uri)).contents[0].text)

    assert "spans:" in read("case://schema")
    told = json.loads(read(f"case://{case}"))
    assert told["files"] == 3
    assert told["not_read_whole"] == ["link.log"]
    assert json.loads(read(f"case://{case}/findings"))["verdict"] == "cause_found"
    assert read(f"case://{case}/report").startswith("# ")


def test_prompts_are_filled_in_and_cases_completed(agent: AgentSession, case: str) -> None:
    names = {prompt.name for prompt in agent.wait(agent.client.list_prompts()).prompts}
    assert names == {"escalate", "investigate", "postmortem"}
    prompt = agent.wait(agent.client.get_prompt("postmortem", {"case": case}))
    assert case in prompt.messages[0].content.text
    for reference in (PromptReference(name="postmortem"), ResourceTemplateReference(uri="case://{case}")):
        completed = agent.wait(agent.client.complete(reference, {"name": "case", "value": case[:6]}))
        assert case in completed.completion.values
