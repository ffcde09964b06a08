"""OpenAI chat completions, which Ollama, vLLM and llama.cpp speak too: platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .formats import Json, Turn, Wanted, arguments_text, data, message_of, pieces
from .script import Fault, Part

STATUS = {
    "unauthorized": (401, "invalid_request_error", "invalid_api_key"),
    "rate_limited": (429, "requests", "rate_limit_exceeded"),
    "quota": (429, "insufficient_quota", "insufficient_quota"),
    "server_error": (500, "server_error", None),
    "overloaded": (503, "server_error", "server_overloaded"),
    "context": (400, "invalid_request_error", "context_length_exceeded"),
    "not_found": (404, "invalid_request_error", "model_not_found"),
    "blocked": (400, "invalid_request_error", "invalid_prompt"),
}


def openai_error(fault: Fault, key: str) -> tuple[int, Json]:
    """The error object of both OpenAI formats."""
    status, kind, code = STATUS[fault.kind]
    error = {"message": message_of(fault, key), "type": kind, "param": None, "code": code}
    return (fault.status if fault.kind == "server_error" else status), {"error": error}


class OpenAIChat:
    """The chat completions wire."""

    def wanted(self, body: Json, path: Mapping[str, str]) -> Wanted:
        return Wanted(
            body["model"],
            bool(body.get("stream")),
            tuple(tool["function"]["name"] for tool in body.get("tools") or []),
            (body.get("response_format") or {}).get("type") in ("json_schema", "json_object"),
        )

    def opening(self, turn: Turn) -> Iterator[bytes]:
        yield data(self._chunk(turn, {"role": "assistant", "content": ""}))
        if turn.thinking:
            yield data(self._chunk(turn, {"reasoning_content": turn.thinking}))

    def part(self, turn: Turn, index: int, part: Part) -> Iterator[bytes]:
        for piece in pieces(part.text):
            yield data(self._chunk(turn, {"content": piece}))
        if part.tool:
            at = sum(1 for before in turn.parts[:index] if before.tool)
            named = {"index": at, "id": f"call-{turn.number}-{index}", "type": "function"}
            yield data(self._chunk(turn, {"tool_calls": [named | {"function": {"name": part.tool, "arguments": ""}}]}))
            for piece in pieces(arguments_text(part)):
                yield data(self._chunk(turn, {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}))

    def closing(self, turn: Turn) -> Iterator[bytes]:
        yield data(self._chunk(turn, {}, self._finish(turn)))
        if turn.usage is not None:
            yield data(self._chunk(turn, {}) | {"choices": [], "usage": self._usage(turn)})
        yield data("[DONE]")

    def whole(self, turn: Turn, finished: bool) -> Json:
        calls = [
            {
                "id": f"call-{turn.number}-{i}",
                "type": "function",
                "function": {"name": part.tool, "arguments": arguments_text(part)},
            }
            for i, part in enumerate(turn.parts)
            if part.tool
        ]
        message: Json = {"role": "assistant", "content": "".join(part.text for part in turn.parts) or None}
        if calls:
            message["tool_calls"] = calls
        return {
            "id": f"chatcmpl-{turn.number}",
            "object": "chat.completion",
            "created": 1_795_000_000,
            "model": f"{turn.model}-2026-11",
            "choices": [{"index": 0, "message": message, "finish_reason": self._finish(turn) if finished else None}],
            "usage": self._usage(turn) if turn.usage else None,
        }

    def fault(self, fault: Fault, key: str) -> tuple[int, Json]:
        return openai_error(fault, key)

    def fault_frame(self, fault: Fault) -> bytes:
        return data(openai_error(fault, "")[1])

    def tokens(self, count: int) -> Json:
        raise NotImplementedError("chat completions count no tokens")

    def _finish(self, turn: Turn) -> str:
        if turn.finish in ("length", "content_filter", "odd"):
            return turn.finish
        return "tool_calls" if turn.calls_tools else "stop"

    def _chunk(self, turn: Turn, delta: Json, finish: str | None = None) -> Json:
        return {
            "id": f"chatcmpl-{turn.number}",
            "object": "chat.completion.chunk",
            "created": 1_795_000_000,
            "model": f"{turn.model}-2026-11",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }

    def _usage(self, turn: Turn) -> Json:
        assert turn.usage is not None
        return {
            "prompt_tokens": turn.usage.input,
            "completion_tokens": turn.usage.output,
            "total_tokens": turn.usage.input + turn.usage.output,
            "prompt_tokens_details": {"cached_tokens": turn.usage.cached},
            "completion_tokens_details": {"reasoning_tokens": turn.usage.reasoning},
        }
