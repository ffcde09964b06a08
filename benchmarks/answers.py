"""The size of every answer about a large case, through the server: none may exceed its bounds, all tell what matters.

    PYTHONPATH=. python benchmarks/answers.py [--size 500MB]

The case is the published scenario of the lost lease, made by the simulator. Every tool that answers about a case is
called, and every section of what it leaves behind is read to its end; the largest piece of each is shown.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from examples.simulator.__main__ import size_of
from examples.simulator.simulate import Order, simulate

from deep_code_reasoning.server.reply import MAX_BYTES
from server import OURS, Session

_CONTEXT = {
    "attempted_approaches": ["restarted the service"],
    "partial_findings": [],
    "stuck_description": "payments fail under load, with no pattern",
    "code_scope": {"files": []},
}


class Measured:
    """A session whose answers are measured."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._number = 10
        self.largest: dict[str, int] = {}

    def call(self, tool: str, label: str = "", **arguments: Any) -> dict[str, Any]:
        """Call a tool; its structured content, however long the work takes."""
        self._number += 1
        result = self._session.call(self._number, tool, **arguments)
        text = result["content"][0]["text"]
        answer: dict[str, Any] = result["structuredContent"]
        if result.get("isError"):
            raise SystemExit(f"{tool}: {text}")
        size = max(len(text.encode()), len(json.dumps(answer, ensure_ascii=False).encode()))
        name = label or tool
        self.largest[name] = max(self.largest.get(name, 0), size)
        return self.call("get_result", name, handle=answer["handle"]) if answer.get("state") == "running" else answer

    def read_all(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, and read every section of its result."""
        answer = self.call(tool, **arguments)
        for section in answer["sections"]:
            cursor = None
            while True:
                piece = self.call(
                    "get_result", f"{tool}: {section}", handle=answer["handle"], section=section, cursor=cursor
                )
                cursor = piece["next_cursor"]
                if cursor is None:
                    break
        return answer


def main() -> int:
    """Measure and print; 1 when an answer is too large, or the cause is not what comes first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=size_of, default=500_000_000, metavar="500MB")
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as folder:
        simulate(Order("lock_lease_expired", "redis-script", "current", 1, size), Path(folder, "scenario"))
        session = Session(OURS, str(Path(folder, "home")), Path(folder, "scenario"))
        measured = Measured(session)
        began = time.monotonic()
        case = measured.read_all("open_case", paths=["evidence"], wait_seconds=45)["case"]
        found = measured.read_all("investigate_case", case=case, wait_seconds=45)
        print(f"{size / 1e6:.0f} MB read and investigated after {time.monotonic() - began:.1f} s: {found['headline']}")
        asked = {"case": case, "claude_context": _CONTEXT, "analysis_type": "cross_system"}
        measured.read_all("escalate_analysis", **asked, depth_level=5, time_budget_seconds=600)
        measured.read_all("start_conversation", **asked)
        measured.read_all("get_evidence_pack", case=case, budget_tokens=128_000)
        measured.read_all(
            "run_hypothesis_tournament", case=case, claude_context=_CONTEXT, issue="payments fail under load"
        )
        measured.call("get_trace", case=case)
        for table in ("all", "operations", "logs", "metrics"):
            measured.call("compare_windows", case=case, table=table)
        for table in ("spans", "logs", "metrics"):
            measured.call("query_evidence", case=case, sql=f"SELECT * FROM {table}", max_rows=1_000)
        session.close()
    for name, bytes_ in sorted(measured.largest.items(), key=lambda entry: -entry[1]):
        print(f"{bytes_:6,} bytes at most  {name}")
    good = max(measured.largest.values()) <= MAX_BYTES and found["verdict"] == "cause_found"
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
