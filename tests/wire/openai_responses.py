"""OpenAI responses: platform.openai.com/docs/api-reference/responses-streaming."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

from .formats import Json, Turn, Wanted, arguments_text, data, message_of, pieces
from .openai_chat import STATUS, openai_error
from .script import Fault, Part


class OpenAIResponses:
    """The responses wire."""

    def __init__(self) -> None:
        self._sequence = count()

    def wanted(self, body: Json, path: Mapping[str, str]) -> Wanted:
        return Wanted(
            body["model"],
            bool(body.get("stream")),
            tuple(tool["name"] for tool in body.get("tools") or [] if tool.get("type") == "function"),
            ((body.get("text") or {}).get("format") or {}).get("type") in ("json_schema", "json_object"),
            "code_interpreter_call.outputs" in (body.get("include") or ()),
        )

    def opening(self, turn: Turn) -> Iterator[bytes]:
        for event in ("response.created", "response.in_progress"):
            yield self._event(event, response=self._response(turn, "in_progress", []))

    def part(self, turn: Turn, index: int, part: Part) -> Iterator[bytes]:
        item = self._item(turn, index, part)
        place = {"item_id": item["id"], "output_index": index}
        if part.code:
            running = item | {"status": "in_progress", "code": "", "outputs": None}
            yield self._event("response.output_item.added", output_index=index, item=running)
            yield self._event("response.code_interpreter_call_code.delta", **place, delta=part.code)
            yield self._event("response.code_interpreter_call_code.done", **place, code=part.code)
            yield self._event("response.code_interpreter_call.completed", **place)
        elif part.tool:
            yield self._event("response.output_item.added", output_index=index, item=item | {"arguments": ""})
            for piece in pieces(arguments_text(part)):
                yield self._event("response.function_call_arguments.delta", **place, delta=piece)
            yield self._event("response.function_call_arguments.done", **place, arguments=arguments_text(part))
        else:
            place["content_index"] = 0
            yield self._event("response.output_item.added", output_index=index, item=item | {"content": []})
            empty = {"type": "output_text", "text": "", "annotations": []}
            yield self._event("response.content_part.added", **place, part=empty)
            for piece in pieces(part.text):
                yield self._event("response.output_text.delta", **place, delta=piece, logprobs=[])
            yield self._event("response.output_text.done", **place, text=part.text, logprobs=[])
            yield self._event("response.content_part.done", **place, part=item["content"][0])
        yield self._event("response.output_item.done", output_index=index, item=item)

    def closing(self, turn: Turn) -> Iterator[bytes]:
        whole = self.whole(turn, True)
        yield self._event(f"response.{whole['status']}", response=whole)

    def whole(self, turn: Turn, finished: bool) -> Json:
        items = [self._item(turn, index, part) for index, part in enumerate(turn.parts)]
        if not finished:
            return self._response(turn, "in_progress", items)
        if turn.finish == "odd":
            error = {"code": "server_error", "message": "The model stopped for a reason of its own"}
            return self._response(turn, "failed", items) | {"error": error}
        reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(turn.finish)
        document = self._response(turn, "incomplete" if reason else "completed", items)
        if reason:
            document["incomplete_details"] = {"reason": reason}
        return document

    def fault(self, fault: Fault, key: str) -> tuple[int, Json]:
        return openai_error(fault, key)

    def fault_frame(self, fault: Fault) -> bytes:
        code = STATUS[fault.kind][2] or STATUS[fault.kind][1]
        return self._event("error", code=code, message=message_of(fault, ""), param=None)

    def tokens(self, count: int) -> Json:
        return {"object": "response.input_tokens", "input_tokens": count}

    def _event(self, kind: str, **fields: object) -> bytes:
        return data({"type": kind, "sequence_number": next(self._sequence), **fields}, kind)

    def _item(self, turn: Turn, index: int, part: Part) -> Json:
        if part.code:
            return {
                "id": f"ci_{turn.number}_{index}",
                "type": "code_interpreter_call",
                "status": "completed",
                "code": part.code,
                "container_id": "cntr_1",
                "outputs": [{"type": "logs", "logs": part.output}] if turn.code_outputs else None,
            }
        if part.tool:
            return {
                "id": f"fc_{turn.number}_{index}",
                "type": "function_call",
                "status": "completed",
                "call_id": f"call-{turn.number}-{index}",
                "name": part.tool,
                "arguments": arguments_text(part),
            }
        return {
            "id": f"msg_{turn.number}_{index}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}],
        }

    def _response(self, turn: Turn, status: str, output: list[Json]) -> Json:
        return {
            "id": f"resp_{turn.number}",
            "object": "response",
            "created_at": 1_795_000_000,
            "status": status,
            "model": f"{turn.model}-2026-11",
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "error": None,
            "incomplete_details": None,
            "usage": None if turn.usage is None or status == "in_progress" else self._usage(turn),
        }

    def _usage(self, turn: Turn) -> Json:
        assert turn.usage is not None
        return {
            "input_tokens": turn.usage.input,
            "input_tokens_details": {"cached_tokens": turn.usage.cached},
            "output_tokens": turn.usage.output,
            "output_tokens_details": {"reasoning_tokens": turn.usage.reasoning},
            "total_tokens": turn.usage.input + turn.usage.output,
        }
