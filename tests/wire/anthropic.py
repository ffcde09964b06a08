"""Anthropic messages: docs.anthropic.com/en/api/messages-streaming."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from .formats import Json, Turn, Wanted, arguments_text, data, message_of, pieces
from .script import Fault, Part

_STATUS = {
    "unauthorized": (401, "authentication_error"),
    "rate_limited": (429, "rate_limit_error"),
    "quota": (400, "invalid_request_error"),
    "server_error": (500, "api_error"),
    "overloaded": (529, "overloaded_error"),
    "context": (400, "invalid_request_error"),
    "not_found": (404, "not_found_error"),
    "blocked": (400, "invalid_request_error"),
}
_FINISH = {"length": "max_tokens", "content_filter": "refusal", "pause": "pause_turn", "odd": "odd"}


class Anthropic:
    """The messages wire."""

    def wanted(self, body: Json, path: Mapping[str, str]) -> Wanted:
        form = ((body.get("output_config") or {}).get("format") or body.get("output_format") or {}).get("type")
        return Wanted(
            body["model"],
            bool(body.get("stream")),
            tuple(tool["name"] for tool in body.get("tools") or []),
            form == "json_schema",
        )

    def opening(self, turn: Turn) -> Iterator[bytes]:
        message = self._message(turn, [], None)
        if turn.usage is not None:
            message["usage"] = self._usage(turn) | {"output_tokens": 1}
        yield self._event("message_start", message=message)
        yield self._event("ping")

    def part(self, turn: Turn, index: int, part: Part) -> Iterator[bytes]:
        for offset, block in enumerate(self._blocks(turn, index, part)):
            # Code that ran takes two blocks, so those behind it are numbered with a gap to spare.
            at = 2 * index + offset
            start: Json = block
            deltas: list[Json] = []
            if block["type"] in ("tool_use", "server_tool_use"):
                start = block | {"input": {}}
                text = arguments_text(part) if part.tool else json.dumps(block["input"])
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(text)]
            elif block["type"] == "text":
                start = block | {"text": ""}
                deltas = [{"type": "text_delta", "text": piece} for piece in pieces(part.text)]
            yield self._event("content_block_start", index=at, content_block=start)
            for delta in deltas:
                yield self._event("content_block_delta", index=at, delta=delta)
            yield self._event("content_block_stop", index=at)

    def closing(self, turn: Turn) -> Iterator[bytes]:
        # The format has no way to leave the usage out; compatible servers that don't count send zeros.
        usage = {"output_tokens": turn.usage.output if turn.usage else 0}
        delta = {"stop_reason": self._finish(turn), "stop_sequence": None}
        yield self._event("message_delta", delta=delta, usage=usage)
        yield self._event("message_stop")

    def whole(self, turn: Turn, finished: bool) -> Json:
        blocks = [block for index, part in enumerate(turn.parts) for block in self._blocks(turn, index, part)]
        return self._message(turn, blocks, self._finish(turn) if finished else None)

    def fault(self, fault: Fault, key: str) -> tuple[int, Json]:
        status, kind = _STATUS[fault.kind]
        message = message_of(fault, key)
        if fault.kind == "quota":
            message = "Your credit balance is too low to access the Anthropic API."
        body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
        return (fault.status if fault.kind == "server_error" else status), body

    def fault_frame(self, fault: Fault) -> bytes:
        return data(self.fault(fault, "")[1], "error")

    def tokens(self, count: int) -> Json:
        return {"input_tokens": count}

    def _event(self, kind: str, **fields: object) -> bytes:
        return data({"type": kind, **fields}, kind)

    def _finish(self, turn: Turn) -> str:
        return _FINISH.get(turn.finish, "tool_use" if turn.calls_tools else "end_turn")

    def _message(self, turn: Turn, blocks: list[Json], stop: str | None) -> Json:
        return {
            "id": f"msg_{turn.number}",
            "type": "message",
            "role": "assistant",
            "model": f"{turn.model}-2026-11",
            "content": blocks,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": self._usage(turn) if turn.usage else {"input_tokens": 0, "output_tokens": 0},
        }

    def _blocks(self, turn: Turn, index: int, part: Part) -> list[Json]:
        if part.code:
            run = f"srvtoolu_{turn.number}_{index}"
            name = "bash_code_execution"
            printed = {"type": f"{name}_result", "stdout": part.output, "stderr": "", "return_code": 0, "content": []}
            return [
                {"type": "server_tool_use", "id": run, "name": name, "input": {"command": part.code}},
                {"type": f"{name}_tool_result", "tool_use_id": run, "content": printed},
            ]
        if not part.tool:
            return [{"type": "text", "text": part.text}]
        try:
            arguments = json.loads(arguments_text(part))
        except ValueError:
            arguments = {}
        return [{"type": "tool_use", "id": f"toolu_{turn.number}_{index}", "name": part.tool, "input": arguments}]

    def _usage(self, turn: Turn) -> Json:
        assert turn.usage is not None
        return {
            # What was read from the cache is counted apart on this wire.
            "input_tokens": turn.usage.input - turn.usage.cached,
            "cache_read_input_tokens": turn.usage.cached,
            "cache_creation_input_tokens": 0,
            "output_tokens": turn.usage.output,
        }
