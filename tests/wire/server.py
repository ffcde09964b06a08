"""The stub itself: a server on a loopback port, what it was told to do, and what it saw."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .anthropic import Anthropic
from .formats import Format, Json, Turn, Wanted
from .gemini import Gemini
from .openai_chat import OpenAIChat
from .openai_responses import OpenAIResponses
from .script import CallTool, Fault, Garbled, Reply, Say, Step, Typed

WIRES: Final = ("gemini", "openai-chat", "openai-responses", "anthropic")
_FORMATS: Final[Mapping[str, Format]] = {
    "gemini": Gemini(),
    "openai-chat": OpenAIChat(),
    "openai-responses": OpenAIResponses(),
    "anthropic": Anthropic(),
}
# Which of the request's tools stands for the typed answer.
ANSWER_TOOL: Final = "final_answer"
# A stalled reply ends by itself after this many seconds, so that a broken client cannot hang the suite.
_STALL_LIMIT_S: Final = 20.0


@dataclass
class Seen:
    """One request as it arrived."""

    wire: str
    path: str
    headers: Mapping[str, str]
    body: Json
    wanted: Wanted
    at_s: float
    # Set when the client went away before the reply was through.
    abandoned: threading.Event = field(default_factory=threading.Event)

    @property
    def texts(self) -> list[str]:
        """Every text in the body that is the value of a "text", "content" or "output" field or the like, in order."""
        found: list[str] = []

        def walk(node: Any) -> None:
            if isinstance(node, dict):
                for key, value in node.items():
                    if isinstance(value, str) and key in _TEXT_KEYS:
                        found.append(value)
                    else:
                        walk(value)
            elif isinstance(node, list):
                for item in node:
                    walk(item)

        walk(self.body)
        return found


_TEXT_KEYS = ("text", "error", "content", "output", "instructions", "system", "return_value", "result", "input")


class Stub:
    """A scripted endpoint for every wire. One instance serves a test session; `reset` starts a new script."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.counted: list[Seen] = []
        self.unexpected: list[str] = []
        self.tokens: int | Callable[[Seen], int] = 1234
        self.listed: tuple[str, ...] = ("deep",)
        # Seconds before a reply, and how many requests waited for theirs at once, at most.
        self.pause_s = 0.0
        self.most_at_once = self._at_once = 0
        self._steps: dict[str | None, deque[Step]] = defaultdict(deque)
        self._lock = threading.Lock()
        config = uvicorn.Config(self._app(), port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        """Serve, on a port that the system chooses."""
        self._thread.start()
        limit_s = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < limit_s, "the stub did not start"
            time.sleep(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """End the server and its thread."""
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def base_url(self, wire: str) -> str:
        """What a client of that wire takes for its base URL."""
        return f"{self.url}/v1" if wire.startswith("openai") else self.url

    def reset(self) -> None:
        """Forget the script and what was seen."""
        self.requests, self.counted, self.unexpected = [], [], []
        self.tokens, self.listed = 1234, ("deep",)
        self.pause_s, self.most_at_once = 0.0, 0
        self._steps.clear()

    def script(self, *steps: Step, model: str | None = None) -> None:
        """Append steps: for one model, or for whichever model has none of its own."""
        self._steps[model].extend(steps)

    @property
    def left(self) -> int:
        """Steps that no request has taken."""
        return sum(len(steps) for steps in self._steps.values())

    def _next_step(self, model: str) -> Step | None:
        with self._lock:
            for key in (model, None):
                if self._steps[key]:
                    return self._steps[key].popleft()
        return None

    def _app(self) -> Starlette:
        post = ["POST"]
        routes = [
            Route("/v1/chat/completions", self._endpoint("openai-chat"), methods=post),
            Route("/v1/responses/input_tokens", self._counter("openai-responses"), methods=post),
            Route("/v1/responses", self._endpoint("openai-responses"), methods=post),
            Route("/v1/messages/count_tokens", self._counter("anthropic"), methods=post),
            Route("/v1/messages", self._endpoint("anthropic"), methods=post),
            Route("/v1/models", self._list_models),
            Route("/v1beta/models", self._list_models),
        ]
        routes += [Route(f"/{version}/models/{{target}}", self._gemini, methods=post) for version in ("v1beta", "v1")]
        return Starlette(routes=routes)

    async def _list_models(self, request: Request) -> Response:
        gemini = "/v1beta/" in request.url.path
        if gemini:
            return JSONResponse({"models": [{"name": f"models/{name}"} for name in self.listed]})
        return JSONResponse({"object": "list", "data": [{"id": name, "object": "model"} for name in self.listed]})

    async def _gemini(self, request: Request) -> Response:
        counting = request.path_params["target"].endswith(":countTokens")
        return await (self._counter("gemini") if counting else self._endpoint("gemini"))(request)

    def _counter(self, wire: str):  # type: ignore[no-untyped-def]
        async def count(request: Request) -> Response:
            self.counted.append(await self._see(wire, request))
            count = self.tokens(self.counted[-1]) if callable(self.tokens) else self.tokens
            return JSONResponse(_FORMATS[wire].tokens(count))

        return count

    async def _see(self, wire: str, request: Request) -> Seen:
        body = json.loads(await request.body())
        wanted = _FORMATS[wire].wanted(body, request.path_params)
        return Seen(wire, request.url.path, dict(request.headers), body, wanted, time.monotonic())

    def _endpoint(self, wire: str):  # type: ignore[no-untyped-def]
        async def answer(request: Request) -> Response:
            seen = await self._see(wire, request)
            self.requests.append(seen)
            step = self._next_step(seen.wanted.model)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            await asyncio.sleep(self.pause_s)
            self._at_once -= 1
            if step is None:
                self.unexpected.append(f"{wire} {seen.wanted.model}: the script had ended")
                return JSONResponse({"error": {"message": "the script of the stub has ended"}}, 400)
            return await self._respond(_FORMATS[wire], seen, step, request)

        return answer

    async def _respond(self, form: Format, seen: Seen, step: Step, request: Request) -> Response:
        if isinstance(step, Garbled):
            return Response(step.body, media_type=step.content_type)
        if isinstance(step, Fault):
            if step.in_stream:
                frames = [*form.opening(_turn(form, self, seen, Say("")).turn), form.fault_frame(step)]
                return Response(b"".join(frames), media_type="text/event-stream")
            status, body = form.fault(step, _key(seen.headers))
            return JSONResponse(body, status, headers=dict(step.headers))
        reply = _turn(form, self, seen, step)
        if seen.wanted.stream:
            return StreamingResponse(self._frames(form, seen, reply), media_type="text/event-stream")
        if step.ending == "stall":
            await self._stall(seen, request)
        return JSONResponse(form.whole(reply.turn, finished=step.ending == "whole"))

    async def _stall(self, seen: Seen, request: Request) -> None:
        limit_s = time.monotonic() + _STALL_LIMIT_S
        while time.monotonic() < limit_s:
            if await request.is_disconnected():
                seen.abandoned.set()
                return
            await asyncio.sleep(0.01)

    async def _frames(self, form: Format, seen: Seen, reply: _Rendered) -> AsyncIterator[bytes]:
        try:
            for frame in form.opening(reply.turn):
                yield frame
            for index, part in enumerate(reply.turn.parts):
                for frame in form.part(reply.turn, index, part):
                    yield frame
            if reply.ending == "stall":
                await asyncio.sleep(_STALL_LIMIT_S)
            if reply.ending == "disconnect":
                raise ConnectionAbortedError("as the script says")
            if reply.ending == "garbled":
                yield b'data: {"torn": \n\n'
            if reply.ending == "whole":
                for frame in form.closing(reply.turn):
                    yield frame
        except (asyncio.CancelledError, GeneratorExit):
            seen.abandoned.set()
            raise


@dataclass(frozen=True)
class _Rendered:
    turn: Turn
    ending: str


def _turn(form: Format, stub: Stub, seen: Seen, step: Reply) -> _Rendered:
    if isinstance(step, Typed):
        parts = step.parts(ANSWER_TOOL if ANSWER_TOOL in seen.wanted.tools else None)
    else:
        assert isinstance(step, Say | CallTool)
        parts = step.parts
    wanted = seen.wanted
    turn = Turn(len(stub.requests), wanted.model, parts, step.finish, step.usage, step.thinking, wanted.code_outputs)
    return _Rendered(turn, step.ending)


def _key(headers: Mapping[str, str]) -> str:
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return bearer or headers.get("x-api-key", "") or headers.get("x-goog-api-key", "")
