"""Hostile input through a real session: a clear error, nothing read, and the server goes on."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.session import AgentSession, text_of
from deep_code_reasoning.server.reply import MAX_BYTES

from .conftest import SECRET

GROUPS: dict[str, Any] = yaml.load((Path(__file__).parent / "hostile.yaml").read_text(), yaml.CSafeLoader)
BIG = "x" * 10_000_000


def inputs() -> Iterator[Any]:
    for group, spec in GROUPS.items():
        for name, values in spec["each"].items():
            for number, value in enumerate(values):
                arguments = {**spec.get("with", {}), name: value}
                yield pytest.param(spec["tool"], arguments, spec["code"], id=f"{group}-{name}-{number}")


def filled_in(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(f"{{{name}}}", text)
        return BIG if value == "BIG" else value
    if isinstance(value, list):
        return [filled_in(item, names) for item in value]
    return value


@pytest.fixture(scope="module")
def handle(agent: AgentSession, case: str) -> str:
    return str(agent.answer("investigate_case", case=case)["handle"])


def test_there_are_a_hundred() -> None:
    assert len(list(inputs())) >= 100


@pytest.mark.parametrize(("tool", "arguments", "code"), list(inputs()))
def test_hostile_input_gets_a_clear_error(
    agent: AgentSession, case: str, handle: str, tool: str, arguments: dict[str, Any], code: str
) -> None:
    filled = {name: filled_in(value, {"case": case, "handle": handle}) for name, value in arguments.items()}
    result = agent.call(tool, **filled)
    said = text_of(result) + json.dumps(result.structured_content)
    assert result.is_error, said[:300]
    error = result.structured_content["error"]
    assert error["code"] in ((code,) if code != "any" else ALL_CODES), error
    assert error["message"]
    assert len(said) < MAX_BYTES
    for forbidden in ("crown jewels", SECRET, "root:x:", "Traceback", "DCR_HOME="):
        assert forbidden not in said


ALL_CODES = (
    "usage", "case_not_found", "citation", "query", "outside_roots", "secret_file", "source_not_found",
    "source_unreadable", "not_found",
)  # fmt: skip


def test_it_still_serves_after_all_that(agent: AgentSession, case: str) -> None:
    assert agent.answer("query_evidence", case=case, sql="SELECT count() FROM spans")["rows"] == [[400]]


def test_many_use_one_handle_at_once(agent: AgentSession, handle: str) -> None:
    async def all_at_once() -> list[Any]:
        return await asyncio.gather(
            *(agent.client.call_tool("get_result", {"handle": handle, "section": "causes"}) for _ in range(40))
        )

    answers = agent.wait(all_at_once())
    assert len({json.dumps(answer.structured_content) for answer in answers}) == 1


def test_two_servers_read_one_case_at_once(tmp_path: Path, project: Path) -> None:
    found: list[str] = []

    def run() -> None:
        with AgentSession(tmp_path, project) as session:
            case = session.answer("open_case", paths=["evidence"], case_name="shared", wait_seconds=45)["case"]
            found.append(session.answer("investigate_case", case=case, wait_seconds=45)["verdict"])

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["cause_found", "cause_found"]
