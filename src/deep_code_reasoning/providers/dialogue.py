"""One question put to a model, up to its answer: tools that it calls, the typed answer, one repair, bounded steps."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, cast

from ..domain.asking import (
    CodeRun,
    Message,
    ModelAnswer,
    ModelRequest,
    OnEvent,
    Passage,
    Tool,
    ToolCall,
    ToolResult,
    ToolUsed,
)
from ..domain.deadline import Deadline
from ..domain.usage import Usage, add_costs
from ..errors import (
    DeadlineError,
    DeepCodeReasoningError,
    MalformedAnswerError,
    ProviderError,
    StepLimitError,
    StoppedError,
    UsageError,
)
from .policy import Sender
from .typed import Reader, Unreadable, partial_value
from .wire import Exchange, Reply, ToolSpec

_REPAIR: Final = "That does not fit the answer's type:\n{fault}\nGive the whole answer again, with this put right."
_LAST_STEP: Final = "This is the last step: no tools any more. Answer now with what you have."
_UNUSED: Final = "Not run: the answer was already given."
_TAKEN: Final = "The answer was taken."


class Dialogue:
    """Puts one request to a model. `sender` decides which model, and how often."""

    def __init__(
        self, request: ModelRequest, sender: Sender, deadline: Deadline, on_event: OnEvent | None = None
    ) -> None:
        self._request = request
        self._sender = sender
        self._deadline = deadline
        self._on_event = on_event or (lambda _: None)
        self._reader = None if request.answer is None else Reader(request.answer)
        self._tools = {tool.name: (tool, Reader(tool.arguments)) for tool in request.tools}
        self._opening = opening(request)
        self._new = [Message("user", request.prompt)]
        self._before_pause = ""
        self._code_runs: list[CodeRun] = []

    async def run(self) -> ModelAnswer:
        """Ask until there is an answer.

        Raises:
            ProviderError: with `attempts` and `messages`, all that was sent and said, and the partial text.
            DeepCodeReasoningError: of whoever refused the first request; nothing was sent then.
        """
        started_s = time.monotonic()
        try:
            reply, value, steps, repaired = await self._converse()
        except ProviderError as fault:
            self._record_in(fault)
            raise
        except DeepCodeReasoningError as refusal:
            if not self._sender.attempts:
                raise
            paid = max((attempt.text for attempt in self._sender.attempts), key=len)
            stopped = StoppedError(f"stopped on the way: {refusal.message}", refusal.hint, partial_text=paid)
            self._record_in(stopped)
            raise stopped from refusal
        attempts = tuple(self._sender.attempts)
        cost_usd: Decimal | None = Decimal(0)
        usage = Usage()
        for attempt in attempts:
            # What an error page cost is nothing; what a broken answer cost is whatever its figures say.
            if attempt.error is None or attempt.text or attempt.usage.total_tokens:
                usage += attempt.usage
                cost_usd = add_costs(cost_usd, attempt.cost_usd)
        return ModelAnswer(
            text=self._before_pause + reply.text,
            value=value,
            messages=tuple(self._new),
            model=self._sender.wire.card.id,
            resolved=reply.resolved,
            provider=self._sender.wire.card.provider,
            finish_reason=reply.finish_reason or "stop",
            usage=usage,
            cost_usd=cost_usd,
            duration_s=time.monotonic() - started_s,
            steps=steps,
            repaired=repaired,
            attempts=attempts,
            code_runs=tuple(self._code_runs),
        )

    def _record_in(self, fault: ProviderError) -> None:
        """Give an error all that was sent and said."""
        fault.attempts = tuple(self._sender.attempts)
        fault.messages = tuple(self._new)

    async def _converse(self) -> tuple[Reply, Any, int, bool]:
        """The loop: (last reply, typed value, steps, whether it was repaired)."""
        last_step = max(1, self._request.max_steps)
        step, repaired = 0, False
        while True:
            step += 1
            must_answer = step >= last_step and bool(self._tools)
            if must_answer and step > 1 and not repaired:
                self._say(_LAST_STEP)
            reply = await self._send(must_answer)
            self._new.append(reply.message)
            self._code_runs += reply.code_runs
            if reply.paused or (reply.message.calls and reply.answer_call is None):
                if step >= last_step:
                    raise StepLimitError(
                        f"{self._sender.wire.card.id}: no answer after {step} steps",
                        "allow more steps, or ask a narrower question",
                        partial_text=reply.text,
                    )
                if reply.paused:
                    self._before_pause += reply.text
                if reply.message.calls:
                    self._new.append(Message("tools", results=await self._run_tools(reply.message.calls)))
                continue
            try:
                value = self._value(reply)
            except Unreadable as fault:
                if repaired:
                    raise self._malformed(reply, fault) from fault
                # The repair is a step of its own: a limit that is used up must not cost a paid answer.
                repaired, last_step = True, last_step + 1
                self._close_calls(reply, _REPAIR.format(fault=fault), failed=True)
                continue
            self._close_calls(reply, _TAKEN, failed=False)
            return reply, value, step, repaired

    async def _send(self, must_answer: bool) -> Reply:
        """Send what has been said so far."""
        messages = (*self._request.history, *self._new)
        return await self._sender.send(replace(self._opening, messages=messages, must_answer=must_answer))

    def _value(self, reply: Reply) -> Any:
        """The typed answer, or None when text was asked for."""
        if self._reader is None:
            return None
        text = reply.answer_call.arguments if reply.answer_call else self._before_pause + reply.message.text
        if not text.strip():
            raise Unreadable("the answer is empty")
        return self._reader.read(text)

    def _malformed(self, reply: Reply, fault: Unreadable) -> MalformedAnswerError:
        error = MalformedAnswerError(
            f"{self._sender.wire.card.id}: no answer of the type asked for, also after a repair: {fault}",
            "the text it wrote is kept",
            partial_text=reply.text,
        )
        error.partial_value = partial_value(reply.text)
        return error

    def _close_calls(self, reply: Reply, word: str, failed: bool) -> None:
        """Give each open call its result, as vendors demand; say `word` in plain text when there is none to close."""
        results = []
        if reply.answer_call is not None:
            results.append(ToolResult(reply.answer_call.id, reply.answer_call.name, word, failed))
        results += [ToolResult(call.id, call.name, _UNUSED) for call in reply.message.calls]
        if results:
            self._new.append(Message("tools", results=tuple(results)))
        elif failed:
            self._say(word)

    def _say(self, text: str) -> None:
        self._new.append(Message("user", (Passage(text),)))

    async def _run_tools(self, calls: tuple[ToolCall, ...]) -> tuple[ToolResult, ...]:
        """Run the tools that were called, in order, within the deadline."""
        results = []
        for call in calls:
            started_s = time.monotonic()
            left_s = self._deadline.remaining_s
            try:
                async with asyncio.timeout(None if left_s == float("inf") else left_s):
                    result = await self._run_tool(call)
            except TimeoutError:
                raise DeadlineError(f"the time was up while the tool '{call.name}' ran", "allow more time") from None
            results.append(result)
            duration_s = time.monotonic() - started_s
            self._on_event(ToolUsed(call.name, call.arguments, len(result.content), result.failed, duration_s))
        return tuple(results)

    async def _run_tool(self, call: ToolCall) -> ToolResult:
        known = self._tools.get(call.name)
        if known is None:
            return ToolResult(call.id, call.name, f"there is no tool '{call.name}'", failed=True)
        tool, reader = known
        try:
            return ToolResult(call.id, call.name, await _call(tool, reader.read(call.arguments or "{}")))
        except Unreadable as fault:
            return ToolResult(call.id, call.name, f"the arguments do not fit:\n{fault}", failed=True)
        except DeepCodeReasoningError as refusal:
            words = refusal.message + (f" ({refusal.hint})" if refusal.hint else "")
            return ToolResult(call.id, call.name, words, failed=True)


def opening(request: ModelRequest) -> Exchange:
    """The first exchange of a request: the conversation so far, the question, and what the model is offered."""
    if len({tool.name for tool in request.tools}) < len(request.tools):
        raise UsageError("two tools have the same name")
    return Exchange(
        instructions=request.instructions,
        messages=(*request.history, Message("user", request.prompt)),
        tools=tuple(
            ToolSpec(tool.name, tool.description, Reader(tool.arguments).spec().schema) for tool in request.tools
        ),
        answer=None if request.answer is None else Reader(request.answer).spec(),
        max_output_tokens=request.max_output_tokens,
        temperature=request.temperature,
        effort=request.effort,
        run_code=request.run_code,
    )


async def _call(tool: Tool, arguments: Any) -> str:
    """Call a tool: as it is when it is asynchronous, else in a thread."""
    if inspect.iscoroutinefunction(tool.run):
        return cast("str", await tool.run(arguments))
    return await asyncio.to_thread(cast("Callable[[Any], str]", tool.run), arguments)
