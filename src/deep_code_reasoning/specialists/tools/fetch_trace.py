"""One trace as a waterfall."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ...domain.asking import Tool
from ...packing.pieces.traces import trace_piece
from ..bench import Bench


@dataclass
class FetchTrace:
    """Arguments of the tool."""

    trace_id: Annotated[str, Field(description="The trace's id, or the citation of one of its spans.")]


def make(bench: Bench) -> Tool:
    """The tool."""

    def run(wanted: FetchTrace) -> str:
        trace_id = wanted.trace_id.strip().removeprefix("span:").partition("/")[0]
        return bench.shown(trace_piece(bench.case, trace_id, bench.max_result_tokens))

    return Tool("fetch_trace", "Shows a trace: its spans as a tree, with durations and failures.", FetchTrace, run)
