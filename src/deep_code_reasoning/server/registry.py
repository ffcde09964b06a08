"""The tools of the server. A new tool is a file in `tools/` and a line here."""

from __future__ import annotations

import importlib
from typing import Final

from .tool import Tool

# In the order in which clients list them.
MODULES: Final[tuple[str, ...]] = (
    "escalate_analysis",
    "trace_execution_path",
    "cross_system_impact",
    "performance_bottleneck",
    "hypothesis_test",
    "run_hypothesis_tournament",
    "start_conversation",
    "continue_conversation",
    "finalize_conversation",
    "get_conversation_status",
    "open_case",
    "investigate_case",
    "get_result",
    "query_evidence",
    "get_trace",
    "compare_windows",
    "search_code",
    "get_evidence_pack",
    "record_outcome",
    "get_usage",
)


def tools() -> dict[str, Tool]:
    """Every tool, by name."""
    found = (importlib.import_module(f".tools.{name}", __package__).TOOL for name in MODULES)
    return {tool.name: tool for tool in found}
