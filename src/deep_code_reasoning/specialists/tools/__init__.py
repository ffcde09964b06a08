"""Tools that specialists may call while they think, one file each.

A tool's module has `make(bench)`. What a tool says is evidence: bounded in tokens, without secrets, between fences.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Final

from ...domain.asking import Tool
from ..bench import Bench

# Name -> what it needs: a case, code that may be read, a sandbox. Modules are imported when a model is asked: the
# types of their arguments need pydantic.
TOOLS: Final[dict[str, str]] = {
    "query_evidence": "store",
    "fetch_trace": "store",
    "logs_around": "store",
    "show_commit": "store",
    "read_code": "roots",
    "run_experiment": "sandbox",
}


def make_tools(names: Sequence[str], bench: Bench) -> tuple[Tool, ...]:
    """The tools of those names that have something to work on."""
    return tuple(
        importlib.import_module(f".{name}", __package__).make(bench) for name in names if getattr(bench, TOOLS[name])
    )
