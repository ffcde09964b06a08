"""Long work as files: its states, who has it, and how long it is kept."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from deep_code_reasoning.app import jobs
from deep_code_reasoning.app.jobs import Progress
from deep_code_reasoning.errors import JobExpiredError, RecordNotFoundError
from deep_code_reasoning.store.library import home


def test_work_is_interrupted_running_then_done() -> None:
    handle = jobs.create("open_case", {"paths": ["a"]})
    assert jobs.read(handle).state == "interrupted"
    with jobs.claimed(handle) as mine, jobs.claimed(handle) as again:
        assert mine
        assert not again
        assert jobs.read(handle).state == "running"
        jobs.note_progress(handle, Progress(50, 200, 2.0))
        progress = jobs.read(handle).progress
        assert (progress.rate, progress.remaining_s) == (25.0, 6.0)
    assert jobs.read(handle).state == "interrupted"
    jobs.note_answer(handle, {"head": {}, "sections": {}})
    done = jobs.read(handle)
    assert (done.state, done.kind, done.arguments) == ("done", "open_case", {"paths": ["a"]})
    assert done.answer == {"head": {}, "sections": {}}


def test_a_wish_to_stop_is_for_the_one_who_works_now() -> None:
    handle = jobs.create("open_case", {})
    jobs.ask_to_stop(handle)
    assert jobs.is_asked_to_stop(handle)
    with jobs.claimed(handle):
        assert not jobs.is_asked_to_stop(handle)


def test_handles_cannot_be_guessed_and_name_nothing_else() -> None:
    assert len({jobs.create("x", {}) for _ in range(50)}) == 50
    for wrong in ("", "work-", "work-../../../../../etc", "../work", "work-AAAAAAAAAAAAAAAAAAAAAA"):
        with pytest.raises(RecordNotFoundError):
            jobs.read(wrong)


def test_results_are_kept_for_their_time() -> None:
    handle = jobs.create("x", {})
    jobs.note_answer(handle, {"head": {}, "sections": {}})
    folder = home() / "work" / handle
    _age(folder, jobs.RESULT_TTL_S + 60)
    with pytest.raises(JobExpiredError):
        jobs.read(handle)
    jobs.sweep()
    assert not (folder / "result.json").exists()
    _age(folder, jobs.RECORD_TTL_S + 60)
    jobs.sweep()
    with pytest.raises(RecordNotFoundError):
        jobs.read(handle)


def _age(folder: Path, seconds: float) -> None:
    asked = json.loads((folder / "job.json").read_text())
    asked["created_s"] = time.time() - seconds
    (folder / "job.json").write_text(json.dumps(asked))
    os.utime(folder, (time.time() - seconds,) * 2)
