"""Long work as tasks of the protocol, for a client that declares the extension; nothing of it for others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_REQUIRED_CLIENT_CAPABILITY

from agent.session import AgentSession, text_of
from agent.tasks import State, Tasks, about
from deep_code_reasoning.app import jobs


@pytest.fixture(scope="module")
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def patient(home: Path, project: Path, tasks: Tasks) -> Iterator[AgentSession]:
    """A client that takes tasks for answers."""
    with AgentSession(home, project, extensions=[tasks]) as session:
        yield session


@pytest.fixture(scope="module")
def tasked(patient: AgentSession) -> str:
    """A case to work on, whichever test comes first."""
    return str(patient.answer("open_case", paths=["evidence"], case_name="tasked", wait_seconds=45)["case"])


def state(session: AgentSession, task_id: str) -> State:
    answer = session.wait(session.client.session.send_request(about("get", task_id), State))
    assert isinstance(answer, State)
    return answer


def refusal(session: AgentSession, method: str, task_id: str) -> int:
    with pytest.raises(MCPError) as refused:
        session.wait(session.client.session.send_request(about(method, task_id), State))
    return refused.value.error.code


def test_work_that_goes_on_is_a_task_and_its_answer_that_of_the_call(patient: AgentSession, tasks: Tasks) -> None:
    opened = patient.call("open_case", paths="evidence", caseName="tasked", wait_seconds=0)
    task = tasks.seen[-1]
    assert (task.status, task.ttl_ms) == ("working", jobs.RESULT_TTL_S * 1_000)
    answer = opened.structured_content
    assert answer["case"] == "tasked"
    assert answer["files"] == 3
    # What was put right in the arguments is said in the answer, whenever it comes.
    assert any("caseName" in note for note in answer["normalised"])
    # The id of the task is the handle of the work.
    assert answer["handle"] == task.task_id
    assert patient.answer("get_result", handle=task.task_id)["case"] == "tasked"


def test_work_that_is_done_in_time_is_no_task(patient: AgentSession, tasks: Tasks) -> None:
    before = len(tasks.seen)
    assert patient.answer("open_case", paths=["evidence"], case_name="tasked", wait_seconds=45)["files"] == 3
    assert len(tasks.seen) == before


def test_an_error_of_the_work_is_its_answer(patient: AgentSession, tasks: Tasks) -> None:
    failed = patient.call("open_case", paths=["stock"], wait_seconds=0)
    assert failed.is_error
    assert text_of(failed).startswith("error ")
    assert state(patient, tasks.seen[-1].task_id)["status"] == "completed"


def test_a_task_can_be_stopped(patient: AgentSession, tasks: Tasks, tasked: str) -> None:
    tasks.stop_at_once = True
    stopped = patient.call("investigate_case", case=tasked, wait_seconds=0)
    tasks.stop_at_once = False
    assert stopped.is_error
    task_id = tasks.seen[-1].task_id
    assert state(patient, task_id)["status"] == "cancelled"
    # Once more is no fault, and nothing is waited for from the user.
    for request in (about("cancel", task_id), about("update", task_id, inputResponses={})):
        patient.wait(patient.client.session.send_request(request, State))


def test_a_task_is_taken_up_where_another_server_left_it(
    patient: AgentSession, home: Path, tasked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCR_HOME", str(home))
    left = jobs.create("investigate", {"case": tasked, "noticed_at": None})
    while (now := state(patient, left))["status"] == "working":
        time.sleep(0.05)
    assert now["result"]["structuredContent"]["verdict"] == "cause_found"


def test_what_is_no_task_is_told(patient: AgentSession) -> None:
    for method in ("get", "update", "cancel"):
        for wrong in ("nothing", "work-" + "0" * 22, "../../etc/passwd"):
            assert refusal(patient, method, wrong) == INVALID_PARAMS


def test_who_did_not_declare_tasks_has_none(agent: AgentSession, legacy: AgentSession) -> None:
    for method in ("get", "update", "cancel"):
        assert refusal(agent, method, "work-" + "0" * 22) == MISSING_REQUIRED_CLIENT_CAPABILITY
        assert refusal(legacy, method, "work-" + "0" * 22) == METHOD_NOT_FOUND
    assert legacy.answer("open_case", paths=["evidence"], wait_seconds=0)["state"] == "running"
