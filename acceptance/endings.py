"""The server's end in the middle of much work: at end of input, SIGTERM, SIGKILL and with its parent, at 2 GB.

    python acceptance/endings.py [--size 2GB]

Evidence of that size is written, then each way to end is tried in the middle of reading it and in the middle of its
investigation: all processes have to be gone within a second, nothing half written may be taken for a case, and what
was interrupted is taken up again by whoever asks for it next. The exit code is 0 when all of that holds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from agent.process import ENDINGS, SOON_S, is_alive, started_to_end  # noqa: E402 - the tests' own server process
from generate_otlp import size_of, write  # noqa: E402

CASE: Final = "large"
# Seconds of processor time after which work is in its middle, and seconds that one piece of it may take.
_INTO_S: Final = {"open_case": 5.0, "investigate_case": 2.0}
_PATIENCE_S: Final = 300


def ended(how: str, tool: str, home: Path, evidence: Path) -> bool:
    """Whether a server in the middle of work is gone in time, with everything below it."""
    arguments = {"case": CASE} if tool == "investigate_case" else {"paths": [str(evidence)], "case_name": how}
    server = started_to_end(how, home, evidence.parent)
    try:
        processes = [server.process.pid, *server.in_the_middle(tool, _INTO_S[tool], **arguments)]
        began = time.monotonic()
        server.end(how)
        while any(map(is_alive, processes)) and time.monotonic() - began < 10 * SOON_S:
            time.sleep(0.005)
        gone_s = time.monotonic() - began
    finally:
        server.close()
    half_written = [str(path) for path in (home / "cases").glob(f"{how}/manifest.json")]
    good = gone_s < SOON_S and not half_written
    print(f"{'ok   ' if good else 'FAIL '} {tool}, {how}: {len(processes)} processes gone after {gone_s:.3f} s")
    return good


def taken_up_again(home: Path, evidence: Path) -> bool:
    """Whether work that a killed server left behind comes to its end in the next one."""
    server = started_to_end("SIGKILL", home, evidence.parent)
    handle = server.call("open_case", paths=[str(evidence)], case_name=CASE, wait_seconds=0)["structuredContent"][
        "handle"
    ]
    server.end("SIGKILL")
    server.close()
    server = started_to_end("input", home, evidence.parent)
    until = time.monotonic() + _PATIENCE_S
    while True:
        answer = server.call("get_result", handle=handle, wait_seconds=45)["structuredContent"]
        if answer.get("state") != "running" or time.monotonic() > until:
            break
    server.close()
    good = bool(answer.get("case") == CASE)
    print(f"{'ok   ' if good else 'FAIL '} read by the next server: {answer.get('rows_by_kind', answer)}")
    return good


def main() -> int:
    """Try everything; 1 when something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=size_of, default=size_of("2GB"))
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as folder:
        home, evidence = Path(folder, "home"), Path(folder, "evidence", "traces.jsonl")
        evidence.parent.mkdir()
        write(evidence, size, seed=1)
        results = [ended(how, "open_case", home, evidence) for how in ENDINGS]
        results.append(taken_up_again(home, evidence))
        results += [ended(how, "investigate_case", home, evidence) for how in ENDINGS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
