"""Log records around a moment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ...domain.asking import Tool
from ...domain.instant import parse_instant
from ...errors import UsageError
from ...packing.pieces.logs import logs_around
from ..bench import Bench


@dataclass
class LogsAround:
    """Arguments of the tool."""

    at: Annotated[str, Field(description="ISO 8601, for example 2026-01-31T14:05:00.250Z.")]
    services: Annotated[list[str], Field(description="Of these services only; empty for all.")] = Field(
        default_factory=list
    )
    trace_id: Annotated[str, Field(description="Of this trace only.")] = ""
    span_s: Annotated[float, Field(gt=0, le=3600, description="So many seconds before and after.")] = 30.0


def make(bench: Bench) -> Tool:
    """The tool."""

    def run(wanted: LogsAround) -> str:
        at_ns = parse_instant(wanted.at)
        if at_ns is None:
            raise UsageError(f"'{wanted.at}' is no time", "write it as 2026-01-31T14:05:00Z")
        piece = logs_around(
            bench.case,
            at_ns,
            bench.max_result_tokens,
            services=wanted.services,
            trace_id=wanted.trace_id,
            span_s=wanted.span_s,
        )
        return bench.shown(piece)

    return Tool("logs_around", "Shows log records around a moment, errors and the nearest ones first.", LogsAround, run)
