"""A case in which everything is too wide: every answer stays in its bounds, and tells what matters first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.session import AgentSession, text_of
from deep_code_reasoning.server.reply import MAX_BYTES

from .conftest import stamp
from .test_contract import context

SERVICES = 8
LAST = SERVICES - 1
# Two bytes a letter: what is counted in characters is too long by half.
WIDE = "ü" * 1_500


@pytest.fixture(scope="module")
def wide(agent: AgentSession, project: Path) -> str:
    """Eight services with long names that call each other in a chain; the last one fails from 10:06 on, at length."""
    folder = project / "wide"
    folder.mkdir()
    spans, logs = [], []
    for n in range(60):
        bad = n >= 36
        trace, second = f"{n + 1:032x}", n * 10
        for depth in range(SERVICES):
            service, failed = f"s{depth:02d}-{WIDE}", bad and depth == LAST
            spans.append(
                {
                    "trace_id": trace,
                    "span_id": f"{depth + 1:016x}",
                    "parent_id": f"{depth:016x}" if depth else None,
                    "service": service,
                    "name": f"operation {WIDE} {depth}",
                    "start": stamp(second),
                    "duration_ms": 100 - depth,
                    "status": "ERROR" if failed else "OK",
                    **({"error": f"WideError: {WIDE} {WIDE}"} if failed else {}),
                }
            )
        said = f"WideError: {WIDE * 4} while serving {n}" if bad else f"served {n} {WIDE}"
        level = "ERROR" if bad else "INFO"
        logs.append({"timestamp": stamp(second), "service": f"s{LAST:02d}-{WIDE}", "severity_text": level, "msg": said})
    (folder / "traces.json").write_text(json.dumps(spans))
    (folder / "logs.ndjson").write_text("".join(json.dumps(record) + "\n" for record in logs))
    return str(agent.answer("open_case", paths=["wide"], case_name="wide", wait_seconds=45)["case"])


def bounded(agent: AgentSession, tool: str, **arguments: Any) -> dict[str, Any]:
    """The answer of a tool, which is short enough in both of its forms."""
    result = agent.call(tool, **arguments)
    assert not result.is_error, f"{tool}: {text_of(result)[:500]}"
    sizes = (len(text_of(result).encode()), len(json.dumps(result.structured_content, ensure_ascii=False).encode()))
    assert max(sizes) <= MAX_BYTES, (tool, arguments.keys(), sizes)
    return dict(result.structured_content)


def test_every_answer_about_a_wide_case_stays_in_its_bounds(agent: AgentSession, wide: str) -> None:
    about = {"case": wide}
    stuck = {**context(stuck_description=WIDE * 4, attempted_approaches=[WIDE] * 8), "partial_findings": [WIDE] * 8}
    long_ones: list[tuple[str, dict[str, Any]]] = [
        ("open_case", {"paths": ["wide"], "case_name": "wide", "wait_seconds": 45}),
        ("investigate_case", {**about, "wait_seconds": 45}),
        ("escalate_analysis", {**about, "claude_context": stuck, "analysis_type": "cross_system"}),
        ("hypothesis_test", {**about, "hypothesis": WIDE, "code_scope": {"files": []}, "test_approach": WIDE}),
        ("run_hypothesis_tournament", {**about, "claude_context": stuck, "issue": WIDE}),
        ("start_conversation", {**about, "claude_context": stuck, "analysis_type": "performance"}),
        ("get_evidence_pack", {**about, "question": WIDE}),
    ]
    for tool, arguments in long_ones:
        answer = bounded(agent, tool, **arguments)
        for section in answer["sections"]:
            bounded(agent, "get_result", handle=answer["handle"], section=section)
    bounded(agent, "get_trace", **about)
    bounded(agent, "compare_windows", **about)
    bounded(agent, "compare_windows", **about, table="logs")
    bounded(agent, "query_evidence", **about, sql="SELECT * FROM spans", max_rows=1_000)
    bounded(agent, "cross_system_impact", **about, change_scope={"files": [], "service_names": [f"s{LAST:02d}-{WIDE}"]})


def test_the_verdict_comes_first_whatever_follows(agent: AgentSession, wide: str) -> None:
    found = agent.call("investigate_case", case=wide, wait_seconds=45)
    assert text_of(found).startswith("verdict: cause_found\nheadline: ")
    answer = found.structured_content
    assert list(answer)[:2] == ["verdict", "headline"]
    assert answer["causes"][0]["service"].startswith(f"s{LAST:02d}-")
    # The way to the rest is never what is left out.
    assert answer["handle"].startswith("work-")
    assert "causes" in answer["sections"]
