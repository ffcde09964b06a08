"""What asking takes of the machine's memory, measured on the process itself: the peak that the system reports of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deep_code_reasoning.domain.instant import NS_PER_MS
from scenery import START_NS
from wire.script import Typed
from wire.server import Stub

# The predecessor took 770 MB to send 12 KB of a 9 MB trace and 448 KB of code. Ours took 438 MB here, most of
# it the engine and the clients for models before anything is read.
PEAK_BYTES = 560 * 2**20
SPANS = 33_000


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not report a process's peak")
def test_asking_about_nine_megabytes_of_traces_and_half_a_megabyte_of_code_keeps_memory_bounded(
    tmp_path: Path, use_stub: Callable[..., Stub]
) -> None:
    evidence, code = tmp_path / "evidence", tmp_path / "code"
    evidence.mkdir()
    code.mkdir()
    with (evidence / "spans.jsonl").open("w") as file:
        file.writelines(f"{json.dumps(_span(number))}\n" for number in range(SPANS))
    (code / "shop.py").write_text("".join(f"def step_{n}():\n    return {n}  # a line of code\n" for n in range(9_600)))
    assert (evidence / "spans.jsonl").stat().st_size > 9_000_000
    assert (code / "shop.py").stat().st_size > 448_000
    stub = use_stub()
    stub.script(Typed({"summary": "Nothing is known."}))
    words = ["investigate", str(evidence), "--repo", str(code), "--model", "deep", "--question", "why is shop.py slow?"]
    peak_bytes = _peak_of([sys.executable, "-m", "deep_code_reasoning", *words])
    sent = json.dumps(stub.requests[0].body)
    assert "def step_" in sent
    assert len(sent) > 12_000
    assert peak_bytes < PEAK_BYTES, f"{peak_bytes / 2**20:.0f} MB"


# A process is told to have taken at least what the one that started it had then: so a small one stands between.
_STARTER = """
import os, subprocess, sys
started = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, taken = os.wait4(started.pid, 0)
started.returncode = os.waitstatus_to_exitcode(status)
print(taken.ru_maxrss)
sys.exit(started.returncode)
"""


def _peak_of(words: list[str]) -> int:
    done = subprocess.run([sys.executable, "-c", _STARTER, *words], stdout=subprocess.PIPE, check=True)
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)


def _span(number: int) -> dict[str, object]:
    root = number - number % 5
    return {
        "trace_id": f"{root:032x}",
        "span_id": f"{number + 1:016x}",
        "parent_span_id": "" if number == root else f"{root + 1:016x}",
        "service": f"svc-{number % 7}",
        "name": f"GET /r{number % 11}",
        "kind": "server",
        "start_ns": START_NS + number * NS_PER_MS,
        "duration_ns": NS_PER_MS + number % 1000 * 1000,
        "status": "error" if number % 997 == 0 else "ok",
        "attributes": {"http.route": f"/r{number % 11}", "pod": f"p-{number % 50}"},
    }
