"""Gemini `generateContent`: ai.google.dev/api/generate-content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from .formats import Json, Turn, Wanted, arguments_text, data, message_of, pieces
from .script import Fault, Part

_STATUS = {
    "unauthorized": (401, "UNAUTHENTICATED"),
    "rate_limited": (429, "RESOURCE_EXHAUSTED"),
    "quota": (429, "RESOURCE_EXHAUSTED"),
    "server_error": (500, "INTERNAL"),
    "overloaded": (503, "UNAVAILABLE"),
    "context": (400, "INVALID_ARGUMENT"),
    "not_found": (404, "NOT_FOUND"),
    "blocked": (400, "INVALID_ARGUMENT"),
}
_FINISH = {
    "stop": "STOP",
    "pause": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "odd": "MALFORMED_FUNCTION_CALL",
}


class Gemini:
    """The Gemini wire."""

    def wanted(self, body: Json, path: Mapping[str, str]) -> Wanted:
        model, _, verb = path["target"].partition(":")
        declared = [d for tool in body.get("tools", []) for d in tool.get("functionDeclarations", [])]
        config = body.get("generationConfig", {})
        return Wanted(
            model,
            verb == "streamGenerateContent",
            tuple(declaration["name"] for declaration in declared),
            config.get("responseMimeType") == "application/json",
        )

    def opening(self, turn: Turn) -> Iterator[bytes]:
        if turn.thinking:
            yield data(self._chunk(turn, [{"text": turn.thinking, "thought": True}]))

    def part(self, turn: Turn, index: int, part: Part) -> Iterator[bytes]:
        if part.tool:
            yield data(self._chunk(turn, [self._call(turn, index, part)]))
        for piece in self._code(part) or [{"text": piece} for piece in pieces(part.text)]:
            yield data(self._chunk(turn, [piece]))

    def closing(self, turn: Turn) -> Iterator[bytes]:
        chunk = self._chunk(turn, [{"text": ""}])
        chunk["candidates"][0]["finishReason"] = _FINISH[turn.finish]
        yield data(chunk | self._usage(turn))

    def whole(self, turn: Turn, finished: bool) -> Json:
        parts: list[Json] = []
        for index, part in enumerate(turn.parts):
            parts += self._code(part) or [self._call(turn, index, part) if part.tool else {"text": part.text}]
        document = self._chunk(turn, parts) | self._usage(turn)
        if finished:
            document["candidates"][0]["finishReason"] = _FINISH[turn.finish]
        return document

    def fault(self, fault: Fault, key: str) -> tuple[int, Json]:
        if fault.kind == "blocked":
            return 200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "stub"}
        status, name = _STATUS[fault.kind]
        error: Json = {"code": status, "message": message_of(fault, key), "status": name}
        if fault.kind == "context":
            error["message"] = "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."
        if fault.kind == "quota":
            violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}
            error["details"] = [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
            ]
        return (fault.status if fault.kind == "server_error" else status), {"error": error}

    def fault_frame(self, fault: Fault) -> bytes:
        return data(self.fault(fault, "")[1])

    def tokens(self, count: int) -> Json:
        return {"totalTokens": count}

    def _chunk(self, turn: Turn, parts: list[Json]) -> Json:
        return {
            "candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}],
            "modelVersion": f"{turn.model}-2026-11",
            "responseId": f"response-{turn.number}",
        }

    def _call(self, turn: Turn, index: int, part: Part) -> Json:
        try:
            arguments = json.loads(arguments_text(part))
        except ValueError:
            arguments = {"unreadable": arguments_text(part)}  # arguments are an object here: they cannot be torn
        return {"functionCall": {"id": f"call-{turn.number}-{index}", "name": part.tool, "args": arguments}}

    def _code(self, part: Part) -> list[Json]:
        if not part.code:
            return []
        return [
            {"executableCode": {"language": "PYTHON", "code": part.code}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": part.output}},
        ]

    def _usage(self, turn: Turn) -> Json:
        if turn.usage is None:
            return {}
        return {
            "usageMetadata": {
                "promptTokenCount": turn.usage.input,
                "candidatesTokenCount": turn.usage.output - turn.usage.reasoning,
                "thoughtsTokenCount": turn.usage.reasoning,
                "cachedContentTokenCount": turn.usage.cached,
                "totalTokenCount": turn.usage.input + turn.usage.output,
            }
        }
