"""Our plain conversation to the client library's messages, and its responses back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..domain.asking import CodeRun, Message, Passage, ToolCall
from ..domain.usage import Usage
from .wire import ANSWER_TOOL, AnswerSpec, Exchange, Reply, ToolSpec

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelRequestPart, ModelResponse
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.tools import ToolDefinition
    from pydantic_ai.usage import RequestUsage


def to_messages(messages: Sequence[Message], cache_marks: bool) -> list[ModelMessage]:
    """The conversation as the library takes it: requests of ours and responses of the model in turn.

    Args:
        cache_marks: whether the model takes marks within a text; else each text is one string, which is all that some
            servers understand.
    """
    from pydantic_ai.messages import ModelRequest

    translated: list[ModelMessage] = []
    parts: list[ModelRequestPart] = []
    for message in messages:
        if message.role == "model":
            if parts:
                translated.append(ModelRequest(parts=parts))
                parts = []
            translated.append(_response(message))
        else:
            parts.extend(_request_parts(message, cache_marks))
    if parts:
        translated.append(ModelRequest(parts=parts))
    return translated


def _request_parts(message: Message, cache_marks: bool) -> list[ModelRequestPart]:
    """What we said: tool results, and text with the marks up to which a provider may keep it in its cache."""
    from pydantic_ai.messages import CachePoint, ToolReturnPart, UserContent, UserPromptPart

    parts: list[ModelRequestPart] = [
        ToolReturnPart(
            tool_name=result.name,
            content=result.content,
            tool_call_id=result.call_id,
            outcome="failed" if result.failed else "success",
        )
        for result in message.results
    ]
    if not (cache_marks and any(passage.cache_after for passage in message.passages)):
        return [*parts, UserPromptPart(content=message.text)] if message.passages else parts
    content: list[UserContent] = []
    for passage in message.passages:
        content += [passage.text, CachePoint()] if passage.cache_after else [passage.text]
    return [*parts, UserPromptPart(content=content)]


def _response(message: Message) -> ModelMessage:
    """What the model said: as the library kept it, or, when that is gone or of another version, in plain words."""
    from pydantic import ValidationError
    from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse, ModelResponsePart, TextPart, ToolCallPart

    if message.native is not None:
        try:
            return ModelMessagesTypeAdapter.validate_python([message.native])[0]
        except ValidationError:
            pass
    parts: list[ModelResponsePart] = [TextPart(message.text)] if message.text else []
    calls = message.calls if message.answer is None else (*message.calls, message.answer)
    parts += [ToolCallPart(call.name, call.arguments, call.id) for call in calls]
    return ModelResponse(parts=parts)


def to_parameters(exchange: Exchange, answer_mode: str | None) -> ModelRequestParameters:
    """Tools, typed answer and instructions as the library takes them."""
    from pydantic_ai.messages import InstructionPart
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.native_tools import CodeExecutionTool
    from pydantic_ai.output import OutputObjectDefinition

    parameters: dict[str, Any] = {"function_tools": [_tool(tool) for tool in exchange.tools]}
    if exchange.instructions:
        parameters["instruction_parts"] = [InstructionPart(content=exchange.instructions)]
    if exchange.run_code:
        parameters["native_tools"] = [CodeExecutionTool()]
    answer = exchange.answer
    if answer is not None:
        parameters |= {
            "output_mode": answer_mode or "auto",
            "allow_text_output": answer_mode in ("native", "prompted"),
            "output_tools": [_answer_tool(answer)],
            "output_object": OutputObjectDefinition(
                json_schema=dict(answer.schema), name=answer.name, description=answer.description
            ),
        }
    return ModelRequestParameters(**parameters)


def _tool(tool: ToolSpec) -> ToolDefinition:
    from pydantic_ai.tools import ToolDefinition

    return ToolDefinition(name=tool.name, description=tool.description, parameters_json_schema=dict(tool.schema))


def _answer_tool(answer: AnswerSpec) -> ToolDefinition:
    from pydantic_ai.tools import ToolDefinition

    return ToolDefinition(
        name=ANSWER_TOOL,
        description=f"Give the answer: {answer.description}",
        parameters_json_schema=dict(answer.schema),
        kind="output",
    )


def to_reply(response: ModelResponse) -> Reply:
    """What the library made of the endpoint's words, whole or in part."""
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    calls = [
        ToolCall(call.tool_call_id, call.tool_name, call.args if isinstance(call.args, str) else _json(call.args))
        for call in response.tool_calls
    ]
    native: dict[str, Any] = ModelMessagesTypeAdapter.dump_python([response], mode="json")[0]
    text = response.text or ""
    answer = next((call for call in calls if call.name == ANSWER_TOOL), None)
    return Reply(
        message=Message(
            "model",
            passages=(Passage(text),) if text else (),
            calls=tuple(call for call in calls if call.name != ANSWER_TOOL),
            native=native,
            answer=answer,
        ),
        usage=to_usage(response.usage, whole=said_why_it_stopped(response) is not None),
        answer_call=answer,
        finish_reason=response.finish_reason,
        resolved=response.model_name,
        paused=response.state == "suspended",
        code_runs=_code_runs(response),
    )


def _code_runs(response: ModelResponse) -> tuple[CodeRun, ...]:
    """The code that was run at the provider, each with its output; one that broke off has none."""
    outputs = {
        part.tool_call_id: part.content
        for call, part in response.native_tool_calls
        if call.tool_name == "code_execution"
    }
    return tuple(
        CodeRun(_code(call.args_as_dict()), _output(outputs[call.tool_call_id]))
        for call, _ in response.native_tool_calls
        if call.tool_name == "code_execution"
    )


def _code(arguments: dict[str, Any]) -> str:
    """The code of a run: a program, or a shell command."""
    return str(arguments.get("code") or arguments.get("command") or _json(arguments))


def _output(content: Any) -> str:
    """What a run printed, in whichever field the vendor puts it."""
    if not isinstance(content, dict):
        return str(content or "")
    logs = content.get("logs")
    printed = [content.get("output"), *(logs if isinstance(logs, list) else [])]
    printed += [content.get("stdout"), content.get("stderr"), content.get("error_code")]
    return "".join(str(text) for text in printed if text)


def said_why_it_stopped(response: ModelResponse) -> str | None:
    """The endpoint's own word for why it stopped; None when the stream ended without one, so is not whole.

    The library's `finish_reason` is no proof: on the OpenAI chat wire it reads "stop" for a stream that just ended.
    """
    return (response.provider_details or {}).get("finish_reason")


def to_usage(usage: RequestUsage, whole: bool = True) -> Usage:
    """What was billed; a response that says nothing of it (or all zeros, which cannot be) is one unmeasured request."""
    if usage.unmeasured_requests or not (usage.input_tokens or usage.output_tokens):
        return Usage(unmeasured_requests=1)
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.output_reasoning_tokens,
        # What had been reported when a stream broke is less than what will be billed.
        unmeasured_requests=0 if whole else 1,
    )


def _json(arguments: dict[str, Any] | None) -> str:
    from pydantic_core import to_json

    return to_json(arguments or {}).decode()
