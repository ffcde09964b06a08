"""Errors as the protocol shows them: one function for every error of a tool."""

from __future__ import annotations

import logging
from typing import Any

import mcp_types as types
from pydantic import ValidationError

from ..errors import DeepCodeReasoningError, UsageError

_log = logging.getLogger(__name__)


def as_result(error: Exception) -> types.CallToolResult:
    """What the model reads when a tool fails: code, message, hint, and whether trying again may help."""
    if isinstance(error, ValidationError):
        error = _as_usage(error)
    plain = as_plain(error if isinstance(error, DeepCodeReasoningError) else of_ours(error))
    lines = [f"error {plain['code']}: {plain['message']}"]
    if plain["hint"]:
        lines.append(f"hint: {plain['hint']}")
    lines.append(f"retryable: {'yes' if plain['retryable'] else 'no'}")
    return types.CallToolResult(
        content=[types.TextContent(type="text", text="\n".join(lines))],
        structured_content={"error": plain},
        is_error=True,
    )


def of_ours(fault: BaseException) -> DeepCodeReasoningError:
    """What is told of an error that nobody foresaw; its text may hold anything, and goes to the log alone."""
    _log.error("a tool failed", exc_info=fault)
    return DeepCodeReasoningError(f"a fault in dcr itself: {type(fault).__name__}", "see the server's log")


def as_plain(error: DeepCodeReasoningError) -> dict[str, Any]:
    """An error as JSON values, bounded."""
    return {
        "code": error.code,
        "message": _bounded(error.message),
        "hint": _bounded(error.hint) or None,
        "retryable": error.retryable,
    }


def _as_usage(error: ValidationError) -> UsageError:
    """What is wrong with the arguments, one line each; the values themselves are not repeated."""
    wrong = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in fault["loc"]) or "arguments"
        wrong.append(f"{place}: {fault['msg'].removeprefix('Value error, ')}")
    more = f" (and {len(wrong) - 8} more)" if len(wrong) > 8 else ""
    return UsageError("; ".join(wrong[:8]) + more, "the tool's input schema says what is expected")


def _bounded(text: str, limit: int = 1_500) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"
