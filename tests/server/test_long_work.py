"""Work that outlives its call: what becomes of it when its answer cannot even be kept."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app import jobs
from deep_code_reasoning.errors import DeepCodeReasoningError
from deep_code_reasoning.server.long_work import LongWork
from deep_code_reasoning.server.workers import Workers

from .conftest import stamp


def test_work_whose_answer_cannot_be_kept_is_told_of_and_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs.ndjson").write_text(f'{{"timestamp": "{stamp(1)}", "service": "stock", "msg": "reserved"}}\n')
    tried: list[str] = []

    def disk_full(handle: str, _: Any) -> None:
        tried.append(handle)
        raise OSError(errno.ENOSPC, "no space left on device")

    async def nobody(_: Any) -> None:
        return None

    async def scene() -> None:
        workers = Workers()
        work = LongWork(workers)
        asked = {"paths": [str(tmp_path / "logs.ndjson")], "baseline_paths": [], "repositories": []}
        handle = work.start("open_case", {**asked, "case_name": "full", "noticed_at": None, "question": ""}, ())
        for _ in range(2):
            with pytest.raises(DeepCodeReasoningError, match="OSError"):
                await work.wait(handle, 20, nobody)
        assert tried == [handle]
        work.close()
        await workers.end()

    monkeypatch.setattr(jobs, "note_answer", disk_full)
    asyncio.run(scene())
